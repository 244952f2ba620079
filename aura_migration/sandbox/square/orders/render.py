"""Pages of orders as bytes: rendered when first asked for, kept compressed by blocks of neighbors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec
import zstandard

from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.wire import Json, OrderWire

BLOCK, WORTH = 64, 16
BLOCKS_KEPT = 2500
SWITCHES = ("unknown_enums", "tip_in_total", "rounding_in_total", "return_net_negative", "broken_orders")
encode = msgspec.json.encode


class Renderer:
    """The JSON of orders. Only unchanged ordinary orders are kept; everything else is rendered anew."""

    def __init__(self, history: History, wire: OrderWire, switches: Json) -> None:
        self._history = history
        self.wire = wire
        self._switches = switches
        self._under: tuple[object, ...] = ()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._pack = zstandard.ZstdCompressor(level=1)
        self._unpack = zstandard.ZstdDecompressor()

    def one(self, number: int) -> bytes:
        """One order."""
        return encode(self.wire.order(self._history.done(number)))

    def many(self, numbers: Sequence[int]) -> list[bytes]:
        """Several orders, in the order asked for."""
        under = tuple(self._switches[name] for name in SWITCHES)
        if under != self._under:
            self._under = under
            self._blocks.clear()
        wanted: dict[int, int] = {}
        for number in numbers:
            wanted[number // BLOCK] = wanted.get(number // BLOCK, 0) + 1
        blocks: dict[int, list[bytes]] = {}
        for block, count in wanted.items():
            if block in self._blocks:
                self._blocks.move_to_end(block)
                blocks[block] = self._unpack.decompress(self._blocks[block]).split(b"\n")
            elif count >= WORTH and (block + 1) * BLOCK <= self._history.base:
                blocks[block] = self._make(block)
        changed = self._history.is_changed
        return [
            blocks[number // BLOCK][number % BLOCK]
            if number // BLOCK in blocks and not changed(number)
            else self.one(number)
            for number in numbers
        ]

    def _make(self, block: int) -> list[bytes]:
        history, wire = self._history, self.wire
        rows = [
            b"" if history.is_changed(number) else encode(wire.order(history.done(number)))
            for number in range(block * BLOCK, (block + 1) * BLOCK)
        ]
        self._blocks[block] = self._pack.compress(b"\n".join(rows))
        if len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return rows
