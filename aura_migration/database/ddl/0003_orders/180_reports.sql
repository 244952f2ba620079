-- Reports of a location by business date, made from orders, payments, refunds and time worked by migration/reports/sales.
-- They hold nothing that cannot be made again: rows are deleted and written anew for the days that changed. Amounts are
-- minor units. What each column means is said in docs/reports.md; the names of persons are never in them.

CREATE TABLE aura.report_daily_sales (
    restaurant_id bigint NOT NULL REFERENCES aura.restaurants ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    business_date date NOT NULL,
    checks bigint NOT NULL,
    groups bigint NOT NULL,
    guests bigint,
    gross_sales_cents bigint NOT NULL,
    discounts_cents bigint NOT NULL,
    comps_cents bigint NOT NULL,
    included_tax_cents bigint NOT NULL,
    net_item_sales_cents bigint NOT NULL
        GENERATED ALWAYS AS (gross_sales_cents - discounts_cents - comps_cents - included_tax_cents) STORED,
    service_charges_cents bigint NOT NULL,
    net_sales_cents bigint NOT NULL GENERATED ALWAYS AS
        (gross_sales_cents - discounts_cents - comps_cents - included_tax_cents + service_charges_cents) STORED,
    taxed_sales_cents bigint NOT NULL,
    marketplace_taxed_sales_cents bigint NOT NULL,
    exempt_sales_cents bigint NOT NULL,
    untaxed_sales_cents bigint NOT NULL,
    tax_cents bigint NOT NULL,
    marketplace_tax_cents bigint NOT NULL,
    gratuity_cents bigint NOT NULL,
    fundraising_cents bigint NOT NULL,
    rounding_cents bigint NOT NULL,
    gift_card_loads_cents bigint NOT NULL,
    house_account_payments_cents bigint NOT NULL,
    deposits_cents bigint NOT NULL,
    donations_cents bigint NOT NULL,
    non_revenue_cents bigint NOT NULL,
    total_cents bigint NOT NULL,
    payments bigint NOT NULL,
    paid_cents bigint NOT NULL,
    tips_cents bigint NOT NULL,
    fees_cents bigint NOT NULL,
    refunds bigint NOT NULL,
    refunded_cents bigint NOT NULL,
    refunded_sales_cents bigint NOT NULL,
    refunded_tax_cents bigint NOT NULL,
    refunded_tips_cents bigint NOT NULL,
    refunded_charges_cents bigint NOT NULL,
    refunded_non_sale_cents bigint NOT NULL,
    refunded_sales_by_sale_day_cents bigint NOT NULL,
    net_sales_after_refunds_cents bigint NOT NULL GENERATED ALWAYS AS
        (gross_sales_cents - discounts_cents - comps_cents - included_tax_cents + service_charges_cents
         - refunded_sales_cents - refunded_charges_cents) STORED,
    voided_checks bigint NOT NULL,
    voided_check_amount_cents bigint NOT NULL,
    voided_lines bigint NOT NULL,
    voided_line_amount_cents bigint NOT NULL,
    open_checks bigint NOT NULL,
    open_check_amount_cents bigint NOT NULL,
    flagged_checks bigint NOT NULL,
    labour_hours numeric,
    average_check_cents bigint GENERATED ALWAYS AS (round(
        (gross_sales_cents - discounts_cents - comps_cents - included_tax_cents + service_charges_cents)::numeric
        / nullif(checks, 0))) STORED,
    sales_per_labour_hour_cents bigint GENERATED ALWAYS AS (round(
        (gross_sales_cents - discounts_cents - comps_cents - included_tax_cents + service_charges_cents)
        / nullif(labour_hours, 0))) STORED,
    PRIMARY KEY (location_id, business_date)
);
COMMENT ON COLUMN aura.report_daily_sales.guests IS 'null: no check of the day says how many there were';
COMMENT ON COLUMN aura.report_daily_sales.total_cents IS
    'payable of the day''s checks, tips apart: net sales + tax + gratuity + fundraising + rounding + what is no sale, where the POS''s figures add up';
COMMENT ON COLUMN aura.report_daily_sales.refunded_sales_by_sale_day_cents IS
    'refunded_sales_cents had refunds been booked on the day of their sale';

CREATE TABLE aura.report_hourly_sales (
    restaurant_id bigint NOT NULL REFERENCES aura.restaurants ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    business_date date NOT NULL,
    hour smallint CHECK (hour BETWEEN 0 AND 23),
    checks bigint NOT NULL,
    groups bigint NOT NULL,
    gross_sales_cents bigint NOT NULL,
    discounts_cents bigint NOT NULL,
    net_sales_cents bigint NOT NULL,
    total_cents bigint NOT NULL,
    UNIQUE NULLS NOT DISTINCT (location_id, business_date, hour)
);
COMMENT ON COLUMN aura.report_hourly_sales.hour IS
    'on the clock of the location; after midnight it may belong to the business date before; null: the check has no instant';
COMMENT ON COLUMN aura.report_hourly_sales.groups IS 'groups whose first check falls into the hour: a day''s sum is the day''s groups';

CREATE TABLE aura.report_product_mix (
    restaurant_id bigint NOT NULL REFERENCES aura.restaurants ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    business_date date NOT NULL,
    revenue_class text NOT NULL,
    category_name text NOT NULL,
    item_name text NOT NULL,
    variation_name text NOT NULL,
    menu_item_id bigint,
    variation_id bigint,
    lines bigint NOT NULL,
    quantity numeric NOT NULL,
    gross_cents bigint NOT NULL,
    modifiers_cents bigint NOT NULL,
    discounts_cents bigint NOT NULL,
    included_tax_cents bigint NOT NULL,
    net_cents bigint NOT NULL GENERATED ALWAYS AS (gross_cents - discounts_cents - included_tax_cents) STORED,
    refunded_quantity numeric NOT NULL,
    refunded_cents bigint NOT NULL,
    UNIQUE NULLS NOT DISTINCT
        (location_id, business_date, revenue_class, category_name, item_name, variation_name, menu_item_id, variation_id)
);
COMMENT ON COLUMN aura.report_product_mix.item_name IS 'the name on the bill; menu_item_id is the item whatever its name was';
COMMENT ON COLUMN aura.report_product_mix.category_name IS
    'the category on the bill, else the item''s primary category in AuraConnect; empty: none';

CREATE TABLE aura.report_category_sales (
    restaurant_id bigint NOT NULL REFERENCES aura.restaurants ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    business_date date NOT NULL,
    revenue_class text NOT NULL,
    category_name text NOT NULL,
    lines bigint NOT NULL,
    quantity numeric NOT NULL,
    gross_cents bigint NOT NULL,
    discounts_cents bigint NOT NULL,
    included_tax_cents bigint NOT NULL,
    net_cents bigint NOT NULL GENERATED ALWAYS AS (gross_cents - discounts_cents - included_tax_cents) STORED,
    refunded_cents bigint NOT NULL,
    PRIMARY KEY (location_id, business_date, revenue_class, category_name)
);

CREATE TABLE aura.report_tenders (
    restaurant_id bigint NOT NULL REFERENCES aura.restaurants ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    business_date date NOT NULL,
    method text NOT NULL,
    tender_name text NOT NULL,
    payments bigint NOT NULL,
    amount_cents bigint NOT NULL,
    tips_cents bigint NOT NULL,
    fees_cents bigint NOT NULL,
    refunds bigint NOT NULL,
    refunded_cents bigint NOT NULL,
    collected_cents bigint NOT NULL GENERATED ALWAYS AS (amount_cents + tips_cents - refunded_cents) STORED,
    PRIMARY KEY (location_id, business_date, method, tender_name)
);
COMMENT ON COLUMN aura.report_tenders.amount_cents IS 'payments without tips; refunded_cents is all that went back, tips in it';

CREATE TABLE aura.report_taxes (
    restaurant_id bigint NOT NULL REFERENCES aura.restaurants ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    business_date date NOT NULL,
    name text NOT NULL,
    rate_percent numeric,
    is_inclusive boolean NOT NULL,
    remitted_by text NOT NULL,
    checks bigint NOT NULL,
    taxable_cents bigint NOT NULL,
    tax_cents bigint NOT NULL,
    refunded_tax_cents bigint NOT NULL,
    UNIQUE NULLS NOT DISTINCT (location_id, business_date, name, rate_percent, is_inclusive, remitted_by)
);
COMMENT ON COLUMN aura.report_taxes.taxable_cents IS
    'as the POS states it, else the net of what carries the tax; what carries two taxes is in both rows';
COMMENT ON COLUMN aura.report_taxes.refunded_tax_cents IS
    'tax given back that day, spread over the rates of the sale as they were charged; name empty: the sale is not known';

CREATE TABLE aura.report_channels (
    restaurant_id bigint NOT NULL REFERENCES aura.restaurants ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    business_date date NOT NULL,
    channel text NOT NULL,
    order_type text NOT NULL,
    checks bigint NOT NULL,
    groups bigint NOT NULL,
    guests bigint,
    gross_sales_cents bigint NOT NULL,
    discounts_cents bigint NOT NULL,
    net_sales_cents bigint NOT NULL,
    tax_cents bigint NOT NULL,
    marketplace_tax_cents bigint NOT NULL,
    gratuity_cents bigint NOT NULL,
    total_cents bigint NOT NULL,
    PRIMARY KEY (location_id, business_date, channel, order_type)
);
COMMENT ON COLUMN aura.report_channels.discounts_cents IS 'discounts and comps together; here and by hour';

CREATE TABLE aura.report_discounts (
    restaurant_id bigint NOT NULL REFERENCES aura.restaurants ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    business_date date NOT NULL,
    name text NOT NULL,
    is_comp boolean NOT NULL,
    reason text NOT NULL,
    discounts bigint NOT NULL,
    checks bigint NOT NULL,
    amount_cents bigint NOT NULL,
    PRIMARY KEY (location_id, business_date, name, is_comp, reason)
);

CREATE TABLE aura.report_staff (
    restaurant_id bigint NOT NULL REFERENCES aura.restaurants ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES aura.locations ON DELETE CASCADE,
    business_date date NOT NULL,
    staff_id bigint,
    checks bigint NOT NULL,
    groups bigint NOT NULL,
    guests bigint,
    gross_sales_cents bigint NOT NULL,
    discounts_cents bigint NOT NULL,
    comps_cents bigint NOT NULL,
    net_sales_cents bigint NOT NULL,
    gratuity_cents bigint NOT NULL,
    tips_cents bigint NOT NULL,
    voided_checks bigint NOT NULL,
    voided_check_amount_cents bigint NOT NULL,
    voided_lines bigint NOT NULL,
    voided_line_amount_cents bigint NOT NULL,
    labour_hours numeric,
    average_check_cents bigint GENERATED ALWAYS AS (round(net_sales_cents::numeric / nullif(checks, 0))) STORED,
    sales_per_labour_hour_cents bigint GENERATED ALWAYS AS (round(net_sales_cents / nullif(labour_hours, 0))) STORED,
    UNIQUE NULLS NOT DISTINCT (location_id, business_date, staff_id)
);
COMMENT ON COLUMN aura.report_staff.staff_id IS 'whose check it was, who got the tip, who voided, who worked; null: the POS does not say';
COMMENT ON COLUMN aura.report_staff.labour_hours IS 'time worked without unpaid breaks; null: no time worked is known';

-- Views with AuraConnect's own numeric names, one per report, from the tables themselves.
DO $views$
DECLARE
    report record;
BEGIN
    FOR report IN
        SELECT t.relname AS name, string_agg(
            CASE WHEN a.attname LIKE '%\_cents'
                 THEN format('(r.%I / 100.0)::numeric(14, 2) AS %I', a.attname, regexp_replace(a.attname, '_cents$', ''))
            END, ', ' ORDER BY a.attnum) AS amounts
        FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE t.relnamespace = 'aura'::regnamespace AND t.relname LIKE 'report\_%' AND t.relkind = 'r'
        GROUP BY t.relname ORDER BY t.relname
    LOOP
        EXECUTE format('CREATE VIEW auraconnect.%I AS SELECT r.*, %s FROM aura.%I r', report.name, report.amounts, report.name);
    END LOOP;
END
$views$;
