/** An action's form on a page of its own, for those who would rather fill in than write. */

import { legible } from '../../../../src/surface/unseen.ts';
import { ActionForm } from '../form.tsx';
import { useLive } from '../live.tsx';
import { Link } from '../navigation.tsx';
import { Loading, Page, Problem } from '../parts.tsx';
import { enter } from './conversation.tsx';

export function NewRequest({ action }: { action: string }) {
  const { data, problem, reload } = useLive(`/forms/${encodeURIComponent(action)}`);
  return (
    <Page title={data === null ? 'New request' : legible(data.title)} aside={<Link to="/">Back</Link>}>
      {problem !== null && <Problem text={problem} retry={reload} />}
      {data === null && problem === null && <Loading what="the form" />}
      {data && (
        <ActionForm key={data.action} form={data} place={`new:${data.action}`} at={null} onSent={enter} />
      )}
    </Page>
  );
}
