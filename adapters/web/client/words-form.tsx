/** A few words on something, sent once: kept as a draft until then, and given up with *Back*. */
import { Button, Textarea } from '@mantine/core';
import { type FormEvent, useRef, useState } from 'react';
import { messageOf } from './api.ts';
import { useDraftText } from './drafts.ts';
import { Problem } from './parts.tsx';

/** Where it stands. */
const LOOKS = {
  card: { className: 'deny offers', size: 'sm', minRows: 2 },
  message: { className: 'deny', size: 'compact-md', minRows: 1 },
} as const;

type Props = {
  on: keyof typeof LOOKS;
  /** Of the draft. */
  place: string;
  label: string;
  /** On the button that sends. */
  action: string;
  maxCharacters: number;
  isRequired: boolean;
  /** `key`: the same for every try, however often it fails. What it throws is shown, and can be tried again. */
  send(words: string, key: string): Promise<void>;
  sent(): void;
  back(): void;
};

export function WordsForm({ on, place, label, action, maxCharacters, isRequired, ...props }: Props) {
  const { className, size, minRows } = LOOKS[on];
  const [words, setWords] = useDraftText(place);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const key = useRef(crypto.randomUUID());
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await props.send(words, key.current);
      setWords('');
      props.sent();
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };
  const giveUp = () => {
    setWords('');
    props.back();
  };
  return (
    <form className={className} onSubmit={send}>
      <Textarea
        label={label}
        value={words}
        onChange={(event) => setWords(event.currentTarget.value)}
        maxLength={maxCharacters}
        required={isRequired}
        autosize
        minRows={minRows}
        maxRows={6}
        ref={(field: HTMLTextAreaElement | null) => field?.focus()}
      />
      {problem !== null && <Problem text={problem} />}
      <div className="decide-buttons">
        <Button type="submit" size={size} loading={isBusy}>
          {action}
        </Button>
        <Button type="button" size={size} variant="subtle" color="gray" onClick={giveUp} disabled={isBusy}>
          Back
        </Button>
      </div>
    </form>
  );
}
