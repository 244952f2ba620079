"""Rules of business that the POS does not show, concluded from the orders it took.

Read are the staged orders of a migration and those that stand in AuraConnect already, so that a second preview of the same past
concludes the same. A conclusion is a row like any other with ``is_inferred`` and its evidence; whoever approves the plan confirms
it. Only what history decides is concluded: what it leaves open stays out. What the POS states itself is never overruled.

How a check is calculated (roundings, order of discounts) is concluded by order replay, not here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg import sql

from aura_migration.canonical.history import shapes
from aura_migration.canonical.model import Batch
from aura_migration.core.ids import content_hash
from aura_migration.database.connections import Connection

FEWEST_ORDERS = 3
"""What fewer orders show is chance."""
ALWAYS = Decimal("0.97")
"""So much of all cases counts as a rule: cashiers take a charge off now and then."""
STILL_IN_USE = timedelta(days=60)
"""Last seen so long before the last order, a rule counts as given up."""
TIPS_SHARE = Decimal("0.04")
FEWEST_TIPS = 10
TIPS_STAND_OUT = 3
MOST_TIPS = 4
TENDER_METHODS = {"bank": "external", "wallet": "external", "store_credit": "house_account"}
"""Ways of paying of the history, in the words of tender types where those differ."""
OWN_TENDERS = ("other", "external", "house_account", "check")


class Charged(NamedTuple):
    """One charge put on orders alike: orders with it, days, and how its amount fits."""

    name: str
    charge_class: str
    percentage: Decimal | None
    amount: int | None
    """The one amount, where there is no percentage and it never differs."""
    is_taxable: bool
    paid_to: str
    in_lines: bool
    keys: list[str]
    orders: int
    first: date
    last: date
    of_gross: int
    """Orders whose charge is that percentage of lines before discounts, among those where this makes a difference."""
    of_net: int
    fewest_guests: int | None
    guests_with: int
    """Orders of so many guests or more that have it …"""
    guests_without: int
    """… and that do not."""
    without_guests: int
    """Orders with it that do not say how many guests there were."""
    types: list[str]
    all_of_types: int
    """Orders of the types it was put on, with it or not."""
    examples: list[str]


class Discounted(NamedTuple):
    """One discount given alike."""

    name: str
    percentage: Decimal | None
    amount: int | None
    is_line: bool
    is_comp: bool
    approved: int
    keys: list[str]
    orders: int
    first: date
    last: date
    cents: int
    examples: list[str]


class Tendered(NamedTuple):
    """One way of paying."""

    method: str
    tender_name: str
    payments: int
    tipped: int
    cents: int
    first: date
    last: date


@dataclass
class Figures:
    """What the orders of a location show, counted."""

    orders: int = 0
    last: date | None = None
    charges: list[Charged] = field(default_factory=list)
    discounts: list[Discounted] = field(default_factory=list)
    tenders: list[Tendered] = field(default_factory=list)
    order_types: dict[str, int] = field(default_factory=dict)
    tips: dict[str, dict[int, int]] = field(default_factory=dict)
    """By what they are a percentage of ("net", "total"): orders tipped exactly that whole percentage."""
    tipped: int = 0
    cash_orders: int = 0
    rounded_orders: int = 0
    moved: dict[str, int] = field(default_factory=dict)
    """By key of a discount, charge or tax: minor units that went through it, without sign."""
    coins: int = 0
    """The largest of 5, 10, 50, 100 of which, since the first was rounded, cash bills are multiples; 0: none."""


def look_back(connection: Connection, migration_id: int, location_id: int | None) -> Figures:
    """What the orders of a migration's location show, counted. Leaves nothing behind in the database.

    ``location_id`` is AuraConnect's, None before the first load.
    """
    with connection.transaction(force_rollback=True):
        return read_figures(connection, migration_id, location_id)


# -- from figures to rows -----------------------------------------------------------------------------------------------


def conclude(figures: Figures, stated: Batch) -> Batch:
    """The rows that follow from the figures beyond what the POS states. Pure: the same figures, the same rows.

    ``stated`` are the rows of the POS itself: what it names is not concluded again.
    """
    batch = Batch()
    if figures.last is None:
        return batch
    known: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)
    for row in stated.rows:
        known[row.entity].add(row.key)
        names[row.entity].add(str(row.values.get("name") or "").casefold().strip())
    _charges(batch, figures, known["service_charges"], names["service_charges"])
    _discounts(batch, figures, known["pricing_rules"], names["pricing_rules"])
    if not known["tender_types"]:
        _tenders(batch, figures)
    if not known["order_types"]:
        _order_types(batch, figures)
    at_the_till = [
        row
        for row in stated.rows
        if row.entity == "tip_suggestions" and row.values.get("channel") in (None, "in_house")
    ]
    if not at_the_till:
        _tips(batch, figures)
    _coins(batch, figures)
    return batch


def _charges(batch: Batch, figures: Figures, known: set[str], names: set[str]) -> None:
    found = [c for c in figures.charges if not known & set(c.keys) and c.name.casefold().strip() not in names]
    for number, c in enumerate(sorted(found, key=lambda c: (c.name, c.charge_class, str(c.percentage)))):
        if c.orders < FEWEST_ORDERS or c.charge_class == "cash_rounding":
            continue
        guests = None
        counted = c.guests_with + c.guests_without
        if c.fewest_guests is not None and c.fewest_guests > 1 and counted and not c.without_guests:
            guests = c.fewest_guests if Decimal(c.guests_with) / counted >= ALWAYS else None
        share = Decimal(c.orders) / c.all_of_types if c.all_of_types else Decimal(0)
        is_automatic = guests is not None or share >= ALWAYS
        by_type = is_automatic and guests is None and c.all_of_types < figures.orders and "unknown" not in c.types
        calculation = "percent" if c.percentage is not None else "fixed" if c.amount is not None else "open"
        batch.add(
            "service_charges",
            _key("charge", c.name, c.charge_class, c.percentage),
            name=c.name,
            calculation=calculation,
            rate_percent=_exact(c.percentage),
            amount_cents=c.amount if calculation == "fixed" else None,
            charge_class=c.charge_class,
            paid_to=c.paid_to,
            base=_base(c),
            into_lines=c.in_lines,
            is_taxable=c.is_taxable,
            is_automatic=is_automatic,
            min_guests=guests,
            order_types=sorted(c.types) if by_type else None,
            is_active=_in_use(c.last, figures),
            display_order=number,
            is_inferred=True,
            evidence={
                **_seen(c.orders, c.first, c.last, c.examples),
                **({"guests_from": guests, "with": c.guests_with, "without": c.guests_without} if guests else {}),
                **({"of_gross": c.of_gross, "of_net": c.of_net} if c.percentage is not None else {}),
            },
        )


def _base(c: Charged) -> str | None:
    """What the percentage is of, where discounted orders decide it without exception."""
    if c.of_net >= FEWEST_ORDERS and not c.of_gross:
        return "net"
    if c.of_gross >= FEWEST_ORDERS and not c.of_net:
        return "gross"
    return None


def _discounts(batch: Batch, figures: Figures, known: set[str], names: set[str]) -> None:
    found = [d for d in figures.discounts if not known & set(d.keys) and d.name.casefold().strip() not in names]
    for number, d in enumerate(sorted(found, key=lambda d: (d.name, str(d.percentage), d.is_line))):
        if d.orders < FEWEST_ORDERS:
            continue
        is_open = d.percentage is None and d.amount is None
        batch.add(
            "pricing_rules",
            _key("discount", d.name, d.percentage, d.amount, d.is_line),
            name=d.name,
            rule_type="percentage_discount" if d.percentage is not None else "fixed_discount",
            status="active" if _in_use(d.last, figures) else "inactive",
            scope="line" if d.is_line else "check",
            discount_percent=_exact(d.percentage),
            discount_cents=d.amount if d.percentage is None else None,
            is_open_amount=is_open,
            is_automatic=False,
            is_comp=d.is_comp,
            requires_approval=True if d.approved == d.orders else None,
            priority=0,
            display_order=number,
            is_inferred=True,
            evidence={**_seen(d.orders, d.first, d.last, d.examples), "cents": d.cents, "approved": d.approved},
        )


def _tenders(batch: Batch, figures: Figures) -> None:
    for number, t in enumerate(sorted(figures.tenders, key=lambda t: (-t.payments, t.method, t.tender_name))):
        method = TENDER_METHODS.get(t.method, t.method)
        batch.add(
            "tender_types",
            _key("tender", t.method, t.tender_name),
            name=t.tender_name,
            method=method,
            code=t.method,
            is_custom=method in OWN_TENDERS,
            supports_tipping=True if t.tipped else None,
            is_active=_in_use(t.last, figures),
            display_order=number,
            is_inferred=True,
            evidence={"payments": t.payments, "cents": t.cents, "from": str(t.first), "to": str(t.last)},
        )


def _order_types(batch: Batch, figures: Figures) -> None:
    found = sorted(figures.order_types.items(), key=lambda pair: (-pair[1], pair[0]))
    for number, (word, orders) in enumerate(found):
        batch.add(
            "order_types",
            _key("order_type", word),
            name=word.replace("_", " ").capitalize(),
            order_type=word,
            is_taxable=True,
            is_default=not number,
            is_hidden=False,
            is_active=True,
            display_order=number,
            is_inferred=True,
            evidence={"orders": orders},
        )


def _tips(batch: Batch, figures: Figures) -> None:
    """Percentages that guests hit to the cent far more often than chance would: those the till offers."""
    base, counts = max(figures.tips.items(), key=lambda pair: (sum(pair[1].values()), pair[0]), default=("", {}))
    least = max(Decimal(FEWEST_TIPS), figures.tipped * TIPS_SHARE)
    standing_out = [percent for percent in counts if counts[percent] >= least and _stands_out(percent, counts)]
    offered = sorted(sorted(standing_out, key=lambda percent: (-counts[percent], percent))[:MOST_TIPS])
    for number, percent in enumerate(offered):
        batch.add(
            "tip_suggestions",
            _key("tip", percent),
            name=f"{percent} %",
            rate_percent=str(percent),
            channel="in_house",
            is_default=False,
            is_active=True,
            display_order=number,
            is_inferred=True,
            evidence={"orders": counts[percent], "of_tipped": figures.tipped, "percentage_of": base},
        )


def _stands_out(percent: int, counts: Mapping[int, int]) -> bool:
    """Whether guests hit it far more often than the percentages around it: else they tip as they like."""
    around = sorted(counts.get(percent + step, 0) for step in (-3, -2, -1, 1, 2, 3))
    return counts[percent] > TIPS_STAND_OUT * (around[2] + around[3]) / 2


def _coins(batch: Batch, figures: Figures) -> None:
    if figures.coins and figures.rounded_orders >= FEWEST_ORDERS:
        batch.add(
            "settings",
            "inferred/payments.cash_increment",
            key="payments.cash_increment",
            category="payments",
            value={"cents": figures.coins},
            is_inferred=True,
            evidence={"cash_orders": figures.cash_orders, "rounded": figures.rounded_orders},
        )


def _in_use(last: date, figures: Figures) -> bool:
    return figures.last is not None and figures.last - last <= STILL_IN_USE


def _seen(orders: int, first: date, last: date, examples: Sequence[str]) -> dict[str, Any]:
    return {"orders": orders, "from": str(first), "to": str(last), "examples": sorted(examples)[:3]}


def _exact(number: Decimal | None) -> str | None:
    return None if number is None else format(number.normalize(), "f")


def _key(*parts: Any) -> str:
    """A key that the same conclusion has for ever, readable in lists."""
    plain = [_exact(part) if isinstance(part, Decimal) else str(part) for part in parts]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{parts[0]} {parts[1]}".casefold()).strip("-")
    return f"inferred/{slug}-{content_hash(plain)[:8]}"


# -- from orders to figures ---------------------------------------------------------------------------------------------


def read_figures(connection: Connection, migration_id: int, location_id: int | None) -> Figures:
    """Count what the past shows: the staged documents, and of the orders in AuraConnect those that are not staged again.

    Makes temporary tables; the caller's transaction throws them away.
    """
    connection.execute("SET LOCAL jit = off")
    _gather(connection, migration_id, location_id)
    total = connection.execute("SELECT count(*), max(business_date) FROM past").fetchone()
    assert total is not None
    figures = Figures(*total)
    if figures.last is None:
        return figures
    figures.charges = [Charged(*row) for row in connection.execute(_CHARGES).fetchall()]
    figures.discounts = [Discounted(*row) for row in connection.execute(_DISCOUNTS).fetchall()]
    figures.tenders = [Tendered(*row) for row in connection.execute(_TENDERS).fetchall()]
    figures.order_types = dict(connection.execute(_TYPES).fetchall())
    for base, percent, orders in connection.execute(_TIPS).fetchall():
        figures.tips.setdefault(base, {})[percent] = orders
    tipped = connection.execute("SELECT count(*) FROM past WHERE tip > 0").fetchone()
    figures.tipped = tipped[0] if tipped else 0
    figures.moved = dict(connection.execute(_MOVED).fetchall())
    row = connection.execute(_COINS).fetchone()
    assert row is not None
    figures.cash_orders, figures.rounded_orders, *fits = row
    if figures.rounded_orders:
        enough = figures.cash_orders * ALWAYS
        figures.coins = max((coin for coin, fit in zip(_COIN_SIZES, fits, strict=True) if fit >= enough), default=0)
    return figures


_COIN_SIZES = (5, 10, 50, 100)
_ORDER = "o.{key} AS key, o.business_date, o.guest_count, o.order_type, o.subtotal_cents AS gross, o.discount_amount_cents AS discount, o.final_amount_cents AS final, o.gratuity_cents AS gratuity, o.rounding_cents AS rounding, o.tip_amount_cents AS tip, coalesce(o.receipt_number, o.display_number, o.{key}) AS shown"
_LIVE = "NOT o.is_voided AND NOT o.voided_at_source AND o.status = 'completed'"
_CHARGE = "c.name, c.amount_cents AS amount, c.charge_class, c.percentage, c.is_taxable, c.paid_to, c.{item} IS NOT NULL AS in_lines, c.charge_key"
_DISCOUNT = "d.name, d.amount_cents AS amount, d.percentage, d.{item} IS NOT NULL AS is_line, d.is_comp, d.{approved} IS NOT NULL AS is_approved, d.discount_key"
_PAYMENT = "p.method, p.tender_name, p.amount_cents AS amount, p.tip_amount_cents AS tip, p.business_date"


def _gather(connection: Connection, migration_id: int, location_id: int | None) -> None:
    """Temporary tables ``past``, ``past_charges``, ``past_discounts``, ``past_taxes``, ``past_payments`` of staged and loaded orders together."""
    loaded = "o.location_id = {location} AND o.deleted_at IS NULL AND o.is_historical"
    there = shapes.are_there(connection, migration_id)

    def union(staged: str, standing: str) -> sql.Composed:
        text = f"{staged} UNION ALL {standing}" if there else standing
        tables = {
            name: shapes.staged(migration_id, name)
            for name in ("documents", "orders", "order_service_charges", "order_discounts", "order_taxes", "payments")
        }
        return sql.SQL(text).format(**tables, location=sql.Literal(location_id))

    documents = (
        "JOIN {documents} x ON x.batch = o.batch AND x.doc = o.doc AND x.fault = '' AND x.verdict <> 'superseded'"
    )
    again = (
        "AND NOT EXISTS (SELECT 1 FROM {documents} x WHERE x.kind = '%s' AND x.source_key = o.source_id)"
        if there
        else ""
    )
    tables = {
        "past": union(
            f"SELECT o.batch, o.doc, NULL::bigint AS id, {_ORDER.format(key='KEY').replace('o.KEY', 'x.source_key')} FROM {{orders}} o {documents} WHERE {_LIVE}",
            f"SELECT NULL::int AS batch, NULL::int AS doc, o.id, {_ORDER.format(key='source_id')} FROM aura.orders o WHERE {loaded} AND {_LIVE} {again.replace('%s', 'orders')}",
        ),
        "past_charges": union(
            f"SELECT o.key, {_CHARGE.format(item='item_no')} FROM past o JOIN {{order_service_charges}} c ON c.batch = o.batch AND c.doc = o.doc",
            f"SELECT o.key, {_CHARGE.format(item='order_item_id')} FROM past o JOIN aura.order_service_charges c ON c.order_id = o.id",
        ),
        "past_discounts": union(
            f"SELECT o.key, {_DISCOUNT.format(item='item_no', approved='approved_by_key')} FROM past o JOIN {{order_discounts}} d ON d.batch = o.batch AND d.doc = o.doc",
            f"SELECT o.key, {_DISCOUNT.format(item='order_item_id', approved='approved_by')} FROM past o JOIN aura.order_discounts d ON d.order_id = o.id",
        ),
        "past_taxes": union(
            "SELECT t.tax_rate_key AS key, sum(abs(t.amount_cents)) AS amount FROM past o JOIN {order_taxes} t ON t.batch = o.batch AND t.doc = o.doc "
            "WHERE t.tax_rate_key IS NOT NULL GROUP BY 1",
            "SELECT r.source_id AS key, sum(abs(t.amount_cents)) AS amount FROM past o JOIN aura.order_taxes t ON t.order_id = o.id "
            "JOIN aura.tax_rates r ON r.id = t.tax_rate_id GROUP BY 1",
        ),
        "past_payments": union(
            f"SELECT p.order_key, {_PAYMENT} FROM {{payments}} p {documents.replace('o.', 'p.')} WHERE p.status = 'completed'",
            f"SELECT (SELECT r.source_id FROM aura.orders r WHERE r.id = o.order_id) AS order_key, {_PAYMENT.replace('p.', 'o.')} FROM aura.payments o "
            f"WHERE {loaded.replace('AND o.is_historical', 'AND o.source_id IS NOT NULL')} AND o.status = 'completed' {again.replace('%s', 'payments')}",
        ),
    }
    for name, query in tables.items():
        connection.execute(sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS {}").format(sql.Identifier(name), query))
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))


_CHARGES = """
WITH alike AS (
    SELECT c.*, o.business_date, o.guest_count, o.order_type, o.gross, o.discount, o.shown,
           abs(c.amount - c.percentage * o.gross / 100) <= 1 AS fits_gross,
           abs(c.amount - c.percentage * (o.gross - o.discount) / 100) <= 1 AS fits_net
    FROM past_charges c JOIN past o USING (key)
), found AS (
    SELECT name, charge_class, percentage,
           CASE WHEN percentage IS NULL AND count(DISTINCT amount) = 1 THEN min(amount) END AS amount,
           2 * count(*) FILTER (WHERE is_taxable) > count(*) AS is_taxable, min(paid_to) AS paid_to, bool_or(in_lines) AS in_lines,
           array_remove(array_agg(DISTINCT charge_key), NULL) AS keys, count(DISTINCT key) AS orders,
           min(business_date) AS first, max(business_date) AS last,
           count(*) FILTER (WHERE fits_gross AND NOT fits_net) AS of_gross,
           count(*) FILTER (WHERE fits_net AND NOT fits_gross) AS of_net,
           min(guest_count) AS fewest_guests, count(*) FILTER (WHERE guest_count IS NULL) AS without_guests,
           array_agg(DISTINCT order_type) AS types, (array_agg(DISTINCT shown))[1:3] AS examples
    FROM alike GROUP BY name, charge_class, percentage
)
SELECT f.name, f.charge_class, f.percentage, f.amount, f.is_taxable, f.paid_to, f.in_lines, f.keys, f.orders, f.first, f.last,
       f.of_gross, f.of_net, f.fewest_guests, g.with_it, g.of_size - g.with_it, f.without_guests, f.types, g.of_types, f.examples
FROM found f CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE o.guest_count >= f.fewest_guests) AS of_size,
           count(*) FILTER (WHERE o.guest_count >= f.fewest_guests AND EXISTS (
               SELECT 1 FROM past_charges c WHERE c.key = o.key AND c.name = f.name AND c.charge_class = f.charge_class
                   AND c.percentage IS NOT DISTINCT FROM f.percentage)) AS with_it,
           count(*) FILTER (WHERE o.order_type = ANY(f.types)) AS of_types
    FROM past o WHERE o.business_date BETWEEN f.first AND f.last
) g
ORDER BY f.name, f.charge_class, f.percentage
"""
_DISCOUNTS = """
SELECT d.name, d.percentage, CASE WHEN d.percentage IS NULL AND count(DISTINCT d.amount) = 1 THEN min(d.amount) END, d.is_line,
       bool_and(d.is_comp), count(DISTINCT d.key) FILTER (WHERE d.is_approved), array_remove(array_agg(DISTINCT d.discount_key), NULL),
       count(DISTINCT d.key), min(o.business_date), max(o.business_date), sum(d.amount)::bigint,
       (array_agg(DISTINCT o.shown))[1:3]
FROM past_discounts d JOIN past o USING (key)
GROUP BY d.name, d.percentage, d.is_line ORDER BY d.name, d.percentage, d.is_line
"""
_TENDERS = """
SELECT method, tender_name, count(*), count(*) FILTER (WHERE tip > 0), sum(amount)::bigint, min(business_date), max(business_date)
FROM past_payments GROUP BY method, tender_name ORDER BY method, tender_name
"""
_MOVED = """
SELECT key, sum(amount)::bigint FROM (
    SELECT discount_key AS key, abs(amount) AS amount FROM past_discounts
    UNION ALL SELECT charge_key, abs(amount) FROM past_charges
    UNION ALL SELECT key, amount FROM past_taxes
) moved WHERE key IS NOT NULL GROUP BY key ORDER BY key
"""
_TYPES = "SELECT order_type, count(*) FROM past WHERE order_type <> 'unknown' GROUP BY order_type ORDER BY order_type"
_TIPS = """
SELECT base, percent, count(*) FROM past o
CROSS JOIN LATERAL (VALUES ('net', o.gross - o.discount), ('total', o.final)) AS of(base, cents)
CROSS JOIN LATERAL (SELECT round(o.tip * 100.0 / nullif(of.cents, 0))::int AS percent) AS p
WHERE o.tip > 0 AND of.cents > 0 AND p.percent BETWEEN 1 AND 40 AND abs(o.tip - p.percent * of.cents / 100.0) < 1
GROUP BY base, percent ORDER BY base, percent
"""
_COINS = """
WITH cash AS (
    SELECT o.final, o.rounding, o.business_date FROM past o
    WHERE EXISTS (SELECT 1 FROM past_payments p WHERE p.order_key = o.key)
      AND NOT EXISTS (SELECT 1 FROM past_payments p WHERE p.order_key = o.key AND p.method <> 'cash')
)
SELECT count(*), count(*) FILTER (WHERE rounding <> 0), count(*) FILTER (WHERE final % 5 = 0),
       count(*) FILTER (WHERE final % 10 = 0), count(*) FILTER (WHERE final % 50 = 0), count(*) FILTER (WHERE final % 100 = 0)
FROM cash WHERE business_date >= (SELECT min(business_date) FROM cash WHERE rounding <> 0)
"""


def described(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Inferred rows in a sentence each, for whoever has to confirm them: what it is and what it was concluded from."""
    lines = []
    for row in rows:
        seen = row.get("evidence") or {}
        of = next((f"{seen[word]} {word}" for word in ("orders", "payments") if word in seen), "")
        of = of or (f"{seen['rounded']} cash bills" if "rounded" in seen else "its orders")
        lines.append(f"{row['entity'].replace('_', ' ')}: {row.get('name') or row.get('key')} (from {of})")
    return lines
