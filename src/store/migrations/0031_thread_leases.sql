-- Which process shows a thread's messages on its platform at this moment, and until when where nothing more is heard of it. No row:
-- nobody does.
create table thread_leases (
  thread uuid primary key references threads on delete cascade,
  holder uuid not null,
  held_until timestamptz not null
);
grant select, insert, update, delete on thread_leases to countersign_app;
