-- What revision 0004 adds beside its tables: what a tax rate says beyond its percentage, and the views with AuraConnect's names.

ALTER TABLE aura.tax_rates
    ADD COLUMN on_taxes boolean,
    ADD COLUMN taxes_open_amounts boolean;

ALTER TABLE migration.reports DROP CONSTRAINT reports_kind_check;
ALTER TABLE migration.reports ADD CONSTRAINT reports_kind_check
    CHECK (kind IN ('preflight', 'audit', 'losses', 'people', 'inferred', 'acceptance'));

CREATE VIEW auraconnect.order_types AS
SELECT o.*,
       (o.min_order_cents / 100.0)::numeric(14, 2) AS min_order,
       (o.max_order_cents / 100.0)::numeric(14, 2) AS max_order,
       (o.fee_cents / 100.0)::numeric(14, 2) AS fee
FROM aura.order_types o;
CREATE VIEW auraconnect.revenue_centers AS SELECT * FROM aura.revenue_centers;
CREATE VIEW auraconnect.tender_types AS SELECT * FROM aura.tender_types;
CREATE VIEW auraconnect.service_charges AS
SELECT s.*,
       (s.amount_cents / 100.0)::numeric(14, 2) AS amount,
       (s.min_check_cents / 100.0)::numeric(14, 2) AS min_check,
       (s.max_check_cents / 100.0)::numeric(14, 2) AS max_check
FROM aura.service_charges s;
CREATE VIEW auraconnect.service_charge_taxes AS SELECT * FROM aura.service_charge_taxes;
CREATE VIEW auraconnect.pricing_rules AS
SELECT r.*,
       coalesce(r.discount_percent, (r.discount_cents / 100.0))::numeric(12, 4) AS discount_value,
       (r.max_discount_cents / 100.0)::numeric(14, 2) AS max_discount_amount,
       (r.min_order_cents / 100.0)::numeric(14, 2) AS min_order_amount
FROM aura.pricing_rules r;
CREATE VIEW auraconnect.pricing_rule_targets AS SELECT * FROM aura.pricing_rule_targets;
CREATE VIEW auraconnect.tax_table_rows AS
SELECT t.*,
       (t.start_cents / 100.0)::numeric(14, 2) AS start_amount,
       (t.end_cents / 100.0)::numeric(14, 2) AS end_amount,
       (t.tax_cents / 100.0)::numeric(14, 2) AS tax
FROM aura.tax_table_rows t;
CREATE VIEW auraconnect.tax_exceptions AS SELECT * FROM aura.tax_exceptions;
CREATE VIEW auraconnect.tip_suggestions AS
SELECT t.*, (t.amount_cents / 100.0)::numeric(14, 2) AS amount FROM aura.tip_suggestions t;
CREATE VIEW auraconnect.opening_hours AS SELECT * FROM aura.opening_hours;
CREATE VIEW auraconnect.settings AS SELECT * FROM aura.settings;
