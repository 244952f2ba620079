"""What a witness says of a location's history: one fact per order, payment, refund, payout, cash movement.

Plain data that verify compares with AuraConnect. A witness reads the snapshot by a path of its own: it imports neither the
mapping nor its wire structs nor ``canonical``. Amounts are minor units; dates are YYYY-MM-DD.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.clock import business_date

PROBLEMS = (
    "lines_do_not_add_up",
    "discounts_do_not_add_up",
    "tax_does_not_add_up",
    "total_does_not_add_up",
    "payments_do_not_cover",
    "refund_exceeds_sale",
    "currency_differs",
    "negative_total",
    "absurd_date",
    "unknown_tender",
    "missing_reference",
)
"""What may be wrong with a document in the POS's own figures. It is loaded as sent; these codes are its review flags."""


@dataclass(frozen=True)
class DayRule:
    """How the location's history is dated where the POS itself does not say the business date."""

    timezone: str
    closeout: timedelta = timedelta(0)
    basis: Literal["closed", "created", "paid"] = "closed"
    refunds: Literal["refund_day", "sale_day"] = "refund_day"

    def day(self, instant: datetime) -> date:
        """The business date of an aware instant."""
        return business_date(instant, self.timezone, self.closeout)


@dataclass(slots=True)
class OrderFact:
    """One check. ``state`` says whether it counts in sums: counts, voided (or cancelled), open (or scheduled).

    ``gross`` is the lines of class sale that are not voided, as rung up with modifiers, before discounts; ``non_sale``
    the other classes of line. ``charges`` are by charge class. ``taxes`` are by ``tax_name``. ``final`` is payable, tips apart.
    ``due`` is what the POS itself says is still to be paid of an order that counts. ``reference`` is the external reference it
    carries: of orders that came from another system, that system's name of it. ``group`` is the key of what the POS calls the
    order, where several checks may make up one. ``opened_at`` is when it was opened by the POS's own clock (aware), where it says so.
    """

    key: str
    business_date: str
    state: Literal["counts", "voided", "open"]
    gross: int
    discount: int
    tax: int
    included_tax: int
    tip: int
    final: int
    lines: int
    non_sale: Mapping[str, int] = field(default_factory=dict)
    charges: Mapping[str, int] = field(default_factory=dict)
    taxes: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    due: int = 0
    reference: str = field(default="", compare=False)
    group: str = field(default="", compare=False)
    opened_at: datetime | None = field(default=None, compare=False)


@dataclass(slots=True)
class PaymentFact:
    """One payment. ``state``: counts (completed), open (pending, authorised), void (failed, cancelled, voided)."""

    key: str
    order_key: str | None
    business_date: str
    tender: str
    amount: int
    tip: int
    state: Literal["counts", "open", "void"]
    fee: int | None = None
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class RefundFact:
    """Money given back, positive."""

    key: str
    order_key: str | None
    payment_key: str | None
    business_date: str
    amount: int
    state: Literal["counts", "open", "void"]
    tax: int | None = None
    tip: int | None = None
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class PayoutFact:
    """One payout; ``entries`` by entry class: how many and their net."""

    key: str
    business_date: str
    amount: int
    entries: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    fees: int = 0


@dataclass(slots=True)
class CashFact:
    """A cash movement, drawer shift, deposit or house-account movement. ``kind`` is the kind of document.

    ``order_key``: the order that a house account was charged or paid with.
    """

    kind: Literal["cash_drawer_shifts", "cash_events", "deposits", "house_account_movements"]
    key: str
    business_date: str
    amount: int
    order_key: str | None = field(default=None, compare=False)


HistoryFact = OrderFact | PaymentFact | RefundFact | PayoutFact | CashFact


class HistoryWitness(Protocol):
    """``facts`` of the module ``orders_witness`` in a connector's package.

    Yields in any order, in bounded memory; of an object that was read several times the last version only.
    """

    def __call__(
        self, reader: SnapshotReader, location_source_id: str, currency: str, rule: DayRule
    ) -> Iterator[HistoryFact]: ...


def tax_name(name: str, percent: str | None, *, inclusive: bool) -> str:
    """The name under which tax of a rate is summed: ``Sales Tax 8.875%`` or ``VAT 20% incl.``; ``percent`` as plain decimal."""
    rate = ""
    if percent is not None:
        rate = f" {percent.rstrip('0').rstrip('.') if '.' in percent else percent}%"
    return f"{name}{rate}{' incl.' if inclusive else ''}"
