-- Answers that are shown while they are written. What a platform began to show is noted before any word of it appears, so
-- that the stored answer completes it, whichever process delivers it, and however far it came.

create table begun_answers (
  turn uuid primary key references turns on delete cascade,
  -- The platform's handle of what it shows.
  handle jsonb not null,
  -- The stored message that completes it; null while the turn is being answered.
  message uuid references messages on delete cascade,
  at timestamptz not null default clock_timestamp()
);
create index begun_answers_message on begun_answers (message) where message is not null;
grant select, insert, update, delete on begun_answers to countersign_app;

-- What a model's answer rests on: the reads that were run for it.
alter table messages add column sources jsonb;
