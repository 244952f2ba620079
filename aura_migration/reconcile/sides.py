"""What both systems say of the orders around one business date, as the same figures. Nothing is compared here.

The POS's side is its orders witness, an independent reading of the snapshots; AuraConnect's is read by SQL. Neither knows the
mapping or the loader. Amounts are minor units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import psycopg

from aura_migration.pos.order_facts import HistoryFact, OrderFact, PaymentFact, RefundFact
from aura_migration.reconcile.books import OWNER_SQL

Connection = psycopg.Connection[Any]
PARTS = ("gross", "discount", "charges", "gratuity", "tax", "included_tax", "rounding", "non_sale", "tip")
"""What an order's payable is made of; ``discount`` and ``included_tax`` do not add to it as they stand (see ``payable``)."""
TOLD_BY_NAME = ("external", "other")
"""Ways of paying that say no more than that the restaurant made the tender itself."""
AROUND = timedelta(days=1)
"""An order of the neighbour date may be of this one on the other side."""


@dataclass(frozen=True)
class Figures:
    """One order on one side. ``total`` is what the system itself says is payable, tips apart; ``state`` counts, voided or open."""

    key: str
    day: str
    state: str
    gross: int = 0
    discount: int = 0
    charges: int = 0
    gratuity: int = 0
    tax: int = 0
    included_tax: int = 0
    rounding: int = 0
    non_sale: int = 0
    tip: int = 0
    total: int = 0
    lines: int = 0
    aura_id: int | None = None
    origin: str = "pos_native"
    book: str = "pos"
    opened_at: datetime | None = None
    voided_at: datetime | None = None
    paid: Mapping[str, int] = field(default_factory=dict)
    """By tender, tips included; of payments that count."""
    taxes: Mapping[str, int] = field(default_factory=dict)
    methods: Mapping[str, int] = field(default_factory=dict)
    """What was paid by method (by tender where that is one of `TOLD_BY_NAME`), of AuraConnect's own orders."""
    reference: str = ""
    group: str = ""
    unmapped: int = 0
    """Lines of AuraConnect's that are of no item of its menu."""

    @property
    def counts(self) -> bool:
        """Whether it is a sale of its day."""
        return self.state == "counts"


@dataclass(frozen=True)
class Given:
    """Money given back: for which order, on which date."""

    key: str
    order: str | None
    day: str
    amount: int


@dataclass
class Side:
    """One system around a business date: its orders by the POS's key, and what was given back."""

    orders: dict[str, Figures] = field(default_factory=dict)
    refunds: list[Given] = field(default_factory=list)
    natives: list[Figures] = field(default_factory=list)
    """AuraConnect's own orders of which the POS has no twin."""


def near(day: date) -> tuple[str, str]:
    """The first and last date looked at."""
    return (day - AROUND).isoformat(), (day + AROUND).isoformat()


def read_pos(facts: Iterable[HistoryFact], days: Collection[date]) -> dict[date, Side]:
    """The POS's side of each date, out of its witness's facts in one pass; memory grows with the orders around the dates alone.

    Each is what it would be alone: of its orders the payments from the date before it on.
    """
    around: dict[str, list[date]] = defaultdict(list)
    sides = {day: Side() for day in days}
    for day in sides:
        for away in range(-AROUND.days, AROUND.days + 1):
            around[(day + timedelta(away)).isoformat()].append(day)
    first = min(around, default="")
    held: dict[str, OrderFact] = {}
    paid: dict[str, list[PaymentFact]] = defaultdict(list)
    for fact in facts:
        if isinstance(fact, OrderFact):
            if fact.business_date in around:
                held[fact.key] = fact
        elif isinstance(fact, PaymentFact):
            if fact.state == "counts" and fact.order_key is not None and fact.business_date >= first:
                paid[fact.order_key].append(fact)
        elif isinstance(fact, RefundFact) and fact.state == "counts":
            for day in around.get(fact.business_date, ()):
                sides[day].refunds.append(Given(fact.key, fact.order_key, fact.business_date, fact.amount))
    for key, fact in held.items():
        for day in around[fact.business_date]:
            since = near(day)[0]
            sides[day].orders[key] = _figures(fact, (one for one in paid.get(key, ()) if one.business_date >= since))
    return sides


def _figures(fact: OrderFact, payments: Iterable[PaymentFact]) -> Figures:
    paid: dict[str, int] = defaultdict(int)
    for one in payments:
        paid[one.tender] += one.amount + one.tip
    charges = dict(fact.charges)
    gratuity, rounding = charges.pop("auto_gratuity", 0), charges.pop("cash_rounding", 0)
    return Figures(
        key=fact.key,
        day=fact.business_date,
        state=fact.state,
        gross=fact.gross,
        discount=fact.discount,
        charges=sum(charges.values()),
        gratuity=gratuity,
        tax=fact.tax,
        included_tax=fact.included_tax,
        rounding=rounding,
        non_sale=sum(fact.non_sale.values()),
        tip=fact.tip,
        total=fact.final,
        lines=fact.lines,
        paid=dict(paid),
        taxes=dict(fact.taxes),
        reference=fact.reference,
        group=fact.group,
        opened_at=fact.opened_at,
    )


def read_aura(connection: Connection, location_id: int, location_key: str, day: date, pos: Side) -> Side:
    """AuraConnect's side: copies by the POS's key, its own orders by that of their twin, or by themselves.

    A sale on a channel that AuraConnect owns is its own business: what the POS has of it was written there, later and at another
    tender, or is open still. Such a copy is no sale of the POS and is taken out of ``pos``.
    """
    first, last = near(day)
    bound = {
        "location": location_id,
        "location_key": location_key,
        "first": first,
        "last": last,
        "keys": sorted({*pos.orders, *(one.group for one in pos.orders.values() if one.group)}),
    }
    side = Side()
    ids: dict[int, str] = {}
    paid = _paid(connection, bound)
    taxes = _taxes(connection, bound)
    methods = _methods(connection, bound)
    twins = _twins(pos)
    ours: list[Figures] = []
    for row in connection.execute(_ORDERS, bound).fetchall():
        (aura_id, origin, source, external, business_date, state, gross, discount, tax, included, tip, total, service, gratuity,
         rounding, non_sale, lines, unmapped, opened, voided, book) = row  # fmt: skip
        own = f"aura:{aura_id}"
        key = source if origin == "pos_native" else twins.get(own) or twins.get(external or "") or own
        ids[aura_id] = key
        made = Figures(
            key=key,
            day=business_date,
            state=state,
            gross=gross,
            discount=discount,
            # Gratuity and rounding have columns of their own and are not among the service charges.
            charges=service,
            gratuity=gratuity,
            tax=tax,
            included_tax=included,
            rounding=rounding,
            non_sale=non_sale,
            tip=tip,
            total=total,
            lines=lines,
            aura_id=aura_id,
            origin=origin,
            book=book,
            opened_at=opened,
            voided_at=voided,
            paid=paid.get(aura_id, {}),
            taxes=taxes.get(aura_id, {}),
            methods=methods.get(aura_id, {}),
            unmapped=unmapped,
        )
        if origin == "aura_native" and key not in pos.orders:
            side.natives.append(made)
        elif origin == "aura_native" and book == "auraconnect":
            ours.append(made)
        elif key not in side.orders or origin == "aura_native":  # a twin was priced here, its copy was not
            side.orders[key] = made
    for made in ours:
        if made.key in side.orders:  # imported all the same: counted twice, and compared
            side.orders[made.key] = made
        else:
            pos.orders.pop(made.key, None)
            side.natives.append(replace(made, key=f"aura:{made.aura_id}"))
    for key, order, business_date, amount in connection.execute(_REFUNDS, bound).fetchall():
        side.refunds.append(Given(key, ids.get(order) or None, business_date, amount))
    return side


_SCOPE = """
    o.location_id = %(location)s AND o.deleted_at IS NULL AND (o.business_date BETWEEN %(first)s::date AND %(last)s::date
        OR o.origin = 'pos_native' AND o.source_id = ANY(%(keys)s) OR o.origin = 'aura_native' AND o.external_id = ANY(%(keys)s))
"""
_ORDERS = f"""
    SELECT o.id, o.origin, o.source_id, o.external_id, o.business_date::text,
           CASE WHEN o.is_voided OR o.voided_at_source OR o.status = 'cancelled' THEN 'voided'
                WHEN o.status = 'completed' THEN 'counts' ELSE 'open' END,
           coalesce(l.gross, 0)::bigint, o.discount_amount_cents, o.tax_amount_cents, o.included_tax_cents, o.tip_amount_cents,
           o.final_amount_cents, o.service_charge_amount_cents, o.gratuity_cents, o.rounding_cents, o.non_sale_cents,
           coalesce(l.lines, 0), coalesce(l.unmapped, 0), coalesce(o.opened_at, o.closed_at), o.voided_at, {OWNER_SQL}
    FROM aura.orders o LEFT JOIN LATERAL (
        SELECT count(*) AS lines, count(*) FILTER (WHERE i.menu_item_id IS NULL AND i.revenue_class = 'sale') AS unmapped, sum(i.line_subtotal_cents) FILTER (WHERE i.revenue_class = 'sale' AND NOT i.is_voided) AS gross
        FROM aura.order_items i WHERE i.order_id = o.id) l ON true
    WHERE {_SCOPE} ORDER BY o.id
"""
_REFUNDS = """
    SELECT coalesce(r.source_id, 'aura:' || r.id), r.order_id, r.business_date::text, r.amount_cents FROM aura.refunds r
    WHERE r.location_id = %(location)s AND r.deleted_at IS NULL AND r.status = 'completed'
      AND r.business_date BETWEEN %(first)s::date AND %(last)s::date ORDER BY r.id
"""


def _paid(connection: Connection, bound: Mapping[str, Any]) -> dict[int, dict[str, int]]:
    rows = connection.execute(
        "SELECT p.order_id, p.tender_name, sum(p.amount_cents + p.tip_amount_cents)::bigint FROM aura.payments p "
        f"JOIN aura.orders o ON o.id = p.order_id WHERE {_SCOPE} AND p.deleted_at IS NULL AND p.status = 'completed' "
        "GROUP BY 1, 2",
        bound,
    ).fetchall()
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for order, tender, cents in rows:
        found[order][tender] = cents
    return found


def _twins(pos: Side) -> dict[str, str]:
    """What AuraConnect may know an order of the POS by → the POS's key: its own id, the reference it carries, its whole."""
    wholes: dict[str, list[str]] = defaultdict(list)
    for key, one in pos.orders.items():
        if one.group:
            wholes[one.group].append(key)
    found = {whole: keys[0] for whole, keys in wholes.items() if len(keys) == 1}
    found |= {one.reference: key for key, one in pos.orders.items() if one.reference.startswith("aura:")}
    return found | {key: key for key in pos.orders}


def _methods(connection: Connection, bound: Mapping[str, Any]) -> dict[int, dict[str, int]]:
    rows = connection.execute(
        f"SELECT p.order_id, CASE WHEN p.method = ANY(ARRAY{list(TOLD_BY_NAME)}) THEN coalesce(p.tender_name, p.method) ELSE p.method END, "
        "sum(p.amount_cents + p.tip_amount_cents)::bigint FROM aura.payments p "
        f"JOIN aura.orders o ON o.id = p.order_id WHERE {_SCOPE} AND o.origin = 'aura_native' AND p.deleted_at IS NULL "
        "AND p.status = 'completed' GROUP BY 1, 2",
        bound,
    ).fetchall()
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for order, method, cents in rows:
        found[order][method] = cents
    return found


def _taxes(connection: Connection, bound: Mapping[str, Any]) -> dict[int, dict[str, int]]:
    rows = connection.execute(
        "SELECT x.order_id, x.name, sum(x.amount_cents)::bigint FROM aura.order_taxes x "
        f"JOIN aura.orders o ON o.id = x.order_id WHERE {_SCOPE} GROUP BY 1, 2",
        bound,
    ).fetchall()
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for order, name, cents in rows:
        found[order][name] = cents
    return found
