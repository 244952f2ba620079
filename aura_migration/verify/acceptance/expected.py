"""What is expected of the rows of one migration, as plain data: a query each, and what must hold of its columns.

Queries select ids, amounts and states, nothing personal: what they return may be shown. A ``%(name)s`` in a query stands for a
number of the migration: ``migration``, ``location``, ``plan``, ``restaurant``, ``integration``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["not_null", "between", "in_set", "unique", "row_count", "not_less"]


@dataclass(frozen=True)
class Expected:
    """One expectation, in a sentence. ``least`` and ``most`` bound it (between, row_count), ``other`` is the column not to exceed."""

    says: str
    kind: Kind
    column: str = ""
    least: float | int | None = None
    most: float | int | None = None
    values: tuple[str, ...] = ()
    other: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows of one kind and what is expected of them."""

    name: str
    doc: str
    query: str
    expected: tuple[Expected, ...]


def _mine(table: str, columns: str, more: str = "") -> str:
    """Rows of a table that this migration stands on."""
    return (
        f"SELECT t.id, {columns} FROM aura.{table} t JOIN migration.claims k ON k.aura_table = '{table}' AND k.aura_id = t.id "
        f"AND k.migration_id = %(migration)s WHERE t.deleted_at IS NULL {more}"
    )


def _count(entity: str, planned: Mapping[str, Mapping[str, int]]) -> tuple[Expected, ...]:
    """As many rows as the plan says were loaded, unchanged or merged; different records may have become one row."""
    counts = planned.get(entity)
    if counts is None:
        return ()
    merged = counts.get("merge", 0)
    standing = sum(counts.get(action, 0) for action in ("create", "update", "unchanged")) + merged
    return (
        Expected(
            f"as many {entity.replace('_', ' ')} as the plan says", "row_count", least=standing - merged, most=standing
        ),
    )


def _only_zero(column: str, says: str) -> Expected:
    return Expected(says, "between", column, 0, 0)


def _no_null(column: str, says: str) -> Expected:
    return Expected(says, "not_null", column)


def tables(planned: Mapping[str, Mapping[str, Any]]) -> tuple[Table, ...]:
    """Everything that is expected. ``planned`` are the plan's counts by entity and action."""
    return (*_menu(planned), *_rules(planned), *_people(planned), *_history())


def _menu(planned: Mapping[str, Mapping[str, int]]) -> tuple[Table, ...]:
    return (
        Table(
            "menu_items",
            "What can be sold.",
            _mine(
                "menu_items",
                "t.name, t.price_type, t.price_cents, (t.price_type IN ('fixed', 'per_unit') AND t.price_cents IS NULL "
                "AND NOT EXISTS (SELECT 1 FROM aura.menu_item_location_overrides o WHERE o.menu_item_id = t.id AND o.price_cents IS NOT NULL))::int AS lacks_price, "
                "(t.price_type = 'variation' AND NOT EXISTS (SELECT 1 FROM aura.menu_item_variations v WHERE v.menu_item_id = t.id AND v.deleted_at IS NULL))::int AS lacks_variations",
            ),
            (
                *_count("items", planned),
                _no_null("name", "every item has a name"),
                Expected(
                    "an item is priced in a way the till knows",
                    "in_set",
                    "price_type",
                    values=("fixed", "open", "per_unit", "variation"),
                ),
                Expected("no item costs less than nothing", "between", "price_cents", 0),
                _only_zero("lacks_price", "what has a fixed price has a price"),
                _only_zero("lacks_variations", "what is priced by its variations has some"),
            ),
        ),
        Table(
            "menu_item_variations",
            "Sizes and variants.",
            _mine("menu_item_variations", "t.menu_item_id, t.name, t.price_cents"),
            (
                *_count("variations", planned),
                _no_null("menu_item_id", "every variation is one of an item"),
                Expected("no variation costs less than nothing", "between", "price_cents", 0),
            ),
        ),
        Table(
            "modifiers",
            "Choices.",
            _mine(
                "modifiers",
                "t.modifier_group_id, t.price_type, (t.price_type = 'fixed' AND t.price_adjustment_cents IS NULL "
                "AND NOT EXISTS (SELECT 1 FROM aura.modifier_location_overrides o WHERE o.modifier_id = t.id AND o.price_cents IS NOT NULL) "
                "AND NOT EXISTS (SELECT 1 FROM aura.price_rules r WHERE r.modifier_id = t.id))::int AS lacks_price",
            ),
            (
                *_count("modifiers", planned),
                _no_null("modifier_group_id", "every choice is one of a group"),
                _only_zero("lacks_price", "a choice with a fixed price has a price"),
            ),
        ),
        Table(
            "menu_item_modifiers",
            "What an item asks for.",
            _mine(
                "menu_item_modifiers",
                "t.menu_item_id, t.modifier_group_id, t.location_id, t.min_selections, coalesce(t.max_selections, 2147483647)::bigint AS max_selections",
            ),
            (
                *_count("item_modifier_groups", planned),
                Expected(
                    "no group asks for more choices than it allows",
                    "not_less",
                    "max_selections",
                    other="min_selections",
                ),
                Expected(
                    "an item asks for a group once",
                    "unique",
                    columns=("menu_item_id", "modifier_group_id", "location_id"),
                ),
            ),
        ),
        Table(
            "tax_rates",
            "Taxes.",
            _mine(
                "tax_rates",
                "t.tax_type, t.rate_percent::float8 AS rate_percent, (t.tax_type = 'percent' AND t.rate_percent IS NULL)::int AS lacks_rate",
            ),
            (
                *_count("tax_rates", planned),
                Expected("a rate is a percentage", "between", "rate_percent", 0, 100),
                _only_zero("lacks_rate", "a percentage tax has its rate"),
            ),
        ),
        Table(
            "crosswalk",
            "Ways from the POS's ids to AuraConnect's.",
            "SELECT c.id, c.entity, c.source_key, c.aura_id FROM migration.crosswalk c WHERE c.integration_id = %(integration)s AND c.is_active",
            (
                Expected("an id of the POS leads to one record", "unique", columns=("entity", "source_key")),
                _no_null("aura_id", "no id of the POS leads nowhere"),
            ),
        ),
    )


def _rules(planned: Mapping[str, Mapping[str, int]]) -> tuple[Table, ...]:
    return (
        Table(
            "service_charges",
            "Service charges and gratuities.",
            _mine(
                "service_charges",
                "t.calculation, t.rate_percent::float8 AS rate_percent, "
                "(t.calculation = 'percent' AND t.rate_percent IS NULL OR t.calculation = 'fixed' AND t.amount_cents IS NULL)::int AS lacks_amount",
            ),
            (
                *_count("service_charges", planned),
                Expected("a charge takes no more than everything", "between", "rate_percent", 0, 100),
                _only_zero("lacks_amount", "a charge says how much"),
            ),
        ),
        Table(
            "pricing_rules",
            "Discounts.",
            _mine(
                "pricing_rules",
                "t.discount_percent::float8 AS discount_percent, t.discount_cents, "
                "(num_nonnulls(t.discount_percent, t.discount_cents, t.fixed_price_cents) = 0 AND NOT t.is_open_amount "
                "AND t.rule_type IN ('percentage_discount', 'fixed_discount', 'fixed_price'))::int AS lacks_amount",
            ),
            (
                *_count("pricing_rules", planned),
                Expected("a discount takes off no more than everything", "between", "discount_percent", 0, 100),
                Expected("no discount adds to the price", "between", "discount_cents", 0),
                _only_zero("lacks_amount", "a discount says how much, or that the cashier does"),
            ),
        ),
    )


def _people(planned: Mapping[str, Mapping[str, int]]) -> tuple[Table, ...]:
    return (
        Table(
            "customers",
            "Guests: who may be contacted.",
            _mine(
                "customers",
                "t.marketing_opt_in::int AS opted_in, (t.marketing_opt_in AND NOT EXISTS (SELECT 1 FROM aura.customer_consents c WHERE c.customer_id = t.id "
                "AND starts_with(c.purpose, 'marketing') AND c.status = 'granted' AND c.deleted_at IS NULL))::int AS without_consent",
            ),
            (
                *_count("customers", planned),
                _only_zero("without_consent", "nobody is contacted who did not agree"),
            ),
        ),
        Table(
            "gift_cards",
            "What is owed on gift cards.",
            _mine(
                "gift_cards",
                "t.balance_cents, t.balance_cents - coalesce((SELECT sum(x.amount_cents) FROM aura.gift_card_transactions x "
                "WHERE x.gift_card_id = t.id AND x.deleted_at IS NULL), 0) AS unexplained_cents",
            ),
            (
                *_count("gift_cards", planned),
                _only_zero("unexplained_cents", "every balance is what its ledger adds up to"),
            ),
        ),
    )


def _history() -> tuple[Table, ...]:
    live = "o.location_id = %(location)s AND o.deleted_at IS NULL"
    return (
        Table(
            "orders",
            "Every check adds up, unless the POS's own figures do not (those are flagged).",
            "SELECT o.id, o.business_date::text AS business_date, o.final_amount_cents - (o.subtotal_cents - o.discount_amount_cents "
            "+ o.service_charge_amount_cents + o.gratuity_cents + o.rounding_cents + o.tax_amount_cents - o.included_tax_cents) AS unexplained_cents, "
            "o.subtotal_cents - coalesce((SELECT sum(i.line_subtotal_cents) FROM aura.order_items i WHERE i.order_id = o.id AND NOT i.is_voided), 0) AS lines_differ_by "
            f"FROM aura.orders o WHERE {live} AND o.review_flags IS NULL AND NOT o.is_voided AND o.status <> 'cancelled'",
            (
                _no_null("business_date", "every check belongs to a business day"),
                _only_zero("unexplained_cents", "a check is what its parts come to"),
                _only_zero("lines_differ_by", "a check's lines come to its subtotal"),
            ),
        ),
        Table(
            "order_items",
            "Lines lead to what they sold.",
            "SELECT i.id, i.order_id, (i.menu_item_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM aura.menu_items m WHERE m.id = i.menu_item_id))::int AS dangles, "
            f"i.quantity::float8 AS quantity FROM aura.order_items i JOIN aura.orders o ON o.id = i.order_id WHERE {live}",
            (_only_zero("dangles", "no line points at an item that is not there"),),
        ),
        Table(
            "payments",
            "Money that came in.",
            f"SELECT o.id, o.amount_cents, o.tip_amount_cents, o.status, (o.order_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM aura.orders x WHERE x.id = o.order_id))::int AS dangles "
            f"FROM aura.payments o WHERE {live}",
            (
                _no_null("amount_cents", "every payment says how much"),
                Expected("no tip is negative", "between", "tip_amount_cents", 0),
                _only_zero("dangles", "no payment points at an order that is not there"),
            ),
        ),
        Table(
            "report_daily_sales",
            "The daily report is what the orders of the day come to.",
            "SELECT r.business_date::text AS business_date, r.gross_sales_cents - coalesce((SELECT sum(i.line_subtotal_cents) "
            "FROM aura.orders o JOIN aura.order_items i ON i.order_id = o.id AND NOT i.is_voided AND i.revenue_class = 'sale' "
            f"WHERE {live} AND o.business_date = r.business_date AND o.status = 'completed' AND NOT o.is_voided AND NOT o.voided_at_source), 0) "
            "AS unexplained_cents FROM aura.report_daily_sales r WHERE r.location_id = %(location)s",
            (
                _no_null("business_date", "every row is of a business day"),
                _only_zero("unexplained_cents", "gross sales of a day are its lines'"),
            ),
        ),
    )
