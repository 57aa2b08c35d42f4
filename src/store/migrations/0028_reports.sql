-- Reports and other alerts are few among all entries, and are looked for by whoever opens the page of operations.
create index audit_entries_alerts on audit_entries (written_by, counter) where type = 'alert.raised';
