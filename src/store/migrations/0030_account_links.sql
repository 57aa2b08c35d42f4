-- Chat accounts that people linked to themselves by signing in on both sides. What the operator's file says of an account comes first.

-- A code on its way from the workspace to a chat, and what came back. The code itself stands nowhere.
create table link_codes (
  id uuid primary key,
  code_hash bytea not null unique check (octet_length(code_hash) = 32),
  principal text not null,
  -- The account that was signed in: it alone can say yes.
  issuer text not null,
  subject text not null,
  created_at timestamptz not null default clock_timestamp(),
  -- Of the code first, and once it was sent, of the question that came of it.
  expires_at timestamptz not null,
  -- The one message that sent it, and what the platform says of who sent it.
  turn uuid unique,
  account_key text,
  account jsonb,
  name text,
  -- Answered, withdrawn, or followed by another.
  ended_at timestamptz
);
create index link_codes_of on link_codes (principal) where ended_at is null;
create index link_codes_by_age on link_codes (expires_at);

create table account_links (
  -- Every id of the account: one account is one person's.
  account_key text primary key,
  id uuid not null unique,
  account jsonb not null,
  -- As the platform stated it then.
  name text not null,
  principal text not null,
  -- The account that said yes: the link counts as long as the file says that it is this person's.
  issuer text not null,
  subject text not null,
  linked_at timestamptz not null default clock_timestamp()
);
create index account_links_of on account_links (principal);

grant select, insert, update, delete on link_codes to countersign_app;
grant select, insert, delete on account_links to countersign_app;
