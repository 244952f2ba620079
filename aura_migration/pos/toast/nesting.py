"""Which further groups an option asks for.

An option carries the groups of the item behind it, so an item can lead back to itself. Toast goes no further at an option
that is the item being sold, or an option chosen above it. A link that could only ever be used beyond that point is left
out here; two items that lead to each other need both links, and whoever walks them stops by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from aura_migration.pos.toast.job import Job, visible
from aura_migration.pos.toast.uses import Uses

Pair = tuple[str, str]
Link = tuple[Pair, int, int]
"""(group and option, reference of the nested group, position)."""

HIDDEN = "A nested group is hidden in one place and shown in others; AuraConnect leaves it out where it is hidden."
VARIES = (
    "An option asks for other nested groups or limits from place to place; AuraConnect keeps all, the first limits."
)


def nested_links(job: Job, uses: Uses) -> Iterator[Link]:
    """The links to keep, in document order; each group once per option, with the limits of its first version."""
    doc = job.doc
    active = {key: any(visible(doc.groups[ref].visibility) for ref in refs) for key, refs in doc.group_refs.items()}
    for pair, versions in doc.pairs.items():
        found: dict[str, tuple[int, int]] = {}
        shapes: set[tuple[tuple[object, ...], ...]] = set()
        for group_ref, option_ref in versions:
            option = doc.options[option_ref]
            if any(ref not in doc.groups for ref in option.modifier_group_references or ()):
                reason = f"{option.name!r} refers to a modifier group that cannot be read or is not in Toast's answer."
                job.reject("nested_groups", job.key(*pair, "missing"), reason, f"menus#{option.guid}")
            if not uses.reached_without(group_ref, option.guid):
                continue
            shape = []
            for position, (ref, group) in enumerate(doc.nested_of(option_ref)):
                if not visible(group.visibility) and active[group.key]:
                    job.notes.add("ModifierOption", "modifierGroupReferences", HIDDEN, option.guid)
                    continue
                found.setdefault(group.key, (ref, position))
                shape.append((group.key, group.min_selections, group.max_selections, group.is_multi_select))
            shapes.add(tuple(shape))
        if len(shapes) > 1:
            job.notes.add("ModifierOption", "modifierGroupReferences", VARIES, pair[1])
        for ref, position in found.values():
            yield pair, ref, position
