/** What the viewer may do with a request besides deciding it. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Card, CardOffer } from '../../../../src/model/card.ts';
import { messageOf } from '../api.ts';
import { useNow } from '../clock.ts';
import { SchemaForm } from '../form.tsx';
import { useLive, useWorkspace } from '../live.tsx';
import { go } from '../navigation.tsx';
import { Loading, Problem } from '../parts.tsx';
import { openTurn } from '../turns.ts';
import { timeLeft } from '../words.ts';

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
      {offers.includes('undo') && <UndoButton card={card} />}
    </div>
  );
}

/** Pressing it writes the command, so that it works and is recorded as on every platform. */
function UndoButton({ card }: { card: Card }) {
  const { api } = useWorkspace();
  const now = useNow();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  if (card.undoUntil === undefined || Date.parse(card.undoUntil) <= now) return null;
  const press = async () => {
    setBusy(true);
    setProblem(null);
    try {
      // The same key however often it is pressed on this card: it is taken back once.
      const said = await api.say(`undo ${card.request}`, openThread(), `undo:${card.request}:${card.digest}`);
      openTurn(said);
      go(`/threads/${said.thread}`);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button variant="subtle" color="gray" size="compact-sm" loading={isBusy} onClick={press}>
        Undo
      </Button>
      <span className="muted small">possible for now; the time ends {timeLeft(card.undoUntil, now)}</span>
      {problem !== null && <Problem text={problem} />}
    </>
  );
}

/** The conversation that is open, where one is; a card in a list begins a new one. */
const openThread = (): string | null => /^\/threads\/([^/]+)$/.exec(location.pathname)?.[1] ?? null;

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
