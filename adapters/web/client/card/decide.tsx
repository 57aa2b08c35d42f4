/** The buttons of a card. They name the digest that the person saw; the server decides whether that still counts. */
import { Button, Textarea } from '@mantine/core';
import { useState } from 'react';
import type { Card } from '../../../../src/model/card.ts';
import type { DecisionKind } from '../../../../src/model/turn.ts';
import { messageOf } from '../api.ts';
import { type Draft, useDraft } from '../drafts.ts';
import { useWorkspace } from '../live.tsx';
import { Problem } from '../parts.tsx';
import { DECISIONS } from '../words.ts';

const LOOKS = {
  confirm: { variant: 'filled', color: 'ink' },
  approve: { variant: 'filled', color: 'ink' },
  deny: { variant: 'default', color: 'red' },
  cancel: { variant: 'subtle', color: 'gray' },
} as const;

export function Decide({ card, describedBy }: { card: Card; describedBy: string }) {
  const { api, tell } = useWorkspace();
  const [busy, setBusy] = useState<DecisionKind | null>(null);
  const reason = useDraft(`deny:${card.request}:${card.digest}`);
  const [isDenying, setDenying] = useState(reason.text !== '' && card.buttons.includes('deny'));
  const [problem, setProblem] = useState<string | null>(null);

  const decide = async (decision: DecisionKind, why: string | null) => {
    setBusy(decision);
    setProblem(null);
    try {
      await api.decide(card.request, decision, card.digest, why);
      reason.keep('');
      setDenying(false);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(null);
      tell({ kind: 'request', request: card.request });
    }
  };

  return (
    <div className="decide">
      {problem !== null && <Problem text={problem} />}
      {isDenying ? (
        <DenyReason
          draft={reason}
          isBusy={busy !== null}
          deny={(why) => decide('deny', why)}
          back={() => {
            reason.keep('');
            setDenying(false);
          }}
        />
      ) : (
        <div className="decide-buttons">
          {card.buttons.map((decision) => (
            <Button
              key={decision}
              {...LOOKS[decision]}
              className={`decide-${decision}`}
              aria-describedby={describedBy}
              loading={busy === decision}
              disabled={busy !== null && busy !== decision}
              onClick={({ detail }) => {
                // The second half of a double click: by then another request's button may stand here.
                if (detail > 1) return;
                if (decision === 'deny') setDenying(true);
                else void decide(decision, null);
              }}
            >
              {DECISIONS[decision]}
            </Button>
          ))}
        </div>
      )}
    </div>
  );
}

type DenyProps = { draft: Draft; isBusy: boolean; deny(reason: string | null): void; back(): void };

function DenyReason({ draft, isBusy, deny, back }: DenyProps) {
  const [reason, setReason] = useState(draft.text);
  return (
    <form
      className="deny"
      onSubmit={(event) => {
        event.preventDefault();
        deny(reason.trim() === '' ? null : reason);
      }}
    >
      <Textarea
        label="Why not? The requester reads this."
        value={reason}
        onChange={(event) => {
          draft.keep(event.currentTarget.value);
          setReason(event.currentTarget.value);
        }}
        maxLength={2000}
        autosize
        minRows={2}
        maxRows={5}
        data-autofocus
        ref={(field: HTMLTextAreaElement | null) => field?.focus()}
      />
      <div className="decide-buttons">
        <Button type="submit" color="red.8" loading={isBusy}>
          Deny
        </Button>
        <Button type="button" variant="subtle" color="gray" onClick={back} disabled={isBusy}>
          Back
        </Button>
      </div>
    </form>
  );
}
