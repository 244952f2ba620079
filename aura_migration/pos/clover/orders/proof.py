"""What the extraction of a list of the history notes, and the certificate made of it. Pure.

Ids are kept as numbers of eight bytes: a year of a busy site has millions of them.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from aura_migration.archive.snapshot import Certificate, SecondRoute

Numbers = np.ndarray[tuple[int], np.dtype[np.uint64]]


class Idents:
    """A growing collection of ids, eight bytes each. Asked only when it is filled."""

    def __init__(self) -> None:
        self._held = array("Q")
        self._sorted: Numbers | None = None

    def add(self, idents: Iterable[str]) -> None:
        """Note these ids."""
        self._held.extend(map(_number, idents))
        self._sorted = None

    def _numbers(self) -> Numbers:
        if self._sorted is None:
            self._sorted = np.unique(np.frombuffer(self._held, dtype=np.uint64))
        return self._sorted

    def __len__(self) -> int:
        return len(self._numbers())

    def unknown(self, idents: Iterable[str]) -> list[str]:
        """Those of the ids that were not noted, each once, in their order."""
        asked = list(dict.fromkeys(idents))
        if not asked:
            return []
        numbers = np.fromiter(map(_number, asked), dtype=np.uint64, count=len(asked))
        return [ident for ident, held in zip(asked, self._holds(numbers), strict=True) if not held]

    def lacking(self, other: Idents) -> int:
        """How many of these ids the other collection has not."""
        return int(np.count_nonzero(~other._holds(self._numbers())))

    def _holds(self, numbers: Numbers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        held = self._numbers()
        if not len(held):
            return np.zeros(len(numbers), dtype=np.bool_)
        places = np.minimum(np.searchsorted(held, numbers), len(held) - 1)
        return held[places] == numbers  # type: ignore[no-any-return]


def _number(ident: str) -> int:
    return int.from_bytes(hashlib.blake2b(ident.encode(), digest_size=8).digest(), "big")


@dataclass
class Tally:
    """What was seen of one entity: pages, rows and different records, how it was confirmed, what speaks against it."""

    entity: str
    idents: Idents = field(default_factory=Idents)
    pages: int = 0
    rows: int = 0
    refetches: int = 0
    confirmed: int = 0
    """Records in windows that another reading confirmed."""
    doubts: list[str] = field(default_factory=list)
    how: str = ""

    def window(self, idents: list[str], pages: int, confirmed: int | None = None) -> None:
        """One window, read completely. ``confirmed``: how many records another reading of it showed."""
        self.idents.add(idents)
        self.pages += pages
        self.rows += len(idents)
        self.confirmed += len(idents) if confirmed is None else confirmed

    def certificate(self) -> Certificate:
        """The judgement."""
        distinct = len(self.idents)
        agrees = self.confirmed == self.rows
        route = SecondRoute(self.how, distinct if agrees else self.confirmed) if self.how else None
        reason = "; ".join(dict.fromkeys(self.doubts))
        if route is not None and not agrees:
            reason = "; ".join(
                filter(None, (reason, f"its windows show {self.rows:,} records, {self.how} {self.confirmed:,}"))
            )
        return Certificate(
            self.entity,
            "suspicious" if reason else "complete",
            self.pages,
            self.rows,
            distinct,
            route,
            nested_refetches=self.refetches,
            duplicates_dropped=self.rows - distinct,
            reason=reason,
        )
