-- The built-in CI runner: runs, each with a lease of the process that works on it, and what they printed.

create table ci_runs (
  id uuid primary key,
  number bigint generated always as identity unique,
  repository text not null,
  ref text not null,
  commit text not null check (commit ~ '^[0-9a-f]{40}$'),
  job text not null,
  environment text not null,
  -- The job as it was described when the run was accepted: command and limits are never read again from the file.
  command jsonb not null,
  inputs jsonb not null,
  limits jsonb not null,
  requester text not null,
  idempotency_key text not null unique,
  mark text not null unique,
  state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
  code text,
  exit_code integer,
  worker uuid,
  lease_until timestamptz,
  output_characters bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  ended_at timestamptz,
  check ((state in ('done', 'failed')) = (code is not null))
);
create index ci_runs_unfinished on ci_runs (created_at) where state in ('queued', 'running');

-- Output in pieces, in the order in which it came; how much one run may print is bounded by its job's limits.
create table ci_run_output (
  run uuid not null references ci_runs,
  piece integer not null,
  content text not null,
  primary key (run, piece)
);

grant select, insert, update on ci_runs to countersign_app;
grant select, insert on ci_run_output to countersign_app;
