"""What a location sells, in facts no POS and no database disagrees about: the common ground of verification.

A witness (``pos/<x>/witness.py``) reduces a snapshot to these facts; ``verify/aura.py`` reduces AuraConnect's tables to
the same; ``verify/compare.py`` compares the two. Plain data only: no reading, no deciding, and nothing of canonical,
mapping or wire.

Keys are the source keys of the crosswalk (``core.ids.path``), the same that mapping gives its rows: an item key, a
variation key, a menu key, an option key ``path(group, option)``. Texts are exactly what the POS shows; where the POS
sends an empty text for "none", the fact is None. Money is integer minor units: None is an open price, 0 is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

from aura_migration.archive.snapshot import SnapshotReader

PriceKind = Literal["fixed", "open", "per_unit", "percentage"]
Value = str | int | bool | None
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(NamedTuple):
    """A weekly span of local time. No days: every day. ``start`` and ``end`` are ``HH:MM``; both empty or equal: the
    whole day; ``end`` before ``start``: past midnight, into the day after each of ``days``."""

    days: tuple[str, ...] = ()
    start: str = ""
    end: str = ""


ALWAYS = Window()


class PriceKey(NamedTuple):
    """Which price of an item is meant.

    ``variation`` is empty for an item sold in one way. ``menu`` is empty where the price does not depend on the menu;
    where it does, there is one key per menu the item stands on. ``size`` is the variation key or option key of the chosen
    size, or its name where the POS gives no id (a name stands for the item's variations of that name); ``sequence`` the
    n-th pick (0: does not matter; the last one given repeats). With ``window`` ALWAYS it is the price outside all other
    windows of the same key; the windows of one key say the whole week, nothing is inherited from another key.
    """

    item: str
    variation: str = ""
    menu: str = ""
    size: str = ""
    sequence: int = 0
    channel: str = ""
    window: Window = ALWAYS


class EdgeKey(NamedTuple):
    """One choice a guest meets: the item and the way to the option, outermost group first.

    Each step is ``(group key, option key)``; the option key is ``path(group, option)``. A group without options (a text to
    type in) is a last step with an empty option key.

    Nested groups are followed to any depth, but not below an option that repeats what stands above it: whose own id (the
    last of its key) or linked item is the item itself, or is another option or its linked item further up the path.
    """

    item: str
    path: tuple[tuple[str, str], ...]


class ModifierPriceKey(NamedTuple):
    """Which price of a choice is meant. The rest reads as in :class:`PriceKey`; ``pre_modifier`` only where the POS gives
    a price for the pair, not where the pre-modifier's own amount or factor says it (see :class:`PreModifierFact`)."""

    edge: EdgeKey
    menu: str = ""
    size: str = ""
    sequence: int = 0
    pre_modifier: str = ""
    channel: str = ""
    window: Window = ALWAYS


class GroupPreModifier(NamedTuple):
    """A pre-modifier that may be used with a group's options."""

    group: str
    pre_modifier: str


class PriceFact(NamedTuple):
    """A price: ``cents`` is None exactly when ``kind`` is open. ``unit`` belongs to per_unit and is
    compared where a witness names it. Where windows of one key
    overlap, the higher ``rank`` holds; equal ranks with different prices are ambiguous and agree with nothing."""

    kind: PriceKind
    cents: int | None
    unit: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class ItemFact:
    """An item at the location. ``is_active`` false: kept but not in use (archived); ``is_available`` false: 86'd.

    ``more`` holds further values by canonical field name ("sku", "kitchen_name", "short_name", "description", "barcode",
    "item_type", "tax_inclusive"); only the names a witness gives are compared.
    """

    name: str
    is_active: bool = True
    is_available: bool = True
    more: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VariationFact:
    """A variation at the location; ``item`` is the key of its item, the rest as for an item ("sku", "barcode")."""

    item: str
    name: str
    is_active: bool = True
    is_available: bool = True
    more: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EdgeFact:
    """How a choice behaves under its item.

    ``min``, ``max`` are those of the group asked at this place (``max`` None: no limit). ``is_active``: this option, its
    group, their links and everything above them on the path are in use. ``is_available`` false: the option is 86'd.
    ``allows_repeats``: the option may be chosen more than once.
    """

    min: int
    max: int | None
    is_default: bool
    is_active: bool = True
    is_available: bool = True
    allows_repeats: bool = False


@dataclass(frozen=True, slots=True)
class MenuFact:
    """A menu at the location. ``windows`` empty: always available."""

    name: str
    is_active: bool = True
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class PreModifierFact:
    """NO, EXTRA …: a fixed price (which replaces the option's), or a factor on it; both None: no change."""

    name: str
    fixed_cents: int | None = None
    factor: Decimal | None = None
    charge_as_extra: bool | None = None


class TaxFact(NamedTuple):
    """A tax rate: ``percent`` exact (8.875), or a fixed amount in minor units; both None where the POS states neither."""

    name: str
    percent: Decimal | None
    cents: int | None = None
    is_inclusive: bool = False
    is_active: bool = True


class StockFact(NamedTuple):
    """Stock of an item or variation. ``quantity`` None: only a state is known ("in_stock", "out_of_stock"; "quantity": it is
    counted). ``is_tracked``: sales take from it."""

    quantity: Decimal | None
    is_tracked: bool
    status: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A source record that exists but gives no fact, and why."""

    entity: str
    key: str
    reason: str


@dataclass
class Facts:
    """Everything one side says about one location.

    ``source_item_count`` counts the items once more by another route than ``items`` (a certificate's second route, the
    items that variations point to, a per-category count); None when the POS offers none, and on AuraConnect's side.
    ``names`` are the names of other records by ``(entity, key)``: "categories", "modifier_groups", "modifiers" (by option
    key, also of options that belong to no item), "kitchen_stations". ``unattached`` are option keys of this location that no item reaches.

    ``item_taxes`` are the rates an item bears by key (a rate that is off bears on nothing), ``item_stations`` and
    ``modifier_stations`` where tickets of an item or option go; ``stock`` is by the key of a variation, of an item sold in one
    way, or of an item counted as a whole; what it does not name is ``unlisted_stock`` where the POS documents it so.

    ``menus``, ``item_menus``, ``item_categories``, ``pre_modifiers`` and those of taxes, stations and stock are None where this
    witness does not read them;
    an entity that has no entry in ``names`` is not compared by name. Everything else is compared both ways: what only one
    side has is a difference. ``repeated`` names keys this side holds more than once.
    """

    items: dict[str, ItemFact] = field(default_factory=dict)
    variations: dict[str, VariationFact] = field(default_factory=dict)
    prices: dict[PriceKey, PriceFact] = field(default_factory=dict)
    edges: dict[EdgeKey, EdgeFact] = field(default_factory=dict)
    modifier_prices: dict[ModifierPriceKey, PriceFact] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    unattached: set[str] = field(default_factory=set)
    menus: dict[str, MenuFact] | None = None
    item_menus: dict[str, frozenset[str]] | None = None
    item_categories: dict[str, frozenset[str]] | None = None
    pre_modifiers: dict[GroupPreModifier, PreModifierFact] | None = None
    taxes: dict[str, TaxFact] | None = None
    item_taxes: dict[str, frozenset[str]] | None = None
    item_stations: dict[str, frozenset[str]] | None = None
    modifier_stations: dict[str, frozenset[str]] | None = None
    stock: dict[str, StockFact] | None = None
    unlisted_stock: str | None = None
    source_item_count: int | None = None
    source_item_route: str = ""
    unreadable: list[Unreadable] = field(default_factory=list)
    repeated: list[tuple[str, str]] = field(default_factory=list)


class Witness(Protocol):
    """``facts`` of a module ``aura_migration.pos.<x>.witness`` (a plugin: of the module ``witness`` beside its connector).

    Reads the bodies of a snapshot by itself and says what the location sells. Every edge has its price in
    ``modifier_prices`` under ``ModifierPriceKey(edge)``, every way an item is sold has one in ``prices``.
    """

    def __call__(self, reader: SnapshotReader, location_source_id: str, currency: str) -> Facts:
        """The facts of one location; ``currency`` is ISO 4217 and gives the minor unit."""
        ...
