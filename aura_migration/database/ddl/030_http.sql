-- Limits of the POS APIs, kept together by all processes (aura_migration.pos.http.ledger). Nothing personal, no secrets:
-- keys hold fingerprints of tokens, never tokens.
create table if not exists migration.rate_buckets (
    bucket_key    text primary key,
    slice_number  bigint      not null default 0,
    used          integer     not null default 0,
    grants        jsonb       not null default '[]',
    blocked_until timestamptz not null default '-infinity',
    updated_at    timestamptz not null default now()
);

comment on table  migration.rate_buckets is 'One documented limit of a POS API for one token, app or location.';
comment on column migration.rate_buckets.slice_number is 'Fixed slices: number of the slice, epoch seconds divided by its length.';
comment on column migration.rate_buckets.used is 'Fixed slices: permits handed out in that slice.';
comment on column migration.rate_buckets.grants is 'Rolling windows: [epoch seconds, permits] of each grant still inside the window.';
comment on column migration.rate_buckets.blocked_until is 'The POS said to stay away until then (answer 429); every process obeys.';

create table if not exists migration.rate_leases (
    bucket_key    text        not null,
    holder        text        not null,
    slots         integer     not null check (slots >= 0),
    wanted        integer     not null check (wanted >= 0),
    granted_at    timestamptz not null,
    waiting_since timestamptz,
    expires_at    timestamptz not null,
    primary key (bucket_key, holder)
);

comment on table  migration.rate_leases is 'Slots for requests in flight, held by a process; a dead process''s slots lapse at expires_at.';
comment on column migration.rate_leases.holder is 'One Buckets object of one process.';
comment on column migration.rate_leases.wanted is 'Slots the holder could use now; more than slots means it is waiting for some.';
comment on column migration.rate_leases.waiting_since is 'Set while the holder has no slot at all: the longest waiting is served first.';
