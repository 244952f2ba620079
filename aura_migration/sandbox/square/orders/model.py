"""What an order is made of, in meaning rather than in JSON: what was ordered and how it was paid, without any sum.

`arithmetic.py` works the sums out, `wire.py` writes Square's JSON, `truth.py` tells the known truth. Money is integer
minor units, quantities and percentages are integers of 1/100,000, instants are Unix milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

E5 = 100_000
PERCENT = 100 * E5

OPEN, COMPLETED, CANCELED, DRAFT = "OPEN", "COMPLETED", "CANCELED", "DRAFT"
SUBTOTAL, TOTAL = "SUBTOTAL_PHASE", "TOTAL_PHASE"
BY_PERCENT, BY_AMOUNT = "APPORTIONED_PERCENTAGE_PHASE", "APPORTIONED_AMOUNT_PHASE"


def e5(text: str) -> int:
    """A decimal text as an integer of 1/100,000."""
    return int(Decimal(text) * E5)


def text_of(value: int) -> str:
    """An integer of 1/100,000 as the shortest decimal text."""
    whole, rest = divmod(value, E5)
    return f"{whole}.{rest:05d}".rstrip("0") if rest else str(whole)


@dataclass(slots=True, frozen=True)
class TaxUse:
    """A tax on an order. Lines and charges name it by its place in the order's list. `half_up`: rounded as Square does not."""

    name: str
    rate: int
    text: str
    id: str | None = None
    version: int | None = None
    inclusive: bool = False
    scope: str = "LINE_ITEM"
    auto: bool = True
    kind: str | None = None
    half_up: bool = False


@dataclass(slots=True, frozen=True)
class Mod:
    """A modifier of a line; `sent` False leaves its quantity out (= 1)."""

    id: str | None
    name: str
    cents: int
    version: int | None = None
    qty: int = 1
    sent: bool = True


@dataclass(slots=True)
class Line:
    """One line. `taxes`: places in the order's tax list. `uid`: as its writer named it."""

    name: str | None
    variation: str | None
    id: str | None
    version: int | None
    cents: int
    qty: int = E5
    mods: tuple[Mod, ...] = ()
    taxes: tuple[int, ...] = ()
    kind: str = "ITEM"
    note: str | None = None
    unit: str | None = None
    category: str | None = None
    uid: str | None = None


@dataclass(slots=True, frozen=True)
class DiscountUse:
    """A discount: a percentage (`rate`) or an amount (`cents`), on the order or on `lines`."""

    name: str
    kind: str
    rate: int = 0
    text: str | None = None
    cents: int | None = None
    id: str | None = None
    version: int | None = None
    lines: tuple[int, ...] | None = None
    keeps_basis: bool = False
    cap: int | None = None
    reward_id: str | None = None
    rule_id: str | None = None

    @property
    def by_percent(self) -> bool:
        """A percentage, not an amount?"""
        return self.cents is None


@dataclass(slots=True, frozen=True)
class ChargeUse:
    """A service charge. `taxes`: places in the order's tax list, of a taxable one."""

    name: str
    phase: str = SUBTOTAL
    rate: int = 0
    text: str | None = None
    cents: int | None = None
    id: str | None = None
    kind: str = "CUSTOM"
    taxes: tuple[int, ...] = ()
    taxable: bool = False

    @property
    def apportioned(self) -> bool:
        """Is it spread over the lines?"""
        return self.phase in (BY_PERCENT, BY_AMOUNT)


@dataclass(slots=True, frozen=True)
class TenderUse:
    """One payment attempt. `cents`: a fixed part of what is due; None = an equal part of the rest. `tip` in cents, or
    `tip_rate` of the amount. `status` is the payment's; only a COMPLETED or APPROVED one is a tender of the order. `words`:
    where the money of an external payment came from."""

    kind: str
    created: int
    cents: int | None = None
    tip: int = 0
    tip_rate: int = 0
    status: str = "COMPLETED"
    staff: str | None = None
    customer: str | None = None
    handed: int | None = None
    adjusted: int | None = None
    fee_withheld: bool = False
    offline: int | None = None
    updated: int | None = None
    note: str | None = None
    words: str | None = None


@dataclass(slots=True, frozen=True)
class Back:
    """What an order gives back of the sale `source` (None = unlinked). `lines`: (place, quantity or None = all of it);
    `cents`: an amount instead of lines. `payments`: which payment gives how much, None = as far as each goes."""

    source: int | None
    lines: tuple[tuple[int, int | None], ...] = ()
    cents: int | None = None
    tip: bool = False
    charges: bool = False
    rounding: int = 0
    reason: str = "Returned goods"
    payments: tuple[tuple[int, int], ...] | None = None
    status: str = "COMPLETED"
    fee_back: bool = False
    to_cash: bool = False


@dataclass(slots=True, frozen=True)
class Fulfillment:
    """How an order leaves the house. `when`: promised time."""

    kind: str
    state: str
    when: int | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    scheduled: bool = False
    address: tuple[str, str] | None = None
    managed: bool = False
    entries: tuple[int, ...] = ()


@dataclass(slots=True)
class Order:
    """One order. `version` None = not made by the API. `notes`: the peculiarities it is there for.

    `rounding`: the total goes up to the next so many cents, or, negative, to the nearest. `arrives`: the API serves it
    from then on; None = always. `options`: the pricing options it was written with.
    """

    number: int
    location: str
    created: int
    updated: int
    closed: int | None
    state: str = COMPLETED
    lines: list[Line] = field(default_factory=list)
    taxes: tuple[TaxUse, ...] = ()
    discounts: tuple[DiscountUse, ...] = ()
    charges: tuple[ChargeUse, ...] = ()
    tenders: tuple[TenderUse, ...] = ()
    back: Back | None = None
    rounding: int = 0
    source: str | None = None
    customer: str | None = None
    ticket: str | None = None
    reference: str | None = None
    version: int | None = None
    fulfillments: tuple[Fulfillment, ...] = ()
    metadata: dict[str, str] | None = None
    product: str = "RESTAURANTS"
    notes: tuple[str, ...] = ()
    no_net: bool = False
    reward: tuple[str, str] | None = None
    untouched_tip: int = 0
    arrives: int | None = None
    options: dict[str, bool] | None = None


@dataclass(slots=True, frozen=True)
class TenderKind:
    """A way to pay: the tender's type, the payment's source, the fee (percent in 1/100,000 and cents), the words."""

    tender: str
    source: str
    rate: int = 0
    fixed: int = 0
    brand: str | None = None
    entry: str | None = None
    external: str | None = None
    words: str | None = None

    @property
    def banked(self) -> bool:
        """Does Square pay it out?"""
        return self.source not in ("CASH", "EXTERNAL") and self.brand != "SQUARE_GIFT_CARD"


def _card(brand: str, entry: str) -> TenderKind:
    rate, fixed = (350_000, 15) if entry in ("KEYED", "ON_FILE") else (260_000, 10)
    return TenderKind("CARD", "CARD", rate, fixed, brand, entry)


def _external(kind: str, words: str) -> TenderKind:
    return TenderKind("THIRD_PARTY_CARD" if kind == "CARD" else "OTHER", "EXTERNAL", external=kind, words=words)


KINDS: dict[str, TenderKind] = {
    "visa": _card("VISA", "EMV"),
    "mastercard": _card("MASTERCARD", "CONTACTLESS"),
    "amex": _card("AMERICAN_EXPRESS", "SWIPED"),
    "keyed": _card("DISCOVER", "KEYED"),
    "on_file": _card("VISA", "ON_FILE"),
    "online": TenderKind("CARD", "CARD", 290_000, 30, "VISA", "KEYED"),
    "gift_card": TenderKind("SQUARE_GIFT_CARD", "CARD", brand="SQUARE_GIFT_CARD", entry="KEYED"),
    "cash": TenderKind("CASH", "CASH"),
    "wallet": TenderKind("WALLET", "WALLET", 260_000, 10, "CASH_APP"),
    "later": TenderKind("BUY_NOW_PAY_LATER", "BUY_NOW_PAY_LATER", 600_000, 30, "AFTERPAY"),
    "bank": TenderKind("BANK_ACCOUNT", "BANK_ACCOUNT", 100_000, 0),
    "square_account": TenderKind("SQUARE_ACCOUNT", "SQUARE_ACCOUNT", 290_000, 30),
    "third_party_card": _external("CARD", "Old card terminal"),
    "check": _external("CHECK", "Check"),
    "house": _external("OTHER", "House account"),
    "store_credit": _external("STORED_BALANCE", "Store credit"),
    "voucher": _external("FOOD_VOUCHER", "Lunch voucher"),
    "custom": _external("OTHER", "Barter with the florist"),
    "other_gift_card": _external("OTHER_GIFT_CARD", "Mall gift card"),
    "delivery": _external("EXTERNAL", "DoorDash"),
    "deposit": _external("OTHER", "Catering deposit"),
    **{
        kind.lower(): _external(kind, words)
        for kind, words in (
            ("BANK_TRANSFER", "Bank transfer"),
            ("CRYPTO", "Crypto"),
            ("SQUARE_CASH", "Cash App"),
            ("SOCIAL", "Social"),
            ("EMONEY", "E-money"),
        )
    },
    "no_sale": TenderKind("NO_SALE", "CASH"),
}
