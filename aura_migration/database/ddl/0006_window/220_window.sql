-- The parallel window of a location: books, days, gates, switches, the way back. One window per migration; its phase is what
-- switching and reversing go by. Everything here is evidence or history: rows are added, or closed, never rewritten in silence.

-- The journey's state says parallel, ready, switching or live while the window is open; plans that follow the POS go their
-- own way beside it and note here how far the one under way is.
ALTER TABLE migration.migrations ADD COLUMN work text
    CHECK (work IN ('extracted', 'planned', 'approved', 'loading', 'loaded', 'verified', 'paused', 'failed', 'reconnect_needed'));
COMMENT ON COLUMN migration.migrations.work IS
    'where the plan that follows the POS stands while the window is open; null: none was made yet, or the window is not open';

CREATE FUNCTION migration.standing(state text, work text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN state IN ('parallel', 'ready', 'switching', 'live') THEN coalesce(work, 'verified') ELSE state END
$$;
COMMENT ON FUNCTION migration.standing IS 'where a migration''s plan stands, whether its window is open or not';

CREATE TABLE migration.windows (
    migration_id bigint PRIMARY KEY REFERENCES migration.migrations,
    location_key text NOT NULL REFERENCES migration.locations,
    phase text NOT NULL DEFAULT 'parallel'
        CHECK (phase IN ('parallel', 'ready', 'switching', 'live', 'reversing', 'completed', 'reversed', 'cancelled')),
    opened_at timestamptz NOT NULL,
    first_day date NOT NULL,
    planned_days integer NOT NULL DEFAULT 30 CHECK (planned_days BETWEEN 1 AND 366),
    is_pilot boolean NOT NULL DEFAULT false,
    policy jsonb NOT NULL DEFAULT '{}',
    contact jsonb NOT NULL DEFAULT '{}',
    opened_by text NOT NULL,
    ended_at timestamptz,
    ended_by text,
    ending text CHECK (ending IN ('completed', 'reversed', 'cancelled')),
    ending_reason text NOT NULL DEFAULT '',
    CHECK ((ending IS NULL) = (ended_at IS NULL))
);
COMMENT ON COLUMN migration.windows.first_day IS 'the first business date that is compared';
COMMENT ON COLUMN migration.windows.planned_days IS 'how many business dates the window lasts; extended, never shortened below what passed';
COMMENT ON COLUMN migration.windows.policy IS 'see aura_migration.canonical.window: how deltas are applied, grace, thresholds of the gates';
COMMENT ON COLUMN migration.windows.contact IS 'the specialist who answers for the migration: {name, phone, email, hours, second: {...}}';
CREATE UNIQUE INDEX one_open_window_per_location ON migration.windows (location_key) WHERE ended_at IS NULL;

-- Whose figure counts, from which instant on. The newest row up to an instant holds; before the first: the POS.
CREATE TABLE migration.channel_ownership (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    location_key text NOT NULL REFERENCES migration.locations,
    channel text NOT NULL CHECK (channel IN ('online', 'in_house', 'reporting', 'time_clock')),
    book text NOT NULL CHECK (book IN ('pos', 'auraconnect')),
    from_at timestamptz NOT NULL,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    switch_id bigint,
    changed_by text NOT NULL,
    reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (location_key, channel, from_at)
);

-- One row per business date of a window, judged anew until it is final.
CREATE TABLE migration.parallel_days (
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    business_date date NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('clean', 'different', 'pending', 'closed')),
    is_final boolean NOT NULL DEFAULT false,
    closes_at timestamptz NOT NULL,
    final_at timestamptz NOT NULL,
    judged_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    read_until timestamptz,
    orders_pos bigint NOT NULL DEFAULT 0,
    orders_aura bigint NOT NULL DEFAULT 0,
    orders_priced bigint NOT NULL DEFAULT 0,
    missing bigint NOT NULL DEFAULT 0,
    extra bigint NOT NULL DEFAULT 0,
    gross_cents bigint NOT NULL DEFAULT 0,
    unexplained_cents bigint NOT NULL DEFAULT 0,
    explained_cents bigint NOT NULL DEFAULT 0,
    signed_cents bigint NOT NULL DEFAULT 0,
    tax_cents bigint NOT NULL DEFAULT 0,
    payments_cents bigint NOT NULL DEFAULT 0,
    pending_cents bigint NOT NULL DEFAULT 0,
    unexplained_pct numeric,
    reasons text[] NOT NULL DEFAULT '{}',
    causes jsonb NOT NULL DEFAULT '[]',
    figures jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (migration_id, business_date)
);
COMMENT ON TABLE migration.parallel_days IS
    'pending is neither clean nor different: something is not read yet, or may still settle within the grace time. closed: both sides say no trading';
COMMENT ON COLUMN migration.parallel_days.unexplained_cents IS 'the sum of absolute unexplained differences per order';
COMMENT ON COLUMN migration.parallel_days.signed_cents IS 'AuraConnect less POS, unexplained only, with its sign: over the window it shows a drift';
COMMENT ON COLUMN migration.parallel_days.tax_cents IS 'absolute unexplained difference of tax; payments_cents likewise';
COMMENT ON COLUMN migration.parallel_days.causes IS '[{cause, orders, cents, is_explained, rule_id?}]: they add up to the difference exactly';
COMMENT ON COLUMN migration.parallel_days.figures IS '{metric: {pos, aura, difference}} of both sides'' daily report';

CREATE TABLE migration.parallel_findings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL,
    business_date date NOT NULL,
    order_key text NOT NULL,
    aura_order_id bigint,
    cause text NOT NULL,
    part text NOT NULL,
    status text NOT NULL CHECK (status IN ('explained', 'unexplained', 'pending')),
    cents bigint NOT NULL,
    rule_id bigint,
    detail jsonb NOT NULL DEFAULT '{}',
    FOREIGN KEY (migration_id, business_date) REFERENCES migration.parallel_days ON DELETE CASCADE
);
CREATE INDEX ON migration.parallel_findings (migration_id, business_date);

-- A difference somebody has looked into and answers for, until it expires.
CREATE TABLE migration.known_differences (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    cause text NOT NULL,
    matches jsonb NOT NULL,
    reason text NOT NULL,
    owner text NOT NULL,
    max_cents bigint NOT NULL CHECK (max_cents > 0),
    expires_on date NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    ended_by text
);
COMMENT ON COLUMN migration.known_differences.matches IS 'what a finding must be to fall under the rule: {cause, part, item?, tender?, tax?, discount?}';
COMMENT ON COLUMN migration.known_differences.max_cents IS 'the most it explains per order; a larger difference stays unexplained';

-- What was seen in the window of what the restaurant has: each tender, tax class, dining option, discount, daypart.
CREATE TABLE migration.coverage (
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    dimension text NOT NULL CHECK (dimension IN ('tender', 'tax', 'order_type', 'discount', 'daypart', 'channel', 'charge')),
    name text NOT NULL,
    expected bigint NOT NULL,
    seen bigint NOT NULL,
    is_required boolean NOT NULL DEFAULT true,
    last_on date,
    measured_at timestamptz NOT NULL,
    PRIMARY KEY (migration_id, dimension, name)
);
COMMENT ON COLUMN migration.coverage.expected IS 'how often the year before had it in as many days';

-- What changed at the POS since the snapshot that was loaded, seen while following.
CREATE TABLE migration.drift (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    entity text NOT NULL,
    source_key text NOT NULL,
    label text NOT NULL DEFAULT '',
    changes jsonb NOT NULL DEFAULT '{}',
    action text NOT NULL,
    plan_id bigint,
    state text NOT NULL CHECK (state IN ('waiting', 'applied', 'superseded', 'declined')),
    seen_at timestamptz NOT NULL,
    settled_at timestamptz
);
CREATE INDEX ON migration.drift (migration_id, state, id);

CREATE TABLE migration.follows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    family text NOT NULL CHECK (family IN ('menu', 'people', 'rules', 'orders', 'all')),
    caused_by text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    read_until timestamptz,
    outcome text CHECK (outcome IN ('nothing', 'applied', 'waiting', 'failed')),
    plan_id bigint,
    counts jsonb NOT NULL DEFAULT '{}',
    problem text NOT NULL DEFAULT ''
);
COMMENT ON COLUMN migration.follows.noted_at IS 'real time; the others are business time';
COMMENT ON TABLE migration.follows IS 'every reading of the POS in the window; read_until: everything the POS had at that instant is in AuraConnect';
CREATE INDEX ON migration.follows (migration_id, id);

CREATE TABLE migration.integration_tests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    name text NOT NULL,
    passed boolean,
    value text NOT NULL,
    remedy text NOT NULL DEFAULT '',
    evidence jsonb NOT NULL DEFAULT '{}',
    ran_at timestamptz NOT NULL,
    ran_by text NOT NULL
);
COMMENT ON COLUMN migration.integration_tests.passed IS 'null: cannot be proven with the rights there are; value says why';
CREATE INDEX ON migration.integration_tests (migration_id, name, id);

-- A synthetic order is priced (never stored) every few seconds through load and switch: was service interrupted?
CREATE TABLE migration.probes (
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    at timestamptz NOT NULL,
    is_served boolean NOT NULL,
    by_book text NOT NULL CHECK (by_book IN ('pos', 'auraconnect', 'nobody')),
    milliseconds integer NOT NULL,
    pos_budget_left integer,
    problem text NOT NULL DEFAULT '',
    PRIMARY KEY (migration_id, at)
);

CREATE TABLE migration.waivers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    gate text NOT NULL,
    reason text NOT NULL,
    amount_cents bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    approved_by text NOT NULL,
    approved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    ended_by text
);

-- One switch of a channel, forward or back; its steps are the named places at which it can be stopped and taken up again.
CREATE TABLE migration.switches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    channel text NOT NULL CHECK (channel IN ('online', 'in_house', 'reporting', 'time_clock')),
    direction text NOT NULL CHECK (direction IN ('forward', 'back')),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'aborted')),
    step text NOT NULL DEFAULT 'asked',
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    forced_reason text NOT NULL DEFAULT '',
    paused_at timestamptz,
    resumed_at timestamptz,
    effective_at timestamptz,
    ended_at timestamptz,
    evidence jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX one_open_switch_per_migration ON migration.switches (migration_id) WHERE state = 'open';

CREATE TABLE migration.switch_steps (
    switch_id bigint NOT NULL REFERENCES migration.switches,
    number integer NOT NULL,
    name text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    detail jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (switch_id, number)
);

CREATE TABLE migration.switch_approvals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    channel text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('forward', 'back')),
    signed_by text NOT NULL,
    reason text NOT NULL DEFAULT '',
    gates_hash text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_by bigint REFERENCES migration.switches,
    UNIQUE NULLS NOT DISTINCT (migration_id, channel, direction, signed_by, used_by)
);

-- What happened in AuraConnect and has to stand in the old POS (or its files), while the way back is open.
CREATE TABLE migration.reverse_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    kind text NOT NULL CHECK (kind IN ('order', 'refund', 'void', 'menu', 'stock', 'customer', 'liability')),
    aura_table text NOT NULL,
    aura_id bigint NOT NULL,
    version text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'written', 'filed', 'failed')),
    content jsonb NOT NULL DEFAULT '{}',
    pos_key text,
    file_name text,
    problem text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    UNIQUE (migration_id, aura_table, aura_id, version)
);
COMMENT ON COLUMN migration.reverse_entries.version IS 'hash of what is to stand there: a later change of the same row is an entry of its own';

CREATE TABLE migration.rehearsals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    level text NOT NULL CHECK (level IN ('A', 'B', 'C')),
    passed boolean NOT NULL,
    evidence jsonb NOT NULL DEFAULT '{}',
    rehearsed_at timestamptz NOT NULL,
    rehearsed_by text NOT NULL
);

-- Scheduled and catering orders on the books at the switch: each stays with the old POS, or is entered again with its deposit.
CREATE TABLE migration.future_orders (
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    order_id bigint NOT NULL,
    decision text CHECK (decision IN ('stays', 'reentered')),
    deposit_cents bigint NOT NULL DEFAULT 0,
    reentered_order_id bigint,
    decided_by text,
    decided_at timestamptz,
    PRIMARY KEY (migration_id, order_id)
);

-- Who of the staff has read the sheet "what moved where"; a passed training may show it. People of the restaurant, by their ids.
CREATE TABLE migration.staff_confirmations (
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    staff_id bigint NOT NULL,
    sheet_hash text NOT NULL DEFAULT '',
    training_id bigint REFERENCES migration.trainings,
    confirmed_by text NOT NULL,
    confirmed_at timestamptz NOT NULL,
    PRIMARY KEY (migration_id, staff_id)
);

CREATE TABLE migration.check_ins (
    migration_id bigint NOT NULL REFERENCES migration.migrations,
    business_date date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('daily', 'go_no_go')),
    sha256 text NOT NULL,
    html bytea NOT NULL,
    pdf bytea,
    facts jsonb NOT NULL DEFAULT '{}',
    made_at timestamptz NOT NULL,
    PRIMARY KEY (migration_id, kind, business_date)
);

-- What AuraConnect itself goes by ------------------------------------------------------------------------------------
CREATE TABLE aura.channel_status (
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    channel text NOT NULL CHECK (channel IN ('online', 'in_house', 'reporting', 'time_clock')),
    accepts boolean NOT NULL,
    message text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, channel)
);
COMMENT ON TABLE aura.channel_status IS
    'whether AuraConnect takes orders of a channel; a location without rows was never migrated and takes all';

CREATE FUNCTION aura.switched_channel(channel text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE channel WHEN 'online' THEN 'online' WHEN 'third_party' THEN 'online' ELSE 'in_house' END
$$;
COMMENT ON FUNCTION aura.switched_channel IS 'the channel that is switched, of a channel that orders come by';

CREATE FUNCTION aura.refuse_order_elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held aura.channel_status;
BEGIN
    IF NEW.origin <> 'aura_native' THEN
        RETURN NEW;
    END IF;
    -- Shared: a switch changes the row only when no order is being written, and the next order sees the change.
    SELECT * INTO held FROM aura.channel_status s
    WHERE s.location_id = NEW.location_id AND s.channel = aura.switched_channel(NEW.channel) FOR SHARE;
    IF held.location_id IS NOT NULL AND NOT held.accepts THEN
        RAISE EXCEPTION '%', CASE held.message WHEN '' THEN 'AuraConnect does not take ' || held.channel || ' orders here yet.'
                             ELSE held.message END
            USING ERRCODE = 'AU001', HINT = 'The order is taken by the old POS.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER channel_must_accept BEFORE INSERT ON aura.orders
    FOR EACH ROW WHEN (NEW.origin = 'aura_native') EXECUTE FUNCTION aura.refuse_order_elsewhere();

-- An order that AuraConnect took and pushed to the POS, and the POS's copy of it, are found by each other.
CREATE INDEX ON aura.orders (location_id, external_id) WHERE origin = 'aura_native' AND external_id IS NOT NULL;
CREATE INDEX ON aura.orders (location_id, external_id) WHERE left(external_id, 5) = 'aura:';

CREATE TABLE aura.order_numbers (
    location_id bigint PRIMARY KEY REFERENCES aura.locations ON DELETE CASCADE,
    next_number bigint NOT NULL CHECK (next_number > 0)
);
CREATE FUNCTION aura.take_order_number(location bigint) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO aura.order_numbers AS n (location_id, next_number) VALUES (location, 2)
    ON CONFLICT (location_id) DO UPDATE SET next_number = n.next_number + 1 RETURNING next_number - 1
$$;

CREATE TABLE aura.features (
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    feature text NOT NULL,
    is_enabled boolean NOT NULL,
    changed_by text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, feature)
);
COMMENT ON TABLE aura.features IS 'what of AuraConnect is switched on at a location, step by step along the channels';

ALTER TABLE migration.requests DROP CONSTRAINT requests_kind_check;
ALTER TABLE migration.requests ADD CONSTRAINT requests_kind_check CHECK (kind IN (
    'preview', 'replan', 'run', 'verify', 'rollback', 'follow', 'reconcile', 'integration_tests', 'rehearse', 'switch', 'abort',
    'reverse', 'complete'));
