-- Views of people and liabilities with AuraConnect's own numeric names.

CREATE VIEW auraconnect.customers AS
SELECT c.*, (c.total_spent_cents / 100.0)::numeric(14, 2) AS total_spent FROM aura.customers c;
CREATE VIEW auraconnect.customer_addresses AS SELECT * FROM aura.customer_addresses;
CREATE VIEW auraconnect.customer_consents AS SELECT * FROM aura.customer_consents;
CREATE VIEW auraconnect.loyalty_programs AS SELECT * FROM aura.loyalty_programs;
CREATE VIEW auraconnect.reward_templates AS
SELECT r.*, (r.value_cents / 100.0)::numeric(10, 2) AS value FROM aura.reward_templates r;
CREATE VIEW auraconnect.loyalty_accounts AS SELECT * FROM aura.loyalty_accounts;
CREATE VIEW auraconnect.customer_rewards_v2 AS SELECT * FROM aura.customer_rewards_v2;
CREATE VIEW auraconnect.loyalty_points_transactions AS SELECT * FROM aura.loyalty_points_transactions;
CREATE VIEW auraconnect.gift_cards AS
SELECT g.*, (g.balance_cents / 100.0)::numeric(12, 2) AS balance, (g.initial_cents / 100.0)::numeric(12, 2) AS initial
FROM aura.gift_cards g;
CREATE VIEW auraconnect.gift_card_transactions AS
SELECT t.*, (t.amount_cents / 100.0)::numeric(12, 2) AS amount FROM aura.gift_card_transactions t;
CREATE VIEW auraconnect.house_accounts AS
SELECT h.*, (h.balance_cents / 100.0)::numeric(12, 2) AS balance FROM aura.house_accounts h;
CREATE VIEW auraconnect.roles AS SELECT * FROM aura.roles;
CREATE VIEW auraconnect.staff_members AS SELECT * FROM aura.staff_members;
CREATE VIEW auraconnect.staff_jobs AS
SELECT j.*, (j.hourly_rate_cents / 100.0)::numeric(10, 2) AS hourly_rate FROM aura.staff_jobs j;
CREATE VIEW auraconnect.attendance_logs AS SELECT * FROM aura.attendance_logs;
CREATE VIEW auraconnect.employee_payments AS
SELECT p.*, (p.gross_pay_cents / 100.0)::numeric(12, 2) AS gross_pay FROM aura.employee_payments p;
