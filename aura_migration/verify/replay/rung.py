"""The past orders of a location as they stand in AuraConnect, streamed in the order in which they were opened.

Read with a server-side cursor, one JSON text per order, decoded into flat structs: memory does not grow with the number of
orders. Only what was sold: completed checks that were not voided. Money in minor units, rates in 1e-8, quantities in 1e-6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import msgspec
import psycopg

BATCH = 500
"""Orders per round trip."""
Connection = psycopg.Connection[Any]


class RungLine(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A line that counts. `price` of one, `subtotal` of all with modifiers, as charged; `discount` is its share of all discounts."""

    id: int
    item: int | None
    variation: int | None
    name: str
    quantity: int
    price: int
    subtotal: int
    modifiers: int
    discount: int
    revenue: str


class RungModifier(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A choice. `price` of one, `amount` what it adds to the line; `parent` is the id of the row it is nested in."""

    id: int
    line: int
    modifier: int | None
    parent: int | None
    name: str
    quantity: int
    price: int
    amount: int
    before: str | None


class RungDiscount(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A discount, on a line or (`line` None) on the check. `signed` says that it has a reason or an approver."""

    line: int | None
    name: str
    amount: int
    rate: int | None
    key: str | None
    signed: bool
    is_comp: bool


class RungCharge(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A charge."""

    id: int
    line: int | None
    name: str
    amount: int
    charge_class: str
    rate: int | None
    tax: int
    is_taxable: bool
    key: str | None


class RungTax(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A tax on a line, on a charge, or (both None) on the check. `tax_rate` is None for a rate that AuraConnect does not have."""

    line: int | None
    charge: int | None
    tax_rate: int | None
    name: str
    amount: int
    rate: int | None
    is_inclusive: bool
    remitted_by: str
    taxable: int | None


class RungOrder(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A check as charged. `opened` and `closed` are local, ``YYYY-MM-DDTHH:MM``; `stated_total` is the POS's own, where it differs."""

    id: int
    key: str
    number: str | None
    day: str
    opened: str | None
    closed: str | None
    order_type: str
    channel: str
    guests: int
    is_exempt: bool
    in_cash: bool
    subtotal: int
    discount: int
    charge: int
    gratuity: int
    rounding: int
    tax: int
    included: int
    total: int
    flags: list[str] | None
    stated_total: int | None
    type_key: str | None
    lines: list[RungLine] | None
    modifiers: list[RungModifier] | None
    discounts: list[RungDiscount] | None
    charges: list[RungCharge] | None
    taxes: list[RungTax] | None


class OrderRef(NamedTuple):
    """What is kept of an order that is not identical."""

    id: int
    key: str
    number: str | None
    day: str
    is_exempt: bool
    tax: int


def ref(order: RungOrder) -> OrderRef:
    """What is kept of it."""
    return OrderRef(order.id, order.key, order.number, order.day, order.is_exempt, order.tax)


@dataclass(frozen=True)
class Span:
    """Which orders: the last so many, or those of so many days up to the last order, or those of these business dates."""

    orders: int | None = None
    days: int | None = None
    since: date | None = None
    until: date | None = None

    def told(self) -> str:
        """In words."""
        if self.since is not None or self.until is not None:
            return f"{self.since or 'the first order'} to {self.until or 'the last order'}"
        if self.days is not None:
            return f"the last {self.days:,} days"
        return f"the last {self.orders:,} orders" if self.orders is not None else "all orders"


_SOLD = (
    "o.location_id = %(l)s AND o.status = 'completed' AND NOT o.is_voided AND NOT o.voided_at_source AND o.deleted_at IS NULL "
    "AND o.origin = 'pos_native'"
)
_ORDERS = f"""
SELECT json_build_array(
    o.id, coalesce(o.source_id, o.id::text), coalesce(o.display_number, o.receipt_number), o.business_date,
    to_char(o.opened_at AT TIME ZONE %(zone)s, 'YYYY-MM-DD"T"HH24:MI'),
    to_char(coalesce(o.paid_at, o.closed_at) AT TIME ZONE %(zone)s, 'YYYY-MM-DD"T"HH24:MI'),
    o.order_type, o.channel, coalesce(o.guest_count, g.guest_count, 0), o.is_tax_exempt,
    CASE WHEN o.rounding_cents <> 0 OR %(coins)s THEN coalesce((
        SELECT bool_and(p.method = 'cash') FROM aura.payments p WHERE p.order_id = o.id AND p.status = 'completed'), false)
        ELSE false END,
    o.subtotal_cents, o.discount_amount_cents, o.service_charge_amount_cents, o.gratuity_cents, o.rounding_cents,
    o.tax_amount_cents, o.included_tax_cents, o.final_amount_cents, o.review_flags, (o.details ->> 'stated_total_cents')::bigint,
    o.details ->> 'order_type_key',
    (SELECT json_agg(json_build_array(i.id, i.menu_item_id, i.variation_id, i.item_name, (i.quantity * 1000000)::bigint, i.price_cents,
            i.line_subtotal_cents, i.modifiers_cents, i.line_discount_cents, i.revenue_class) ORDER BY i.id)
       FROM aura.order_items i WHERE i.order_id = o.id AND NOT i.is_voided),
    (SELECT json_agg(json_build_array(m.id, m.order_item_id, m.modifier_id, m.parent_modifier_id, m.name,
            (m.quantity * 1000000)::bigint, m.price_adjustment_cents, m.amount_cents, m.pre_modifier) ORDER BY m.id)
       FROM aura.order_item_modifiers m WHERE m.order_id = o.id AND NOT m.is_voided),
    (SELECT json_agg(json_build_array(d.order_item_id, d.name, d.amount_cents, (d.percentage * 1000000)::bigint, d.discount_key,
            d.reason IS NOT NULL OR d.approved_by IS NOT NULL, d.is_comp) ORDER BY d.id)
       FROM aura.order_discounts d WHERE d.order_id = o.id),
    (SELECT json_agg(json_build_array(c.id, c.order_item_id, c.name, c.amount_cents, c.charge_class,
            (c.percentage * 1000000)::bigint, c.tax_cents, c.is_taxable, c.charge_key) ORDER BY c.id)
       FROM aura.order_service_charges c WHERE c.order_id = o.id),
    (SELECT json_agg(json_build_array(t.order_item_id, t.order_service_charge_id, t.tax_rate_id, t.name, t.amount_cents,
            (t.rate_percent * 1000000)::bigint, t.is_inclusive, t.remitted_by, t.taxable_amount_cents) ORDER BY t.id)
       FROM aura.order_taxes t WHERE t.order_id = o.id)
)::text
FROM aura.orders o LEFT JOIN aura.order_groups g ON g.id = o.order_group_id
WHERE {_SOLD} {{span}}
ORDER BY o.business_date, coalesce(o.opened_at, o.closed_at), o.id
"""
_DECODER = msgspec.json.Decoder(RungOrder)


def past_orders(
    connection: Connection, location_id: int, zone: str, span: Span, coins: bool = False
) -> Iterator[RungOrder]:
    """The sold orders of the span, oldest first. ``coins`` asks of each whether it was paid in cash alone."""
    for text in past_texts(connection, location_id, zone, span, coins):
        yield _DECODER.decode(text)


def past_texts(connection: Connection, location_id: int, zone: str, span: Span, coins: bool = False) -> Iterator[str]:
    """The same, undecoded."""
    arguments: dict[str, Any] = {"l": location_id, "zone": zone, "coins": coins}
    with connection.transaction(), connection.cursor(name="order_replay") as cursor:
        cursor.itersize = BATCH
        cursor.execute(_ORDERS.format(span=_limits(connection, span, arguments)), arguments)
        for (text,) in cursor:
            yield text


def decode(text: str) -> RungOrder:
    """One order of :func:`past_texts`."""
    return _DECODER.decode(text)


def count_orders(connection: Connection, location_id: int, span: Span) -> int:
    """How many orders the span has."""
    arguments: dict[str, Any] = {"l": location_id}
    limits = _limits(connection, span, arguments)
    row = connection.execute(f"SELECT count(*) FROM aura.orders o WHERE {_SOLD} {limits}", arguments).fetchone()
    return int(row[0]) if row else 0


def sold_in(connection: Connection, location_id: int, span: Span) -> tuple[str, dict[str, Any]]:
    """The condition on ``aura.orders o`` that selects the span, and its arguments."""
    arguments: dict[str, Any] = {"l": location_id}
    limits = _limits(connection, span, arguments)
    return f"{_SOLD} {limits}", arguments


def _limits(connection: Connection, span: Span, arguments: dict[str, Any]) -> str:
    """The condition of the span; adds to the arguments."""
    if span.since is not None or span.until is not None:
        arguments |= {"since": span.since, "until": span.until}
        return (
            "AND (%(since)s::date IS NULL OR o.business_date >= %(since)s) "
            "AND (%(until)s::date IS NULL OR o.business_date <= %(until)s)"
        )
    if span.days is not None:
        row = connection.execute(f"SELECT max(o.business_date) FROM aura.orders o WHERE {_SOLD}", arguments).fetchone()
        arguments |= {"last": row[0] if row else None, "days": span.days}
        return "AND o.business_date > %(last)s::date - %(days)s"
    if span.orders is not None:
        arguments["most"] = span.orders
        return (
            f"AND o.id IN (SELECT o.id FROM aura.orders o WHERE {_SOLD} "
            "ORDER BY o.business_date DESC, coalesce(o.opened_at, o.closed_at) DESC, o.id DESC LIMIT %(most)s)"
        )
    return ""
