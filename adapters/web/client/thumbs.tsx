/** What a reader thinks of an answer of a model: up or down, with words where they like. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Message } from '../../../src/model/card.ts';
import { useDraft } from './drafts.ts';
import { ThumbDownIcon, ThumbUpIcon } from './icons.tsx';
import { useWorkspace } from './live.tsx';
import { WordsForm } from './words-form.tsx';

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
  return (
    <WordsForm
      on="message"
      place={placeOf(answer, positive)}
      label={positive ? 'What was good about it? (optional)' : 'What was wrong with it? (optional)'}
      action={positive ? 'Send: good answer' : 'Send: bad answer'}
      maxCharacters={MAX_WORDS_CHARACTERS}
      isRequired={false}
      send={(words, key) => api.judge({ thread: answer.thread, message: answer.id, positive, words }, key)}
      sent={sent}
      back={back}
    />
  );
}
