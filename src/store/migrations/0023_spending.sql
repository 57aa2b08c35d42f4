-- What an execution has spent of what it may ask of outside systems as a whole, written with the entry of each call: a restart, and
-- another executor, go on counting from there. `looks` is apart, as those of something that takes a week legitimately cost much.
create table spending (
  request uuid not null references requests,
  share text not null check (share in ('run', 'looks')),
  calls integer not null,
  bytes bigint not null,
  ms bigint not null,
  primary key (request, share)
);
grant select, insert, update on spending to countersign_app;
