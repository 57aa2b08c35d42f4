/** Draws the frames of `slack.ts` in a browser: Block Kit by slack-blocks-to-jsx, what surrounds it by us. */
import type { ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { type Block, Message } from 'slack-blocks-to-jsx';
import type { SlackFrame } from './slack.ts';

declare global {
  var SLACK_SAMPLES: readonly SlackFrame[];
}

const Blocks = ({ blocks }: { blocks: object[] }): ReactNode => (
  <Message blocks={blocks as Block[]} logo="" name="Countersign" theme="light" withoutWrapper />
);

function Said({ frame }: { frame: SlackFrame }): ReactNode {
  return frame.parts.map((blocks, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: drawn once
    <div className={index === 0 ? 'said' : 'said reply'} key={index}>
      <div aria-hidden="true" className="face">
        C
      </div>
      <div className="words">
        <p className="by">
          <b>Countersign</b> <span className="app">APP</span>
        </p>
        <Blocks blocks={blocks} />
      </div>
    </div>
  ));
}

function Dialog({ frame }: { frame: SlackFrame }): ReactNode {
  const { title, submit, close } = frame.modal!;
  return (
    <div className="dialog">
      <p className="title">{title}</p>
      <Blocks blocks={frame.parts[0]!} />
      <p className="ends">
        <button type="button">{close}</button>{' '}
        {submit === undefined ? null : (
          <button className="submit" type="button">
            {submit}
          </button>
        )}
      </p>
    </div>
  );
}

function Drawn({ frame }: { frame: SlackFrame }): ReactNode {
  if (frame.kind === 'message') return <Said frame={frame} />;
  return frame.kind === 'modal' ? <Dialog frame={frame} /> : <Blocks blocks={frame.parts[0]!} />;
}

flushSync(() =>
  createRoot(document.querySelector('main')!).render(
    globalThis.SLACK_SAMPLES.map((frame) => (
      <figure key={frame.caption}>
        <figcaption>{frame.caption}</figcaption>
        <Drawn frame={frame} />
      </figure>
    )),
  ),
);
document.body.dataset.drawn = 'true';
