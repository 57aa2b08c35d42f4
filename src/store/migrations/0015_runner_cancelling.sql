-- A run of the built-in CI runner can be asked to stop; whoever works on it sees that and ends it.

alter table ci_runs
  -- For whom; the first who asked counts.
  add column cancel_asked_by text,
  add column cancel_asked_at timestamptz,
  add check ((cancel_asked_by is null) = (cancel_asked_at is null));
