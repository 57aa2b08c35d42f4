/** Where a message is written. Enter sends, Shift+Enter makes a line. */
import { ActionIcon, Textarea } from '@mantine/core';
import { type FormEvent, type KeyboardEvent, type RefObject, useRef } from 'react';
import type { Said } from './api.ts';
import { SendIcon } from './icons.tsx';
import { useWorkspace } from './live.tsx';
import { Problem } from './parts.tsx';
import { usePress } from './press.ts';

type Props = {
  thread: string | null;
  text: string;
  setText(text: string): void;
  field: RefObject<HTMLTextAreaElement | null>;
  onSent(said: Said): void;
};

export function Composer({ thread, text, setText, field, onSent }: Props) {
  const { api } = useWorkspace();
  const { isBusy, problem, press } = usePress();
  const key = useRef(crypto.randomUUID());

  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy || text.trim() === '') return;
    await press(async () => {
      const said = await api.say(text, thread, key.current);
      key.current = crypto.randomUUID();
      setText('');
      onSent(said);
    });
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const isSending = event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing;
    if (isSending) void send(event);
  };
  return (
    <form className="composer" onSubmit={send}>
      {problem !== null && <Problem text={problem} />}
      <div className="composer-box">
        <Textarea
          ref={field}
          className="composer-field"
          variant="unstyled"
          aria-label="Message to Countersign"
          placeholder="Say what you need…"
          value={text}
          onChange={(event) => {
            // Other words are another message, even after one that got no answer.
            key.current = crypto.randomUUID();
            setText(event.currentTarget.value);
          }}
          onKeyDown={onKeyDown}
          autosize
          minRows={1}
          maxRows={8}
        />
        <ActionIcon
          type="submit"
          size={40}
          radius="xl"
          aria-label="Send"
          loading={isBusy}
          disabled={text.trim() === ''}
        >
          <SendIcon />
        </ActionIcon>
      </div>
    </form>
  );
}
