-- Looks at something that goes on elsewhere, failing one after another: how many, since when. Neither: the last one saw it.
alter table requests
  add column looks_failed integer not null default 0,
  add column looks_failing_since timestamptz;
