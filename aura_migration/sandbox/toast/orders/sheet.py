"""An order as it stands, with everything the API tells of it: what answers, truth and edits are all made from.

Money is integer cents (a tax share may have a fraction of a cent), moments are milliseconds since 1970 in UTC, business
dates are ``date``. Does not belong here: JSON (``wire``) and how orders come about (``adapt``, ``draw``, ``singles``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from aura_migration.sandbox.toast.orders.model import Card
from aura_migration.sandbox.toast.people.model import Guest

Cents = int | Decimal
Ref = dict[str, Any] | None
SERVICE, SURCHARGE, FUNDRAISING, CASH_ROUNDING = (
    "SERVICE_CHARGE",
    "CREDIT_CARD_SURCHARGE",
    "FUNDRAISING_CAMPAIGN",
    "CASH_ROUNDING",
)
HOUSE_BALANCE = "HOUSE_ACCOUNT_PAY_BALANCE"
NO_MONEY = frozenset(("VOIDED", "CANCELLED", "DENIED", "ERROR", "ERROR_NETWORK", "PROCESSING_VOID"))
"""Statuses of payments by which nothing was paid."""


@dataclass(slots=True)
class Void:
    """When, for which business date, why and by whom something was voided."""

    at: int
    day: date
    reason: str | None = None
    user: str | None = None
    approver: str | None = None


@dataclass(slots=True)
class PaidBack:
    """What of a line or charge was refunded, without and of tax, and by which transaction."""

    cents: int
    tax: int
    transaction: str


@dataclass(slots=True)
class AppliedTax:
    """A tax of a line or charge. ``rate`` None for a tax that is no percentage; ``facilitated``: a marketplace pays it."""

    guid: str
    tax: str
    name: str
    rate: float | None
    cents: Cents
    kind: str = "PERCENT"
    facilitated: bool = False
    jurisdiction: str | None = None


@dataclass(slots=True)
class AppliedDiscount:
    """A discount of a line or of a check. ``net``: the part that is no embedded tax; None where Toast leaves it out."""

    guid: str
    config: str | None
    name: str
    cents: int
    net: int | None
    kind: str
    percent: float | None = None
    vendor: str | None = None
    approver: str | None = None
    reason: dict[str, Any] | None = None
    state: str | None = None
    triggers: list[dict[str, Any]] = field(default_factory=list)
    promo: str | None = None


@dataclass(slots=True)
class AppliedCharge:
    """A service charge of a check."""

    guid: str
    config: str
    name: str
    cents: int
    kind: str = "FIXED"
    gratuity: bool = False
    taxable: bool = False
    taxes: list[AppliedTax] = field(default_factory=list)
    calculation: str | None = None
    category: str | None = SERVICE
    payment: str | None = None
    refund: PaidBack | None = None


@dataclass(slots=True)
class Selection:
    """A line or a modifier. ``listed``: the unit price; ``pre`` before and ``price`` after discounts, both of the whole
    line with its modifiers and without tax."""

    guid: str
    name: str
    item: Ref = None
    group: Ref = None
    option_group: Ref = None
    pre_modifier: Ref = None
    category: Ref = None
    quantity: float = 1.0
    unit: str = "NONE"
    kind: str | None = "NONE"
    listed: int = 0
    pre: int = 0
    price: int = 0
    taxes: list[AppliedTax] = field(default_factory=list)
    discounts: list[AppliedDiscount] = field(default_factory=list)
    modifiers: list[Selection] = field(default_factory=list)
    deferred: bool = False
    void: Void | None = None
    inclusion: str = "NOT_INCLUDED"
    plu: str | None = None
    pre_modifier_plu: str | None = None
    mode: str | None = None
    refund: PaidBack | None = None
    status: str | None = None
    seat: int | None = None
    external: str | None = None

    @property
    def tax(self) -> Cents:
        """All taxes of the line."""
        taxes = self.taxes
        return taxes[0].cents if len(taxes) == 1 else sum(one.cents for one in taxes)

    @property
    def counts(self) -> bool:
        """Is it a sale: neither voided nor deferred nor money for a house account?"""
        return self.void is None and not self.deferred and self.kind != HOUSE_BALANCE


@dataclass(slots=True)
class Refund:
    """What was given back of a payment; ``cents`` without the tip."""

    cents: int
    tip: int
    at: int
    day: date
    transaction: str


@dataclass(slots=True)
class Paid:
    """A payment; ``cents`` without the tip."""

    guid: str
    kind: str
    cents: int
    tip: int
    at: int | None
    day: date
    status: str | None
    tender: str
    tendered: int | None = None
    card: Card | None = None
    refund: Refund | None = None
    void: Void | None = None
    other: str | None = None
    house: str | None = None
    drawer: str | None = None
    server: str | None = None

    @property
    def counts(self) -> bool:
        """Was anything paid by it?"""
        return self.status not in NO_MONEY and self.void is None


@dataclass(slots=True)
class Bill:
    """A check; ``amount`` and ``tax`` as Toast sends them."""

    guid: str
    label: str
    guest: Guest | None
    lines: list[Selection]
    discounts: list[AppliedDiscount]
    charges: list[AppliedCharge]
    payments: list[Paid]
    amount: int
    tax: int
    opened: int
    closed: int | None
    paid: int | None
    status: str
    loyalty: dict[str, Any] | None = None
    exempt: bool = False
    tab: str | None = None
    deleted: int | None = None
    void: Void | None = None
    external: str | None = None

    @property
    def total(self) -> int:
        """What is to be paid, without tips and without gratuity."""
        return self.amount + self.tax

    @property
    def gratuity(self) -> int:
        """Gratuity among the charges."""
        return sum(one.cents for one in self.charges if one.gratuity)

    def every_discount(self) -> Iterator[AppliedDiscount]:
        """The check's and its lines'."""
        yield from self.discounts
        for line in self.lines:
            yield from line.discounts


@dataclass(slots=True)
class Sheet:
    """A whole order. ``key``: its number at the location; ``deleted`` and ``void`` say when.

    ``created``: when Toast's cloud first had it, where that was not at once. ``arrives``: the API serves it from then on; None:
    always. ``submitted``: the client that posted it and alone sees its external ids.
    """

    key: int
    guid: str
    day: date
    opened: int
    modified: int
    closed: int | None
    paid: int | None
    behavior: str
    dining: str | None
    source: str
    bills: list[Bill]
    label: str
    server: str | None = None
    table: str | None = None
    area: str | None = None
    center: str | None = None
    service: str | None = None
    promised: int | None = None
    guests: int = 1
    approval: str = "APPROVED"
    excess: bool = False
    delivery: Guest | None = None
    delivery_state: str = "DELIVERED"
    car: dict[str, Any] | None = None
    device: str = "a1"
    deleted: int | None = None
    void: Void | None = None
    features: tuple[str, ...] = ("TAXESV2",)
    external: str | None = None
    told: list[str] = field(default_factory=list)
    created: int | None = None
    arrives: int | None = None
    submitted: str | None = None

    def externals(self) -> Iterator[str]:
        """External ids of the order, its checks and its lines."""
        given = [self.external, *(bill.external for bill in self.bills)]
        given += [line.external for bill in self.bills for line in bill.lines]
        yield from (external for external in given if external is not None)

    def tell(self, why: str | None) -> None:
        """Note, once, by what the order was charged; part of the truth, not of the wire."""
        if why is not None and why not in self.told:
            self.told.append(why)

    @property
    def counts(self) -> bool:
        """Is it an order of its business date's sales: neither voided nor deleted nor food thrown away?"""
        return self.void is None and self.deleted is None and not self.excess

    def payments(self) -> Iterator[tuple[Bill, Paid]]:
        """All payments with their checks."""
        for bill in self.bills:
            for one in bill.payments:
                yield bill, one
