"""What Toast's configuration calls the things that orders refer to by guid, and how the menu is sold.

Archived entries are not in Toast's lists: old orders may name guids that nobody can resolve. Where a name is missing the
row goes without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.core.ids import path
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast.document import read
from aura_migration.pos.toast.items import plan_sizes
from aura_migration.pos.toast.job import Job
from aura_migration.pos.toast.mapping import menu_bodies
from aura_migration.pos.toast.orders.numbers import Numbers
from aura_migration.pos.toast.orders.wire import ConfigRef, Ref
from aura_migration.pos.toast.records import pages, text

HISTORY_LISTS = (
    "alternatePaymentTypes",
    "voidReasons",
    "serviceAreas",
    "tables",
    "cashDrawers",
    "payoutReasons",
    "noSaleReasons",
)
"""Lists of the configuration that only orders and cash refer to."""
NAMED = (
    "alternatePaymentTypes",
    "voidReasons",
    "serviceAreas",
    "tables",
    "payoutReasons",
    "noSaleReasons",
    "salesCategories",
    "revenueCenters",
    "restaurantServices",
    "preModifiers",
)
PAID_TO = {"RESTAURANT": "house", "SERVER": "staff", "TOAST": "third_party", "THIRD_PARTY": "third_party"}
ORDER_TYPES = {"DINE_IN": "dine_in", "TAKE_OUT": "takeout", "DELIVERY": "delivery"}


@dataclass
class Names:
    """Names by guid for each list, order types of dining options, and of service charges whom they are for."""

    lists: dict[str, dict[str, str]] = field(default_factory=dict)
    order_types: dict[str, str] = field(default_factory=dict)
    paid_to: dict[str, str] = field(default_factory=dict)
    charge_percents: dict[str, str] = field(default_factory=dict)

    def of(self, kind: str, ref: Ref | None) -> str | None:
        """The name of what is referred to; None where there is no reference, or the list does not have it."""
        return None if ref is None or ref.guid is None else self.lists[kind].get(ref.guid)


def read_names(reader: SnapshotReader) -> Names:
    """The names out of the recorded configuration; empty lists where it was not read."""
    found = Names({name: {} for name in NAMED})
    recorded: dict[str, list[Any]] = {}
    for body in reader.refs("config"):
        recorded.setdefault(body.window, [])
    for window in recorded:
        recorded[window] = [one for page in pages(reader, "config", window) for one in page]
    for name in NAMED:
        for one in recorded.get(name, ()):
            if (guid := text(one.get("guid"))) and (label := text(one.get("name"))):
                found.lists[name][guid] = label
    for one in recorded.get("diningOptions", ()):
        if guid := text(one.get("guid")):
            kind = ORDER_TYPES.get(str(one.get("behavior")), "unknown")
            found.order_types[guid] = "curbside" if one.get("curbside") is True else kind
    for one in recorded.get("serviceCharges", ()):
        if guid := text(one.get("guid")):
            found.paid_to[guid] = PAID_TO.get(str(one.get("destination")), "house")
            if one.get("amountType") == "PERCENT" and one.get("percent") is not None:
                found.charge_percents[guid] = f"{one['percent']}"
    return found


class Menu:
    """Keys of the menu for what orders name by guid, and the pairs of item and option that are sizes of an item."""

    def __init__(self, reader: SnapshotReader, location: SourceLocation) -> None:
        document = read(menu_bodies(reader))
        job = Job(Batch(), location.source_id, location.currency, document)
        plan_sizes(job)
        self.items = document.item_by_guid
        self.groups = {group.guid: group.key for group in document.groups.values()}
        self.options = {option.guid: option.key for option in document.options.values()}
        self.group_names = {group.key: group.name for group in document.groups.values()}
        self.variations = {key for sizes in job.size_variations.values() for _, key in sizes}

    def item(self, ref: ConfigRef | None) -> str | None:
        """The key of an item; of one that is no longer on the menu what the order says of it."""
        if ref is None:
            return None
        return ref.key if ref.multi_location_id not in (None, "") else self.items.get(ref.guid or "", ref.guid)

    def option(self, group: ConfigRef | None, item: ConfigRef | None) -> str | None:
        """The key of an option in its group; None where the order does not say both."""
        if group is None or item is None:
            return None
        group_key = (
            group.key if group.multi_location_id not in (None, "") else self.groups.get(group.guid or "", group.guid)
        )
        item_key = (
            item.key if item.multi_location_id not in (None, "") else self.options.get(item.guid or "", item.guid)
        )
        return path(group_key, item_key) if group_key and item_key and "/" not in group_key + item_key else None

    def variation(self, item_key: str | None, option: ConfigRef | None) -> str | None:
        """The key of the size that an option stands for, where the menu's mapping made a variation of it."""
        if item_key is None or option is None or not self.variations:
            return None
        option_key = option.key if option.multi_location_id not in (None, "") else self.options.get(option.guid or "")
        found = f"{item_key}/{option_key}"
        return found if found in self.variations else None

    def group_name(self, group: ConfigRef | None) -> str | None:
        """What the menu calls a modifier group."""
        if group is None:
            return None
        key = group.key if group.multi_location_id not in (None, "") else self.groups.get(group.guid or "")
        return self.group_names.get(key or "")


@dataclass
class Shelf:
    """What the rows of one location are made with."""

    loc: str
    numbers: Numbers
    names: Names
    menu: Menu

    def key(self, ref: Ref | None) -> str | None:
        """The source key of something that belongs to the location (an employee, a tax rate)."""
        if ref is None or not ref.guid or "/" in ref.guid:
            return None
        return path(self.loc, ref.guid)
