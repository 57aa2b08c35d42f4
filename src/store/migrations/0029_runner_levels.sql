-- A run is worked on no weaker than the log says of the request that it was accepted for. Null for runs accepted before: of those the
-- log said at which level the action's own code ran.

alter table ci_runs add column level text check (level in ('none', 'process', 'kernel-lite', 'kernel'));
