"""What the parts of the mapping share: the batch being filled, the document, the stock, and the book of notes.

A note is a rule of Toast's that AuraConnect cannot express, or a value of which AuraConnect keeps only one; notes
become loss lines with counts. Which rows are made from what is decided in the modules that use this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from aura_migration.canonical.losses import loss_of
from aura_migration.canonical.model import Batch, Loss
from aura_migration.core.ids import path
from aura_migration.pos.toast.document import Document
from aura_migration.pos.toast.prices import Condition, Price
from aura_migration.pos.toast.wire import Identified, MenuItem, ModifierOption, Named, Portion

CHANNELS = {
    "POS": "in_house",
    "TOAST_ONLINE_ORDERING": "online",
    "KIOSK": "kiosk",
    "ORDERING_PARTNERS": "third_party",
    "GRUBHUB": "third_party",
}

MENU_CONTEXT, CATEGORY_CONTEXT, PARENT_GROUP_CONTEXT, PARENT_ITEM_CONTEXT = 100, 200, 400, 800
TIME_PRIORITY, TIME_STEPS, PICK_PRIORITY = 50, 39, 10


class Notes:
    """Counts records per (source entity, field, note), each record once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], dict[str, None]] = {}

    def add(self, source_entity: str, name: str, note: str, example: str) -> None:
        """Note one record."""
        self._seen.setdefault((source_entity, name, note), {})[example] = None

    def losses(self) -> list[Loss]:
        """The notes as loss lines."""
        return [loss_of(entity, name, records, note) for (entity, name, note), records in sorted(self._seen.items())]


@dataclass(frozen=True)
class StockState:
    """What is not simply in stock, by item guid (a size or option has the stock of the item behind it)."""

    out: frozenset[str] = frozenset()
    quantity: Mapping[str, Decimal] = field(default_factory=dict)

    def available(self, *ids: str) -> bool:
        """Whether what goes by these ids (guid, multi-location id) can be sold now."""
        if self.out.intersection(ids):
            return False
        return all(self.quantity[one] > 0 for one in ids if one in self.quantity)


@dataclass
class Job:
    """One run of the mapping for one location. ``loc`` is the restaurant's guid."""

    batch: Batch
    loc: str
    currency: str
    doc: Document
    stock: StockState = field(default_factory=StockState)
    taxes: frozenset[str] | None = None
    stations: frozenset[str] | None = None
    notes: Notes = field(default_factory=Notes)
    rejected: set[tuple[str, str]] = field(default_factory=set)
    size_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    without_sizes: dict[str, str] = field(default_factory=dict)
    size_labels: set[str] = field(default_factory=set)
    size_variations: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def key(self, *ids: str) -> str:
        """The source key of a row of this location."""
        return path(self.loc, *ids)

    def reject(self, entity: str, key: str, reason: str, record: str = "", **values: Any) -> None:
        """Send a record to quarantine, once; ``values`` are what a correction has to complete."""
        if (entity, key) not in self.rejected:
            self.rejected.add((entity, key))
            self.batch.reject(entity, key, reason, record, **values)

    def item_behind(self, guid: str, key: str) -> str | None:
        """The source key of the item behind an option, where it is an item of this menu."""
        return self.doc.item_by_guid.get(guid) or (key if key in self.doc.items else None)


@dataclass(frozen=True)
class Target:
    """What a price rule is about: its source-key parts and the reference fields of its rows."""

    ids: tuple[str, ...]
    refs: Mapping[str, str]


@dataclass(frozen=True)
class Context:
    """Where a price holds: on a menu, in a category, under a parent item, nested in a parent group."""

    menu: str | None = None
    category: str | None = None
    item: str | None = None
    group: str | None = None

    @property
    def priority(self) -> int:
        """More exact contexts win; see README, "Price rules"."""
        return (
            (MENU_CONTEXT if self.menu else 0)
            + (CATEGORY_CONTEXT if self.category else 0)
            + (PARENT_GROUP_CONTEXT if self.group else 0)
            + (PARENT_ITEM_CONTEXT if self.item else 0)
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """The source-key parts of the context."""
        named = (("menu", self.menu), ("category", self.category), ("for", self.item), ("in", self.group))
        return tuple(part for name, value in named if value for part in (name, value))

    @property
    def refs(self) -> dict[str, str]:
        """The reference fields of the context."""
        named = {
            "menu_key": self.menu,
            "category_key": self.category,
            "menu_item_key": self.item,
            "modifier_group_key": self.group,
        }
        return {name: value for name, value in named.items() if value}


EVERYWHERE = Context()


def add_price(job: Job, target: Target, price: Price, base: Price, context: Context, record: str) -> None:
    """The rules by which ``price`` holds in a context, where everything else costs ``base``.

    Everywhere, only the conditions become rules: the base amount stands on the item or option itself.
    """
    if context != EVERYWHERE and price != base:
        if price.cents is None:
            job.notes.add(
                "MenuItem",
                "price",
                "The price is open on one menu or under one item only; AuraConnect asks for the price everywhere.",
                record,
            )
            return
        _rule(job, target, context, ("base",), price.cents, context.priority, record)
    times = 0
    for condition in price.conditions:
        if condition.days is not None:
            inner = TIME_PRIORITY - min(times, TIME_STEPS)
            times += 1
        else:
            inner = PICK_PRIORITY
        for size in _sizes(job, condition, price):
            parts, fields = _condition(condition, size)
            _rule(job, target, context, parts, condition.cents, context.priority + inner, record, **fields)


def _sizes(job: Job, condition: Condition, price: Price) -> Iterable[dict[str, str | None]]:
    """How AuraConnect is told the size: by name, or by item and variation where one name has two prices."""
    if condition.size_name is None and condition.size_guid is None:
        return ({},)
    names = _names(job, condition)
    rivals = [
        other
        for other in price.conditions
        if other.sequence == condition.sequence
        and other.cents != condition.cents
        and set(_names(job, other)) & set(names)
    ]
    variations = job.size_variations.get(condition.size_guid or "", [])
    if rivals and variations:
        return tuple({"menu_item_key": item, "variation_key": variation} for item, variation in variations)
    return tuple({"size_name": name} for name in names)


def _names(job: Job, condition: Condition) -> tuple[str, ...]:
    """The names of the size a condition means: those of the size options with its guid, else the name it gives."""
    known = job.size_names.get(condition.size_guid or "", ())
    return known or tuple(name for name in (condition.size_name,) if name) or (condition.size_guid or "",)


def _condition(condition: Condition, size: Mapping[str, str | None]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The source-key parts and the fields of a condition."""
    parts: list[str] = []
    fields: dict[str, Any] = dict(size)
    if condition.days is not None:
        span = f"{condition.time_from}-{condition.time_to}" if condition.time_from else "all-day"
        parts += ["time", "+".join(condition.days) or "never", span]
        fields |= {"days": list(condition.days), "time_from": condition.time_from, "time_to": condition.time_to}
    if size:
        parts += ["size", quote(condition.size_guid or condition.size_name or "", safe="")]
        parts += [quote(value, safe="") for value in size.values() if value]
    if condition.sequence is not None:
        parts += ["pick", str(condition.sequence)]
        fields["sequence"] = condition.sequence
    return tuple(parts), fields


def _rule(
    job: Job,
    target: Target,
    context: Context,
    parts: tuple[str, ...],
    amount: int,
    priority: int,
    record: str,
    **fields: Any,
) -> None:
    key = job.key(*target.ids, *context.ids, *parts)
    values = {**target.refs, **context.refs, **fields}
    job.batch.add("price_rules", key, None, record, price_cents=amount, priority=priority, **values)


def channels(visibility: Iterable[str] | None) -> list[str] | None:
    """Toast's visibility as AuraConnect's channels, in a fixed order; None (all) where Toast does not say."""
    if visibility is None:
        return None
    seen = set(visibility)
    known = list(dict.fromkeys(channel for name, channel in CHANNELS.items() if name in seen))
    return known + sorted(name.lower() for name in seen - CHANNELS.keys())


def text(value: str | None) -> str | None:
    """A text as it is, the empty one as null."""
    return value or None


def tag_names(tags: Iterable[Named] | None) -> list[str] | None:
    """The names of item tags, null where there are none."""
    return [tag.name for tag in tags or () if tag.name] or None


def record_of(record: Identified) -> str:
    """Where a menu entity stands in the snapshot."""
    return f"menus#{record.guid}"


def plain(value: Any) -> Any:
    """A JSON value as canonical rows hold it: decimals as text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def visible(visibility: Sequence[str] | None) -> bool:
    """Whether it is shown anywhere; Toast returns what is hidden everywhere with an empty list."""
    return visibility is None or bool(visibility)


def union(visibilities: Iterable[Sequence[str] | None]) -> list[str] | None:
    """All places at which something is shown; None where Toast does not say."""
    found: dict[str, None] = {}
    for visibility in visibilities:
        if visibility is None:
            return None
        found.update(dict.fromkeys(visibility))
    return list(found)


def alcohol(record: MenuItem | ModifierOption) -> bool | None:
    """Whether it contains alcohol; None where Toast does not say."""
    advisories = record.content_advisories
    said = advisories.alcohol.contains_alcohol if advisories and advisories.alcohol else None
    return {"YES": True, "NO": False}.get(said or "")


def portions(given: Iterable[Portion]) -> list[dict[str, Any]]:
    """Portions as custom fields show them."""
    return [{"name": portion.name, "price_scale_factor": plain(portion.price_scale_factor)} for portion in given]
