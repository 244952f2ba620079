"""One restaurant's menus document as an index: what stands where, and what its reference numbers stand for.

Reference numbers are valid inside one document only; they are resolved here and never leave this package's memory.
The index keeps every place of an item and every resolved version of a group or option; what becomes of them in
AuraConnect is decided by the mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aura_migration.pos.toast.wire import (
    DECODER,
    Identified,
    Menu,
    MenuGroup,
    MenuItem,
    ModifierGroup,
    ModifierOption,
    PreModifier,
    PreModifierGroup,
    WireError,
    convert,
)

Raw = Mapping[str, Any]
POSITIONAL = frozenset(
    (
        "referenceId",
        "menuGroups",
        "menuItems",
        "modifierGroupReferences",
        "modifierOptionReferences",
        "preModifierGroupReference",
        "preModifiers",
    )
)
"""Keys left out of a row's source record: children have rows of their own, and reference numbers change per publish."""

PRE_MODIFIER_MAPS = ("preModifierGroupReferences", "premodifierGroupReferences")


@dataclass(frozen=True)
class Unread:
    """A record that cannot be read, for quarantine: canonical entity, source key, reason, guid."""

    entity: str
    key: str
    reason: str
    guid: str = ""


@dataclass(frozen=True)
class MenuEntry:
    """A menu and its place among the menus."""

    menu: Menu
    raw: Raw
    position: int


@dataclass
class CategoryEntry:
    """A menu group with the menu and the group it stands in. ``also_in`` are further places of the same group."""

    group: MenuGroup
    raw: Raw
    menu_key: str
    parent_key: str | None
    position: int
    also_in: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """One place of an item: the menu, the group, the position in it, and the item as resolved for that place."""

    menu_key: str
    category_key: str
    position: int
    item: MenuItem
    raw: Raw


@dataclass
class Document:
    """The index. Dictionaries keep the order of the document; ``order`` lists group references by first use."""

    menus: dict[str, MenuEntry] = field(default_factory=dict)
    categories: dict[str, CategoryEntry] = field(default_factory=dict)
    items: dict[str, list[Place]] = field(default_factory=dict)
    groups: dict[int, ModifierGroup] = field(default_factory=dict)
    group_raw: dict[int, Raw] = field(default_factory=dict)
    options: dict[int, ModifierOption] = field(default_factory=dict)
    option_raw: dict[int, Raw] = field(default_factory=dict)
    pre_groups: dict[int, PreModifierGroup] = field(default_factory=dict)
    pre_modifiers: dict[int, list[tuple[PreModifier, Raw]]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    group_refs: dict[str, list[int]] = field(default_factory=dict)
    pairs: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    item_by_guid: dict[str, str] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    unread_items: set[str] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)

    def options_of(self, group_ref: int) -> Iterator[tuple[int, ModifierOption]]:
        """The readable options of a group reference, in display order."""
        for ref in self.groups[group_ref].modifier_option_references or ():
            if ref in self.options:
                yield ref, self.options[ref]

    def nested_of(self, option_ref: int) -> Iterator[tuple[int, ModifierGroup]]:
        """The readable groups an option asks for, in display order."""
        for ref in self.options[option_ref].modifier_group_references or ():
            if ref in self.groups:
                yield ref, self.groups[ref]

    def groups_of(self, item: MenuItem) -> Iterator[tuple[int, ModifierGroup]]:
        """The readable groups an item asks for, in display order."""
        for ref in item.modifier_group_references or ():
            if ref in self.groups:
                yield ref, self.groups[ref]


def source_of(raw: Raw) -> dict[str, Any]:
    """A record as rows keep it: without its children and without reference numbers."""
    kept = {key: value for key, value in raw.items() if key not in POSITIONAL}
    if kept.get("portions"):
        kept["portions"] = [
            {key: value for key, value in portion.items() if key not in POSITIONAL} for portion in kept["portions"]
        ]
    return kept


def raw_key(raw: Raw, fallback: str) -> str:
    """The source key of a record that may not be readable as a whole."""
    for name in ("multiLocationId", "guid"):
        value = raw.get(name)
        if isinstance(value, str | int) and str(value) and "/" not in str(value):
            return str(value)
    return fallback


def guid_of(raw: Raw) -> str:
    """The guid of a record, empty where it has none."""
    return str(raw.get("guid") or "")


def read(bodies: Iterable[bytes]) -> Document:
    """The index of a menus document. No body: nothing is published, the index is empty."""
    document = Document()
    for body in bodies:
        _Reader(document, DECODER.decode(body)).read()
    return document


class _Reader:
    """Fills a Document from one decoded body."""

    def __init__(self, document: Document, raw: Any) -> None:
        self.document = document
        self.raw: Raw = raw if isinstance(raw, Mapping) else {}
        self._guids: dict[tuple[str, str], str] = {}
        self._noted: set[tuple[str, str]] = set()

    def read(self) -> None:
        self._read_groups()
        self._read_options()
        self._read_pre_modifiers()
        for position, raw in enumerate(_records(self.raw.get("menus"))):
            self._read_menu(raw, position)
        self._withdraw()
        self._order_groups()
        self._pair_options()

    def _withdraw(self) -> None:
        """A record that could be read in one place and not in another goes to quarantine as a whole."""
        document = self.document
        for key in document.unread_items:
            document.items.pop(key, None)
        document.item_by_guid = {guid: key for guid, key in document.item_by_guid.items() if key in document.items}
        bad = {unread.key for unread in document.unread if unread.entity == "modifier_groups"}
        for ref in [ref for ref, group in document.groups.items() if group.key in bad]:
            raw = document.group_raw[ref]
            del document.groups[ref], document.group_raw[ref]
            self._unread_options(raw)

    def _convert(self, entity: str, raw: Raw, kind: type[Any]) -> Any:
        """The struct, or None after the record was noted as unread."""
        try:
            record = convert(raw, kind)
            self._check(entity, record)
            return record
        except WireError as error:
            self._note(entity, self._any_key(raw), str(error), guid_of(raw))
            return None

    def _note(self, entity: str, key: str, reason: str, guid: str) -> None:
        """Send a record to quarantine, once."""
        if (entity, key) not in self._noted:
            self._noted.add((entity, key))
            self.document.unread.append(Unread(entity, key, reason, guid))

    def _any_key(self, raw: Raw) -> str:
        return raw_key(raw, f"without-id-{len(self.document.unread) + 1}")

    def _check(self, entity: str, record: Identified) -> None:
        if not record.guid or "/" in record.key:
            raise WireError(f"{record.name!r} has no usable id.")
        known = self._guids.setdefault((entity, record.key), record.guid)
        if known != record.guid:
            raise WireError(
                f"{record.name!r} has the same multi-location id as another record of this restaurant ({known}); "
                "which of the two is meant cannot be known."
            )

    def _map(self, *names: str) -> dict[int, Raw]:
        found: dict[int, Raw] = {}
        for name in names:
            for key, raw in (self.raw.get(name) or {}).items():
                if isinstance(raw, Mapping) and str(key).isdigit():
                    found[int(key)] = raw
        return found

    def _read_groups(self) -> None:
        for ref, raw in self._map("modifierGroupReferences").items():
            group = self._convert("modifier_groups", raw, ModifierGroup)
            if group is not None:
                self.document.groups[ref], self.document.group_raw[ref] = group, raw
            else:
                self._unread_options(raw)

    def _unread_options(self, group: Raw) -> None:
        """The options of a group that cannot be read are in quarantine with it."""
        options = self._map("modifierOptionReferences")
        for ref in group.get("modifierOptionReferences") or ():
            option = options.get(ref) if isinstance(ref, int) else None
            if option is not None:
                key = f"{raw_key(group, 'without-id')}/{raw_key(option, 'without-id')}"
                reason = f"Its modifier group {group.get('name')!r} cannot be read."
                self._note("modifiers", key, reason, guid_of(option))

    def _read_options(self) -> None:
        for ref, raw in self._map("modifierOptionReferences").items():
            try:
                option = convert(raw, ModifierOption)
                if not option.guid or "/" in option.key:
                    raise WireError(f"{option.name!r} has no usable id.")
                self.document.options[ref], self.document.option_raw[ref] = option, raw
            except WireError as error:
                key = raw_key(raw, "without-id")
                for owner in self.document.groups.values():
                    if ref in (owner.modifier_option_references or ()):
                        self._note("modifiers", f"{owner.key}/{key}", str(error), guid_of(raw))

    def _read_pre_modifiers(self) -> None:
        for ref, raw in self._map(*PRE_MODIFIER_MAPS).items():
            try:
                group = convert(raw, PreModifierGroup)
            except WireError as error:
                for inner in _records(raw.get("preModifiers")):
                    reason = f"The set it belongs to cannot be read: {error}"
                    self._note("pre_modifiers", self._any_key(inner), reason, guid_of(inner))
                continue
            self.document.pre_groups[ref] = group
            members = [(self._convert("pre_modifiers", inner, PreModifier), inner) for inner in group.pre_modifiers]
            self.document.pre_modifiers[ref] = [(member, inner) for member, inner in members if member is not None]

    def _read_menu(self, raw: Raw, position: int) -> None:
        menu = self._convert("menus", raw, Menu)
        if menu is None:
            self._unread_below(raw, f"Its menu {raw.get('name')!r} cannot be read.")
            return
        self.document.menus.setdefault(menu.key, MenuEntry(menu, raw, position))
        for index, inner in enumerate(_records(raw.get("menuGroups"))):
            self._read_group(inner, menu.key, None, index)

    def _read_group(self, raw: Raw, menu_key: str, parent_key: str | None, position: int) -> None:
        group = self._convert("categories", raw, MenuGroup)
        if group is None:
            self._unread_below(raw, f"Its menu group {raw.get('name')!r} cannot be read.")
            return
        held = self.document.categories.get(group.key)
        if held is None:
            self.document.categories[group.key] = CategoryEntry(group, raw, menu_key, parent_key, position)
        elif (held.menu_key, held.parent_key) != (menu_key, parent_key):
            held.also_in.append(menu_key)
        for index, inner in enumerate(_records(raw.get("menuItems"))):
            self._read_item(inner, menu_key, group.key, index)
        for index, inner in enumerate(_records(raw.get("menuGroups"))):
            self._read_group(inner, menu_key, group.key, index)

    def _read_item(self, raw: Raw, menu_key: str, category_key: str, position: int) -> None:
        item = self._convert("items", raw, MenuItem)
        if item is None:
            self.document.unread_items.add(raw_key(raw, ""))
            return
        places = self.document.items.setdefault(item.key, [])
        places.append(Place(menu_key, category_key, position, item, raw))
        self.document.item_by_guid.setdefault(item.guid, item.key)

    def _unread_below(self, raw: Raw, reason: str) -> None:
        """Everything that stands below a record that cannot be read, so that nothing vanishes with it."""
        for item in _records(raw.get("menuItems")):
            key = self._any_key(item)
            self._note("items", key, reason, guid_of(item))
            self.document.unread_items.add(key)
        for inner in _records(raw.get("menuGroups")):
            self._note("categories", self._any_key(inner), reason, guid_of(inner))
            self._unread_below(inner, reason)

    def _order_groups(self) -> None:
        """Order group references by first use, walking down from the items; unused ones follow by their key."""
        document, seen = self.document, set[int]()
        for places in document.items.values():
            for place in places:
                stack = [ref for ref, _ in document.groups_of(place.item)][::-1]
                while stack:
                    ref = stack.pop()
                    if ref in seen:
                        continue
                    seen.add(ref)
                    document.order.append(ref)
                    below = [inner for option, _ in document.options_of(ref) for inner, _ in document.nested_of(option)]
                    stack.extend(reversed(below))
        rest = [ref for ref in document.groups if ref not in seen]
        document.order.extend(sorted(rest, key=lambda ref: (document.groups[ref].key, ref)))

    def _pair_options(self) -> None:
        """Group every resolved version of a group by its key, and every version of an option by group and option."""
        document = self.document
        for ref in document.order:
            document.group_refs.setdefault(document.groups[ref].key, []).append(ref)
        withdrawn = {unread.key for unread in document.unread if unread.entity == "modifiers"}
        for group_key, refs in document.group_refs.items():
            guids: dict[str, str] = {}
            for ref in refs:
                for option_ref, option in document.options_of(ref):
                    pair = (group_key, option.key)
                    if guids.setdefault(option.key, option.guid) != option.guid:
                        reason = f"{option.name!r} has the same multi-location id as another option of its group."
                        self._note("modifiers", f"{group_key}/{option.guid}", reason, option.guid)
                    elif f"{group_key}/{option.key}" in withdrawn:
                        continue
                    elif (found := document.pairs.setdefault(pair, [])) and found[-1][0] == ref:
                        document.repeated.append(option.guid)
                    else:
                        found.append((ref, option_ref))


def _records(value: Any) -> Iterator[Raw]:
    for record in value or ():
        if isinstance(record, Mapping):
            yield record
