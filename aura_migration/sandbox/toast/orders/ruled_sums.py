"""Arithmetic of a check of scenario ``rules``: discounts shared out, each tax worked out once over the check.

A second way beside ``sums``: there every line is taxed by itself. Here tax is pooled by rate and spread over lines and charges
with fractions of a cent, as Toast's own samples show. Integer cents; rates are exact decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.sheet import AppliedCharge, AppliedTax, Selection

HOW = {
    "HALF_UP": ROUND_HALF_UP,
    "HALF_EVEN": ROUND_HALF_EVEN,
    "ALWAYS_UP": ROUND_CEILING,
    "ALWAYS_DOWN": ROUND_FLOOR,
}
SHARE = Decimal("0.000001")
Table = tuple[tuple[int, int, int, bool], ...]


@dataclass(frozen=True, slots=True)
class Levy:
    """A tax as it is charged on one order: a rate, an amount per item, or a table of amounts."""

    guid: str
    name: str
    kind: str
    rate: Decimal | None = None
    rounding: str = "HALF_UP"
    fixed: int = 0
    table: Table = ()


@dataclass(slots=True)
class Part:
    """A line while its check is made. ``gross``: asked for before discounts, with a tax that is in the price."""

    line: Selection
    gross: int
    levies: Sequence[Levy]
    included: bool = False
    units: int = 1
    off: int = 0
    key: str = ""

    @property
    def left(self) -> int:
        """What discounts left of it."""
        return self.gross - self.off


@dataclass(slots=True)
class Pool:
    """What one tax is worked out on: parts and charges with their amounts."""

    levy: Levy
    included: bool
    of: list[tuple[Part | AppliedCharge, int]] = field(default_factory=list)


def whole(exact: Decimal, how: str) -> int:
    """An amount in cents, rounded as Toast names it."""
    return int(exact.quantize(Decimal(1), rounding=HOW[how]))


def shared(cents: int, weights: Sequence[int]) -> list[int]:
    """An amount shared out by weights: whole cents down, those left to the largest fractions, the earlier of equal ones."""
    total = sum(weights)
    if total <= 0:
        return [0] * len(weights)
    shares = [cents * weight // total for weight in weights]
    order = sorted(range(len(weights)), key=lambda place: (-(cents * weights[place] % total), place))
    for place in order[: cents - sum(shares)]:
        shares[place] += 1
    return shares


def off_check(parts: Sequence[Part], cents: int) -> None:
    """A discount of the check comes off its lines by what is left of them."""
    for part, share in zip(parts, shared(cents, [part.left for part in parts]), strict=True):
        part.off += share


def tax_check(parts: Sequence[Part], charges: Sequence[tuple[AppliedCharge, Sequence[Levy]]], family: Family) -> None:
    """All taxes of a check, and with them the lines' prices without tax."""
    pools: dict[tuple[str, bool], Pool] = {}
    for part in parts:
        for levy in part.levies:
            pools.setdefault((levy.guid, part.included), Pool(levy, part.included)).of.append((part, part.left))
    for charge, levies in charges:
        for levy in levies:
            pools.setdefault((levy.guid, False), Pool(levy, False)).of.append((charge, charge.cents))
    inside: dict[int, int] = {}
    for pool in pools.values():
        for (thing, _), cents in zip(pool.of, _pooled(pool), strict=True):
            made = AppliedTax(
                family.next(),
                pool.levy.guid,
                pool.levy.name,
                None if pool.levy.rate is None else float(pool.levy.rate),
                cents,
                pool.levy.kind,
            )
            if isinstance(thing, Part):
                thing.line.taxes.append(made)
                if pool.included:
                    inside[id(thing)] = inside.get(id(thing), 0) + int(cents)
            else:
                thing.taxes.append(made)
    for part in parts:
        part.line.price = part.left - inside.get(id(part), 0)
        part.line.pre = part.gross - inside.get(id(part), 0)


def _pooled(pool: Pool) -> list[int | Decimal]:
    """The shares of a tax, in cents, by what it is on; with fractions where several share it."""
    levy, bases = pool.levy, [cents for _, cents in pool.of]
    if levy.kind == "FIXED":
        return [levy.fixed * (thing.units if isinstance(thing, Part) else 1) for thing, _ in pool.of]
    base = sum(bases)
    if levy.kind == "TABLE":
        tax = looked_up(levy.table, base)
    else:
        assert levy.rate is not None
        exact = base * levy.rate / (1 + levy.rate) if pool.included else base * levy.rate
        tax = whole(exact, levy.rounding)
    if len(bases) == 1 or base == 0:
        return [tax, *([0] * (len(bases) - 1))]
    shares: list[int | Decimal] = [(Decimal(tax) * cents / base).quantize(SHARE) for cents in bases[:-1]]
    last = tax - sum(map(Decimal, shares))
    return [*(_plain(share) for share in shares), _plain(last)]


def _plain(share: int | Decimal) -> int | Decimal:
    return int(share) if share == int(share) else share


def looked_up(table: Table, base: int) -> int:
    """The tax of an amount; beyond the table, the rows of its pattern go on."""
    for start, end, tax, _ in table:
        if start <= base <= end:
            return tax
    pattern = [row for row in table if row[3]]
    length = pattern[-1][1] - pattern[0][0] + 1
    before = max((row[2] for row in table if not row[3]), default=0)
    times = -(-(base - pattern[-1][1]) // length)
    return looked_up(table, base - times * length) + times * (pattern[-1][2] - before)


def levy_of(body: dict[str, Any]) -> Levy:
    """A configured tax as it stands today, without its conditions."""
    rate = None if body["rate"] is None or body["type"] != "PERCENT" else Decimal(str(body["rate"]))
    return Levy(
        body["guid"],
        body["name"],
        body["type"],
        rate,
        body["roundingType"] or "HALF_UP",
        round(body["rate"] * 100) if body["type"] == "FIXED" else 0,
        tuple(
            (round(row["start"] * 100), round(row["end"] * 100), round(row["tax"] * 100), row["pattern"])
            for row in body["taxTable"]
        ),
    )
