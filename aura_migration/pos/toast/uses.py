"""Who asks for which version of a modifier group: the document read upwards, from options to the items above them.

Needed where Toast resolves the same option differently from place to place, and where options lead back to the item
they started from. Only keys come out of here, never reference numbers.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from aura_migration.pos.toast.document import Document


@dataclass(frozen=True)
class Use:
    """One way to reach a version of a group: the item, the menu, and the group it is nested in (None: not nested)."""

    item: str
    menu: str
    parent_group: str | None


class Uses:
    """The parents of every group version of a document. ``skip``: (item key, group reference) pairs to leave out."""

    def __init__(self, doc: Document, skip: Container[tuple[str, int]] = ()) -> None:
        self._doc = doc
        self._direct: dict[int, list[tuple[str, str]]] = {}
        self._nesting: dict[int, list[int]] = {}
        self._holding: dict[int, list[int]] = {}
        for key, places in doc.items.items():
            for place in places:
                for ref, _ in doc.groups_of(place.item):
                    if (key, ref) not in skip:
                        self._direct.setdefault(ref, []).append((key, place.menu_key))
        for ref in doc.groups:
            for option_ref, _ in doc.options_of(ref):
                self._holding.setdefault(option_ref, []).append(ref)
        for option_ref in doc.options:
            for ref, _ in doc.nested_of(option_ref):
                self._nesting.setdefault(ref, []).append(option_ref)
        self._roots: dict[int, dict[tuple[str, str], None]] = {}

    def direct(self, group_ref: int) -> list[tuple[str, str]]:
        """(item, menu) of every place that asks for this version directly."""
        return self._direct.get(group_ref, [])

    def nesting(self, group_ref: int) -> list[int]:
        """The option versions that ask for this version of a group."""
        return self._nesting.get(group_ref, [])

    def used(self, group_ref: int) -> bool:
        """Whether anything asks for this version."""
        return group_ref in self._direct or group_ref in self._nesting

    def of(self, group_ref: int) -> Iterator[Use]:
        """All ways to reach a version, direct ones first; each once."""
        seen: dict[Use, None] = {}
        for item, menu in self.direct(group_ref):
            seen.setdefault(Use(item, menu, None))
        for option_ref in self.nesting(group_ref):
            for parent in self._holding.get(option_ref, ()):
                for item, menu in self._above(parent):
                    seen.setdefault(Use(item, menu, self._doc.groups[parent].key))
        return iter(seen)

    def _above(self, group_ref: int) -> dict[tuple[str, str], None]:
        """(item, menu) of every item below which a version stands, at any depth."""
        if group_ref not in self._roots:
            found: dict[tuple[str, str], None] = {}
            visited, stack = {group_ref}, [group_ref]
            while stack:
                ref = stack.pop()
                found.update(dict.fromkeys(self.direct(ref)))
                for option_ref in self.nesting(ref):
                    for parent in self._holding.get(option_ref, ()):
                        if parent not in visited:
                            visited.add(parent)
                            stack.append(parent)
            self._roots[group_ref] = found
        return self._roots[group_ref]

    def reached_without(self, group_ref: int, guid: str) -> bool:
        """Whether some way leads to this version without passing the item of that guid; True where nothing uses it."""
        if not self.used(group_ref):
            return True
        doc, visited, stack = self._doc, {group_ref}, [group_ref]
        while stack:
            ref = stack.pop()
            if any(doc.items[item][0].item.guid != guid for item, _ in self.direct(ref)):
                return True
            for option_ref in self.nesting(ref):
                if doc.options[option_ref].guid == guid:
                    continue
                for parent in self._holding.get(option_ref, ()):
                    if not self.used(parent):
                        return True
                    if parent not in visited:
                        visited.add(parent)
                        stack.append(parent)
        return False
