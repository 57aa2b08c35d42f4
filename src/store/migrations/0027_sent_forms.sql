-- A form that stands in a conversation is sent once, by whoever was asked for it: then it shows so, and has no button.
alter table messages add column form_sent_by text;
