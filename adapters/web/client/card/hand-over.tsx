/** Asking somebody in particular in one's own place: a list of those who may take it, and what became of it. */
import { Button, NativeSelect } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Card } from '../../../../src/model/card.ts';
import { HAND_OVER_NOTE } from '../../../../src/surface/notes.ts';
import { legible } from '../../../../src/surface/unseen.ts';
import { useLive, useWorkspace } from '../live.tsx';
import { Loading, Problem } from '../parts.tsx';
import { usePress } from '../press.ts';

export function HandOverForm({ card, back }: { card: Card; back(): void }) {
  const { api, tell } = useWorkspace();
  // As it stood when the list was opened; the server refuses it where somebody changed the request meanwhile.
  const { data, problem: unread, reload } = useLive(`/takers/${card.request}`);
  const [to, setTo] = useState('');
  const [became, setBecame] = useState<string | null>(null);
  const { isBusy, problem, press } = usePress();

  if (became !== null) {
    return (
      <p className="offers" role="status">
        {legible(became)}
      </p>
    );
  }
  if (unread !== null) return <Problem text={unread} retry={reload} />;
  if (data === null) return <Loading what="who may take it over" />;
  const send = (event: FormEvent) => {
    event.preventDefault();
    return press(async () => {
      setBecame(await api.handOver(card.request, to, data.digest));
      tell({ kind: 'request', request: card.request });
    });
  };
  const choices = data.people.map(({ id, name }) => ({ value: id, label: `${legible(name)} (${id})` }));
  return (
    <form className="deny offers" onSubmit={send}>
      <NativeSelect
        label="Who should decide it?"
        description={HAND_OVER_NOTE}
        value={to}
        onChange={(event) => setTo(event.currentTarget.value)}
        data={[{ value: '', label: 'Choose somebody' }, ...choices]}
        required
        ref={(field: HTMLSelectElement | null) => field?.focus()}
      />
      {problem !== null && <Problem text={problem} />}
      <div className="decide-buttons">
        <Button type="submit" loading={isBusy} disabled={to === ''}>
          Hand over
        </Button>
        <Button type="button" variant="subtle" color="gray" onClick={back} disabled={isBusy}>
          Back
        </Button>
      </div>
    </form>
  );
}
