/** The built-in desk: the tickets that Countersign opened. Their words are other people's. */

import { legible } from '../../../../src/surface/unseen.ts';
import type { Ticket } from '../api.ts';
import { aboutRequests, useLive } from '../live.tsx';
import { Ago, Chip, Empty, Loading, Page, Problem, Value } from '../parts.tsx';

export function Desk() {
  const { data, problem, reload } = useLive('/desk', aboutRequests);
  return (
    <Page title="Desk" lead="Tickets of the built-in desk, newest first.">
      {problem !== null && <Problem text={problem} retry={reload} />}
      {data === null && problem === null && <Loading what="tickets" />}
      {data?.length === 0 && <Empty title="No ticket yet">Ask for one in a conversation.</Empty>}
      <div className="cards">
        {data?.map((ticket) => (
          <TicketCard key={ticket.number} ticket={ticket} />
        ))}
      </div>
    </Page>
  );
}

function TicketCard({ ticket }: { ticket: Ticket }) {
  return (
    <article className="card ticket" aria-label={`Ticket ${ticket.number}`}>
      <div className="card-title">
        <h2>
          <span className="muted">#{ticket.number}</span> <Value text={ticket.title} />
        </h2>
        <span className="chips">
          {ticket.priority !== undefined && ticket.priority !== 'normal' && (
            <Chip tone={ticket.priority === 'high' ? 'warn' : 'neutral'}>{legible(ticket.priority)}</Chip>
          )}
          <Chip tone={ticket.status === 'open' ? 'info' : 'neutral'}>{legible(ticket.status)}</Chip>
        </span>
      </div>
      <p className="muted small">
        Opened for {legible(ticket.requester)} <Ago at={ticket.createdAt} />
      </p>
      {ticket.description !== undefined && ticket.description !== '' && (
        <p>
          <Value text={ticket.description} />
        </p>
      )}
      {ticket.comments.length > 0 && (
        <ul className="comments">
          {ticket.comments.map(({ author, text, at }) => (
            <li key={author + at}>
              <span className="small muted">
                <strong>{legible(author)}</strong>, <Ago at={at} />
              </span>
              <Value text={text} />
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}
