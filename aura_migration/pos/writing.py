"""The port for writing to a POS: orders, their payment and cancellation, and stock, as far as the granted rights reach.

A connector's ``writing.py`` fills it and its ``CONNECTOR`` carries it as ``writer``; a plugin may leave it out. Keys are source
keys, as the crosswalk has them. What is written, when and why is decided elsewhere; menus are not written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from aura_migration.core.errors import BadInput, Refused
from aura_migration.pos.port import Connector

TWIN = "aura:"
"""What the external reference of every order begins with that came to the POS from AuraConnect: ``aura:<order id>``."""
TEST = "aura:test:"
"""Of these the orders that only try out whether orders arrive; they are no sales anywhere."""
REFERENCE_LENGTH = 40
"""The shortest any of these POS takes for an order's external reference."""

OrderState = Literal["open", "paid", "cancelled"]
StockState = Literal["in_stock", "out_of_stock", "quantity"]


@dataclass(frozen=True)
class NewModifier:
    """A choice: the key of a modifier (``group/option``), and the choices within it."""

    key: str
    quantity: int = 1
    chosen: tuple[NewModifier, ...] = ()


@dataclass(frozen=True)
class NewLine:
    """One line: the key of an item, of its variation where it has several, and what is chosen with it.

    ``category_key`` is the category it is sold from, where the POS asks for one and the item stands in several.
    """

    item_key: str
    quantity: int = 1
    variation_key: str = ""
    modifiers: tuple[NewModifier, ...] = ()
    category_key: str = ""


@dataclass(frozen=True)
class NewOrder:
    """An order to be created. ``reference`` begins with ``aura:`` and makes creating it again the same order.

    ``order_type_key`` names the POS's order type; empty takes one that asks for no guest. ``note`` is what people at the
    POS see the order go by. ``channel`` is where it was taken; a POS that has no place for it does not hear of it.
    """

    reference: str
    lines: tuple[NewLine, ...]
    currency: str
    channel: Literal["in_house", "online"] = "in_house"
    order_type_key: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not self.reference.startswith(TWIN) or len(self.reference) > REFERENCE_LENGTH or not self.lines:
            raise BadInput(
                f"An order with the reference {self.reference!r} and {len(self.lines)} lines cannot be written to a POS.",
                f"References are {TWIN}<order id>, at most {REFERENCE_LENGTH} characters; an order has a line at least.",
            )


@dataclass(frozen=True)
class NewPayment:
    """That an order was paid elsewhere: minor units, the tip beside them. ``tender`` is the name of what the POS books it to."""

    cents: int
    tip_cents: int
    currency: str
    tender: str


@dataclass(frozen=True)
class WrittenOrder:
    """An order as the POS has it: its own id and reference; minor units, ``total_cents`` without tips.

    ``version`` is what the POS wants to hear when the order is changed, where it has one.
    """

    key: str
    reference: str
    state: OrderState
    total_cents: int
    tax_cents: int
    lines: int
    version: str = ""


@dataclass(frozen=True)
class StockLevel:
    """Stock of an item, or of its variation. ``quantity`` is known (and may be set) where the state is ``quantity``.

    ``is_counted``: the POS counts it down as it sells.
    """

    item_key: str
    variation_key: str
    state: StockState
    quantity: Decimal | None = None
    is_counted: bool = False

    @property
    def is_out(self) -> bool:
        """Whether a till sells none of it: 86'd, or counted down to nothing."""
        return self.state == "out_of_stock" or (self.quantity is not None and self.quantity <= 0)


@dataclass(frozen=True)
class WriteRights:
    """What may be written; None where the POS neither says it nor can be asked without changing something.

    ``evidence`` says per right in a sentence how it is known.
    """

    orders: bool | None
    cancelling: bool | None
    stock: bool | None
    payments: bool | None
    evidence: dict[str, str] = field(default_factory=dict)

    @property
    def is_read_only(self) -> bool:
        """Whether no order may be written."""
        return self.orders is False


class Writer(Protocol):
    """How a POS is written to. Stateless; ``session`` is an open one of the same connector, ``location`` a POS location id.

    Everything may be repeated: an order is found by its reference, a level of stock is set, never added to. Raises a PosError.
    """

    can_set: frozenset[StockState]
    """Which states of stock can be written for what is not counted; counts always can."""

    async def rights(self, session: Any, location: str) -> WriteRights:
        """What may be written, asked of the POS or shown by an attempt that cannot change anything; never assumed."""
        ...

    async def create_order(self, session: Any, location: str, order: NewOrder, at: datetime) -> WrittenOrder:
        """The order as it was created, priced by the POS; of a reference that is there already, that order.

        ``at`` is the present instant: from where on an order of that reference is looked for.
        """
        ...

    async def find_order(self, session: Any, location: str, reference: str, since: datetime) -> WrittenOrder | None:
        """The order of that reference among those created since; None where there is none, or it is deleted."""
        ...

    async def read_order(self, session: Any, location: str, key: str) -> WrittenOrder | None:
        """The order as the POS has it now; None where it has none of that id any more."""
        ...

    async def cancel_order(self, session: Any, location: str, key: str) -> None:
        """Cancel an unpaid order; one that is cancelled, or gone, is left so. ``Refused`` where it was paid."""
        ...

    async def pay_order(self, session: Any, location: str, key: str, payment: NewPayment) -> None:
        """Record that an open order was paid elsewhere; one that is paid is left so. ``Refused`` where the POS has no such tender."""
        ...

    async def read_stock(self, session: Any, location: str, things: Sequence[tuple[str, str]]) -> list[StockLevel]:
        """The stock of ``(item key, variation key or "")``, in their order."""
        ...

    async def set_stock(
        self, session: Any, location: str, levels: Sequence[StockLevel], at: datetime, idempotency_key: str
    ) -> None:
        """Set stock as of an instant. ``BadInput`` for a state that the POS cannot be told (see ``can_set``)."""
        ...


def no_tender(pos: str, name: str) -> Refused:
    """What ``pay_order`` raises where the POS has no tender of that name."""
    return Refused(
        f"{pos} has no tender called {name!r} that payments taken elsewhere may be booked to.",
        f"Set it up in {pos}, or name another one (`reverse.tender` of the window's policy).",
    )


def writer_of(connector: Connector) -> Writer | None:
    """How the POS is written to; None for a connector that cannot."""
    found: Writer | None = getattr(connector, "writer", None)
    return found
