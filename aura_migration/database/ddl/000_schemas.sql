-- The schemas, before anything is created in them.
create schema if not exists aura;
create schema if not exists auraconnect;
create schema if not exists migration;
create schema if not exists staging;

comment on schema aura is 'The destination: AuraConnect''s tables; money in integer minor units.';
comment on schema auraconnect is 'Read-only views of aura under AuraConnect''s own numeric names.';
comment on schema migration is 'Everything the migration itself keeps: integrations, plans, journal, crosswalk, gates.';
comment on schema staging is 'Unlogged working tables; empty between runs.';
