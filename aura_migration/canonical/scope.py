"""A limited menu: which rows an approved selection of categories and items leaves out. Pure: rows in, keys out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aura_migration.canonical.model import Row
from aura_migration.canonical.options import MenuScope
from aura_migration.core.errors import BadInput

Rows = Mapping[str, Sequence[Row]]


def left_out(rows: Rows, scope: MenuScope) -> dict[str, set[str]]:
    """Keys per entity that are outside the selection: items first, then categories, menus and groups nothing selected uses.

    Items are selected by their own id or by a category they stand in (or a category above it); an item that stands only
    in excluded categories is excluded. Ids are the POS's; for keys that are paths the last id is enough. An unknown id is
    ``BadInput``. What hangs on a row left out goes with it; the planner sees to that.
    """
    if scope == MenuScope():
        return {}
    categories, items = _keys(rows, "categories"), _keys(rows, "items")
    parents = {r.key: r.values.get("parent_category_key") for r in rows.get("categories", ())}
    standing = _grouped(rows, "item_categories", "menu_item_key", "category_key")
    wanted = _with_descendants(_resolve(scope.categories, categories, "category"), parents)
    barred = _with_descendants(_resolve(scope.exclude_categories, categories, "category"), parents)
    wanted_items = _resolve(scope.items, items, "item")
    barred_items = _resolve(scope.exclude_items, items, "item")
    is_selective = bool(scope.categories or scope.items)

    def is_selected(item: str) -> bool:
        if item in barred_items or (standing[item] and standing[item] <= barred):
            return False
        return not is_selective or item in wanted_items or bool(standing[item] & wanted)

    kept = {item for item in items if is_selected(item)}
    used = _with_ancestors({c for item in kept for c in standing[item]} - barred, parents)
    out = {"items": items - kept, "categories": (categories if is_selective else barred) - used}
    if is_selective:
        out["menus"] = _keys(rows, "menus") - _used_menus(rows, kept, used)
        out["modifier_groups"] = _keys(rows, "modifier_groups") - _used_groups(rows, kept)
    return out


def _keys(rows: Rows, entity: str) -> set[str]:
    return {row.key for row in rows.get(entity, ())}


def _pairs(rows: Rows, entity: str, one: str, other: str) -> Iterator[tuple[str, str]]:
    """Both ends of every link that has both."""
    for row in rows.get(entity, ()):
        left, right = row.values.get(one), row.values.get(other)
        if isinstance(left, str) and isinstance(right, str):
            yield left, right


def _grouped(rows: Rows, entity: str, one: str, other: str) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for left, right in _pairs(rows, entity, one, other):
        found[left].add(right)
    return found


def _resolve(ids: Iterable[str], keys: set[str], what: str) -> set[str]:
    by_last: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        by_last[key].add(key)
        by_last[key.rpartition("/")[2]].add(key)
    unknown = [i for i in ids if i not in by_last]
    if unknown:
        raise BadInput(
            f"The POS has no {what} {', '.join(unknown)}.",
            "Use the ids of the POS; `preview` lists them with their names.",
        )
    return {key for i in ids for key in by_last[i]}


def _with_descendants(chosen: set[str], parents: Mapping[str, str | None]) -> set[str]:
    found = set(chosen)
    grew = True
    while grew:
        more = {c for c, parent in parents.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return found


def _with_ancestors(chosen: set[str], parents: Mapping[str, str | None]) -> set[str]:
    found = set(chosen)
    for category in chosen:
        parent = parents.get(category)
        while parent is not None and parent not in found:
            found.add(parent)
            parent = parents.get(parent)
    return found


def _used_menus(rows: Rows, items: set[str], categories: set[str]) -> set[str]:
    """Menus the items are on, and those their categories belong to."""
    used = {menu for item, menu in _pairs(rows, "item_menus", "menu_item_key", "menu_key") if item in items}
    return used | {str(r.values.get("menu_key")) for r in rows.get("categories", ()) if r.key in categories}


def _used_groups(rows: Rows, items: set[str]) -> set[str]:
    """Groups the items ask for, directly or nested to any depth."""
    options: defaultdict[str, set[str]] = defaultdict(set)
    for modifier in rows.get("modifiers", ()):
        options[str(modifier.values.get("modifier_group_key"))].add(modifier.key)
    nested = _grouped(rows, "nested_groups", "modifier_key", "modifier_group_key")
    asked = _pairs(rows, "item_modifier_groups", "menu_item_key", "modifier_group_key")
    used = {group for item, group in asked if item in items}
    todo = list(used)
    while todo:
        for option in options[todo.pop()]:
            for group in nested[option] - used:
                used.add(group)
                todo.append(group)
    return used
