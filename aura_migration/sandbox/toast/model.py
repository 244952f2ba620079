"""What a Toast restaurant has, before any wire format: menus, items, modifier groups, prices, configuration.

Belongs here: frozen records, the catalog of one location that holds them, and the walk over an item's modifiers.
Both the answers of the server and the known truth are made from these records, never one from the other.
Does not belong here: JSON shapes (``menus_wire``, ``config_wire``) and the contents of a scenario.

Money is integer cents everywhere; guids are strings; ``mlid`` is Toast's ``multiLocationId``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

EVERYWHERE = ("POS", "KIOSK", "TOAST_ONLINE_ORDERING", "ORDERING_PARTNERS")
BASE, MENU, TIME, SIZE, OPEN, GROUP = (
    "BASE_PRICE",
    "MENU_SPECIFIC_PRICE",
    "TIME_SPECIFIC_PRICE",
    "SIZE_PRICE",
    "OPEN_PRICE",
    "GROUP_PRICE",
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Days and local ``HH:MM`` ranges; an end before its start runs past midnight."""

    days: tuple[str, ...]
    ranges: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TimePrice:
    """A price that holds inside its schedule only."""

    cents: int
    schedule: tuple[Schedule, ...]


@dataclass(frozen=True, slots=True)
class RulePrices:
    """One size/sequence rule of a modifier group: prices in order of the pick, ``cents[n-1]`` for the n-th."""

    size_name: str | None
    size_guid: str | None
    cents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pricing:
    """How an item or an option is priced.

    ``cents`` is the base price (fixed group price for GROUP_PRICE), None where the strategy has none.
    """

    strategy: str = BASE
    cents: int | None = None
    by_menu: tuple[tuple[str, int], ...] = ()
    by_time: tuple[TimePrice, ...] = ()
    size_group: str | None = None


def fixed(cents: int) -> Pricing:
    """A plain base price."""
    return Pricing(BASE, cents)


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of an item (half a pizza) with modifier groups of its own."""

    guid: str
    name: str
    groups: tuple[str, ...]
    scale: float | None


@dataclass(frozen=True, slots=True)
class GroupLink:
    """A modifier group attached to an item.

    ``visibility`` replaces the group's own for this attachment; ``copy`` makes a reference of its own although
    nothing differs, because Toast promises no one-to-one relation between guid and referenceId.
    """

    group: str
    visibility: tuple[str, ...] | None = None
    copy: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """A menu item: sold on its own, used as a modifier option, or both."""

    guid: str
    mlid: str
    name: str
    pricing: Pricing
    kitchen_name: str = ""
    pos_name: str = ""
    description: str | None = None
    colors: tuple[str, str] = ("#f7f7f7", "#1a1c23")
    image: str | None = None
    images: tuple[str, ...] = ()
    visibility: tuple[str, ...] = EVERYWHERE
    taxes: tuple[str, ...] = ()
    tax_inclusion: str = "TAX_NOT_INCLUDED"
    sales_category: tuple[str, str] | None = None
    tags: tuple[tuple[str, str], ...] = ()
    plu: str = ""
    sku: str = ""
    calories: int | None = None
    alcohol: str | None = "NO"
    unit: str = "NONE"
    deferred: bool = False
    discountable: bool = True
    prep_time: int | None = None
    stations: tuple[str, ...] = ()
    portions: tuple[Portion, ...] = ()
    links: tuple[GroupLink, ...] = ()
    assistance: tuple[str, ...] = ()
    sort_order: int | None = None
    extra: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a modifier group; ``item`` is the guid of the menu item it refers to.

    ``pricing`` None means the item's own price. ``taxes`` None inherits the parent's; otherwise the option's own,
    replacing the parent's too where ``override_tax``.
    """

    item: str
    pricing: Pricing | None = None
    default: bool = False
    duplicates: bool = False
    visibility: tuple[str, ...] = EVERYWHERE
    taxes: tuple[str, ...] | None = None
    override_tax: bool = False
    stations: tuple[str, ...] = ()
    sort_order: int | None = None


@dataclass(frozen=True, slots=True)
class ModifierGroup:
    """A modifier group with its options in POS order. ``size_of`` names the item whose sizes it was made for."""

    guid: str
    mlid: str
    name: str
    options: tuple[Option, ...]
    pos_name: str = ""
    colors: tuple[str, str] = ("#f7f7f7", "#1a1c23")
    visibility: tuple[str, ...] = EVERYWHERE
    strategy: str = "NONE"
    rules: tuple[RulePrices, ...] = ()
    defaults_charge: str = "YES"
    defaults_substitute: str = "NO"
    minimum: int | None = 0
    maximum: int | None = None
    required: str = "OPTIONAL"
    multi: bool = True
    pre_modifiers: str | None = None
    size_of: str | None = None


@dataclass(frozen=True, slots=True)
class PreModifier:
    """EXTRA, LITE, NO: a fixed price, or a factor on the option's price, or neither (free)."""

    guid: str
    mlid: str
    name: str
    fixed_cents: int | None = None
    factor: float | None = None
    display: str = "PREFIX"
    charge_as_extra: bool | None = None
    plu: str = ""


@dataclass(frozen=True, slots=True)
class PreModifierGroup:
    """A named set of pre-modifiers."""

    guid: str
    mlid: str
    name: str
    members: tuple[PreModifier, ...]
    default: bool = False


@dataclass(frozen=True, slots=True)
class MenuGroup:
    """A menu group: AuraConnect's nearest word is category. Groups nest."""

    guid: str
    mlid: str
    name: str
    items: tuple[str, ...] = ()
    subgroups: tuple[str, ...] = ()
    description: str = ""
    pos_name: str = ""
    colors: tuple[str, str] = ("#f7f7f7", "#1a1c23")
    image: str | None = None
    visibility: tuple[str, ...] = EVERYWHERE
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu; ``schedule`` empty means always available."""

    guid: str
    mlid: str
    name: str
    groups: tuple[str, ...] = ()
    description: str = ""
    pos_name: str = ""
    colors: tuple[str, str] = ("#f7f7f7", "#1a1c23")
    image: str | None = None
    visibility: tuple[str, ...] = EVERYWHERE
    schedule: tuple[Schedule, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigObject:
    """One row of a configuration or kitchen list as Toast sends it, with the moment it last changed."""

    guid: str
    body: dict[str, Any]
    modified: datetime


@dataclass(slots=True)
class Catalog:
    """Everything on the menu of one location: one published state, or the working copy behind it.

    The dictionaries are the catalog's own; the records in them are shared between copies and never changed in place.
    """

    menus: dict[str, Menu] = field(default_factory=dict)
    groups: dict[str, MenuGroup] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    modifier_groups: dict[str, ModifierGroup] = field(default_factory=dict)
    pre_modifier_groups: dict[str, PreModifierGroup] = field(default_factory=dict)

    def copy(self) -> Catalog:
        """A catalog that can be edited without this one changing."""
        return Catalog(
            dict(self.menus),
            dict(self.groups),
            dict(self.items),
            dict(self.modifier_groups),
            dict(self.pre_modifier_groups),
        )

    def placements(self) -> Iterator[tuple[Menu, tuple[MenuGroup, ...]]]:
        """Every menu group with its menu and its chain of parents, the group itself last, in menu order."""

        def below(menu: Menu, chain: tuple[MenuGroup, ...]) -> Iterator[tuple[Menu, tuple[MenuGroup, ...]]]:
            yield menu, chain
            for guid in chain[-1].subgroups:
                yield from below(menu, (*chain, self.groups[guid]))

        for menu in self.menus.values():
            for guid in menu.groups:
                yield from below(menu, (self.groups[guid],))

    def items_sold(self) -> dict[str, list[tuple[Menu, tuple[MenuGroup, ...]]]]:
        """Item guid to its places on the menus; items that are options only are not in it."""
        sold: dict[str, list[tuple[Menu, tuple[MenuGroup, ...]]]] = {}
        for menu, chain in self.placements():
            for guid in chain[-1].items:
                sold.setdefault(guid, []).append((menu, chain))
        return sold

    def option_pricing(self, option: Option) -> Pricing:
        """The pricing of an option: its own, or that of the item it refers to."""
        return option.pricing or self.items[option.item].pricing

    def option_stations(self, option: Option) -> tuple[str, ...]:
        """Where an option is prepared by its own word; empty means where its parent is."""
        return option.stations or self.items[option.item].stations

    def edges(self, item: Item) -> Iterator[tuple[tuple[ModifierGroup, Option, GroupLink], ...]]:
        """Every modifier path of an item, outermost first, parents before children.

        An option whose guid is that of an ancestor (the item or an option above) is given but not followed further.
        """

        def below(
            owner: Item, path: tuple[tuple[ModifierGroup, Option, GroupLink], ...], above: frozenset[str]
        ) -> Iterator[tuple[tuple[ModifierGroup, Option, GroupLink], ...]]:
            for link in owner.links:
                group = self.modifier_groups[link.group]
                for option in group.options:
                    longer = (*path, (group, option, link))
                    yield longer
                    if option.item not in above:
                        yield from below(self.items[option.item], longer, above | {option.item})

        yield from below(item, (), frozenset({item.guid}))

    def update_item(self, guid: str, **changes: Any) -> None:
        """Replace an item's record."""
        self.items[guid] = replace(self.items[guid], **changes)
