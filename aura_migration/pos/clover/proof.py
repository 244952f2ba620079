"""The proof that nothing is missing: Clover's lists held against each other. Pure.

Every list names records of other lists. What is named but not listed is either deleted (Clover is asked) or lost; links
that two lists both tell must be the same from both sides; a list that ends at a round number must be confirmed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from aura_migration.archive.snapshot import Certificate, SecondRoute
from aura_migration.pos.clover.facts import Facts
from aura_migration.pos.clover.lists import ROUND

NAMED_BY: Mapping[str, tuple[tuple[str, str], ...]] = {
    "items": (("categories", "items"), ("modifier_groups", "items"), ("tags", "items"), ("item_groups", "items")),
    "categories": (("items", "categories"),),
    "modifier_groups": (("items", "modifierGroups"), ("modifiers", "modifierGroup")),
    "modifiers": (("modifier_groups", "modifiers"),),
    "tags": (("items", "tags"),),
    "tax_rates": (("items", "taxRates"),),
    "item_groups": (("items", "itemGroup"), ("attributes", "itemGroup")),
    "attributes": (("item_groups", "attributes"), ("options", "attribute")),
    "options": (("items", "options"), ("attributes", "options")),
}
"""Which nested lists of other entities name records of an entity."""
WORDS = {
    "items": "items",
    "categories": "categories",
    "modifier_groups": "modifier groups",
    "modifiers": "modifiers",
    "tags": "labels",
    "item_groups": "variant groups",
    "attributes": "attributes",
    "options": "options",
    "item_stocks": "stock",
}
BOTH_WAYS = (
    ("categories", "items", "items", "categories"),
    ("modifier_groups", "items", "items", "modifierGroups"),
    ("tags", "items", "items", "tags"),
    ("modifier_groups", "modifiers", "modifiers", "modifierGroup"),
    ("item_groups", "items", "items", "itemGroup"),
    ("item_groups", "attributes", "attributes", "itemGroup"),
    ("attributes", "options", "options", "attribute"),
)
"""Links told twice: entity and nested list, entity and nested list from the other side."""

Book = Mapping[str, Facts]


def named_elsewhere(book: Book, entity: str) -> dict[str, None]:
    """Ids of an entity that the live records of other lists name."""
    found: dict[str, None] = {}
    for source, name in NAMED_BY.get(entity, ()):
        if source in book:
            facts = book[source]
            for owner, idents in facts.links.get(name, {}).items():
                if owner not in facts.dead:
                    found.update(idents)
    if entity == "items" and "item_stocks" in book:
        found.update(book["item_stocks"].ids)
    if entity == "item_stocks" and "items" in book:
        found.update(dict.fromkeys(sorted(book["items"].stocked)))
    if entity == "modifiers" and "modifier_groups" in book:
        groups = book["modifier_groups"]
        for owner, shown in groups.named.items():
            if owner not in groups.dead:
                found.update(dict.fromkeys(shown))
    return found


def unknown(book: Book, entity: str) -> list[str]:
    """What other lists name and this one does not show: deleted, or lost."""
    listed = book[entity].ids  # a property: looked up once, not per id
    return [ident for ident in named_elsewhere(book, entity) if ident not in listed]


def disagreements(book: Book, dead: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """By entity, what its lists contradict each other in. ``dead`` are ids Clover says it does not have any more."""
    found: dict[str, list[str]] = {}
    for entity, facts in book.items():
        for window, reading in facts.readings.items():
            differing = set(reading) ^ set(facts.readings[facts.main])
            if differing:
                found.setdefault(entity, []).append(
                    f"reading it again ({window}) showed {len(reading):,} records instead of "
                    f"{len(facts.readings[facts.main]):,}"
                )
    for entity, name, other, back in BOTH_WAYS:
        if entity in book and other in book:
            here = _pairs(book, dead, entity, name, other, back, turned=False)
            there = _pairs(book, dead, other, back, entity, name, turned=True)
            if here != there:
                found.setdefault(entity, []).append(
                    f"{WORDS[entity]} name {len(here - there):,} {WORDS[other]} that do not name them, and "
                    f"{len(there - here):,} name them without being named"
                )
    return found


def _pairs(
    book: Book, dead: Mapping[str, set[str]], entity: str, name: str, other: str, back: str, *, turned: bool
) -> set[tuple[str, str]]:
    """Links between live records of both sides, except where one side may have been cut."""
    facts, rest = book[entity], book[other]
    owners = facts.live - facts.uncertain(name) - dead.get(entity, set())
    known = rest.live - rest.uncertain(back) - dead.get(other, set())
    return {
        (ident, owner) if turned else (owner, ident)
        for owner, idents in facts.links.get(name, {}).items()
        if owner in owners
        for ident in idents
        if ident in known
    }


def needs_confirmation(book: Book, entity: str) -> bool:
    """Whether the list took several pages or ends at a round number: then it is read again in other pages."""
    count = len(book[entity].readings.get(book[entity].main, {}))
    return count > 0 and (book[entity].pages > 1 or count % ROUND == 0)


def certificate(
    book: Book,
    entity: str,
    dead: Iterable[str],
    again: Mapping[str, None] | None,
    reasons: Iterable[str],
) -> Certificate:
    """The certificate of a list. ``dead`` are named ids that no longer exist, ``again`` the ids of a reading made only to
    confirm, ``reasons`` what else speaks against it.
    """
    facts = book[entity]
    for (owner, name), count in facts.long.items():
        refetched = facts.full.get((owner, name))
        if refetched is None and _told_from_other_side(book, entity, name):
            continue
        facts.trail.nested_list(f"the {name} of {entity} {owner}", count, refetched)
    main = facts.readings.get(facts.main, {})
    gone = set(dead)
    elsewhere = {ident for ident in named_elsewhere(book, entity) if ident not in gone}
    route = None
    others = [window for window in facts.readings if window != facts.main]
    sources = sorted({WORDS[source] for source, _ in NAMED_BY.get(entity, ()) if source in book})
    if entity == "items" and "item_stocks" in book:
        sources.append(WORDS["item_stocks"])
    if again is not None or others:
        second = set(again) if again is not None else set(facts.readings[others[0]])
        how = "a second reading in pages of another size"
        if elsewhere:
            how += f", together with what {' and '.join(sources)} name,"
        route = SecondRoute(how, len(second | elsewhere))
    elif elsewhere:
        only_listed = set(main) - elsewhere
        how = f"what {' and '.join(sources) or 'other lists'} name"
        if only_listed:
            how += f" (with {len(only_listed):,} that nothing names)"
        route = SecondRoute(how, len(elsewhere | only_listed))
    found = facts.trail.certificate(route)
    doubts = [*reasons, *(["rows kept moving between its pages"] if facts.moved else [])]
    if doubts:
        reason = "; ".join(filter(None, [found.reason, *doubts]))
        found = dataclasses.replace(found, status="suspicious", reason=reason)
    return found


def _told_from_other_side(book: Book, entity: str, name: str) -> bool:
    """Whether the same links can be read from the other side, where they are not cut."""
    for here, field, there, back in BOTH_WAYS:
        if (there, back) == (entity, name) and here in book:
            return not book[here].uncertain(field)
        if (here, field) == (entity, name) and there in book:
            return not book[there].uncertain(back)
    return False
