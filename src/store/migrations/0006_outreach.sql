-- What a platform will never take, with our code for the reason: nobody tries again, and what follows is not held up.
alter table messages add column undeliverable text;

-- Signed checkpoints that were said in an operators' place, so that each goes out once and not too often.
create table posted_checkpoints (
  thread uuid not null references threads,
  size bigint not null,
  posted_at timestamptz not null default clock_timestamp(),
  primary key (thread, size)
);
grant select, insert on posted_checkpoints to countersign_app;
