/** What the viewer may do with a request besides deciding it. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Card, CardOffer } from '../../../../src/model/card.ts';
import { CHANGE_NOTE } from '../../../../src/surface/notes.ts';
import { useNow } from '../clock.ts';
import { useDraft } from '../drafts.ts';
import { SchemaForm } from '../form.tsx';
import { useLive, useWorkspace } from '../live.tsx';
import { go } from '../navigation.tsx';
import { Loading, Problem } from '../parts.tsx';
import { usePress } from '../press.ts';
import { openTurn } from '../turns.ts';
import { timeLeft } from '../words.ts';
import { WordsForm } from '../words-form.tsx';
import { HandOverForm } from './hand-over.tsx';

/** What is written here is about the request as it stands. */
const placeOf = (what: 'report' | 'edit', { request, digest }: Pick<Card, 'request' | 'digest'>): string =>
  `${what}:${request}:${digest}`;

export function Offers({ card }: { card: Card }) {
  const report = useDraft(placeOf('report', card));
  const edit = useDraft(placeOf('edit', card));
  const begun = edit.text !== '' ? 'edit' : report.text !== '' ? 'report' : null;
  const [open, setOpen] = useState<CardOffer | null>(begun);
  const offers = card.offers ?? [];
  if (offers.length === 0) return null;
  const back = () => setOpen(null);
  if (open === 'edit' && offers.includes('edit')) return <EditForm card={card} back={back} />;
  if (open === 'hand_over') return <HandOverForm card={card} back={back} />;
  if (open === 'report') return <ReportForm card={card} back={back} />;
  return (
    <div className="decide-buttons offers">
      {offers.includes('edit') && (
        <Button variant="subtle" color="gray" size="compact-sm" onClick={() => setOpen('edit')}>
          Edit
        </Button>
      )}
      {offers.includes('hand_over') && (
        <Button variant="subtle" color="gray" size="compact-sm" onClick={() => setOpen('hand_over')}>
          Hand over
        </Button>
      )}
      {offers.includes('undo') && <UndoButton card={card} />}
      {offers.includes('happened') && <FoundButton card={card} as="succeeded" label="It happened" />}
      {offers.includes('did_not_happen') && <FoundButton card={card} as="failed" label="It did not" />}
      {offers.includes('report') && (
        <Button variant="subtle" color="gray" size="compact-sm" onClick={() => setOpen('report')}>
          Report
        </Button>
      )}
    </div>
  );
}

/**
 * Pressing it writes the command, so that it works and is recorded as on every platform. `once`: the same key however often
 * it is pressed on this card.
 */
function CommandButton({
  label,
  words,
  once,
  then,
}: {
  label: string;
  words: string;
  once: string;
  then?(thread: string): void;
}) {
  const { api } = useWorkspace();
  const { isBusy, problem, press } = usePress();
  const write = () =>
    press(async () => {
      const said = await api.say(words, openThread(), once);
      openTurn(said);
      then?.(said.thread);
    });
  return (
    <>
      <Button variant="subtle" color="gray" size="compact-sm" loading={isBusy} onClick={write}>
        {label}
      </Button>
      {problem !== null && <Problem text={problem} />}
    </>
  );
}

function UndoButton({ card }: { card: Card }) {
  const now = useNow();
  if (card.undoUntil === undefined || Date.parse(card.undoUntil) <= now) return null;
  return (
    <>
      <CommandButton
        label="Undo"
        words={`undo ${card.request}`}
        once={`undo:${card.request}:${card.digest}`}
        then={(thread) => go(`/threads/${thread}`)}
      />
      <span className="muted small">possible for now; the time ends {timeLeft(card.undoUntil, now)}</span>
    </>
  );
}

/** What somebody found who looked at a request whose outcome is unknown. */
const FoundButton = ({ card, as, label }: { card: Card; as: 'succeeded' | 'failed'; label: string }) => (
  <CommandButton
    label={label}
    words={`resolve ${card.request} ${as}`}
    once={`resolve:${card.request}:${card.digest}:${as}`}
  />
);

/** Longest report, in characters: well within what one message may be. */
const MAX_REPORT_CHARACTERS = 4_000;

/** Sent as the command, for the same reason. */
function ReportForm({ card, back }: { card: Card; back(): void }) {
  const { api } = useWorkspace();
  const [isSent, setSent] = useState(false);
  if (isSent) {
    return (
      <p className="offers" role="status">
        Thank you. It is recorded for the operators.
      </p>
    );
  }
  return (
    <WordsForm
      on="card"
      place={placeOf('report', card)}
      label="What looks wrong? Operators read this."
      action="Send report"
      maxCharacters={MAX_REPORT_CHARACTERS}
      isRequired
      send={async (words, key) => {
        await api.say(`report ${card.request} ${words.trim()}`, openThread(), key);
      }}
      sent={() => setSent(true)}
      back={back}
    />
  );
}

/** The conversation that is open, where one is; a card in a list begins a new one. */
const openThread = (): string | null => /^\/threads\/([^/]+)$/.exec(location.pathname)?.[1] ?? null;

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
      place={placeOf('edit', { request: card.request, digest: data.digest })}
      send="Save the change"
      sent="Saved"
      note={CHANGE_NOTE}
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
