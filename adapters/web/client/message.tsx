import type { Message as Said, Source } from '../../../src/model/card.ts';
import type { Said as Sent } from './api.ts';
import { RequestCard } from './card/card.tsx';
import { ActionForm } from './form.tsx';
import { Logo } from './icons.tsx';
import { Ago, OutLink, Value } from './parts.tsx';
import { Thumbs } from './thumbs.tsx';
import { IN_CONVERSATION } from './words.ts';

/** Said under words that we did not write ourselves. */
const AUTHORS: Partial<Record<Said['authorship'], string>> = {
  model: 'Written by the model',
  fetched: 'From outside, not checked by us',
};

type Props = { message: Said; onSent(said: Sent): void };

export function Message({ message, onSent }: Props) {
  if (message.authorship === 'person') {
    return (
      <div className="said said-person">
        <span className="visually-hidden">You said: </span>
        <div className="bubble">
          <Value text={message.text} room={IN_CONVERSATION} />
        </div>
        <span className="stamp">
          <Ago at={message.at} />
        </span>
      </div>
    );
  }
  const author = AUTHORS[message.authorship];
  return (
    <div className="said said-assistant">
      <Logo size={28} />
      <div className="said-content">
        <span className="visually-hidden">Countersign said: </span>
        {message.text !== '' && (
          <div className={message.authorship === 'fetched' ? 'said-text quote' : 'said-text'}>
            <Value text={message.text} room={IN_CONVERSATION} />
          </div>
        )}
        {message.sources && <Sources sources={message.sources} />}
        {author && <span className="stamp">{author}</span>}
        {message.authorship === 'model' && <Thumbs answer={message} />}
        {message.card && <RequestCard card={message.card} />}
        {message.form && (
          <ActionForm
            form={message.form}
            place={`form:${message.id}`}
            at={{ thread: message.thread, message: message.id }}
            onSent={onSent}
          />
        )}
      </div>
    </div>
  );
}

/** What the answer rests on: our titles, then an outside system's words, as text. */
function Sources({ sources }: { sources: Source[] }) {
  return (
    <ol className="sources" aria-label="Sources">
      {sources.map(({ title, ref, url }, nth) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a stored list in its order
        <li key={nth}>
          {title}: <Value text={ref} mono />
          {url !== null && (
            <>
              {' '}
              <OutLink address={url}>Open</OutLink>
            </>
          )}
        </li>
      ))}
    </ol>
  );
}
