-- In which phase of its execution a write left: what the looks may send is counted over all of them.
alter table intents
  add column phase text not null default 'run' check (phase in ('run', 'follow'));
