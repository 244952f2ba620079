"""Which reading of an object is its last: what witnesses of the history know of a million objects in 24 MB each.

A history is read in windows that overlap, again in deltas, and object by object: the same order comes several times. No
POS's words belong here, nor what an object means.
"""

from __future__ import annotations

from array import array

import numpy as np

GONE = (1 << 63) - 1
"""Stamp of the answer that an object is no more: nothing is newer."""


class Readings:
    """Notes each reading of an object in the order they are walked through; :meth:`last` says which ones count.

    Keys are remembered by a 64-bit hash: two of a million objects are taken for one once in 37 million histories.
    """

    def __init__(self) -> None:
        self._keys = array("q")
        self._stamps = array("q")

    def __len__(self) -> int:
        return len(self._keys)

    def note(self, key: str, stamp: int = 0) -> None:
        """Another reading; ``stamp`` is its version in any rising number. Of equal stamps the later reading counts."""
        self._keys.append(hash(key))
        self._stamps.append(stamp)

    def last(self) -> bytearray:
        """One byte for each reading, in the order noted: 1 where it is the last version of its object."""
        size = len(self._keys)
        found = bytearray(size)
        if size:
            keys, stamps = np.frombuffer(self._keys, np.int64), np.frombuffer(self._stamps, np.int64)
            order = np.lexsort((stamps, keys))  # stable: of equal stamps the later reading comes later
            sorted_keys = keys[order]
            is_last = np.ones(size, dtype=bool)
            is_last[:-1] = sorted_keys[1:] != sorted_keys[:-1]
            np.frombuffer(found, np.uint8)[order[is_last]] = 1
        return found
