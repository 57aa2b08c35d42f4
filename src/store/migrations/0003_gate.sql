-- The kill switch: its truth. A null narrows nothing; a row with all three null stops everything.
create table kill_switches (
  id uuid primary key,
  action text,
  principal text,
  connector text,
  reason text not null,
  switched_on_by text not null,
  switched_on_at timestamptz not null default clock_timestamp(),
  switched_off_by text,
  switched_off_at timestamptz
);
create index kill_switches_on on kill_switches (id) where switched_off_at is null;

-- One answer for every process: is anything switched off that covers this?
create function is_killed(p_action text, p_principal text, p_connector text) returns boolean
language sql stable as $$
  select exists (
    select 1 from kill_switches k
    where k.switched_off_at is null
      and (k.action is null or k.action = p_action)
      and (k.principal is null or k.principal = p_principal)
      and (k.connector is null or k.connector = p_connector)
  )
$$;

grant select, insert, update on kill_switches to countersign_app;
grant execute on function is_killed(text, text, text) to countersign_app;
