/** An answer while it is written. What it shows is no message yet: the stored one takes its place. */
import { useEffect, useState } from 'react';
import type { Message } from '../../../src/model/card.ts';
import { legible } from '../../../src/surface/unseen.ts';
import { Logo } from './icons.tsx';
import { useWorkspace } from './live.tsx';

/** The text so far of the answer that this conversation waits for; empty where nothing grows, or the stored one is there. */
export function useGrowing(thread: string, working: boolean, newest: Message | undefined): string {
  const { hear } = useWorkspace();
  const [text, setText] = useState('');
  useEffect(() => {
    setText('');
    if (!working) return;
    return hear((news) => {
      if (news.kind === 'growing' && news.thread === thread) setText(news.text);
    });
  }, [hear, thread, working]);
  const isStored = newest?.authorship === 'model' && newest.text.startsWith(text);
  return isStored ? '' : text;
}

export function Growing({ text }: { text: string }) {
  return (
    <div className="said said-assistant" aria-live="off">
      <Logo size={28} />
      <div className="said-content">
        <div className="said-text">
          <bdi className="value">{legible(text)}</bdi>
        </div>
        <span className="stamp">The model is writing this</span>
      </div>
    </div>
  );
}
