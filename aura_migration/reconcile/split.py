"""Splitting the difference of one order into parts that add up to it exactly. Pure: figures in, pieces out.

Why a part differs, and whether something else than the difference proves it, is said in ``naming``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from aura_migration.reconcile.sides import Figures

SIGNS: Final = {
    "gross": 1,
    "discount": -1,
    "charges": 1,
    "gratuity": 1,
    "tax": 1,
    "rounding": 1,
    "non_sale": 1,
    "tip": 1,
}
"""How each part goes into what a guest pays; tax inside prices is part of the gross already."""
ORDER: Final = "order"
"""The part of an order that counts on one side alone: all of it."""
REST: Final = "total"
"""What a system calls payable beyond its own parts."""


class Piece(NamedTuple):
    """One part of a difference: AuraConnect less POS, in minor units, signed as it goes into what is paid."""

    part: str
    cents: int


def worth(figures: Figures | None) -> int:
    """What an order brings in, tips included; nothing where it does not count."""
    return figures.total + figures.tip if figures is not None and figures.counts else 0


def split(pos: Figures | None, aura: Figures | None) -> list[Piece]:
    """The pieces of ``worth(aura) - worth(pos)``; none where nothing differs."""
    whole = worth(aura) - worth(pos)
    if pos is None or aura is None or not pos.counts or not aura.counts or pos.day != aura.day:
        if pos is not None and aura is not None and pos.counts and aura.counts:
            return []  # told as a matter of days, by whoever asks for one of them
        return [Piece(ORDER, whole)] if whole else []
    found = []
    for part, sign in SIGNS.items():
        cents = sign * (getattr(aura, part) - getattr(pos, part))
        if cents:
            found.append(Piece(part, cents))
    rest = whole - sum(piece.cents for piece in found)
    if rest:
        found.append(Piece(REST, rest))
    return found
