/** The conversation: what was said, what waits, and the next message. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Said } from '../api.ts';
import { Composer } from '../composer.tsx';
import { aboutRequests, useLive, useWorkspace } from '../live.tsx';
import { Message } from '../message.tsx';
import { go, Link } from '../navigation.tsx';
import { Loading, Problem, Scroll } from '../parts.tsx';
import { openTurn, useOpenTurn } from '../turns.ts';

/** Pixels from the end within which a reader counts as following it. */
const FOLLOWING_PX = 120;

export function Conversation({ thread }: { thread: string }) {
  const { api } = useWorkspace();
  const [text, setText] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  const { data, problem, reload } = useLive(
    `/threads/${thread}`,
    (news) => aboutRequests(news) || (news.kind === 'thread' && news.thread === thread),
  );
  const working = useOpenTurn(api, thread, reload);
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
          {working && (
            <div className="working" role="status">
              <span className="dots" aria-hidden="true">
                <i />
                <i />
                <i />
              </span>
              Working on it
            </div>
          )}
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

/** Keeps the end in sight while the reader is there; somebody who reads further up is left alone. */
function useFollowedEnd(content: string) {
  const ref = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new content is the reason to scroll
  useLayoutEffect(() => {
    if (ref.current !== null && follows.current) ref.current.scrollTop = ref.current.scrollHeight;
  }, [content]);
  useEffect(() => {
    const box = ref.current;
    const inside = box?.firstElementChild;
    if (!box || !inside) return;
    // A card that grows (output, an outcome) moves the end without a new message.
    const growth = new ResizeObserver(() => {
      if (follows.current) box.scrollTop = box.scrollHeight;
    });
    growth.observe(inside);
    return () => growth.disconnect();
  }, []);
  const onScroll = () => {
    const box = ref.current;
    if (box !== null) follows.current = box.scrollHeight - box.scrollTop - box.clientHeight < FOLLOWING_PX;
  };
  return { ref, onScroll };
}
