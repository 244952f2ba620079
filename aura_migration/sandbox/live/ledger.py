"""What really happened: every sale with its figures in both systems, and the known truth by business date.

The truth counts each sale once: by the figures of the system whose book its channel stood in when it was opened. What the
systems themselves hold is told apart (``sides``), so that a difference between them can be looked for where it was put.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from aura_migration.sandbox.live.sums import Sums
from aura_migration.sandbox.live.till import Ticket

Book = Literal["pos", "auraconnect"]
BOOKS: tuple[Book, ...] = ("pos", "auraconnect")


@dataclass(frozen=True)
class Figures:
    """An order's amounts in cents. ``charge``: service charges and gratuity; ``payable`` is without the tip.

    ``paid`` is what the payments say, tips apart; ``day`` the business date on which the system counts the order.
    """

    day: date
    gross: int
    discount: int
    charge: int
    tax: int
    tip: int
    payable: int
    paid: int

    def less(self, other: Figures) -> dict[str, int]:
        """This less the other, by part, where they differ; dates apart."""
        mine, theirs = asdict(self), asdict(other)
        return {name: mine[name] - theirs[name] for name in mine if name != "day" and mine[name] != theirs[name]}


def figures_of(sums: Sums, day: date, tip: int) -> Figures:
    """The figures of a basket that was paid as it should be."""
    return Figures(day, sums.gross, sums.discount, sums.charge, sums.tax, tip, sums.payable, sums.payable)


@dataclass(frozen=True)
class Refund:
    """Money given back for a whole order, tip and gratuity in it."""

    day: date
    cents: int


@dataclass
class Sale:
    """One sale and what became of it. ``pos`` and ``aura`` are the figures there; None: the system does not hold it.

    ``day`` is its true business date, ``book`` the system it counts in. ``key`` is the id AuraConnect knows a copy of the
    POS's order by. ``arrives_at``: the POS's cloud has it from then on.
    """

    name: str
    day: date
    at: datetime
    channel: str
    book: Book
    ticket: Ticket
    pos: Figures | None = None
    aura: Figures | None = None
    pos_order: str | None = None
    aura_order: int | None = None
    arrives_at: datetime | None = None
    voided: dict[Book, date] = field(default_factory=dict)
    refunded: dict[Book, Refund] = field(default_factory=dict)
    is_doubled: bool = False

    @property
    def is_twin(self) -> bool:
        """Is it in both systems?"""
        return self.pos is not None and self.aura is not None

    def side(self, book: Book) -> Figures | None:
        """What a system says of it, None where it does not hold it or it was voided there."""
        figures = self.pos if book == "pos" else self.aura
        return None if book in self.voided else figures

    @property
    def other(self) -> Book:
        """The system that does not count it."""
        return "auraconnect" if self.book == "pos" else "pos"

    @property
    def true(self) -> Figures | None:
        """What the sale was: in its own book, or where that has lost it in the other; None: it was voided."""
        if self.book in self.voided:
            return None
        held = self.pos if self.book == "pos" else self.aura
        return held if held is not None else self.side(self.other)


@dataclass(frozen=True)
class Injected:
    """A difference that was put there. ``cents``: what AuraConnect comes to more than the POS by that part of the order; more
    discount or more given back is less.

    ``part`` is a field of `Figures`, or ``order`` for all of its payable amount, ``refund`` for money given back, ``tender``
    for what was paid by another tender. ``settles_at``: gone by itself once the POS is read after that instant.
    """

    cause: str
    day: date
    part: str
    cents: int
    key: Callable[[], str] = field(compare=False, repr=False)
    pos_order: str | None = None
    aura_order: int | None = None
    settles_at: datetime | None = None

    @property
    def order(self) -> str:
        """The key under which AuraConnect knows the POS's order, else ``aura:<id>``; Toast is asked for it."""
        return self.key()


SUMS = ("gross", "discount", "charge", "tax", "tip", "payable", "paid")


def summed(held: Iterable[Figures]) -> dict[str, int]:
    """The sums of some orders, and how many."""
    found = {"orders": 0, **{f"{name}_cents": 0 for name in SUMS}}
    for figures in held:
        found["orders"] += 1
        for name in SUMS:
            found[f"{name}_cents"] += getattr(figures, name)
    return found


class Ledger:
    """All sales of a restaurant and the differences put between its systems."""

    def __init__(self) -> None:
        self.sales: list[Sale] = []
        self.injected: list[Injected] = []

    def days(self) -> list[date]:
        """Every business date on which anything happened, in either system."""
        found = {sale.day for sale in self.sales} | {one.day for one in self.injected}
        for sale in self.sales:
            found |= {held.day for held in (sale.pos, sale.aura) if held is not None}
            found |= {held.day for held in sale.refunded.values()}
        return sorted(found)

    def truth(self) -> dict[str, dict[str, Any]]:
        """The known truth by business date: ``{"2026-10-02": {...}}``, see `day`."""
        return {day.isoformat(): self.day(day) for day in self.days()}

    def day(self, day: date) -> dict[str, Any]:
        """One date: ``orders``, ``gross_cents``, ``discount_cents``, ``charge_cents``, ``tax_cents``, ``tip_cents``,
        ``payable_cents``, ``paid_cents``, ``refund_cents`` of all sales, once each; the same ``by_book``, and by what each
        system holds (``sides``); ``injected``: the differences put there.
        """
        true = [(sale.book, sale.true) for sale in self.sales if sale.day == day]
        found: dict[str, Any] = summed(held for _, held in true if held is not None)
        found["by_book"] = {
            book: summed(held for owner, held in true if held is not None and owner == book) for book in BOOKS
        }
        found["sides"] = {book: self.side(book, day) for book in BOOKS}
        for book in BOOKS:
            found["by_book"][book]["refund_cents"] = sum(
                sale.refunded[book].cents
                for sale in self.sales
                if sale.book == book and book in sale.refunded and sale.refunded[book].day == day
            )
        found["refund_cents"] = sum(found["by_book"][book]["refund_cents"] for book in BOOKS)
        found["injected"] = [
            {"cause": one.cause, "order": one.order, "part": one.part, "cents": one.cents}
            for one in self.injected
            if one.day == day
        ]
        return found

    def side(self, book: Book, day: date) -> dict[str, int]:
        """What one system holds of a date by its own dating, copies apart."""
        held = [sale.side(book) for sale in self.sales]
        found = summed(one for one in held if one is not None and one.day == day)
        found["refund_cents"] = sum(
            sale.refunded[book].cents for sale in self.sales if book in sale.refunded and sale.refunded[book].day == day
        )
        return found
