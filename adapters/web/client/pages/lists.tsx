/** The lists: conversations, what waits for me, what I asked for. */
import { useRef } from 'react';
import type { Message } from '../../../../src/model/card.ts';
import type { ThreadSummary } from '../../../../src/model/ports.ts';
import { legible } from '../../../../src/surface/unseen.ts';
import { RequestCard } from '../card/card.tsx';
import { aboutRequests, type Reading, useLive } from '../live.tsx';
import { Link } from '../navigation.tsx';
import { Ago, Chip, Empty, Loading, Page, Problem } from '../parts.tsx';
import { orderKept, RISKS, STATES } from '../words.ts';

export function Threads({ threads }: { threads: Reading<ThreadSummary[]> }) {
  const { data, problem, reload } = threads;
  return (
    <Page title="Conversations" aside={<Link to="/">New conversation</Link>}>
      {problem !== null && <Problem text={problem} retry={reload} />}
      {data === null && problem === null && <Loading what="conversations" />}
      {data?.length === 0 && (
        <Empty title="No conversation yet">Say what you need, and it starts here.</Empty>
      )}
      <ul className="rows">
        {data?.map(({ id, title, updatedAt }) => (
          <li key={id}>
            <Link to={`/threads/${id}`} className="row">
              <span className="row-title">{legible(title) || 'Conversation'}</span>
              <span className="muted small">
                <Ago at={updatedAt} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Page>
  );
}

export function Waiting({ waiting }: { waiting: Reading<Message[]> }) {
  const { data, problem, reload } = waiting;
  const order = useRef<string[] | null>(null);
  if (data !== null) {
    const newestFirst = data.toSorted((one, other) => other.at.localeCompare(one.at));
    order.current = orderKept(
      order.current,
      newestFirst.map(({ id }) => id),
    );
  }
  const byId = new Map(data?.map((message) => [message.id as string, message]));
  const inOrder = order.current?.flatMap((id) => byId.get(id) ?? []) ?? [];
  return (
    <Page title="Waiting for you" lead="Each of these needs your yes, or your word on what became of it.">
      {problem !== null && <Problem text={problem} retry={reload} />}
      {data === null && problem === null && <Loading what="requests" />}
      {data?.length === 0 && (
        <Empty title="Nothing waits for you">When somebody needs your word, it shows here at once.</Empty>
      )}
      <div className="cards">
        {inOrder.map(({ id, card }) => card && <RequestCard key={id} card={card} />)}
      </div>
    </Page>
  );
}

export function Mine() {
  const { data, problem, reload } = useLive('/mine', (news) => aboutRequests(news) || news.kind === 'thread');
  return (
    <Page title="My requests" lead="Everything you asked for, newest first.">
      {problem !== null && <Problem text={problem} retry={reload} />}
      {data === null && problem === null && <Loading what="requests" />}
      {data?.length === 0 && (
        <Empty title="No request yet">What you ask for is listed here, with its outcome.</Empty>
      )}
      <ul className="rows">
        {data?.map(({ id, card, at }) => card && <MineRow key={id} card={card} at={at} />)}
      </ul>
    </Page>
  );
}

function MineRow({ card, at }: { card: NonNullable<Message['card']>; at: string }) {
  const asked = card.arguments.map(({ value }) => value).join(' · ');
  return (
    <li>
      <Link to={`/requests/${card.request}`} className="row">
        <span className="row-main">
          <span className="row-title row-excerpt">
            {legible(card.title)}
            {asked !== '' && <span className="muted"> · {legible(asked)}</span>}
          </span>
          <span className="muted small">{legible(card.status)}</span>
        </span>
        <span className="chips">
          {card.risk !== 'low' && <Chip tone={RISKS[card.risk].tone}>{RISKS[card.risk].word}</Chip>}
          <Chip tone={STATES[card.state].tone} live={card.state === 'executing'}>
            {STATES[card.state].word}
          </Chip>
        </span>
        <span className="muted small row-time">
          <Ago at={at} />
        </span>
      </Link>
    </li>
  );
}
