-- The archive's book of snapshots (aura_migration.archive): which there are, and how far an extraction got. The bodies are
-- in the snapshot store; here is only what continuing after a kill needs. Nothing personal: parameters are stored redacted.
create table if not exists migration.snapshots (
    id             bigint generated always as identity primary key,
    integration_id bigint      not null,
    pos            text        not null,
    scope          text        not null check (scope in ('merchant', 'location')),
    location_key   text,
    url            text        not null,
    manifest_hash  text,
    state          text        not null default 'open' check (state in ('open', 'complete', 'failed')),
    taken_at       timestamptz not null,
    created_at     timestamptz not null default now(),
    ended_at       timestamptz,
    reason         text        not null default '',
    check ((scope = 'location') = (location_key is not null)),
    check ((state = 'complete') = (manifest_hash is not null))
);
create unique index if not exists snapshots_one_open
    on migration.snapshots (integration_id, scope, coalesce(location_key, '')) where state = 'open';
create index if not exists snapshots_by_place
    on migration.snapshots (integration_id, scope, location_key, id desc);
create index if not exists snapshots_by_manifest on migration.snapshots (manifest_hash);

comment on table  migration.snapshots is 'One raw export of a location, or of what belongs to the whole merchant.';
comment on column migration.snapshots.url is 'Folder or fsspec URL of the store that holds its bodies and manifest.';
comment on column migration.snapshots.manifest_hash is 'SHA-256 of the manifest: the identity of the snapshot.';
comment on column migration.snapshots.taken_at is 'Business time at which the extraction began.';
comment on column migration.snapshots.reason is 'Why it failed or was given up; empty otherwise.';

create table if not exists migration.snapshot_pages (
    snapshot_id  bigint  not null references migration.snapshots (id) on delete cascade,
    seq          integer not null,
    entity       text    not null,
    win          text    not null,
    page         integer not null,
    method       text    not null,
    path         text    not null,
    params       jsonb,
    request_body jsonb,
    request_hash text,
    rows         integer not null check (rows >= 0),
    sha256       text    not null,
    size         bigint  not null check (size >= 0),
    primary key (snapshot_id, seq)
);
create index if not exists snapshot_pages_by_window on migration.snapshot_pages (snapshot_id, entity, win);
create index if not exists snapshot_pages_by_body on migration.snapshot_pages (sha256);

comment on table  migration.snapshot_pages is 'One recorded response body, in recorded order.';
comment on column migration.snapshot_pages.win is 'The part of the entity it belongs to: a span of time, a parent; empty if it is read in one piece.';
comment on column migration.snapshot_pages.sha256 is 'Hash of the stored (redacted) body: its address in the store.';
comment on column migration.snapshot_pages.size is 'Bytes of the stored body before compression.';

create table if not exists migration.snapshot_windows (
    snapshot_id  bigint      not null references migration.snapshots (id) on delete cascade,
    entity       text        not null,
    win          text        not null,
    completed_at timestamptz not null default now(),
    primary key (snapshot_id, entity, win)
);
comment on table migration.snapshot_windows is 'Windows recorded to their end; an interrupted extraction does not fetch them again.';

create table if not exists migration.snapshot_certificates (
    snapshot_id bigint not null references migration.snapshots (id) on delete cascade,
    entity      text   not null,
    status      text   not null check (status in ('complete', 'suspicious', 'not_extracted')),
    certificate jsonb  not null,
    primary key (snapshot_id, entity)
);
comment on table migration.snapshot_certificates is 'What is known about the completeness of each entity of a snapshot.';
