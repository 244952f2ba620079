"""Cursors bound to the query that made them, alive for fifteen minutes after the last fetch of their listing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import URLSAFE, Ids
from aura_migration.sandbox.square.errors import SquareError

SWEEP_EVERY = 512


@dataclass
class _Listing:
    """One walk through one query's result. `held`: what the walk's first page settled for all of them."""

    query: str
    touched: float
    page: int = 0
    held: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Position:
    """Where a page starts, which page of its listing it is, and the listing it belongs to."""

    offset: int
    page: int
    listing: _Listing


class Cursors:
    """Issues and redeems cursors. `lifetime` in seconds; the error code of a refusal is the caller's switch."""

    def __init__(self, ids: Ids, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock
        self._issued: dict[str, tuple[int, int, _Listing]] = {}
        self._made = 0

    def start(self, endpoint: str, query: Any, cursor: Any, lifetime: float, error_code: str) -> Position:
        """The position a request asks for: the start, or where its cursor points. A cursor of another query, another
        endpoint or too long ago is refused."""
        digest = hashlib.sha256(json.dumps([endpoint, query], sort_keys=True).encode()).hexdigest()
        if cursor is None or cursor == "":
            return Position(0, 0, _Listing(digest, self._clock.monotonic()))
        if not isinstance(cursor, str):
            raise SquareError("EXPECTED_STRING", "Expected a string value.", "cursor")
        held = self._issued.get(cursor)
        if held is None or held[2].query != digest:
            raise SquareError(error_code, "The cursor is not valid for this request.", "cursor")
        offset, page, listing = held
        if self._clock.monotonic() - listing.touched > lifetime:
            raise SquareError(error_code, "The cursor has expired.", "cursor")
        listing.touched = self._clock.monotonic()
        return Position(offset, page, listing)

    def issue(self, position: Position, offset: int, lifetime: float) -> str:
        """A cursor for the page after `position`, starting at `offset`."""
        self._made += 1
        if self._made % SWEEP_EVERY == 0:
            self._sweep(lifetime)
        cursor = self._ids.token("cursor", str(self._made), URLSAFE, 72)
        self._issued[cursor] = (offset, position.page + 1, position.listing)
        return cursor

    def _sweep(self, lifetime: float) -> None:
        limit = self._clock.monotonic() - lifetime
        self._issued = {cursor: held for cursor, held in self._issued.items() if held[2].touched > limit}
