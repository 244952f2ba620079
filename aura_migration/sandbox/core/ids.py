"""Deterministic ids and randomness of a sandbox world.

Everything that looks random in a sandbox (ids, tokens, prices, timestamps) comes from here, so that the same
scenario and seed give the same bytes on every machine and another seed gives different ones.
"""

from __future__ import annotations

import hashlib
import random
import uuid

UPPER_ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
URLSAFE = ALNUM + "-_"


class Ids:
    """Ids that depend on POS, scenario, seed, kind and name, and on nothing else (not on the order of calls)."""

    def __init__(self, scenario: str, seed: int, pos: str) -> None:
        self.scenario = scenario
        self.seed = seed
        self.pos = pos

    def _digest(self, kind: str, name: str, size: int) -> bytes:
        key = "\x1f".join((self.pos, self.scenario, str(self.seed), kind, name))
        return hashlib.shake_256(key.encode()).digest(size)

    def token(self, kind: str, name: str, alphabet: str = UPPER_ALNUM, length: int = 13) -> str:
        """A string of `length` characters of `alphabet`; unbiased enough for ids (64 bits per ten characters)."""
        number = int.from_bytes(self._digest(kind, name, length + 8), "big")
        characters = []
        for _ in range(length):
            number, index = divmod(number, len(alphabet))
            characters.append(alphabet[index])
        return "".join(characters)

    def uuid(self, kind: str, name: str) -> str:
        """A version-4-shaped UUID in lower case."""
        return str(uuid.UUID(bytes=self._digest(kind, name, 16), version=4))

    def rng(self, name: str) -> random.Random:
        """A random generator of its own for `name`, so that one part's draws never shift another's."""
        return random.Random(int.from_bytes(self._digest("rng", name, 16), "big"))  # noqa: S311 - seeded on purpose
