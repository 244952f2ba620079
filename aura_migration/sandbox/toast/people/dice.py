"""Randomness by number: the same bytes for the same number, and guids from which the number can be read back.

Nothing is stored for a row: 200,000 guests and their orders follow from scenario, seed, location and number.
"""

from __future__ import annotations

import hashlib

from aura_migration.sandbox.core.ids import Ids

MULTIPLIER = 2_654_435_761  # odd and coprime to ten, so that it can be undone modulo every size used here


class Scramble:
    """Numbers below ``size`` in an order that looks like none, and back. ``size`` shares no factor with the multiplier."""

    def __init__(self, size: int, offset: int) -> None:
        self._size = size
        self._offset = offset % size
        self._back = pow(MULTIPLIER, -1, size) if size > 1 else 0

    def of(self, value: int) -> int:
        """What stands for this number."""
        return (value * MULTIPLIER + self._offset) % self._size

    def back(self, scrambled: int) -> int:
        """The number something stands for."""
        return (scrambled - self._offset) * self._back % self._size


class Dice:
    """The dice of one location."""

    def __init__(self, ids: Ids, name: str) -> None:
        rng = ids.rng(f"people/{name}")
        self._key = rng.randbytes(32)
        self._heads = Scramble(1 << 32, rng.randrange(1 << 32))
        self._bases: dict[str, hashlib.blake2b] = {}

    def roll(self, kind: str, number: int) -> bytes:
        """Thirty-two random bytes of a row."""
        base = self._bases.get(kind)
        if base is None:
            base = self._bases[kind] = hashlib.blake2b(key=self._key, person=kind.encode(), digest_size=32)
        held = base.copy()
        held.update(number.to_bytes(8, "big"))
        return held.digest()

    def guid(self, kind: str, number: int) -> str:
        """A version-4-shaped UUID from which ``number_of`` reads the number back."""
        tail = self.roll(kind, number).hex()
        variant = "89ab"[int(tail[8], 16) & 3]
        return f"{self._heads.of(number):08x}-{tail[:4]}-4{tail[5:8]}-{variant}{tail[9:12]}-{tail[12:24]}"

    def number_of(self, kind: str, guid: str, count: int) -> int | None:
        """The number below ``count`` that such a guid was made of; None for another guid."""
        try:
            number = self._heads.back(int(guid[:8], 16))
        except ValueError:
            return None
        return number if number < count and self.guid(kind, number) == guid else None
