import { useLayoutEffect, useRef } from 'react';
import { legible } from '../../../../src/surface/unseen.ts';

/** Pixels from the end within which a reader counts as following it. */
const FOLLOWING_PX = 40;

/** The tail of a run's output; it follows the end while the reader is there. */
export function Output({ text, isRunning }: { text: string; isRunning: boolean }) {
  const block = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new text is the reason to scroll
  useLayoutEffect(() => {
    if (block.current !== null && follows.current) block.current.scrollTop = block.current.scrollHeight;
  }, [text]);
  return (
    <section className="terminal" aria-label="Output">
      <div className="terminal-bar">
        <span
          className={isRunning ? 'terminal-light terminal-running' : 'terminal-light'}
          aria-hidden="true"
        />
        {isRunning ? 'Running: what it prints' : 'What it printed'}
      </div>
      {/* A box that scrolls is reached by keyboard only when it takes the focus. */}
      <pre
        ref={block}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          follows.current = scrollHeight - scrollTop - clientHeight < FOLLOWING_PX;
        }}
      >
        {legible(text)}
      </pre>
    </section>
  );
}
