"""A limited menu: which rows an approved selection of categories and items leaves out. Pure: rows in, keys out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from aura_migration.canonical.model import Row
from aura_migration.canonical.options import MenuScope
from aura_migration.core.errors import BadInput

Rows = Mapping[str, Sequence[Row]]


def left_out(rows: Rows, scope: MenuScope) -> dict[str, set[str]]:
    """Keys per entity that are outside the selection: items first, then categories, menus and groups nothing selected uses.

    Ids are the POS's; for keys that are paths the last id is enough. An unknown id is ``BadInput``.
    """
    if scope == MenuScope():
        return {}
    categories = {r.key for r in rows.get("categories", ())}
    items = {r.key for r in rows.get("items", ())}
    parents = {r.key: r.values.get("parent_category_key") for r in rows.get("categories", ())}
    standing: dict[str, set[str]] = defaultdict(set)
    for link in rows.get("item_categories", ()):
        standing[link.values["menu_item_key"]].add(link.values["category_key"])
    wanted_categories = _with_descendants(_resolve(scope.categories, categories, "category"), parents)
    barred_categories = _with_descendants(_resolve(scope.exclude_categories, categories, "category"), parents)
    wanted_items = _resolve(scope.items, items, "item")
    barred_items = _resolve(scope.exclude_items, items, "item")
    selective = bool(scope.categories or scope.items)

    def selected(item: str) -> bool:
        if item in barred_items or (standing[item] and standing[item] <= barred_categories):
            return False
        return not selective or item in wanted_items or bool(standing[item] & wanted_categories)

    kept = {item for item in items if selected(item)}
    used_categories = _with_ancestors({c for item in kept for c in standing[item]} - barred_categories, parents)
    return {
        "items": items - kept,
        "categories": categories - used_categories if selective else barred_categories - used_categories,
        "modifier_groups": {r.key for r in rows.get("modifier_groups", ())} - _used_groups(rows, kept)
        if selective
        else set(),
    }


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


def _used_groups(rows: Rows, items: set[str]) -> set[str]:
    """Groups the items ask for, directly or nested to any depth."""
    options: dict[str, set[str]] = defaultdict(set)
    for modifier in rows.get("modifiers", ()):
        options[modifier.values["modifier_group_key"]].add(modifier.key)
    nested: dict[str, set[str]] = defaultdict(set)
    for link in rows.get("nested_groups", ()):
        nested[link.values["modifier_key"]].add(link.values["modifier_group_key"])
    used = {
        r.values["modifier_group_key"]
        for r in rows.get("item_modifier_groups", ())
        if r.values["menu_item_key"] in items
    }
    todo = list(used)
    while todo:
        for option in options[todo.pop()]:
            for group in nested[option] - used:
                used.add(group)
                todo.append(group)
    return used
