"""Scaled integers and the few operations on them: exact parsing, rounding of a ratio, sharing out.

Money is in minor units (``core.money``), rates are in 1e-8 (8.875 % is 8_875_000), quantities in 1e-6 (0.375 is 375_000).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from aura_migration.core.errors import BadInput

RATE = 100_000_000
"""A rate of one: 100 %."""
QUANTITY = 1_000_000
"""A quantity of one."""


class Rounding(StrEnum):
    """What becomes of a fraction of the minor unit. All are symmetrical about zero."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    DOWN = "down"
    UP = "up"


class Spread(StrEnum):
    """How a whole amount is shared out in proportion to weights so that the shares add up to it."""

    LARGEST_REMAINDER = "largest_remainder"
    """Exact shares rounded down; what is left goes by one to the largest fractions, ties to the earlier."""
    CUMULATIVE = "cumulative"
    """Each share is the half-up rounded running total less the one before it."""


def percent(text: str | int | Decimal) -> int:
    """A rate given in percent (``"8.875"``) as a scaled rate (``8_875_000``); refused when finer than 1e-8."""
    return _scaled(text, 6, "percentage")


def fraction(text: str | int | Decimal) -> int:
    """A rate given as a fraction of one (``"0.0625"``) as a scaled rate (``6_250_000``); refused when finer than 1e-8."""
    return _scaled(text, 8, "rate")


def quantity(text: str | int | Decimal) -> int:
    """A quantity (``"2.345"``) as a scaled one (``2_345_000``); refused when finer than 1e-6."""
    return _scaled(text, 6, "quantity")


def _scaled(text: str | int | Decimal, digits: int, what: str) -> int:
    if isinstance(text, float):
        raise TypeError(f"a {what} is never a float: decode JSON numbers as Decimal")
    try:
        scaled = Decimal(text).scaleb(digits)
    except (InvalidOperation, ValueError, TypeError) as error:
        raise BadInput(f"{text!r} is not a {what}.", "Give a decimal number such as 8.875.") from error
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise BadInput(f"The {what} {text} has more digits than the engine carries.", "Correct it at its source.")
    return int(scaled)


def half_up(numerator: int, denominator: int) -> int:
    """The ratio of two integers, numerator ≥ 0, to the nearest; a half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def half_even(numerator: int, denominator: int) -> int:
    """The ratio of two integers, numerator ≥ 0, to the nearest; a half to the even neighbour."""
    whole, rest = divmod(numerator, denominator)
    rest *= 2
    if rest > denominator or (rest == denominator and whole & 1):
        whole += 1
    return whole


def down(numerator: int, denominator: int) -> int:
    """The ratio of two integers, numerator ≥ 0, without its fraction."""
    return numerator // denominator


def up(numerator: int, denominator: int) -> int:
    """The ratio of two integers, numerator ≥ 0, a fraction counted as one."""
    return -(-numerator // denominator)


Rounder = Callable[[int, int], int]

ROUND: dict[Rounding, Rounder] = {
    Rounding.HALF_UP: half_up,
    Rounding.HALF_EVEN: half_even,
    Rounding.DOWN: down,
    Rounding.UP: up,
}


def round_ratio(numerator: int, denominator: int, rounding: Rounding) -> int:
    """``numerator / denominator`` (denominator > 0) rounded to an integer."""
    if numerator < 0:
        return -ROUND[rounding](-numerator, denominator)
    return ROUND[rounding](numerator, denominator)


def share_out(total: int, weights: Sequence[int], spread: Spread = Spread.LARGEST_REMAINDER) -> list[int]:
    """`total` ≥ 0 in proportion to `weights` ≥ 0; the shares add up to it, and none exceeds its weight while `total` ≤ the sum.

    Weights that are all zero share evenly. Raises ``BadInput`` when there is something to share and nobody to bear it.
    """
    count = len(weights)
    if not total:
        return [0] * count
    if count == 1:
        return [total]
    whole = sum(weights)
    if not whole:
        if not count:
            raise BadInput(f"An amount of {total} minor units has no line to stand on.", "Name a line it belongs to.")
        weights, whole = [1] * count, count
    if spread is Spread.CUMULATIVE:
        shares: list[int] = []
        seen = given = 0
        for weight in weights:
            seen += weight
            upto = half_up(total * seen, whole)
            shares.append(upto - given)
            given = upto
        return shares
    exact = [total * weight for weight in weights]
    shares = [each // whole for each in exact]
    left = total - sum(shares)
    if not left:
        return shares
    rests = [each % whole for each in exact]
    if left == 1:
        shares[rests.index(max(rests))] += 1
    else:
        for place in sorted(range(count), key=rests.__getitem__, reverse=True)[:left]:
            shares[place] += 1
    return shares
