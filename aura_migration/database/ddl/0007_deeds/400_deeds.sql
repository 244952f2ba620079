-- Who asks for what, from before it is begun until the audit trail says what became of it. A row whose process died is what is
-- left of the deed: it is moved to the trail, so that nobody's deed is lost with the process that carried it out.
CREATE TABLE migration.deeds_under_way (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    roles text[] NOT NULL DEFAULT '{}',
    door text NOT NULL,
    request text NOT NULL
);
COMMENT ON COLUMN migration.deeds_under_way.request IS 'method and path; ids of ours only, never the query or the body';
