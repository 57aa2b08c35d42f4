-- The way back to conversations in Teams: where each is reached, and which chat is whose.

create table teams_references (
  tenant text not null,
  -- Without its thread; opaque, as Teams gave it.
  conversation text not null,
  service_url text not null,
  -- Entra object id of whose personal chat this is; null for group chats and channels.
  person text,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant, conversation)
);
create index teams_references_person on teams_references (tenant, person) where person is not null;

grant select, insert, update, delete on teams_references to countersign_app;
