/** What a reader thinks of an answer of a model: up or down, with words where they like. */
import { Button, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Message } from '../../../src/model/card.ts';
import { messageOf } from './api.ts';
import { useDraft, useDraftText } from './drafts.ts';
import { ThumbDownIcon, ThumbUpIcon } from './icons.tsx';
import { useWorkspace } from './live.tsx';
import { Problem } from './parts.tsx';

/** As many as the server keeps. */
const MAX_WORDS_CHARACTERS = 2_000;

type Props = { answer: Pick<Message, 'id' | 'thread'> };

const placeOf = ({ id }: Props['answer'], positive: boolean): string =>
  `judgement:${id}:${positive ? 'good' : 'bad'}`;

export function Thumbs({ answer }: Props) {
  const good = useDraft(placeOf(answer, true));
  const bad = useDraft(placeOf(answer, false));
  const begun = good.text !== '' ? true : bad.text !== '' ? false : null;
  const [positive, setPositive] = useState<boolean | null>(begun);
  const [isSent, setSent] = useState(false);
  if (isSent) {
    return (
      <p className="stamp" role="status">
        Thank you. It is recorded.
      </p>
    );
  }
  if (positive !== null) {
    return (
      <JudgementForm
        answer={answer}
        positive={positive}
        sent={() => setSent(true)}
        back={() => setPositive(null)}
      />
    );
  }
  return (
    <div className="thumbs">
      <ThumbButton label="Good answer" press={() => setPositive(true)}>
        <ThumbUpIcon size={16} />
      </ThumbButton>
      <ThumbButton label="Bad answer" press={() => setPositive(false)}>
        <ThumbDownIcon size={16} />
      </ThumbButton>
    </div>
  );
}

function ThumbButton({
  label,
  press,
  children,
}: {
  label: string;
  press(): void;
  children: React.ReactNode;
}) {
  return (
    <Button variant="subtle" color="gray" size="compact-sm" leftSection={children} onClick={press}>
      {label}
    </Button>
  );
}

/** Recorded when it is sent, once, with the words or without. */
function JudgementForm({
  answer,
  positive,
  sent,
  back,
}: Props & { positive: boolean; sent(): void; back(): void }) {
  const { api } = useWorkspace();
  const [words, setWords] = useDraftText(placeOf(answer, positive));
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await api.judge(answer.thread, answer.id, positive, words);
      setWords('');
      sent();
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <form className="deny" onSubmit={send}>
      <Textarea
        label={positive ? 'What was good about it? (optional)' : 'What was wrong with it? (optional)'}
        value={words}
        onChange={(event) => setWords(event.currentTarget.value)}
        maxLength={MAX_WORDS_CHARACTERS}
        autosize
        minRows={1}
        maxRows={6}
        ref={(field: HTMLTextAreaElement | null) => field?.focus()}
      />
      {problem !== null && <Problem text={problem} />}
      <div className="decide-buttons">
        <Button type="submit" size="compact-md" loading={isBusy}>
          {positive ? 'Send: good answer' : 'Send: bad answer'}
        </Button>
        <Button
          type="button"
          size="compact-md"
          variant="subtle"
          color="gray"
          onClick={() => {
            setWords('');
            back();
          }}
          disabled={isBusy}
        >
          Back
        </Button>
      </div>
    </form>
  );
}
