"""Ids of orders, payments, payouts and drawers in Square's shapes, from which a number can be read back."""

from __future__ import annotations

import hashlib

from aura_migration.sandbox.core.ids import ALNUM, Ids

SIZE = 1 << 40
MULTIPLIER = 786_433 * 2_654_435_761 + 2
MULTIPLIER |= 1
BACK = pow(MULTIPLIER, -1, SIZE)
PAIRS = [first + second for first in ALNUM for second in ALNUM]
VALUES = {letter: value for value, letter in enumerate(ALNUM)}
TO_ALNUM = bytes(ord(ALNUM[value % 62]) for value in range(256))
MOST_PAYMENTS = 16  # of one order


class Marks:
    """The seeded randomness of a history and the ids made of it."""

    def __init__(self, ids: Ids) -> None:
        rng = ids.rng("orders")
        self._key = rng.randbytes(32)
        self._bases: dict[str, hashlib.blake2b] = {}
        self._offsets = {kind: rng.randrange(SIZE) for kind in ("order", "payment")}

    def dice(self, kind: str, number: int) -> bytes:
        """Sixty-four random bytes of a thing."""
        base = self._bases.get(kind)
        if base is None:
            base = self._bases[kind] = hashlib.blake2b(key=self._key, person=kind.encode(), digest_size=64)
        held = base.copy()
        held.update(number.to_bytes(8, "big"))
        return held.digest()

    def _mark(self, kind: str, number: int) -> str:
        value = (number * MULTIPLIER + self._offsets[kind]) % SIZE
        value, last = divmod(value, 3844)
        value, third = divmod(value, 3844)
        first, second = divmod(value, 3844)
        tail = self.dice(kind, number)[44:].translate(TO_ALNUM).decode()
        return f"{ALNUM[first]}{PAIRS[second]}{PAIRS[third]}{PAIRS[last]}{tail}ZY"

    def _number(self, kind: str, mark: str) -> int | None:
        if len(mark) != 29 or not mark.isalnum() or not mark.isascii():
            return None
        value = 0
        for letter in mark[:7]:
            value = value * 62 + VALUES[letter]
        number = (value - self._offsets[kind]) * BACK % SIZE
        return number if value < SIZE and self._mark(kind, number) == mark else None

    def order(self, number: int) -> str:
        """The id of an order."""
        return self._mark("order", number)

    def of_order(self, mark: str) -> int | None:
        """The number an order's id stands for, whether there is such an order or not."""
        return self._number("order", mark)

    def payment(self, order: int, place: int) -> str:
        """The id of an order's payment."""
        return self._mark("payment", order * MOST_PAYMENTS + place)

    def of_payment(self, mark: str) -> tuple[int, int] | None:
        """Order number and place of a payment's id."""
        number = self._number("payment", mark)
        return None if number is None else divmod(number, MOST_PAYMENTS)

    def token(self, kind: str, number: int, length: int) -> str:
        """Some letters and digits."""
        return self.dice(kind, number)[:length].translate(TO_ALNUM).decode()

    def uuid(self, kind: str, number: int) -> str:
        """A UUID of version 4."""
        digits = self.dice(kind, number)[:16].hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
