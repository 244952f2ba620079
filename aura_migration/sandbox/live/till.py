"""AuraConnect's own till: orders, payments, voids and refunds written by SQL as AuraConnect itself would, origin aura_native.

Independent of the product in code and arithmetic. It goes by AuraConnect's menu tables, takes numbers from
``aura.take_order_number`` and is refused where ``aura.channel_status`` says that a channel is not taken here (SQLSTATE AU001).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from aura_migration.sandbox.live.hours import Hours
from aura_migration.sandbox.live.menu import Charge, Connection, Discount, Menu, Rate, read_menu
from aura_migration.sandbox.live.sums import Entry, Sums, work_out

REFUSED = "AU001"
METHODS = ("cash", "card", "gift_card", "house_account", "check", "other")
_TYPES = {"in_house": "dine_in", "online": "takeout", "kiosk": "takeout", "phone": "takeout", "third_party": "delivery"}
Row = dict[str, Any]


class OrderRefusedError(Exception):
    """AuraConnect does not take orders of this channel here; the text is the message for staff."""


@dataclass(frozen=True)
class Ticket:
    """One order to be rung up. ``at``: when it was opened, by a clock that is right. ``external``: the POS's id of it."""

    entries: tuple[Entry, ...]
    at: datetime
    channel: str = "in_house"
    tender: str = "card"
    tip: int = 0
    discount: Discount | None = None
    charge: Charge | None = None
    minutes: int = 12
    is_open: bool = False
    external: str | None = None


@dataclass(frozen=True)
class Quirk:
    """What is wrong with a till. The default: nothing.

    ``skew``: its clock is that much ahead. ``closeout``: its day ends then. ``rounding``: of taxes. ``rates``: taxes it has
    otherwise. ``tip_in_payment``: tips are taken for a part of the payment. ``gratuity_as_tip``: a gratuity is booked as
    a tip. ``unknown``: places of lines that are not on its menu: rung up by name alone, for nothing. ``off``: cents the
    order's totals are off by, whatever its lines say. ``tender_name``: it knows the tender by that name only, as something other.
    """

    skew: timedelta = timedelta(0)
    closeout: timedelta | None = None
    rounding: str | None = None
    rates: Mapping[int, Rate] = field(default_factory=dict)
    tip_in_payment: bool = False
    gratuity_as_tip: bool = False
    unknown: frozenset[int] = frozenset()
    off: int = 0
    tender_name: str | None = None


SOUND = Quirk()


@dataclass(frozen=True)
class Rung:
    """An order as the till has written it. ``sums`` and the amounts are the till's."""

    order: int
    number: int
    payment: int | None
    business_date: date
    opened_at: datetime
    sums: Sums
    gratuity: int
    tip: int
    paid: int
    tender: str


class Till:
    """A till at one location of AuraConnect; the connection commits by itself (autocommit)."""

    def __init__(self, connection: Connection, location: int, hours: Hours | None = None) -> None:
        self.connection = connection
        self.location = location
        self._hours = hours
        self.menu = self._read()

    def _read(self) -> Menu:
        menu = read_menu(self.connection, self.location)
        return menu if self._hours is None else replace(menu, hours=self._hours)

    def refresh(self) -> None:
        """Take AuraConnect's menu as it stands now."""
        self.menu = self._read()

    def accepts(self, channel: str) -> bool:
        """Does AuraConnect take orders of this channel here?"""
        held = self.connection.execute(
            "SELECT accepts FROM aura.channel_status WHERE location_id = %s AND channel = aura.switched_channel(%s)",
            [self.location, channel],
        ).fetchone()
        return held is None or bool(held[0])

    # -- ringing up --------------------------------------------------------------------------------------------------

    def offered(self) -> set[int]:
        """The items that AuraConnect offers here, its menu limited or not."""
        rows = self.connection.execute(
            "SELECT i.id FROM aura.menu_items i JOIN aura.locations l ON l.restaurant_id = i.restaurant_id "
            "WHERE l.id = %s AND aura.offers(l.id, i.id)",
            [self.location],
        )
        return {row[0] for row in rows}

    def ring(self, ticket: Ticket, quirk: Quirk = SOUND) -> Rung:
        """Ring one order up, in a transaction of its own. Raises ``OrderRefusedError``; then nothing was written."""
        (rung,) = self.ring_all([(ticket, quirk)])
        return rung

    def ring_all(self, tickets: Sequence[tuple[Ticket, Quirk]]) -> list[Rung]:
        """Ring several up in one transaction: all or, where one of them is refused, none (``OrderRefusedError``)."""
        if not tickets:
            return []
        try:
            with self.connection.transaction():
                return self._write(tickets)
        except psycopg.Error as error:
            if error.sqlstate != REFUSED:
                raise
            raise OrderRefusedError(error.diag.message_primary or "refused") from error

    def _write(self, tickets: Sequence[tuple[Ticket, Quirk]]) -> list[Rung]:
        count = len(tickets)
        numbers = [
            number
            for (number,) in self.connection.execute(
                "SELECT aura.take_order_number(%s) FROM generate_series(1, %s)", [self.location, count]
            ).fetchall()
        ]
        orders, payments = self._ids("orders", count), self._ids("payments", count)
        rows: dict[str, list[Row]] = defaultdict(list)
        items = iter(self._ids("order_items", sum(len(ticket.entries) for ticket, _ in tickets)))
        rung = []
        for place, (ticket, quirk) in enumerate(tickets):
            sums = self._sums(ticket, quirk)
            gratuity = 0 if quirk.gratuity_as_tip else sums.charge
            tip = ticket.tip + sums.charge - gratuity
            payable = sums.payable - (sums.charge - gratuity) + quirk.off
            paid, tip = (payable + tip, 0) if quirk.tip_in_payment else (payable, tip)
            opened = ticket.at + quirk.skew
            closed = opened + timedelta(minutes=ticket.minutes)
            hours = self.menu.hours if quirk.closeout is None else replace(self.menu.hours, closeout=quirk.closeout)
            day = hours.day(opened)
            made = Rung(
                orders[place],
                numbers[place],
                None if ticket.is_open else payments[place],
                day,
                opened,
                sums,
                gratuity,
                0 if ticket.is_open else tip,
                0 if ticket.is_open else paid,
                self._tender(ticket, quirk)[1],
            )
            rows["orders"].append(self._head(ticket, quirk, made, hours, closed))
            self._lines(rows, ticket, quirk, made, [next(items) for _ in ticket.entries])
            if not ticket.is_open:
                self._payment(rows, ticket, quirk, made, closed)
            rung.append(made)
        for table in (
            "orders",
            "order_items",
            "order_item_modifiers",
            "order_discounts",
            "order_service_charges",
            "order_taxes",
            "payments",
            "tip_records",
        ):
            self._copy(table, rows[table])
        return rung

    def _sums(self, ticket: Ticket, quirk: Quirk) -> Sums:
        entries = [
            replace(entry, cents=0, choices=()) if place in quirk.unknown else entry
            for place, entry in enumerate(ticket.entries)
        ]
        rates = {**self.menu.rates, **quirk.rates}
        return work_out(self.menu.policy, entries, rates, ticket.discount, ticket.charge, quirk.rounding)

    def _head(self, ticket: Ticket, quirk: Quirk, made: Rung, hours: Hours, closed: datetime) -> Row:
        sums = made.sums
        closeout = (
            f"{int(hours.closeout.total_seconds()) // 3600:02d}:{int(hours.closeout.total_seconds()) // 60 % 60:02d}"
        )
        when = {} if ticket.is_open else {"closed_at": closed, "paid_at": closed}
        return {
            "id": made.order,
            "location_id": self.location,
            "business_date": made.business_date,
            "business_date_rule": f"opened_at, closeout {closeout}",
            "status": "pending" if ticket.is_open else "completed",
            "currency": self.menu.currency,
            "subtotal_cents": sums.gross + quirk.off,
            "total_amount_cents": sums.gross + quirk.off,
            "discount_amount_cents": sums.discount,
            "gratuity_cents": made.gratuity,
            "tax_amount_cents": sums.tax,
            "final_amount_cents": sums.gross + quirk.off - sums.discount + made.gratuity + sums.tax,
            "tip_amount_cents": made.tip,
            "opened_at": made.opened_at,
            "origin": "aura_native",
            "order_type": _TYPES.get(ticket.channel, "unknown"),
            "channel": ticket.channel,
            "source_name": "AuraConnect",
            "display_number": str(made.number),
            "external_id": ticket.external,
            **when,
        }

    def _lines(
        self, rows: dict[str, list[Row]], ticket: Ticket, quirk: Quirk, made: Rung, items: Sequence[int]
    ) -> None:
        sums = made.sums
        for place, (entry, item) in enumerate(zip(ticket.entries, items, strict=True)):
            is_known = place not in quirk.unknown
            dish = entry.dish
            rows["order_items"].append(
                {
                    "id": item,
                    "order_id": made.order,
                    "item_name": dish.name,
                    "quantity": Decimal(entry.quantity),
                    "price_cents": entry.each if is_known else 0,
                    "line_subtotal_cents": entry.gross if is_known else 0,
                    "modifiers_cents": entry.extra if is_known else 0,
                    "line_discount_cents": sums.line_discount[place],
                    "line_tax_cents": sums.line_tax[place],
                    "menu_item_id": dish.item if is_known else None,
                    "variation_id": dish.variation if is_known else None,
                    "variation_name": dish.variation_name,
                }
            )
            for choice in entry.choices if is_known else ():
                rows["order_item_modifiers"].append(
                    {
                        "order_id": made.order,
                        "order_item_id": item,
                        "name": choice.name,
                        "quantity": Decimal(1),
                        "price_adjustment_cents": choice.cents,
                        "amount_cents": choice.cents * entry.quantity,
                        "modifier_id": choice.id,
                        "group_name": choice.group,
                    }
                )
        if ticket.discount is not None and sums.discount:
            rows["order_discounts"].append(
                {
                    "order_id": made.order,
                    "name": ticket.discount.name,
                    "amount_cents": sums.discount,
                    "percentage": ticket.discount.percent,
                    "discount_key": str(ticket.discount.id),
                }
            )
        if ticket.charge is not None and made.gratuity:
            rows["order_service_charges"].append(
                {
                    "order_id": made.order,
                    "name": ticket.charge.name,
                    "amount_cents": made.gratuity,
                    "charge_class": ticket.charge.charge_class,
                    "percentage": ticket.charge.percent,
                    "paid_to": "staff",
                    "charge_key": None if ticket.charge.id is None else str(ticket.charge.id),
                }
            )
        rates = {**self.menu.rates, **quirk.rates}
        for number, cents in sums.taxes.items():
            exact = sums.exact[number]
            rows["order_taxes"].append(
                {
                    "order_id": made.order,
                    "name": rates[number].name,
                    "amount_cents": cents,
                    "tax_rate_id": number,
                    "rate_percent": rates[number].percent,
                    "amount_exact": Decimal(exact.numerator) / Decimal(exact.denominator),
                    "taxable_amount_cents": sums.taxable[number],
                }
            )

    def _tender(self, ticket: Ticket, quirk: Quirk) -> tuple[str, str]:
        """Method and name: AuraConnect calls cash, cards and the like by their plain names whatever the POS did; a tender of
        the restaurant's own by the name in its list.
        """
        if quirk.tender_name is not None:
            return "other", quirk.tender_name
        if ticket.tender in METHODS and ticket.tender != "other":
            return ticket.tender, ticket.tender.replace("_", " ").capitalize()
        held = next((one for one in self.menu.tenders if one.name == ticket.tender), None)
        if held is None:
            return "other", ticket.tender.capitalize()
        return (held.method if held.method in METHODS else "other"), held.name

    def _payment(self, rows: dict[str, list[Row]], ticket: Ticket, quirk: Quirk, made: Rung, closed: datetime) -> None:
        method, name = self._tender(ticket, quirk)
        rows["payments"].append(
            {
                "id": made.payment,
                "location_id": self.location,
                "business_date": made.business_date,
                "method": method,
                "tender_name": name,
                "amount_cents": made.paid,
                "currency": self.menu.currency,
                "status": "completed",
                "tip_amount_cents": made.tip,
                "order_id": made.order,
                "processed_at": closed,
            }
        )
        if made.tip:
            kind = method if method in ("card", "cash") else "other"
            rows["tip_records"].append(
                {
                    "payment_id": made.payment,
                    "tip_amount_cents": made.tip,
                    "tip_date": made.business_date,
                    "tip_type": kind,
                    "is_cash": kind == "cash",
                    "order_id": made.order,
                }
            )

    # -- afterwards --------------------------------------------------------------------------------------------------

    def pushed(self, pairs: Iterable[tuple[int, str]]) -> None:
        """Note which order of the POS stands for each of these orders."""
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE aura.orders SET external_id = %s, updated_at = clock_timestamp() WHERE id = %s",
                [(external, order) for order, external in pairs],
            )

    def void(self, order: int, at: datetime, reason: str = "Voided") -> date:
        """Void an order and its payments; the business date on which that happened."""
        day = self.menu.hours.day(at)
        with self.connection.transaction():
            found = self.connection.execute(
                "UPDATE aura.orders SET is_voided = true, status = 'cancelled', voided_at = %s, void_business_date = %s, "
                "details = coalesce(details, '{}') || %s, updated_at = clock_timestamp() "
                "WHERE id = %s AND location_id = %s AND NOT is_voided",
                [at, day, Jsonb({"void_reason": reason}), order, self.location],
            )
            if found.rowcount != 1:
                raise LookupError(f"AuraConnect has no order {order} at location {self.location} that can be voided")
            self.connection.execute(
                "UPDATE aura.payments SET status = 'voided', voided_at = %s, void_business_date = %s, "
                "updated_at = clock_timestamp() WHERE order_id = %s AND status = 'completed'",
                [at, day, order],
            )
        return day

    def refund(self, order: int, at: datetime, *, day: date | None = None, reason: str = "Returned") -> int:
        """Give the whole of an order back, tip and gratuity too; the cents. ``day``: booked on another date than today's."""
        with self.connection.transaction():
            paid = self.connection.execute(
                "SELECT p.id, p.method, p.tender_name, p.amount_cents, p.tip_amount_cents, o.tax_amount_cents, "
                "o.gratuity_cents, o.business_date, o.restaurant_id FROM aura.payments p JOIN aura.orders o ON o.id = p.order_id "
                "WHERE o.id = %s AND o.location_id = %s AND p.status = 'completed'",
                [order, self.location],
            ).fetchone()
            if paid is None:
                raise LookupError(f"AuraConnect has no order {order} at location {self.location} that was paid")
            payment, method, tender, amount, tip, tax, gratuity, sold_on, restaurant = paid
            (made,) = self.connection.execute(  # type: ignore[misc]
                """
                INSERT INTO aura.refunds (restaurant_id, location_id, business_date, amount_cents, currency, status, payment_id,
                    order_id, tender_name, method, net_cents, tax_cents, tip_refunded_cents, charge_cents, reason,
                    processed_at, sale_business_date)
                VALUES (%s, %s, %s, %s, %s, 'completed', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
                """,
                [
                    restaurant,
                    self.location,
                    day or self.menu.hours.day(at),
                    amount + tip,
                    self.menu.currency,
                    payment,
                    order,
                    tender,
                    method,
                    amount - tax - gratuity,
                    tax,
                    tip,
                    gratuity,
                    reason,
                    at,
                    sold_on,
                ],
            ).fetchone()
            self.connection.execute(
                """
                INSERT INTO aura.refund_items (restaurant_id, refund_id, item_name, quantity, gross_cents, discount_cents,
                    tax_cents, net_cents, menu_item_id, reason)
                SELECT restaurant_id, %s, item_name, quantity, line_subtotal_cents, line_discount_cents, line_tax_cents,
                       line_subtotal_cents - line_discount_cents, menu_item_id, %s
                FROM aura.order_items WHERE order_id = %s AND NOT is_voided ORDER BY id
                """,
                [made, reason, order],
            )
        return int(amount + tip)

    def tip(self, order: int, cents: int) -> None:
        """Change the tip of an order's payment after the fact."""
        with self.connection.transaction():
            paid = self.connection.execute(
                "UPDATE aura.payments SET tip_amount_cents = %s, updated_at = clock_timestamp() "
                "WHERE order_id = %s AND status = 'completed' RETURNING id, method, restaurant_id, business_date",
                [cents, order],
            ).fetchone()
            if paid is None:
                raise LookupError(f"AuraConnect has no order {order} that was paid")
            self.connection.execute("UPDATE aura.orders SET tip_amount_cents = %s WHERE id = %s", [cents, order])
            self.connection.execute("DELETE FROM aura.tip_records WHERE payment_id = %s", [paid[0]])
            kind = paid[1] if paid[1] in ("card", "cash") else "other"
            self.connection.execute(
                "INSERT INTO aura.tip_records (restaurant_id, payment_id, tip_amount_cents, tip_date, tip_type, is_cash, order_id)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [paid[2], paid[0], cents, paid[3], kind, kind == "cash", order],
            )

    def lose(self, order: int) -> None:
        """Take an order out of AuraConnect without a trace: what a defect would do."""
        with self.connection.transaction():
            for table in ("order_items", "order_item_modifiers", "order_discounts", "order_service_charges", "order_taxes",
                          "tip_records", "payments"):  # fmt: skip
                self.connection.execute(
                    sql.SQL("DELETE FROM aura.{} WHERE order_id = %s").format(sql.Identifier(table)), [order]
                )
            self.connection.execute("DELETE FROM aura.orders WHERE id = %s", [order])

    # -- rows --------------------------------------------------------------------------------------------------------

    def _ids(self, table: str, count: int) -> list[int]:
        found = self.connection.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [f"aura.{table}", count]
        )
        return [number for (number,) in found.fetchall()]

    def _copy(self, table: str, rows: list[Row]) -> None:
        if not rows:
            return
        columns = sorted({name for row in rows for name in row})
        statement = sql.SQL("COPY aura.{} (restaurant_id, {}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self.connection.cursor().copy(statement) as into:
            for row in rows:
                into.write_row([self.menu.restaurant, *(row.get(name) for name in columns)])
