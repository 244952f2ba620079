"""A till that writes orders and money straight into AuraConnect's tables, for tests of what is made from them.

Checks add up by the identity of the history unless a test says otherwise. Rows are collected and written by ``flush``.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from aura_migration_tests.support.menus import make_chain

Connection = psycopg.Connection[Any]


class Tax(NamedTuple):
    """Tax of a rate on a line, a charge or a check."""

    cents: int
    name: str = "Sales tax"
    rate: str | None = "8.875"
    is_inclusive: bool = False
    remitted_by: str = "restaurant"
    taxable: int | None = None


@dataclass(frozen=True)
class Line:
    """One line; ``gross`` as rung up."""

    gross: int
    name: str = "Burger"
    category: str | None = "Food"
    revenue_class: str = "sale"
    discount: int = 0
    comp: int = 0
    taxes: Sequence[Tax] = ()
    quantity: int = 1
    is_voided: bool = False
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def included(self) -> int:
        """Tax inside the price."""
        return sum(tax.cents for tax in self.taxes if tax.is_inclusive)


@dataclass(frozen=True)
class Charge:
    """A charge on the check."""

    cents: int
    charge_class: str = "service"
    taxes: Sequence[Tax] = ()
    paid_to: str = "house"
    name: str = "Charge"


class Till:
    """A location of a new restaurant, with a migration of it."""

    def __init__(self, connection: Connection, timezone: str = "America/New_York") -> None:
        self.connection = connection
        (self.subject,) = make_chain(connection)
        self.restaurant = self.subject.restaurant_id
        self.location = self._one(
            "INSERT INTO aura.locations (restaurant_id, name, timezone) VALUES (%s, 'Harbor', %s) RETURNING id",
            [self.restaurant, timezone],
        )
        self._one(
            "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
            "first_migration_id, last_migration_id) VALUES (%s, %s, 'locations', 'L1', 'locations', %s, %s, %s) RETURNING id",
            [
                self.restaurant,
                self.subject.integration_id,
                self.location,
                self.subject.migration_id,
                self.subject.migration_id,
            ],
        )
        self._ids = itertools.count(1000)
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def row(self, table: str, **values: Any) -> int:
        """A row of a table; returns its id."""
        number = next(self._ids)
        self._rows[table].append({"id": number, "restaurant_id": self.restaurant, **values})
        return number

    def root(self, table: str, day: str, **values: Any) -> int:
        """A row of a table that has a location and a business date."""
        number = self.row(table, location_id=self.location, business_date=day, **values)
        self._rows[table][-1].setdefault("source_id", f"{table}-{number}")
        return number

    def check(
        self,
        day: str,
        lines: Sequence[Line] = (),
        charges: Sequence[Charge] = (),
        *,
        discount: int = 0,
        comp: int = 0,
        taxes: Sequence[Tax] = (),
        **head: Any,
    ) -> int:
        """One check, completed unless the head says otherwise. ``discount`` and ``comp`` are on the check."""
        real = [line for line in lines if not line.is_voided]
        every_tax = [*taxes, *(t for line in real for t in line.taxes), *(t for c in charges for t in c.taxes)]
        by_class: dict[str, int] = defaultdict(int)
        for charge in charges:
            by_class[charge.charge_class] += charge.cents
        gratuity, rounding = by_class.pop("auto_gratuity", 0), by_class.pop("cash_rounding", 0)
        values = {
            "business_date_rule": "closed_at, closeout 04:00",
            "status": "completed",
            "currency": "USD",
            "subtotal_cents": sum(line.gross for line in real),
            "non_sale_cents": sum(line.gross for line in real if line.revenue_class != "sale"),
            "discount_amount_cents": discount + comp + sum(line.discount + line.comp for line in real),
            "service_charge_amount_cents": sum(by_class.values()),
            "gratuity_cents": gratuity,
            "rounding_cents": rounding,
            "tax_amount_cents": sum(tax.cents for tax in every_tax),
            "included_tax_cents": sum(tax.cents for tax in every_tax if tax.is_inclusive),
            "closed_at": f"{day} 18:30-05",
            **head,
        }
        values["total_amount_cents"] = values["subtotal_cents"]
        values.setdefault(
            "final_amount_cents",
            values["subtotal_cents"]
            - values["discount_amount_cents"]
            + values["service_charge_amount_cents"]
            + gratuity
            + rounding
            + values["tax_amount_cents"]
            - values["included_tax_cents"],
        )
        order = self.root("orders", day, **values)
        for number, line in enumerate(lines):
            self._line(order, number, line)
        for name, cents, is_comp in (("Happy hour", discount, False), ("Manager comp", comp, True)):
            if cents:
                self.row("order_discounts", order_id=order, name=name, amount_cents=cents, is_comp=is_comp)
        for charge in charges:
            number = self.row(
                "order_service_charges",
                order_id=order,
                name=charge.name,
                amount_cents=charge.cents,
                charge_class=charge.charge_class,
                paid_to=charge.paid_to,
                tax_cents=sum(tax.cents for tax in charge.taxes),
            )
            for tax in charge.taxes:
                self._tax(order, tax, order_service_charge_id=number)
        for tax in taxes:
            self._tax(order, tax)
        return order

    def _line(self, order: int, number: int, line: Line) -> None:
        item = self.row(
            "order_items",
            order_id=order,
            item_name=line.name,
            quantity=Decimal(line.quantity),
            price_cents=line.gross,
            line_subtotal_cents=line.gross,
            revenue_class=line.revenue_class,
            line_discount_cents=line.discount + line.comp,
            line_tax_cents=sum(tax.cents for tax in line.taxes),
            included_tax_cents=line.included,
            category_name=line.category,
            is_voided=line.is_voided,
            source_line_id=f"line-{number}",
            **line.values,
        )
        for name, cents, is_comp in (("Happy hour", line.discount, False), ("Manager comp", line.comp, True)):
            if cents:
                self.row(
                    "order_discounts",
                    order_id=order,
                    order_item_id=item,
                    name=name,
                    amount_cents=cents,
                    is_comp=is_comp,
                )
        for tax in line.taxes:
            self._tax(order, tax, order_item_id=item)

    def _tax(self, order: int, tax: Tax, **on: int) -> None:
        self.row(
            "order_taxes",
            order_id=order,
            name=tax.name,
            rate_percent=tax.rate,
            amount_cents=tax.cents,
            is_inclusive=tax.is_inclusive,
            remitted_by=tax.remitted_by,
            taxable_amount_cents=tax.taxable,
            **on,
        )

    def payable(self, order: int, off: int = 0) -> int:
        """What is to be paid for a check that is not written yet; ``off`` makes its total wrong by so much."""
        head: dict[str, Any] = next(row for row in self._rows["orders"] if row["id"] == order)
        head["final_amount_cents"] += off
        return int(head["final_amount_cents"])

    def pay(self, day: str, order: int | None, cents: int, method: str = "card", tip: int = 0, **values: Any) -> int:
        """A completed payment."""
        return self.root(
            "payments",
            day,
            **{
                "order_id": order,
                "method": method,
                "tender_name": method.replace("_", " ").capitalize(),
                "amount_cents": cents,
                "tip_amount_cents": tip,
                "currency": "USD",
                "status": "completed",
                **values,
            },
        )

    def refund(self, day: str, cents: int, method: str = "card", **values: Any) -> int:
        """A completed refund."""
        return self.root(
            "refunds",
            day,
            **{
                "amount_cents": cents,
                "method": method,
                "tender_name": method.replace("_", " ").capitalize(),
                "currency": "USD",
                "status": "completed",
                **values,
            },
        )

    def flush(self) -> None:
        """Write what was collected."""
        for table, rows in self._rows.items():
            names = sorted({name for row in rows for name in row})
            for chosen in _alike(rows, names):
                columns = list(chosen[0])
                statement = sql.SQL("COPY aura.{} ({}) FROM STDIN").format(
                    sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
                )
                with self.connection.cursor().copy(statement) as copy:
                    for row in chosen:
                        copy.write_row([row[name] for name in columns])
        self._rows.clear()

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.connection.execute(query.encode(), arguments).fetchall()

    def _one(self, query: str, arguments: Sequence[Any]) -> int:
        row = self.connection.execute(query.encode(), arguments).fetchone()
        assert row is not None
        return int(row[0])


def _alike(rows: list[dict[str, Any]], names: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Rows grouped by which columns they have: what is not given takes the table's default."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        given = tuple(name for name in names if row.get(name) is not None)
        groups[given].append({name: row[name] for name in given})
    return list(groups.values())
