/** The conversation: what was said, what waits, and the next message. */
import { useCallback, useEffect, useLayoutEffect, useRef } from 'react';
import type { Said } from '../api.ts';
import { Composer } from '../composer.tsx';
import { useDraftText } from '../drafts.ts';
import { Growing, useGrowing } from '../growing.tsx';
import { aboutRequests, useLive, useWorkspace } from '../live.tsx';
import { Message } from '../message.tsx';
import { go, Link } from '../navigation.tsx';
import { Loading, Problem, Scroll } from '../parts.tsx';
import { Working } from '../stop.tsx';
import { openTurn, useOpenTurn } from '../turns.ts';

/** Pixels within which a reader counts as reading the newest message, and as being at the very end. */
const FOLLOWING_PX = 120;
const AT_END_PX = 24;

export function Conversation({ thread }: { thread: string }) {
  const { api } = useWorkspace();
  const [text, setText] = useDraftText(`message:${thread}`);
  const field = useRef<HTMLTextAreaElement>(null);
  const { data, problem, reload } = useLive(
    `/threads/${thread}`,
    (news) => aboutRequests(news) || (news.kind === 'thread' && news.thread === thread),
  );
  const working = useOpenTurn(api, thread, reload);
  const growing = useGrowing(thread, working, data?.at(-1));
  const scroll = useFollowedEnd(`${data?.length} ${working}`);
  const onSent = useCallback(
    (said: Said) => {
      openTurn(said);
      reload();
    },
    [reload],
  );

  return (
    <div className="conversation">
      <Scroll label="Conversation" ref={scroll.ref} onScroll={scroll.onScroll}>
        <div className="column">
          <div className="conversation-head">
            <h1 className="visually-hidden">Conversation</h1>
            <Link to="/threads" className="phone-only">
              All conversations
            </Link>
            <Link to="/" className="phone-only">
              New
            </Link>
          </div>
          {problem !== null && <Problem text={problem} retry={reload} />}
          {data === null && problem === null && <Loading what="the conversation" />}
          <div className="messages" role="log" aria-label="Messages" aria-live="polite">
            {data?.map((message) => (
              <Message key={message.id} message={message} onSent={onSent} />
            ))}
          </div>
          {growing !== '' && <Growing text={growing} />}
          {working && <Working thread={thread} stopped={() => field.current?.focus()} />}
        </div>
      </Scroll>
      {problem === null && (
        <Composer thread={thread} text={text} setText={setText} field={field} onSent={onSent} />
      )}
    </div>
  );
}

/** Sends the person who began a conversation to its page. */
export function enter(said: Said): void {
  openTurn(said);
  go(`/threads/${said.thread}`);
}

/** Pixels above the newest message when it is taller than the window. */
const ABOVE_PX = 14;

/**
 * Where the newest is read from: the end, but never past the beginning of the last message. A card that is taller than
 * the window shows what will happen first; its buttons stay in sight anyway.
 */
function newestIn(box: HTMLElement): number {
  const end = box.scrollHeight - box.clientHeight;
  const last = box.querySelector('.messages > :last-child');
  if (last === null) return end;
  const top = last.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;
  return Math.max(0, Math.min(end, top - ABOVE_PX));
}

/** Keeps the newest in sight while the reader is there; somebody who reads further up is left alone. */
function useFollowedEnd(content: string) {
  const ref = useRef<HTMLElement>(null);
  const reads = useRef<'further up' | 'the newest' | 'the end'>('the newest');
  // biome-ignore lint/correctness/useExhaustiveDependencies: new content is the reason to scroll
  useLayoutEffect(() => {
    const box = ref.current;
    if (box !== null && reads.current !== 'further up')
      box.scrollTop = Math.max(box.scrollTop, newestIn(box));
  }, [content]);
  useEffect(() => {
    const inside = ref.current?.firstElementChild;
    if (!inside) return;
    // A card that grows (output, an outcome) moves the end without a new message.
    const growth = new ResizeObserver(() => {
      const box = ref.current;
      if (box !== null && reads.current === 'the end') box.scrollTop = box.scrollHeight;
    });
    growth.observe(inside);
    return () => growth.disconnect();
  }, []);
  const onScroll = () => {
    const box = ref.current;
    if (box === null) return;
    const isAtEnd = box.scrollHeight - box.clientHeight - box.scrollTop < AT_END_PX;
    const isAtNewest = box.scrollTop > newestIn(box) - FOLLOWING_PX;
    reads.current = isAtEnd ? 'the end' : isAtNewest ? 'the newest' : 'further up';
  };
  return { ref, onScroll };
}
