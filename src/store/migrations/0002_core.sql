-- Conversations, requests, approvals, executions. Everything that decides stands here, on database time.

create table threads (
  id uuid primary key,
  platform text not null check (platform in ('web', 'slack', 'teams')),
  tenant text not null,
  container text not null,
  thread text not null,
  direct boolean not null,
  -- The person who began it; null where approvers or operators are told something in a place of theirs.
  owner text,
  title text not null default '',
  -- Fetched content has entered: it never leaves again.
  tainted boolean not null default false,
  -- What is still being asked for; the next message of the same person continues it.
  pending_ask jsonb,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (platform, tenant, container, thread)
);
create index threads_by_owner on threads (owner, updated_at desc);

create table turns (
  id uuid primary key,
  delivery_key text not null unique,
  thread uuid not null references threads,
  account jsonb not null,
  content jsonb not null,
  principal text,
  -- Set where the delivery is answered with a sentence instead of being planned.
  problem text,
  state text not null default 'received' check (state in ('received', 'settled')),
  reply text not null default '',
  received_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz
);
create index turns_unsettled on turns (received_at) where state = 'received';

create table requests (
  id uuid primary key,
  turn uuid not null references turns,
  thread uuid not null references threads,
  action text not null,
  connector text not null,
  requester text not null,
  arguments jsonb not null,
  provenance jsonb not null,
  resource jsonb not null,
  effect text not null check (effect in ('read', 'write')),
  risk text not null check (risk in ('low', 'medium', 'high')),
  preview jsonb,
  obligations jsonb not null,
  policies jsonb not null,
  reasons jsonb not null,
  tainted boolean not null,
  code_digest text not null,
  salt text not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  -- One opaque id for the buttons of this digest's rendering.
  rendering uuid not null unique,
  state text not null check (state in
    ('pending', 'approved', 'denied', 'expired', 'cancelled', 'executing', 'succeeded', 'failed', 'unknown')),
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  confirmed_at timestamptz,
  -- The entry that holds the requester's confirmation.
  confirm_entry uuid,
  result jsonb,
  -- The claim: rises with every claim, so that a worker that lost its lease can write nothing more.
  fence integer not null default 0,
  execution uuid,
  lease_until timestamptz,
  level text,
  handle jsonb,
  output text not null default '',
  finished_at timestamptz
);
create index requests_open on requests (state, expires_at) where state in ('pending', 'approved', 'executing', 'unknown');
create index requests_by_requester on requests (requester, created_at desc);
create index requests_by_turn on requests (turn);
create unique index requests_by_execution on requests (execution);

create table approvals (
  request uuid not null references requests,
  approver text not null,
  digest text not null,
  groups jsonb not null,
  entry uuid not null,
  at timestamptz not null default clock_timestamp(),
  primary key (request, digest, approver)
);

-- Separation of duties stands here again: whatever the code above believes, a requester's own approval is no row.
create function approvals_are_by_others() returns trigger language plpgsql as $$
begin
  if exists (select 1 from requests r where r.id = new.request and r.requester = new.approver) then
    raise exception 'a requester cannot approve their own request' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger approvals_are_by_others before insert on approvals
  for each row execute function approvals_are_by_others();

-- One row for each write, committed before it leaves.
create table intents (
  id uuid primary key,
  request uuid not null references requests,
  execution uuid not null,
  fence integer not null,
  method text not null,
  host text not null,
  path text not null,
  body_sha256 text not null,
  created_at timestamptz not null default clock_timestamp(),
  -- The upstream's answer; null: nobody knows whether it arrived.
  status integer
);
create index intents_by_request on intents (request);

create table messages (
  id uuid primary key,
  serial bigint generated always as identity,
  thread uuid not null references threads,
  turn uuid references turns,
  author text,
  authorship text not null check (authorship in ('system', 'person', 'model', 'fetched')),
  text text not null,
  request uuid references requests,
  form jsonb,
  created_at timestamptz not null default clock_timestamp(),
  -- The platform's handle once it is shown; the web reads this table itself.
  delivered jsonb
);
create index messages_by_thread on messages (thread, serial);
create index messages_by_request on messages (request);
-- A place is asked about a request once, however often the asking is tried.
create unique index messages_card_once on messages (thread, request) where request is not null and turn is null;

grant select, insert, update on threads, turns, requests, intents, messages to countersign_app;
grant delete on messages to countersign_app;
grant select, insert on approvals to countersign_app;
