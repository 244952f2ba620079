"""What exists in a Clover sandbox: merchants and their menus, as the generator knows them.

Rows hold values and links by id; nothing here knows JSON, paging, expansion or filters. Every mapping keeps creation
order (the oldest row first), which is what Clover's default order (newest first) is made from.
Money is integer cents, tax rates are 10,000,000 = 100 %, times are epoch milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aura_migration.sandbox.clover.people.model import Employee, People
from aura_migration.sandbox.clover.people.sheets import Sheet
from aura_migration.sandbox.core.ids import CROCKFORD, Ids

if TYPE_CHECKING:
    from aura_migration.sandbox.clover.orders.book import Book
    from aura_migration.sandbox.clover.orders.cash import CashLog
    from aura_migration.sandbox.clover.orders.ledger import Ledger

FULL_RATE = 10_000_000
NO_TAX = "NO_TAX_APPLIED"
FIRST_TICK = 1_709_283_600_000
TICK_MS = 30_000

Row = dict[str, Any]


@dataclass(slots=True)
class Category:
    """A menu category; `items` is the order in which the register shows them."""

    id: str
    name: str
    modified: int
    sort_order: int | str | None = None
    color_code: str | None = None
    deleted: bool = False
    items: list[str] = field(default_factory=list)
    extra: Row = field(default_factory=dict)


@dataclass(slots=True)
class Modifier:
    """One option of exactly one group; it has no price of its own per item."""

    id: str
    name: str
    price: int
    group: str
    created: int
    modified: int
    alternate_name: str | None = ""
    available: bool = True
    extra: Row = field(default_factory=dict)


@dataclass(slots=True)
class ModifierGroup:
    """`modifiers` is the display order. `blank_ids` says how a group without options sends `modifierIds`."""

    id: str
    name: str
    modified: int
    alternate_name: str | None = ""
    min_required: int | None = None
    max_allowed: int | None = None
    show_by_default: bool | None = True
    sort_order: int | None = None
    deleted: bool = False
    blank_ids: bool = True
    modifiers: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    extra: Row = field(default_factory=dict)


@dataclass(slots=True)
class ItemGroup:
    """What variants belong to; each variant is an item of its own."""

    id: str
    name: str
    modified: int
    attributes: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Attribute:
    """One axis of an item group, such as size."""

    id: str
    name: str
    item_group: str
    modified: int
    options: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Option:
    """One value of an attribute, such as large."""

    id: str
    name: str
    attribute: str
    modified: int
    items: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tag:
    """What merchants see as a label; with printers it is kitchen routing."""

    id: str
    name: str
    modified: int
    show_in_reporting: bool = False
    printers: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TaxRate:
    """`rate` of 10,000,000 is 100 %; `tax_amount` (cents per line) only counts when the rate is 0."""

    id: str
    name: str
    rate: int
    modified: int
    is_default: bool = False
    tax_amount: int | None = None
    tax_type: str | None = None
    items: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Discount:
    """A catalogue discount: `amount` (negative cents), `percentage` (whole) or `percentage_decimal` (1e6 = 100 %).

    `unused`: nobody ever gave it.
    """

    id: str
    name: str
    modified: int
    amount: int | None = None
    percentage: int | None = None
    percentage_decimal: int | None = None
    type: str | None = None
    deleted: bool = False
    unused: bool = False


@dataclass(slots=True)
class Item:
    """One sellable row. Variants are items with `item_group` and `options`. `quantity` None: stock was never set."""

    id: str
    name: str
    price: int
    modified: int
    alternate_name: str | None = ""
    code: str | None = ""
    sku: str | None = None
    price_type: str = "FIXED"
    unit_name: str | None = ""
    cost: int | None = None
    hidden: bool = False
    available: bool = True
    auto_manage: bool = False
    is_revenue: bool = True
    default_tax_rates: bool = True
    color_code: str | None = None
    type: str | None = None
    is_age_restricted: bool | None = None
    age_restriction: Row | None = None
    exclude_cash_discount: bool | None = None
    deleted_time: int | None = None
    item_group: str | None = None
    menu_item: Row | None = None
    quantity: float | None = None
    stock_modified: int | None = None
    categories: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    tax_rates: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    extra: Row = field(default_factory=dict)

    @property
    def deleted(self) -> bool:
        """Clover deletes softly: the row stays and carries a time."""
        return self.deleted_time is not None


@dataclass(slots=True)
class Merchant:
    """One location: its configuration as plain rows, its menu as linked rows."""

    id: str
    name: str
    number: int
    timezone: str
    currency: str
    profile: Row
    owner: Employee
    address: Row = field(default_factory=dict)
    properties: Row = field(default_factory=dict)
    gateway: Row = field(default_factory=dict)
    service_charge: Row = field(default_factory=dict)
    order_fees: dict[str, Row] = field(default_factory=dict)
    tip_suggestions: dict[str, Row] = field(default_factory=dict)
    opening_hours: dict[str, Row] = field(default_factory=dict)
    order_types: dict[str, Row] = field(default_factory=dict)
    system_order_types: dict[str, Row] = field(default_factory=dict)
    tax_rules: dict[str, Row] = field(default_factory=dict)
    tenders: dict[str, Row] = field(default_factory=dict)
    roles: dict[str, Row] = field(default_factory=dict)
    devices: dict[str, Row] = field(default_factory=dict)
    printers: dict[str, Row] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)
    groups: dict[str, ModifierGroup] = field(default_factory=dict)
    modifiers: dict[str, Modifier] = field(default_factory=dict)
    item_groups: dict[str, ItemGroup] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    options: dict[str, Option] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    tax_rates: dict[str, TaxRate] = field(default_factory=dict)
    discounts: dict[str, Discount] = field(default_factory=dict)
    people: People = field(default_factory=People)
    book: Book | None = None
    cash: CashLog | None = None
    ledger: Ledger | None = None

    def effective_rates(self, item: Item) -> list[TaxRate]:
        """The rates charged on `item`: the merchant's default ones, or the item's own."""
        if item.default_tax_rates:
            return [rate for rate in self.tax_rates.values() if rate.is_default]
        return [self.tax_rates[rate] for rate in item.tax_rates]


@dataclass(slots=True)
class World:
    """All merchants of one scenario, in location order. `notes` name the rows that are there for a peculiarity."""

    scenario: str
    seed: int
    ids: Ids
    merchants: dict[str, Merchant] = field(default_factory=dict)
    notes: list[Row] = field(default_factory=list)
    same_person: list[Row] = field(default_factory=list)
    shared_contact: list[Row] = field(default_factory=list)
    exports: dict[str, Sheet] = field(default_factory=dict)
    reports: dict[str, Sheet] = field(default_factory=dict)

    @property
    def first(self) -> Merchant:
        """The merchant of location 1."""
        return next(iter(self.merchants.values()))

    def note(self, what: str, *ids: str) -> None:
        """Name the rows that show peculiarity `what`; the truth hands the notes on."""
        self.notes.append({"what": what, "ids": list(ids)})

    def locate(self, kind: str, row_id: str, location: str | None = None) -> tuple[Merchant, Any]:
        """The merchant that owns row `row_id` of `kind` (an attribute name of Merchant), and the row."""
        for merchant in self.merchants.values():
            rows = getattr(merchant, kind)
            if row_id in rows and location in (None, merchant.id):
                return merchant, rows[row_id]
        where = f" at merchant {location}" if location else ""
        raise KeyError(f"no {kind} row has the id {row_id!r}{where}; GET /_control/truth lists the ids of this sandbox")


class MerchantBuilder:
    """Adds rows to one merchant in creation order, with ids and times that depend only on scenario, seed and names."""

    def __init__(self, ids: Ids, merchant: Merchant) -> None:
        self.ids = ids
        self.merchant = merchant
        self._rows = 0

    def tick(self) -> int:
        """The next creation time."""
        self._rows += 1
        return FIRST_TICK + self._rows * TICK_MS

    def skip(self, rows: int) -> None:
        """Leave room, where another builder has been before."""
        self._rows += rows

    def id(self, kind: str) -> str:
        """A 13-character id for the next row; two rows of one name still get two ids."""
        return clover_id(self.ids, f"{kind}:{self.merchant.number}", str(self._rows))

    def category(self, name: str, sort_order: int | str | None = None, **values: Any) -> Category:
        """Add a category."""
        modified = self.tick()
        row = Category(self.id("category"), name, modified, sort_order, **values)
        self.merchant.categories[row.id] = row
        return row

    def group(
        self,
        name: str,
        options: list[tuple[str, int]],
        minimum: int | None = None,
        maximum: int | None = None,
        **values: Any,
    ) -> ModifierGroup:
        """Add a modifier group with its options as (name, cents)."""
        modified = self.tick()
        row = ModifierGroup(
            self.id("modifier_group"), name, modified, min_required=minimum, max_allowed=maximum, **values
        )
        self.merchant.groups[row.id] = row
        for option_name, cents in options:
            self.modifier(row, option_name, cents)
        return row

    def modifier(self, group: ModifierGroup, name: str, cents: int, **values: Any) -> Modifier:
        """Add an option to a group."""
        created = self.tick()
        row = Modifier(self.id("modifier"), name, cents, group.id, created, created, **values)
        self.merchant.modifiers[row.id] = row
        group.modifiers.append(row.id)
        return row

    def tag(self, name: str, printers: list[str] | None = None, **values: Any) -> Tag:
        """Add a label; `printers` are ids of the merchant's printers."""
        modified = self.tick()
        row = Tag(self.id("tag"), name, modified, printers=printers or [], **values)
        self.merchant.tags[row.id] = row
        return row

    def tax_rate(self, name: str, rate: int, **values: Any) -> TaxRate:
        """Add a tax rate."""
        modified = self.tick()
        row = TaxRate(self.id("tax_rate"), name, rate, modified, **values)
        self.merchant.tax_rates[row.id] = row
        return row

    def discount(self, name: str, **values: Any) -> Discount:
        """Add a catalogue discount."""
        modified = self.tick()
        row = Discount(self.id("discount"), name, modified, **values)
        self.merchant.discounts[row.id] = row
        return row

    def item(
        self,
        name: str,
        cents: int,
        categories: list[Category] | None = None,
        groups: list[ModifierGroup] | None = None,
        tags: list[Tag] | None = None,
        rates: list[TaxRate] | None = None,
        **values: Any,
    ) -> Item:
        """Add an item and its links; own `rates` switch the merchant's default ones off."""
        modified = self.tick()
        row = Item(self.id("item"), name, cents, modified, **values)
        if row.quantity is not None:
            row.stock_modified = modified
        self.merchant.items[row.id] = row
        for category in categories or []:
            link(row.categories, row.id, category.items, category.id)
        for group in groups or []:
            link(row.groups, row.id, group.items, group.id)
        for tag in tags or []:
            link(row.tags, row.id, tag.items, tag.id)
        if rates is not None:
            row.default_tax_rates = False
            for rate in rates:
                link(row.tax_rates, row.id, rate.items, rate.id)
        return row

    def variants(
        self,
        name: str,
        axes: list[tuple[str, list[str]]],
        cents: dict[tuple[str, ...], int],
        per_variant: dict[tuple[str, ...], Row] | None = None,
        **values: Any,
    ) -> ItemGroup:
        """Add an item group with one item for each key of `cents` (one option name per axis, in axis order).

        The name of a variant is the server's: group name, then its option names.
        """
        modified = self.tick()
        group = ItemGroup(self.id("item_group"), name, modified)
        self.merchant.item_groups[group.id] = group
        by_axis: list[dict[str, Option]] = []
        for axis, names in axes:
            modified = self.tick()
            attribute = Attribute(self.id("attribute"), axis, group.id, modified)
            self.merchant.attributes[attribute.id] = attribute
            group.attributes.append(attribute.id)
            made = {}
            for option_name in names:
                modified = self.tick()
                option = Option(self.id("option"), option_name, attribute.id, modified)
                self.merchant.options[option.id] = option
                attribute.options.append(option.id)
                made[option_name] = option
            by_axis.append(made)
        for key, price in cents.items():
            own = {**values, **(per_variant or {}).get(key, {})}
            item = self.item(" ".join((name, *key)), price, item_group=group.id, **own)
            group.items.append(item.id)
            for made, option_name in zip(by_axis, key, strict=True):
                option = made[option_name]
                link(item.options, item.id, option.items, option.id)
        return group

    def delete(self, item: Item) -> None:
        """Delete an item the way the POS does: it stays behind with a time, and so do its links."""
        item.deleted_time = item.modified = self.tick()


def clover_id(ids: Ids, kind: str, name: str) -> str:
    """13 characters of Crockford base 32, as every recorded Clover id."""
    return ids.token(kind, name, CROCKFORD, 13)


def link(own: list[str], own_id: str, other: list[str], other_id: str) -> None:
    """Tie two rows together, each in the other's list, once."""
    if other_id not in own:
        own.append(other_id)
        other.append(own_id)
