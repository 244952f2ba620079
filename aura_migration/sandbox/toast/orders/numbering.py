"""Guids of a whole family by one number: an order, its checks, lines and payments, each leading back to the order."""

from __future__ import annotations

from aura_migration.sandbox.toast.people.dice import Dice, Scramble

MEMBERS = 0x9E3779B1
LOW = 0xFFFFFFFF


class Numbering:
    """Numbers of the orders of one location, hidden in guids. ``kind`` keeps them apart from those of other things."""

    def __init__(self, dice: Dice, kind: str) -> None:
        self._dice = dice
        self._kind = kind
        self._heads = Scramble(1 << 32, int.from_bytes(dice.roll(f"{kind}-heads", 0)[:4], "big"))

    def family(self, number: int) -> Family:
        """The guids of an order."""
        return Family(self._heads.of(number), self._dice.roll(self._kind, number))

    def number_of(self, guid: str, count: int) -> int | None:
        """The number below ``count`` of which such a guid may have been made; whoever asks compares the guid itself."""
        try:
            number = self._heads.back(int(guid[:8], 16))
        except ValueError:
            return None
        return number if number < count else None


class Family:
    """Guids one after another: the first is the order's."""

    __slots__ = ("_before", "_last", "_member")

    def __init__(self, head: int, roll: bytes) -> None:
        tail = roll.hex()
        self._before = f"{head:08x}-{tail[:4]}-4{tail[5:8]}-{'89ab'[int(tail[8], 16) & 3]}{tail[9:12]}-{tail[12:16]}"
        self._last = int(tail[16:24], 16)
        self._member = 0

    def next(self) -> str:
        """The next guid."""
        made = f"{self._before}{self._last ^ self._member * MEMBERS & LOW:08x}"
        self._member += 1
        return made

    def skip(self, members: int) -> None:
        """Leave some guids out."""
        self._member += members
