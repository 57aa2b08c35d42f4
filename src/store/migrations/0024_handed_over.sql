-- Whoever handed a request over is asked no more, and is remembered: they may hand it over again.
alter table reached add column handed_over boolean not null default false;
grant update on reached to countersign_app;
