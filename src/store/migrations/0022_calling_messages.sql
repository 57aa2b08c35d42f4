-- What must reach everybody in a channel though it stands below a card: a reminder, and that others are asked too.
alter table messages add column calls boolean not null default false;
