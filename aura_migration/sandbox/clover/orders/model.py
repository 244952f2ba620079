"""What a Clover merchant knows of its sales, in meaning rather than in JSON.

`wire.py` turns these into Clover's JSON, `ledger.py` into the known truth; neither reads the other's output. Money is
integer cents, times are epoch milliseconds, tax rates are 10,000,000 = 100 %, exact percentages 1,000,000 = 100 %.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

COUNTED = ("SUCCESS", "AUTH_COMPLETED")
AUTO_GRATUITY = "AUTO_GRATUITY"


class Rate(NamedTuple):
    """A tax rate as it was copied to a line at the sale; `flat` is cents a line where `rate` is 0."""

    id: str
    name: str
    rate: int
    default: bool = False
    flat: int | None = None
    type: str | None = None


class Mod(NamedTuple):
    """A modifier chosen for a line, with its price at the sale; `modifier` None: typed in by hand."""

    id: str
    name: str
    cents: int
    modifier: str | None = None
    alternate: str | None = None


class Disc(NamedTuple):
    """A discount: `cents` (negative), `percent` (whole) or `exact`; `catalog` is the id it has on the menu."""

    id: str
    name: str
    cents: int | None = None
    percent: int | None = None
    exact: int | None = None
    catalog: str | None = None
    approver: str | None = None
    type: str | None = None

    @property
    def share(self) -> int | None:
        """The percentage, 1,000,000 = 100 %; the exact one counts where a row has both."""
        if self.exact is not None:
            return self.exact
        return None if self.percent is None else self.percent * 10_000


@dataclass(slots=True)
class Line:
    """One line item; there is no quantity, but `unit_qty` (1000 = one unit) of what is sold by weight.

    `fee` is the id of an order fee, whose computed cents are the price. `refunded` lines leave the order's total,
    `exchanged` ones leave everything.
    """

    id: str
    name: str
    price: int
    created: int
    item: str | None = None
    mods: list[Mod] = field(default_factory=list)
    discounts: list[Disc] = field(default_factory=list)
    rates: tuple[Rate, ...] = ()
    unit_qty: int | None = None
    unit_name: str | None = None
    alternate: str | None = None
    code: str | None = None
    note: str | None = None
    printed: bool = True
    exchanged: bool = False
    exchanged_line: str | None = None
    refunded: bool = False
    revenue: bool = True
    fee: str | None = None
    fee_share: int | None = None
    fee_type: str | None = None
    color: str | None = None
    extra: dict[str, Any] | None = None


@dataclass(slots=True)
class VoidedLine:
    """A line taken off an order before it was paid."""

    id: str
    line: str
    order: str
    name: str
    price: int
    at: int
    reason: str
    employee: str | None = None
    approver: str | None = None
    printed: bool = True
    revenue: bool = True
    order_type: str | None = None
    delete_type: str = "VOID"


class TaxPart(NamedTuple):
    """A payment's share of one tax: what it was taken of and the tax itself."""

    rate: Rate
    taxable: int
    tax: int


@dataclass(slots=True)
class Refund:
    """Money given back for a payment; `amount` is positive and includes `tax` and `tip`.

    `net` and `other` (what was no revenue) split the rest; `charge` and `fees` are its service charge and order fees.
    """

    id: str
    order: str
    payment: str
    at: int
    amount: int
    tax: int = 0
    tip: int | None = None
    charge: int = 0
    fees: int = 0
    other: int = 0
    employee: str | None = None
    device: str | None = None
    lines: list[str] = field(default_factory=list)
    tender: str | None = None
    reason: str | None = None
    status: str | None = "SUCCESS"
    voided: bool = False
    void_reason: str | None = None
    taxes: list[TaxPart] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Did the money move?"""
        return not self.voided and self.status in ("SUCCESS", None)


@dataclass(slots=True)
class Card:
    """What an order's payment shows of a card. `token` can charge it and must never be stored."""

    brand: str
    entry: str
    last4: str
    first6: str | None = None
    kind: str = "AUTH"
    state: str | None = "CLOSED"
    code: str | None = None
    holder: str | None = None
    token: str | None = None
    captured: bool = True


@dataclass(slots=True)
class Payment:
    """A payment: `amount` includes tax and service charge and leaves the tip out."""

    id: str
    order: str
    tender: str
    at: int
    amount: int
    tip: int | None = None
    tax: int = 0
    taxes: list[TaxPart] = field(default_factory=list)
    charge: int = 0
    modified: int = 0
    employee: str | None = None
    device: str | None = None
    tendered: int | None = None
    result: str = "SUCCESS"
    card: Card | None = None
    offline: bool = False
    note: str | None = None
    external: str | None = None
    void_reason: str | None = None
    void_ref: str | None = None
    app: str | None = None
    lines: list[tuple[str, int]] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    extra: dict[str, Any] | None = None

    @property
    def counts(self) -> bool:
        """Is it money the merchant has?"""
        return self.result in COUNTED and self.void_reason is None

    @property
    def voided(self) -> bool:
        """Was it taken back before it was settled?"""
        return self.result == "VOIDED" or self.void_reason is not None


@dataclass(slots=True)
class Credit:
    """Money given back without a payment to give it back for; `amount` is positive and includes `tax`."""

    id: str
    order: str
    tender: str
    at: int
    amount: int
    tax: int = 0
    taxes: list[TaxPart] = field(default_factory=list)
    employee: str | None = None
    device: str | None = None
    reason: str | None = None
    result: str = "SUCCESS"
    voided: bool = False
    void_reason: str | None = None
    customer: str | None = None
    card: Card | None = None

    @property
    def counts(self) -> bool:
        """Did the money move?"""
        return self.result in COUNTED and not self.voided


@dataclass(slots=True)
class Order:
    """An order of one merchant. `state` None: a draft, in no list. `missing`: it is gone, only its payments are left.

    `stated_total` is what the POS says where that is not what the arithmetic gives. `kinds` name its peculiarities.
    `tax_half_even` and `fees_taxed` are not how Clover calculates: the past was charged so all the same.
    `arrives`: the API serves it from then on; None = always.
    """

    id: str
    created: int
    modified: int
    client_created: int
    employee: str | None = None
    device: str | None = None
    type: str | None = None
    state: str | None = "locked"
    lines: list[Line] = field(default_factory=list)
    discounts: list[Disc] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)
    voided_lines: list[VoidedLine] = field(default_factory=list)
    authorizations: list[Payment] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    charge: dict[str, Any] | None = None
    delivery_fee: int | None = None
    title: str | None = None
    note: str | None = None
    external: str | None = None
    pay_type: str | None = None
    tax_removed: bool = False
    untaxed: bool = False
    vat: bool = False
    manual: bool = False
    manual_total: int = 0
    test: bool = False
    deleted_time: int | None = None
    missing: bool = False
    stated_total: int | None = None
    stated_state: str | None = None
    fulfillment: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None
    kinds: tuple[str, ...] = ()
    tax_half_even: bool = False
    fees_taxed: bool = False
    arrives: int | None = None

    @property
    def deleted(self) -> bool:
        """Clover deletes softly: the row stays and carries a time."""
        return self.deleted_time is not None

    @property
    def listed(self) -> bool:
        """Can `GET /orders` show it at all?"""
        return self.state is not None and not self.missing

    def refunds(self) -> list[Refund]:
        """The refunds of its payments."""
        return [refund for payment in self.payments for refund in payment.refunds]
