-- The built-in desk: tickets and their comments. Text is what people wrote; it is kept until an operator removes it.

create sequence desk_ticket_numbers as bigint start 1;

create table desk_tickets (
  number bigint primary key default nextval('desk_ticket_numbers'),
  title text not null check (char_length(title) between 1 and 200),
  description text not null check (char_length(description) <= 8000),
  priority text not null check (priority in ('low', 'normal', 'high')),
  state text not null default 'open' check (state in ('open', 'closed')),
  requester text not null,
  -- The same key is accepted once, ever: a write that is sent again answers with the first one's ticket.
  idempotency_key text not null unique,
  -- Keyed mark of the execution, by which it finds again what it did.
  mark text not null unique,
  created_at timestamptz not null default clock_timestamp()
);

create table desk_comments (
  id bigint generated always as identity primary key,
  ticket bigint not null references desk_tickets,
  author text not null,
  body text not null check (char_length(body) between 1 and 8000),
  idempotency_key text not null unique,
  mark text not null unique,
  created_at timestamptz not null default clock_timestamp()
);
create index desk_comments_by_ticket on desk_comments (ticket, id);

grant select, insert on desk_tickets, desk_comments to countersign_app;
grant usage on sequence desk_ticket_numbers to countersign_app;
