"""What an extraction learns of one entity while it reads: ids, what names what, lists that were cut. Pure.

From this the certificates are made and the lists are checked against each other in ``proof.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aura_migration.archive.snapshot import Caps, Trail
from aura_migration.pos.clover.catalog import row_ident, split_ids
from aura_migration.pos.clover.lists import ROUND, Listing
from aura_migration.pos.clover.wire import Raw, is_deleted, nested

Links = dict[str, dict[str, None]]
"""Owner id to the ids its nested list names, in order."""


@dataclass
class Facts:
    """Facts of one entity. ``trail`` is of the first reading; ``readings`` are the ids of each, by window."""

    entity: str
    listing: Listing
    trail: Trail = field(init=False)
    readings: dict[str, dict[str, None]] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    links: dict[str, Links] = field(default_factory=dict)
    long: dict[tuple[str, str], int] = field(default_factory=dict)
    full: dict[tuple[str, str], int] = field(default_factory=dict)
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stocked: set[str] = field(default_factory=set)
    pages: int = 0
    moved: bool = False

    def __post_init__(self) -> None:
        self.trail = Trail(self.entity, Caps(page_size=ROUND, nested=ROUND))

    @property
    def main(self) -> str:
        """The window of the first reading."""
        return self.listing.walks[0].window

    @property
    def ids(self) -> dict[str, None]:
        """Every id any reading showed."""
        return {ident: None for reading in self.readings.values() for ident in reading}

    @property
    def live(self) -> set[str]:
        """Ids of records that are not deleted."""
        return set(self.ids) - self.dead

    def begin(self, window: str) -> None:
        """A reading begins (again): what was noted of it is void."""
        self.readings[window] = {}
        if window == self.main:
            self.trail = Trail(self.entity, Caps(page_size=ROUND, nested=ROUND))
            self.pages = 0

    def take(self, window: str, rows: Sequence[Raw], expanded: Iterable[str]) -> None:
        """One page of a reading; ``expanded`` are the nested lists this reading shows."""
        idents = [row_ident(row, self.listing.row_id) for row in rows]
        if window == self.main:
            self.trail.page(idents)
            self.pages += 1
        self.readings.setdefault(window, {}).update(dict.fromkeys(idents))
        shown = [name for name in self.listing.nested if name in expanded or window == self.main]
        for ident, row in zip(idents, rows, strict=True):
            if is_deleted(row):
                self.dead.add(ident)
            if isinstance(row.get("modifierIds"), str):
                self.named[ident] = tuple(split_ids(row["modifierIds"]))
            stock = row if self.listing.row_id == "item" else row.get("itemStock")
            if isinstance(stock, dict) and stock.get("quantity") is not None:
                self.stocked.add(ident)
            for name in shown:
                self._nest(ident, name, nested(row, name))

    def take_full(self, owner: str, name: str, rows: Iterable[Raw]) -> None:
        """A nested list as its own endpoint gives it (one page of it)."""
        found = list(rows)
        self.full[(owner, name)] = self.full.get((owner, name), 0) + len(found)
        self.links.setdefault(name, {}).setdefault(owner, {}).update(
            (row_ident(row), None) for row in found if not is_deleted(row)
        )

    def begin_full(self, owner: str, name: str) -> None:
        """The reading of a nested list's own endpoint begins (again)."""
        self.full[(owner, name)] = 0

    def cut(self) -> list[tuple[str, str]]:
        """Nested lists (owner, name) that may be cut and have an endpoint of their own that was not read yet."""
        return [key for key in self.long if key[1] in self.listing.children and key not in self.full]

    def uncertain(self, name: str) -> set[str]:
        """Owners whose nested list may be cut and was not read in full."""
        return {owner for owner, field_name in self.long if field_name == name and (owner, name) not in self.full}

    def _nest(self, owner: str, name: str, entries: list[Raw] | None) -> None:
        if entries is None:
            return
        if len(entries) >= ROUND:
            self.long[(owner, name)] = len(entries)
        found = self.links.setdefault(name, {}).setdefault(owner, {})
        found.update((row_ident(entry), None) for entry in entries if not is_deleted(entry) and row_ident(entry))
