-- What concerns whoever said what it answers, and nobody else who reads along: that they may not, or are not known.
alter table messages add column for_asker boolean not null default false;
