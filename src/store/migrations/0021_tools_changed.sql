-- Tools of MCP servers that were seen to be something else than what was reviewed, by review: such a review counts no more, whatever
-- the server says afterwards, in no process. A new review has a time of its own.
create table tools_changed (
  server text not null,
  tool text not null,
  review text not null,
  said text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (server, tool, review)
);
grant select, insert on tools_changed to countersign_app;
