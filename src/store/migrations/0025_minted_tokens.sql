-- Tokens that were made on demand and are not known to be taken back. A row is committed before a token is asked for, and goes in the
-- transaction that records its end: what a process that died has left behind is found here, and taken back by another.
create table minted_tokens (
  id uuid primary key,
  turn uuid not null,
  request uuid not null,
  call text not null,
  name text not null,
  host text not null,
  repository text not null,
  permissions jsonb not null,
  exact boolean not null default true,
  -- It opens nothing after this; as long as no answer has come, the latest that it can be.
  expires_at timestamptz not null,
  -- The token, AES-256-GCM under a key that the database does not hold; null as long as no answer has come.
  sealed bytea,
  -- Until then whoever asked for it may be using it; after that it is left behind, or another try to take it back is due.
  held_until timestamptz not null,
  -- Entry and operators say already that it may still open something.
  told boolean not null default false
);
create index minted_tokens_due on minted_tokens (held_until);
grant select, insert, update, delete on minted_tokens to countersign_app;
