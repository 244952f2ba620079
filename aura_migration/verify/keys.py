"""Source keys of what verification compares: from AuraConnect's ids to them, and from them to text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aura_migration.pos.facts import EdgeKey, ModifierPriceKey, PriceKey

OWN = "aura:"
"""Begins the key of a record that did not come from the POS account."""


class Keys:
    """AuraConnect ids as source keys, as one location sees them.

    A copy made for the location (``key@location``) goes by the key; what it was copied from then is ``key@shared``, which
    nothing of the POS is called: sold here as well, it is one too many.
    """

    def __init__(self, rows: Iterable[tuple[str, str, int]], location_source_id: str) -> None:
        rows = list(rows)
        suffix = f"@{location_source_id}"
        copied = {(entity, key.removesuffix(suffix)) for entity, key, _ in rows if key.endswith(suffix)}
        self._keys: dict[tuple[str, int], tuple[str, ...]] = {}
        for entity, key, aura_id in rows:
            name = f"{key}@shared" if (entity, key) in copied else key.removesuffix(suffix)
            self._keys[entity, aura_id] = (*self._keys.get((entity, aura_id), ()), name)

    def of(self, entity: str, aura_id: int) -> tuple[str, ...]:
        """The source keys of a record; ``aura:<id>`` for one that came from elsewhere."""
        return self._keys.get((entity, aura_id)) or (f"{OWN}{aura_id}",)

    def one(self, entity: str, aura_id: int) -> str:
        """The first of its source keys."""
        return self.of(entity, aura_id)[0]

    def known(self, entity: str, aura_id: int) -> bool:
        """Whether the record came from this POS account or was linked to it."""
        return (entity, aura_id) in self._keys


def own_id(key: str) -> str:
    """The record's own id: the last of its path."""
    return key.rpartition("/")[2]


def show_key(key: Any) -> str:
    """A fact's key as one text: ids as they are, steps of a path with ``>``, conditions behind ``|``."""
    if isinstance(key, str):
        return key
    if isinstance(key, EdgeKey):
        return " > ".join([key.item, *(option or group for group, option in key.path)])
    if isinstance(key, ModifierPriceKey):
        return " | ".join([show_key(key.edge), *_conditions(key)])
    if isinstance(key, PriceKey):
        return " | ".join([key.variation or key.item, *_conditions(key)])
    return " > ".join(str(part) for part in key)


def _conditions(key: PriceKey | ModifierPriceKey) -> Iterator[str]:
    if key.menu:
        yield f"menu {key.menu}"
    if key.size:
        yield f"size {key.size}"
    if key.sequence:
        yield f"pick {key.sequence}"
    if isinstance(key, ModifierPriceKey) and key.pre_modifier:
        yield f"with {key.pre_modifier}"
    if key.channel:
        yield f"channel {key.channel}"
