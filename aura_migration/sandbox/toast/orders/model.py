"""Orders in meaning: what is decided about an order (``Plan``) and what comes of it, with every sum (``Order``).

Money is integer cents, moments are milliseconds since 1970 in UTC. Does not belong here: JSON shapes (``wire``), how
plans are drawn by number (``plans``) and how lines, taxes and payments are made of one (``compose``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from aura_migration.sandbox.toast.people.model import Guest

CREDIT, CASH, GIFTCARD, HOUSE, OTHER = "CREDIT", "CASH", "GIFTCARD", "HOUSE_ACCOUNT", "OTHER"
SELL, RELOAD = "TOAST_CARD_SELL", "TOAST_CARD_RELOAD"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided about one order; ``customers`` has one entry per check, None where the check names nobody.

    ``gift`` is a gift card sold or reloaded with the order. ``loyalty`` is the vendor whose member the first guest is;
    ``reward`` cents were then taken off for points. ``closed`` None: still open. ``modified`` is when it last changed.
    """

    number: int
    guid: str
    day: date
    opened: int
    modified: int
    behavior: str
    customers: tuple[Guest | None, ...] = (None,)
    source: str = "In Store"
    closed: int | None = None
    promised: int | None = None
    paid_with: str = CREDIT
    discounted: bool = False
    loyalty: str | None = None
    reward: int = 0
    gift: tuple[str, int] | None = None
    curbside: bool = False
    voided: bool = False
    deleted: bool = False
    excess: bool = False


@dataclass(frozen=True, slots=True)
class Tax:
    """A percent tax rate; ``take_out`` replaces the rate for take-out orders."""

    guid: str
    name: str
    rate: Decimal
    rounding: str
    take_out: Decimal | None

    def rate_for(self, behavior: str) -> Decimal:
        """The rate an order of that dining behavior pays."""
        return self.take_out if self.take_out is not None and behavior == "TAKE_OUT" else self.rate


@dataclass(frozen=True, slots=True)
class Choice:
    """A modifier option with a price of its own."""

    guid: str
    mlid: str
    name: str
    group: str
    group_mlid: str
    cents: int


@dataclass(frozen=True, slots=True)
class Dish:
    """An item that can be ordered: one fixed price, percent taxes on top. ``musts``: alternatives of what has to be chosen
    with it, one of each; ``choices``: what may be chosen beside."""

    guid: str
    mlid: str
    name: str
    plu: str
    group: str
    group_mlid: str
    cents: int
    category: str | None
    taxes: tuple[Tax, ...]
    choices: tuple[Choice, ...]
    musts: tuple[tuple[Choice, ...], ...] = ()


@dataclass(slots=True)
class Line:
    """A line of a check. ``pre`` is before discounts and ``price`` after, both with modifiers and without tax.

    ``dish`` None: a gift card, sold or reloaded, which is deferred and untaxed.
    """

    guid: str
    dish: Dish | None
    kind: str
    quantity: int
    unit: int
    choices: tuple[Choice, ...] = ()
    pre: int = 0
    price: int = 0
    taxes: list[tuple[Tax, Decimal, int]] = field(default_factory=list)

    @property
    def tax(self) -> int:
        """All taxes of the line."""
        return sum(cents for _, _, cents in self.taxes)


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount of a whole check; ``percent`` None: a fixed amount. ``vendor``: taken for loyalty points."""

    guid: str
    config: str
    name: str
    cents: int
    percent: int | None
    vendor: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What a card payment tells of its card."""

    brand: str
    first6: str
    last4: str
    entry: str
    payment_id: str
    network_id: str
    fee: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment; ``amount`` without the tip."""

    guid: str
    kind: str
    amount: int
    tip: int
    tendered: int | None
    card: Card | None
    tender_guid: str
    voided: bool


@dataclass(slots=True)
class Check:
    """A check with its sums; ``total`` is ``amount`` plus ``tax``."""

    guid: str
    label: str
    guest: Guest | None
    lines: list[Line]
    discounts: list[Discount]
    payments: list[Payment]
    amount: int
    tax: int
    points: int | None

    @property
    def total(self) -> int:
        """What is to be paid, without tips."""
        return self.amount + self.tax


@dataclass(slots=True)
class Order:
    """A whole order; ``paid`` None while nothing was paid."""

    plan: Plan
    checks: list[Check]
    server: str | None
    paid: int | None
