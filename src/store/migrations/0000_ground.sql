-- What every room stands on: the application role may use the schema and never create anything in it.
-- Each later file grants on its own tables, explicitly.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO countersign_app;

-- A temporary table is looked up before ours; nobody who may only use the data needs one.
DO $$
BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
