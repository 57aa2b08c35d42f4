-- What was judged under which key: a judgement whose answer was lost is sent again, and recorded once.
create table feedback_keys (
  key text primary key,
  at timestamptz not null default clock_timestamp()
);
grant select, insert on feedback_keys to countersign_app;
