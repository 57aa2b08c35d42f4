/** Where one begins: what waits, what one can ask, and the box to ask in. */
import { useRef } from 'react';
import type { Person } from '../api.ts';
import { Composer } from '../composer.tsx';
import { useDraftText } from '../drafts.ts';
import { ArrowIcon, Logo } from '../icons.tsx';
import { useLive } from '../live.tsx';
import { Link } from '../navigation.tsx';
import { Problem, Scroll } from '../parts.tsx';
import { Suggestions } from '../suggestions.tsx';
import { enter } from './conversation.tsx';

export function Home({ me, waiting }: { me: Person; waiting: number }) {
  const [text, setText] = useDraftText('message:new');
  const field = useRef<HTMLTextAreaElement>(null);
  const { data, problem, reload } = useLive('/actions');
  const pick = (words: string, blank: { start: number; end: number } | null) => {
    setText(words);
    requestAnimationFrame(() => {
      field.current?.focus();
      if (blank !== null) field.current?.setSelectionRange(blank.start, blank.end);
    });
  };
  return (
    <div className="conversation">
      <Scroll label="Start">
        <div className="column home">
          <div className="home-head">
            <Logo size={44} />
            <h1>What do you need, {me.name.split(' ')[0]}?</h1>
            <p className="muted">
              Say it in your own words. You see exactly what will happen before anything does, and every step
              is kept in a log that anybody can check.
            </p>
          </div>
          {waiting > 0 && (
            <Link to="/waiting" className="waiting-strip">
              <span>
                <strong>{waiting === 1 ? 'One request waits' : `${waiting} requests wait`}</strong> for you
              </span>
              <ArrowIcon size={18} />
            </Link>
          )}
          {problem !== null && <Problem text={problem} retry={reload} />}
          {data && <Suggestions actions={data} pick={pick} />}
          <Link to="/threads" className="phone-only">
            Earlier conversations
          </Link>
        </div>
      </Scroll>
      <Composer thread={null} text={text} setText={setText} field={field} onSent={enter} />
    </div>
  );
}
