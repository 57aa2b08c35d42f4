-- Who was told once what this is. Of two first messages at the same moment, the one that gets this row tells.
create table greeted (
  principal text primary key,
  at timestamptz not null default clock_timestamp()
);
grant select, insert on greeted to countersign_app;
