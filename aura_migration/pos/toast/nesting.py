"""Which further group an option asks for, with the ways cut that would lead back to where they started.

An option carries the groups of the item behind it, so that an item may reach itself: such a link is left out where every
way to it passes that item already, and where the links of two items together would form a circle. What is cut is noted.
"""

from __future__ import annotations

from collections.abc import Iterator

from aura_migration.pos.toast.job import Job, visible
from aura_migration.pos.toast.uses import Uses

Pair = tuple[str, str]
Link = tuple[Pair, int, int]
"""(group and option, reference of the nested group, position)."""

CIRCLE = "An option of the item leads back to the item itself; the circle is cut there."
HIDDEN = "A nested group is hidden in one place and shown in others; AuraConnect leaves it out where it is hidden."
VARIES = "An option asks for other nested groups or limits from place to place; AuraConnect keeps all, with the first limits."


def nested_links(job: Job, uses: Uses) -> Iterator[Link]:
    """The links to keep, in document order; no way along them comes back to a group it has passed."""
    links = list(_candidates(job, uses))
    cut = _circles(job, links)
    for number, link in enumerate(links):
        if number in cut:
            job.notes.add("ModifierOption", "modifierGroupReferences", CIRCLE, link[0][1])
        else:
            yield link


def _candidates(job: Job, uses: Uses) -> Iterator[Link]:
    doc = job.doc
    active = {key: any(visible(doc.groups[ref].visibility) for ref in refs) for key, refs in doc.group_refs.items()}
    for pair, versions in doc.pairs.items():
        found: dict[str, tuple[int, int]] = {}
        shapes: dict[str, set[tuple[object, ...]]] = {}
        for group_ref, option_ref in versions:
            option = doc.options[option_ref]
            if not option.modifier_group_references:
                continue
            missing = [ref for ref in option.modifier_group_references if ref not in doc.groups]
            if missing:
                reason = f"{option.name!r} refers to a modifier group that cannot be read or is not in Toast's answer."
                job.reject("nested_groups", job.key(*pair, "missing"), reason, f"menus#{option.guid}")
            if not uses.reached_without(group_ref, option.guid):
                job.notes.add("ModifierOption", "modifierGroupReferences", CIRCLE, option.guid)
                continue
            for position, (ref, group) in enumerate(doc.nested_of(option_ref)):
                if not visible(group.visibility) and active[group.key]:
                    job.notes.add("ModifierOption", "modifierGroupReferences", HIDDEN, option.guid)
                    continue
                found.setdefault(group.key, (ref, position))
                shape = (group.min_selections, group.max_selections, group.is_multi_select)
                shapes.setdefault(group.key, set()).add(shape)
        if any(len(seen) > 1 for seen in shapes.values()):
            job.notes.add("ModifierOption", "modifierGroupReferences", VARIES, pair[1])
        for ref, position in found.values():
            yield pair, ref, position


def _circles(job: Job, links: list[Link]) -> set[int]:
    """The links (by number) that close a circle, walking down from the groups in document order."""
    below: dict[str, list[tuple[int, str]]] = {}
    for number, (pair, ref, _) in enumerate(links):
        below.setdefault(pair[0], []).append((number, job.doc.groups[ref].key))
    cut: set[int] = set()
    done: set[str] = set()
    for start in job.doc.group_refs:
        if start in done:
            continue
        trail, open_groups = [(start, iter(below.get(start, ())))], {start}
        while trail:
            group, rest = trail[-1]
            for number, key in rest:
                if key in open_groups:
                    cut.add(number)
                elif key not in done:
                    open_groups.add(key)
                    trail.append((key, iter(below.get(key, ()))))
                    break
            else:
                trail.pop()
                open_groups.discard(group)
                done.add(group)
    return cut
