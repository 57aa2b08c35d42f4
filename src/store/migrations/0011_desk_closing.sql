-- Closing a ticket of the built-in desk: what the desk is told once for each execution, and that a ticket's state may change.
create table desk_closings (
  id bigint generated always as identity primary key,
  ticket bigint not null references desk_tickets,
  requester text not null,
  idempotency_key text not null unique,
  mark text not null unique,
  created_at timestamptz not null default clock_timestamp()
);
grant select, insert on desk_closings to countersign_app;
grant update (state) on desk_tickets to countersign_app;
