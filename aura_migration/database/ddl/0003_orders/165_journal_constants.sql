-- What all rows that one plan created in a table have in common is kept once, not in the journal entry of each.

CREATE TABLE migration.journal_constants (
    plan_id bigint NOT NULL REFERENCES migration.plans ON DELETE CASCADE,
    aura_table text NOT NULL,
    columns jsonb NOT NULL,
    PRIMARY KEY (plan_id, aura_table)
);
COMMENT ON TABLE migration.journal_constants IS
    'columns of created rows that are neither in the plan row''s image nor its key: tenant, provenance, times, defaults';
COMMENT ON COLUMN migration.journal.after IS
    'of an update the whole row; of an insert what differs from the plan row''s image, its key and migration.journal_constants: '
    'view writes has them together';

CREATE OR REPLACE VIEW migration.writes AS
SELECT j.id, j.migration_id, j.plan_id, j.seq, j.aura_table, j.aura_id, j.op, j.before,
       CASE WHEN j.op = 'insert' THEN
           p.image || coalesce(c.columns || jsonb_build_object('id', j.aura_id, 'source_id', p.source_key, 'source_hash', p.source_hash), '{}')
           || j.after
       ELSE j.after END AS after, j.written_at, j.undone_at, j.outcome
FROM migration.journal j
LEFT JOIN migration.plan_rows p ON j.op = 'insert' AND p.plan_id = j.plan_id AND p.seq = j.seq
LEFT JOIN migration.journal_constants c ON j.op = 'insert' AND c.plan_id = j.plan_id AND c.aura_table = j.aura_table;
