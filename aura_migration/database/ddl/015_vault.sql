-- What is sealed: credentials of integrations, keys of persons, roots of keyed hashes. Nothing here opens without a key
-- that is kept outside the database.

create table migration.key_fingerprints (
    fingerprint text primary key,
    first_used_at timestamptz not null default now(),
    retired_at timestamptz
);
comment on table migration.key_fingerprints is 'Which secret keys have sealed rows here; the keys themselves are never stored.';
comment on column migration.key_fingerprints.retired_at is 'Set when a rotation left no row sealed with it.';

create table migration.sealed_secrets (
    name text primary key,
    sealed bytea not null,
    key_fingerprint text not null references migration.key_fingerprints,
    created_at timestamptz not null default now()
);
comment on table migration.sealed_secrets is 'Random secrets made once per database, such as the root of keyed hashes; they outlive key rotation.';

create table migration.credentials (
    integration_id bigint primary key,
    sealed bytea not null,
    key_fingerprint text not null references migration.key_fingerprints,
    version bigint not null default 1 check (version > 0),
    updated_at timestamptz not null default now()
);
comment on table migration.credentials is 'Sealed POS credentials; version is compared and raised by every replacement.';

create table migration.person_keys (
    integration_id bigint not null,
    person_hash text not null,
    sealed_key bytea,
    key_fingerprint text references migration.key_fingerprints,
    created_at timestamptz not null default now(),
    erased_at timestamptz,
    primary key (integration_id, person_hash),
    check ((sealed_key is null) = (erased_at is not null)),
    check ((sealed_key is null) = (key_fingerprint is null))
);
comment on table migration.person_keys is 'One key per person whose fields are stored encrypted; without it they cannot be read again. An erased row stays, so that the person is not taken in anew.';
comment on column migration.person_keys.person_hash is 'Keyed hash of the POS id of the person; the id itself is not here.';
