-- Who is signed in to the web workspace, so that restarts change nothing and every process knows.
-- No id stands here that a browser could send: what a cookie holds cannot be read back from its hash.
create table web_sessions (
  -- SHA-256 of the session's id.
  id_hash bytea primary key check (octet_length(id_hash) = 32),
  -- SHA-256 of the sign-in that made it: one sign-in makes one session, ever, whoever repeats its callback.
  sign_in bytea not null unique check (octet_length(sign_in) = 32),
  issuer text not null,
  subject text not null,
  -- Whom the directory named at the sign-in; it is asked again at every request.
  principal text not null,
  created_at timestamptz not null,
  seen_at timestamptz not null,
  ended_at timestamptz
);
create index web_sessions_by_age on web_sessions (created_at);

grant select, insert, update, delete on web_sessions to countersign_app;
