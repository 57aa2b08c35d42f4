-- What was given for a time only: when it is to be taken back, and the request that does or did it.
create table endings (
  request uuid primary key references requests,
  due_at timestamptz not null,
  -- Somebody looks at it then: at first when it is due, later after a pause.
  next_at timestamptz not null,
  attempt uuid references requests,
  attempts integer not null default 0,
  ended_at timestamptz
);
create index endings_open on endings (next_at) where ended_at is null;

grant select, insert, update on endings to countersign_app;
