-- The platform's handle of a message of which something is shown already and more must follow: another try goes on there.
alter table messages add column begun jsonb;
