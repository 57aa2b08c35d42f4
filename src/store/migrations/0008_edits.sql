-- Who changed a request that was pending, and what stood there before. Nobody can take a row away again: whoever
-- changed it asks for it too.
create table request_edits (
  request uuid not null references requests,
  editor text not null,
  digest_before text not null check (digest_before ~ '^[0-9a-f]{64}$'),
  digest_after text not null check (digest_after ~ '^[0-9a-f]{64}$'),
  -- What the old buttons carry, so that a click on one is recorded as what it is.
  rendering_before uuid not null unique,
  entry uuid not null,
  at timestamptz not null default clock_timestamp(),
  primary key (request, digest_after)
);
create index request_edits_by_editor on request_edits (editor);
grant select, insert on request_edits to countersign_app;

-- Separation of duties, for everybody who asks: the first requester and whoever changed the request.
create or replace function approvals_are_by_others() returns trigger language plpgsql as $$
begin
  if exists (select 1 from requests r where r.id = new.request and r.requester = new.approver)
    or exists (select 1 from request_edits e where e.request = new.request and e.editor = new.approver) then
    raise exception 'a requester cannot approve their own request' using errcode = 'check_violation';
  end if;
  return new;
end $$;
