-- Views of orders and money with AuraConnect's own numeric names.

CREATE VIEW auraconnect.order_groups AS
SELECT o.*
FROM aura.order_groups o;
CREATE VIEW auraconnect.orders AS
SELECT o.*,
       (o.subtotal_cents / 100.0)::numeric(14, 2) AS subtotal,
       (o.final_amount_cents / 100.0)::numeric(14, 2) AS final_amount,
       (o.non_sale_cents / 100.0)::numeric(14, 2) AS non_sale,
       (o.discount_amount_cents / 100.0)::numeric(14, 2) AS discount_amount,
       (o.service_charge_amount_cents / 100.0)::numeric(14, 2) AS service_charge_amount,
       (o.gratuity_cents / 100.0)::numeric(14, 2) AS gratuity,
       (o.rounding_cents / 100.0)::numeric(14, 2) AS rounding,
       (o.tax_amount_cents / 100.0)::numeric(14, 2) AS tax_amount,
       (o.included_tax_cents / 100.0)::numeric(14, 2) AS included_tax,
       (o.total_amount_cents / 100.0)::numeric(14, 2) AS total_amount,
       (o.tip_amount_cents / 100.0)::numeric(14, 2) AS tip_amount
FROM aura.orders o;
CREATE VIEW auraconnect.order_items AS
SELECT o.*,
       (o.price_cents / 100.0)::numeric(14, 2) AS price,
       (o.line_subtotal_cents / 100.0)::numeric(14, 2) AS line_subtotal,
       (o.modifiers_cents / 100.0)::numeric(14, 2) AS modifiers,
       (o.line_discount_cents / 100.0)::numeric(14, 2) AS line_discount,
       (o.line_tax_cents / 100.0)::numeric(14, 2) AS line_tax,
       (o.included_tax_cents / 100.0)::numeric(14, 2) AS included_tax
FROM aura.order_items o;
CREATE VIEW auraconnect.order_item_modifiers AS
SELECT o.*,
       (o.price_adjustment_cents / 100.0)::numeric(14, 2) AS price_adjustment,
       (o.amount_cents / 100.0)::numeric(14, 2) AS amount
FROM aura.order_item_modifiers o;
CREATE VIEW auraconnect.order_discounts AS
SELECT o.*,
       (o.amount_cents / 100.0)::numeric(14, 2) AS amount
FROM aura.order_discounts o;
CREATE VIEW auraconnect.order_service_charges AS
SELECT o.*,
       (o.amount_cents / 100.0)::numeric(14, 2) AS amount,
       (o.tax_cents / 100.0)::numeric(14, 2) AS tax
FROM aura.order_service_charges o;
CREATE VIEW auraconnect.order_taxes AS
SELECT o.*,
       (o.amount_cents / 100.0)::numeric(14, 2) AS amount,
       (o.taxable_amount_cents / 100.0)::numeric(14, 2) AS taxable_amount
FROM aura.order_taxes o;
CREATE VIEW auraconnect.payments AS
SELECT p.*,
       (p.amount_cents / 100.0)::numeric(14, 2) AS amount,
       (p.tip_amount_cents / 100.0)::numeric(14, 2) AS tip_amount,
       (p.fee_amount_cents / 100.0)::numeric(14, 2) AS fee_amount,
       (p.tendered_cents / 100.0)::numeric(14, 2) AS tendered,
       (p.change_cents / 100.0)::numeric(14, 2) AS change,
       (p.net_amount_cents / 100.0)::numeric(14, 2) AS net_amount
FROM aura.payments p;
CREATE VIEW auraconnect.payment_fees AS
SELECT p.*,
       (p.amount_cents / 100.0)::numeric(14, 2) AS amount
FROM aura.payment_fees p;
CREATE VIEW auraconnect.tip_records AS
SELECT t.*,
       (t.tip_amount_cents / 100.0)::numeric(14, 2) AS tip_amount
FROM aura.tip_records t;
CREATE VIEW auraconnect.refunds AS
SELECT r.*,
       (r.amount_cents / 100.0)::numeric(14, 2) AS amount,
       (r.net_cents / 100.0)::numeric(14, 2) AS net,
       (r.tax_cents / 100.0)::numeric(14, 2) AS tax,
       (r.tip_refunded_cents / 100.0)::numeric(14, 2) AS tip_refunded,
       (r.charge_cents / 100.0)::numeric(14, 2) AS charge,
       (r.fee_refunded_cents / 100.0)::numeric(14, 2) AS fee_refunded
FROM aura.refunds r;
CREATE VIEW auraconnect.refund_items AS
SELECT r.*,
       (r.gross_cents / 100.0)::numeric(14, 2) AS gross,
       (r.discount_cents / 100.0)::numeric(14, 2) AS discount,
       (r.tax_cents / 100.0)::numeric(14, 2) AS tax,
       (r.net_cents / 100.0)::numeric(14, 2) AS net
FROM aura.refund_items r;
CREATE VIEW auraconnect.payouts AS
SELECT p.*,
       (p.amount_cents / 100.0)::numeric(14, 2) AS amount
FROM aura.payouts p;
CREATE VIEW auraconnect.payout_entries AS
SELECT p.*,
       (p.gross_cents / 100.0)::numeric(14, 2) AS gross,
       (p.fee_cents / 100.0)::numeric(14, 2) AS fee,
       (p.net_cents / 100.0)::numeric(14, 2) AS net
FROM aura.payout_entries p;
CREATE VIEW auraconnect.cash_drawer_shifts AS
SELECT c.*,
       (c.opening_cents / 100.0)::numeric(14, 2) AS opening,
       (c.expected_cents / 100.0)::numeric(14, 2) AS expected,
       (c.counted_cents / 100.0)::numeric(14, 2) AS counted
FROM aura.cash_drawer_shifts c;
CREATE VIEW auraconnect.cash_events AS
SELECT c.*,
       (c.amount_cents / 100.0)::numeric(14, 2) AS amount
FROM aura.cash_events c;
CREATE VIEW auraconnect.deposits AS
SELECT d.*,
       (d.amount_cents / 100.0)::numeric(14, 2) AS amount
FROM aura.deposits d;
CREATE VIEW auraconnect.house_account_movements AS
SELECT h.*,
       (h.amount_cents / 100.0)::numeric(14, 2) AS amount
FROM aura.house_account_movements h;
