-- The audit log. Entries as written, leaves as ordered, checkpoints as signed: three tables that only grow.
-- The application role may insert and read, nothing else. Row-level security is forced, so the owner is bound
-- by it as well; the trigger below makes a forbidden statement fail loudly instead of touching no row. A superuser can
-- undo all of it: that is what the MAC, the signed checkpoints and their copies outside of this database are for.

CREATE TABLE audit_entries (
  id uuid PRIMARY KEY,
  -- The process that wrote it and that process's own count; together unique, gaps are normal.
  instance uuid NOT NULL,
  counter bigint NOT NULL CHECK (counter >= 0),
  -- RFC 8785 form of the entry without `index` and `previous`.
  body text NOT NULL,
  -- HMAC-SHA256 under a key that the database does not hold.
  mac bytea NOT NULL CHECK (octet_length(mac) = 32),
  -- The writing transaction. Below the oldest running one nothing can appear any more: the sequencer's low-water mark.
  written_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
  -- Copies for finding entries; what counts is `body`. The sequencer and the verifier compare them. Not generated from
  -- it: PostgreSQL's JSON cannot hold U+0000, and an entry must be writable whatever a model put into an argument.
  type text NOT NULL,
  request text,
  principal text,
  sealed_key text,
  UNIQUE (instance, counter)
);
CREATE INDEX audit_entries_in_order_of_writing ON audit_entries (written_by, instance, counter);
CREATE INDEX audit_entries_of_request ON audit_entries (request) WHERE request IS NOT NULL;
CREATE INDEX audit_entries_of_principal ON audit_entries (principal) WHERE principal IS NOT NULL;
CREATE INDEX audit_entries_of_key ON audit_entries (sealed_key) WHERE sealed_key IS NOT NULL;

CREATE TABLE audit_leaves (
  -- The primary key fences a leader that does not know yet that it was replaced.
  index bigint PRIMARY KEY CHECK (index >= 0),
  entry_id uuid NOT NULL UNIQUE REFERENCES audit_entries (id),
  leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
  previous bytea NOT NULL CHECK (octet_length(previous) = 32)
);

CREATE TABLE audit_checkpoints (
  size bigint PRIMARY KEY CHECK (size > 0),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  -- The signed note's exact text.
  note text NOT NULL,
  time timestamptz NOT NULL DEFAULT now()
);

-- Keys that seal what people wrote. Erasure empties `wrapped`; the row stays, so that an entry's key id still says why.
CREATE TABLE person_keys (
  id uuid PRIMARY KEY,
  person text NOT NULL,
  -- 12 bytes of IV, the encrypted key, 16 bytes of tag; wrapped by a key derived from MASTER_KEY. NULL: erased.
  wrapped bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  erased_at timestamptz,
  CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
);
CREATE UNIQUE INDEX person_keys_one_living ON person_keys (person) WHERE erased_at IS NULL;

CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The audit log only grows: % on % is refused.', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
  FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_leaves
  FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
-- An erased key stays erased, and no key is ever moved to another person or exchanged.
CREATE FUNCTION person_key_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.erased_at IS NOT NULL OR NEW.wrapped IS NOT NULL OR NEW.id <> OLD.id OR NEW.person <> OLD.person THEN
    RAISE EXCEPTION 'A key can only be erased, once.' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER only_erased BEFORE UPDATE ON person_keys
  FOR EACH ROW EXECUTE FUNCTION person_key_only_erased();

ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_leaves ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_checkpoints ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON audit_entries FOR SELECT USING (true);
CREATE POLICY grow ON audit_entries FOR INSERT WITH CHECK (true);
CREATE POLICY read ON audit_leaves FOR SELECT USING (true);
CREATE POLICY grow ON audit_leaves FOR INSERT WITH CHECK (true);
CREATE POLICY read ON audit_checkpoints FOR SELECT USING (true);
CREATE POLICY grow ON audit_checkpoints FOR INSERT WITH CHECK (true);

REVOKE ALL ON audit_entries, audit_leaves, audit_checkpoints, person_keys FROM PUBLIC, countersign_app;
GRANT SELECT ON audit_entries, audit_leaves, audit_checkpoints, person_keys TO countersign_app;
-- By column: the transaction's number is the database's own, the application cannot backdate it.
GRANT INSERT (id, instance, counter, body, mac, type, request, principal, sealed_key) ON audit_entries TO countersign_app;
GRANT INSERT (index, entry_id, leaf_hash, previous) ON audit_leaves TO countersign_app;
GRANT INSERT (size, root, note) ON audit_checkpoints TO countersign_app;
GRANT INSERT (id, person, wrapped), UPDATE (wrapped, erased_at) ON person_keys TO countersign_app;
