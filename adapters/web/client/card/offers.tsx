/** What the viewer may do with a request besides deciding it. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Card, CardOffer } from '../../../../src/model/card.ts';
import { SchemaForm } from '../form.tsx';
import { useLive, useWorkspace } from '../live.tsx';
import { Loading, Problem } from '../parts.tsx';

export function Offers({ card }: { card: Card }) {
  const [open, setOpen] = useState<CardOffer | null>(null);
  const offers = card.offers ?? [];
  if (offers.length === 0) return null;
  const back = () => setOpen(null);
  if (open === 'edit' && offers.includes('edit')) return <EditForm card={card} back={back} />;
  return (
    <div className="decide-buttons offers">
      {offers.includes('edit') && (
        <Button variant="subtle" color="gray" size="compact-sm" onClick={() => setOpen('edit')}>
          Edit
        </Button>
      )}
    </div>
  );
}

/** What everybody who decides must know before somebody sends a change. */
const EDIT_NOTE =
  'Whoever changes a request asks for it too and cannot approve it. What was approved before counts no more.';

function EditForm({ card, back }: { card: Card; back(): void }) {
  const { api, tell } = useWorkspace();
  // What stood there when the form was opened; the server refuses it where somebody changed it meanwhile.
  const { data, problem, reload } = useLive(`/edit-forms/${card.request}`);
  if (problem !== null) return <Problem text={problem} retry={reload} />;
  if (data === null) return <Loading what="the form" />;
  return (
    <SchemaForm
      key={data.digest}
      form={data.form}
      send="Save the change"
      sent="Saved"
      note={EDIT_NOTE}
      notedAfter=""
      back={back}
      submit={async (given) => {
        await api.edit(card.request, given, data.digest);
        tell({ kind: 'request', request: card.request });
        back();
      }}
    />
  );
}
