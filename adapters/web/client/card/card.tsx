/** A request, as the one who must decide needs it: what will happen first, the buttons always in sight. */
import { useId } from 'react';
import type { Card } from '../../../../src/model/card.ts';
import { legible } from '../../../../src/surface/unseen.ts';
import { useNow } from '../clock.ts';
import { CheckIcon } from '../icons.tsx';
import { Link } from '../navigation.tsx';
import { Ago, Chip, OutLink, Value } from '../parts.tsx';
import { isFinal, isMachineText, RISKS, relativeTime, STATES, timeLeft } from '../words.ts';
import { Arguments } from './arguments.tsx';
import { Decide } from './decide.tsx';
import { Offers } from './offers.tsx';
import { Output } from './output.tsx';
import { ProofBadge } from './proof-badge.tsx';

export function RequestCard({ card, onPage = false }: { card: Card; onPage?: boolean }) {
  const titleId = useId();
  const state = STATES[card.state];
  const risk = RISKS[card.risk];
  return (
    <article className={`card card-${state.tone}`} aria-labelledby={titleId}>
      <header className="card-head">
        <div className="card-title">
          <h3 id={titleId}>{legible(card.title)}</h3>
          <span className="chips">
            <Chip tone={risk.tone}>{risk.word}</Chip>
            <Chip tone={state.tone} live={card.state === 'executing'}>
              {state.word}
            </Chip>
          </span>
        </div>
        {card.summary !== '' && (
          <p>
            <Value text={card.summary} />
          </p>
        )}
        <p className="card-status" aria-live="polite">
          {legible(card.status)}
        </p>
        <p className="card-who">
          <span>
            Asked by <strong>{legible(card.requester.name)}</strong>
          </span>
          <Expiry card={card} />
          {card.isolation !== null && <span>Isolation: {legible(card.isolation)}</span>}
        </p>
      </header>
      <div className="card-body">
        <Arguments list={card.arguments} />
        <Facts list={card.facts} />
        <Pinned list={card.pinned} />
        <Quotes list={card.quotes} />
        <Reasons list={card.reasons.filter((reason) => !card.outcome?.text.includes(reason))} />
        <Approvals card={card} />
        {card.output !== null && <Output text={card.output} isRunning={card.state === 'executing'} />}
        {card.outcome && <Outcome card={card} outcome={card.outcome} />}
      </div>
      {card.buttons.length > 0 && <Decide card={card} describedBy={titleId} />}
      <Offers card={card} />
      <Foot card={card} onPage={onPage} />
    </article>
  );
}

function Foot({ card, onPage }: { card: Card; onPage: boolean }) {
  if (onPage && card.proof === null) return null;
  return (
    <footer className="card-foot">
      {isFinal(card) && !onPage && <ProofBadge request={card.request} state={card.state} />}
      {card.proof !== null && <Value text={card.proof} mono />}
      {!onPage && <Link to={`/requests/${card.request}`}>Open request</Link>}
    </footer>
  );
}

function Facts({ list }: { list: Card['facts'] }) {
  if (list.length === 0) return null;
  return (
    <dl className="pairs">
      {list.map(({ label, value, from }) => (
        <div key={label} className="pair">
          <dt>{legible(label)}</dt>
          <dd>
            <Value text={value} mono={isMachineText(label, value)} />
            {from !== undefined && <span className="origin origin-warn">quoted from {legible(from)}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** What else is compared again before it runs: there to be read, and not in the way. */
function Pinned({ list }: { list: Card['pinned'] }) {
  if (list.length === 0) return null;
  return (
    <details className="pinned">
      <summary>Pinned: {list.length}, compared before the run</summary>
      <dl className="pairs">
        {list.map(({ name, value }) => (
          <div key={name} className="pair">
            <dt>{legible(name)}</dt>
            <dd>
              <Value text={value} mono />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function Quotes({ list }: { list: Card['quotes'] }) {
  return list.map(({ source, text }) => (
    <figure key={source + text} className="quote">
      <blockquote>
        <Value text={text} />
      </blockquote>
      <figcaption>From {legible(source)}, not checked by us</figcaption>
    </figure>
  ));
}

function Reasons({ list }: { list: string[] }) {
  if (list.length === 0) return null;
  return (
    <section className="reasons">
      <h4>Why</h4>
      <ul>
        {list.map((reason) => (
          <li key={reason}>
            <Value text={reason} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Approvals({ card }: { card: Card }) {
  if (card.approvals.length === 0) return null;
  return (
    <ul className="approvals">
      {card.approvals.map(({ name, at }) => (
        <li key={name + at}>
          <CheckIcon size={16} />
          <span>
            Approved by <strong>{legible(name)}</strong> <Ago at={at} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Outcome({ card, outcome }: { card: Card; outcome: NonNullable<Card['outcome']> }) {
  return (
    <div className={`outcome outcome-${STATES[card.state].tone}`}>
      <Value text={outcome.text} />
      <span className="outcome-code mono">{legible(outcome.code)}</span>
      {outcome.link !== null && <OutLink address={outcome.link}>Open the result</OutLink>}
    </div>
  );
}

function Expiry({ card }: { card: Card }) {
  const now = useNow();
  if (card.state !== 'pending' && card.state !== 'approved') return null;
  const isPast = Date.parse(card.expiresAt) <= now;
  return (
    <span>
      {isPast ? 'Expired ' : 'Expires '}
      <time dateTime={card.expiresAt}>{(isPast ? relativeTime : timeLeft)(card.expiresAt, now)}</time>
    </span>
  );
}
