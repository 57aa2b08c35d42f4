-- How far the plan of reminders and escalations of a request has come. A job names round and step, so that one of an
-- earlier round, or one that runs twice, changes nothing.
create table reaches (
  request uuid primary key references requests,
  round integer not null default 1,
  step integer not null default 0,
  -- Null until it is settled who is asked first: that may need an outside system, which no transaction waits for.
  scope text check (scope in ('named', 'channel', 'everybody')),
  begun_at timestamptz not null default clock_timestamp()
);

-- Who was asked in particular.
create table reached (
  request uuid not null references requests,
  person text not null,
  because text not null check (because in ('route', 'escalated', 'delegated')),
  at timestamptz not null default clock_timestamp(),
  primary key (request, person)
);
create index reached_by_person on reached (person);

grant select, insert, update on reaches to countersign_app;
grant select, insert, delete on reached to countersign_app;
