"""The cause of each piece of a difference, and whether it is proven: by something the difference alone cannot supply.

The proofs, by cause:

    business_day_boundary   the rule of the POS dates AuraConnect's own instant as the POS does, midnight as AuraConnect does
    clock_skew              each side's own instant is of its own date, and other orders around it that both systems know are as far
                            apart on both clocks; without those it is named, not proven
    tip_treatment           a tip to one side is a part of the payment to the other: as much was paid, everything else is equal
    gratuity_treatment      what is gratuity on one side is tip on the other, to the cent
    late_void               the order stood on both sides when the date was judged before, or was voided after its close
    refund_day              the same refund stands on a neighbouring date on the other side
    rounding                the proofs of order replay; else at most a cent per rate: named, not proven
    channel_counted_twice   two orders within minutes that are the same in every part, one from each system, and no third like them
    unmapped_tender         AuraConnect knows no tender of that name
    price_changed           the order's own dishes have a change of price at the POS that waits and comes to exactly this,
                            or the proofs of order replay
    tax, discount, charge   the proofs of order replay
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from aura_migration.core.clock import business_date
from aura_migration.pos.order_facts import DayRule
from aura_migration.reconcile.causes import Cause
from aura_migration.reconcile.sides import TOLD_BY_NAME, Figures
from aura_migration.reconcile.split import ORDER, Piece

SAME_MOMENT = timedelta(minutes=10)
"""Orders alike this close together may be one sale rung up twice."""
SAME_OFFSET = timedelta(seconds=90)
"""Clocks are as far apart on two orders where the two offsets differ by no more: an order takes its time from one to the other."""
AROUND_SKEW = timedelta(hours=2)
WITNESSES = 2
"""So many other orders within that time show that a clock was off, not one order's time."""
ALIKE = ("total", "gross", "discount", "charges", "gratuity", "tax", "tip", "non_sale")
"""What a sale rung up twice has in common; lines are counted by each system in its own way."""


class Named(NamedTuple):
    """A piece with its cause."""

    piece: Piece
    cause: Cause
    is_proven: bool
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """What is known besides the two sides. ``before``: keys of orders that stood equal when the date was judged before."""

    rule: DayRule
    day: date
    closes_at: datetime
    tenders: frozenset[str] = frozenset()
    methods: Mapping[str, str] = field(default_factory=dict)
    """How tenders of the POS are paid, by their names: as the payments that were imported say."""
    told: frozenset[str] = frozenset()
    """Tenders the POS itself tells of around the date."""
    new_items: frozenset[str] = frozenset()
    """Names of items that are new at the POS and wait to be approved."""
    before: frozenset[str] = frozenset()
    price_changes: Mapping[int, int] = field(default_factory=dict)
    """What AuraConnect's own orders come to less, by id, as prices of their dishes at the POS wait to be approved."""
    offsets: Mapping[str, tuple[datetime, timedelta]] = field(default_factory=dict)
    """Orders taken by AuraConnect that the POS knows, by key: when by AuraConnect's clock, and how far that is ahead of the POS's."""
    replayed: Mapping[str, tuple[tuple[Cause, str, int, bool], ...]] = field(default_factory=dict)


def name_pieces(pos: Figures, aura: Figures, pieces: list[Piece], known: Known) -> list[Named]:
    """The causes of an order's pieces; both sides are there."""
    by_part = {piece.part: piece.cents for piece in pieces}
    found = []
    for piece in pieces:
        if piece.part == ORDER:
            found.append(_state(piece, pos, aura, known))
        elif piece.part in ("gratuity", "tip") and by_part.get("gratuity", 0) == -by_part.get("tip", 0):
            found.append(Named(piece, Cause.GRATUITY_TREATMENT, True, {"moved": abs(piece.cents)}))
        elif piece.part == "tip":
            found.append(_tip(piece, pos, aura, by_part))
        elif piece.part == "gross":
            found.append(_gross(piece, pos, aura, known))
        elif piece.part == "discount":
            found.append(Named(piece, Cause.DISCOUNT_RULE, False, {}))
        elif piece.part in ("charges", "gratuity"):
            found.append(Named(piece, Cause.CHARGE_RULE, False, {}))
        elif piece.part == "tax":
            found.append(_tax(piece, pos, aura, by_part, known))
        elif piece.part == "rounding":
            found.append(Named(piece, Cause.ROUNDING, False, {}))
        else:
            found.append(Named(piece, Cause.UNKNOWN, False, {}))
    return found


def _state(piece: Piece, pos: Figures, aura: Figures, known: Known) -> Named:
    if "voided" in (pos.state, aura.state):
        after = aura.voided_at is not None and aura.voided_at >= known.closes_at
        stood = pos.key in known.before
        return Named(piece, Cause.LATE_VOID, after or stood, {"stood_before": stood, "voided_after_close": after})
    return Named(piece, Cause.UNKNOWN, False, {"pos": pos.state, "aura": aura.state})


def _tip(piece: Piece, pos: Figures, aura: Figures, by_part: Mapping[str, int]) -> Named:
    ours = sum((aura.paid if aura.origin == "pos_native" else aura.methods).values())
    carried = sum(pos.paid.values()) == ours == max(pos.total + pos.tip, aura.total + aura.tip)
    told_once = (pos.tip == 0) != (aura.tip == 0)
    proven = carried and told_once and set(by_part) == {"tip"}
    return Named(piece, Cause.TIP_TREATMENT, proven, {"on_the_payments": carried})


def _gross(piece: Piece, pos: Figures, aura: Figures, known: Known) -> Named:
    if aura.unmapped or (pos.lines != aura.lines and aura.origin == "pos_native"):
        evidence = {"of_no_item": aura.unmapped, "lines_pos": pos.lines, "lines_aura": aura.lines}
        return Named(piece, Cause.UNMAPPED_ITEM, False, evidence)
    waiting = known.price_changes.get(aura.aura_id or 0, 0)
    return Named(piece, Cause.PRICE_CHANGED, piece.cents == waiting, {"waiting_change": waiting})


def _tax(piece: Piece, pos: Figures, aura: Figures, by_part: Mapping[str, int], known: Known) -> Named:
    follows = {"gross", "discount", "charges"} & set(by_part)
    cents = abs(piece.cents)
    if not follows and cents <= max(1, len(pos.taxes)) and set(pos.taxes) != set():
        return Named(piece, Cause.ROUNDING, False, {"cents": cents})
    if "gross" in follows:
        of_gross = _gross(Piece("gross", by_part["gross"]), pos, aura, known)
        return Named(piece, of_gross.cause, of_gross.is_proven, {"follows": "gross", **of_gross.evidence})
    if follows:
        cause = Cause.DISCOUNT_RULE if "discount" in follows else Cause.CHARGE_RULE
        return Named(piece, cause, False, {"follows": sorted(follows)})
    return Named(piece, Cause.TAX_RULE, False, {"pos": dict(pos.taxes), "aura": dict(aura.taxes)})


def name_date(pos: Figures, aura: Figures, cents: int, known: Known) -> Named:
    """Why an order that counts on both sides is of another date on the other."""
    piece = Piece(ORDER, cents)
    at = aura.opened_at
    if at is None:
        return Named(piece, Cause.BUSINESS_DAY_BOUNDARY, False, {"pos": pos.day, "aura": aura.day})
    by_rule = business_date(at, known.rule.timezone, known.rule.closeout).isoformat()
    by_calendar = at.astimezone(ZoneInfo(known.rule.timezone)).date().isoformat()
    evidence = {"pos": pos.day, "aura": aura.day, "by_rule": by_rule, "by_calendar": by_calendar}
    if by_rule == pos.day:
        return Named(piece, Cause.BUSINESS_DAY_BOUNDARY, by_calendar == aura.day, evidence)
    return Named(piece, Cause.CLOCK_SKEW, *_is_skewed(pos, aura, at, known, evidence))


def _is_skewed(
    pos: Figures, aura: Figures, at: datetime, known: Known, evidence: dict[str, Any]
) -> tuple[bool, dict[str, Any]]:
    """Whether AuraConnect's clock was off: not by this order alone, whose time may be wrong for many reasons."""
    if pos.opened_at is None or aura.origin != "aura_native":
        return False, evidence
    ahead = at - pos.opened_at
    others = [
        key
        for key, (when, off) in known.offsets.items()
        if key != pos.key and abs(when - at) <= AROUND_SKEW and abs(off - ahead) <= SAME_OFFSET
    ]
    rule = known.rule
    theirs = business_date(pos.opened_at, rule.timezone, rule.closeout).isoformat()
    proven = abs(ahead) > SAME_OFFSET and theirs == pos.day and evidence["by_rule"] == aura.day
    told = {**evidence, "seconds_ahead": round(ahead.total_seconds()), "as_far_apart": len(others)}
    return proven and len(others) >= WITNESSES, told


def is_same_sale(native: Figures, copy: Figures) -> bool:
    """Whether an order of AuraConnect's and a copy of the POS's are one sale that nothing links."""
    if native.total != copy.total or native.gross != copy.gross or not native.counts or not copy.counts:
        return False
    if native.opened_at is None or copy.opened_at is None:
        return False
    return abs(native.opened_at - copy.opened_at) <= SAME_MOMENT


def is_alike(native: Figures, copy: Figures) -> bool:
    """Whether two orders are the same in every part."""
    return all(getattr(native, part) == getattr(copy, part) for part in ALIKE)


def _way(tender: str, known: Known, aura: Figures) -> str:
    """How a tender of the POS is paid, as AuraConnect's own payments of the order tell it."""
    way = known.methods.get(tender, tender)
    return tender.casefold() if way in TOLD_BY_NAME and way not in aura.methods else way.casefold()


def _added(amounts: Mapping[str, int], called: Callable[[str], str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, cents in amounts.items():
        found[called(name)] = found.get(called(name), 0) + cents
    return found


def off_by_tender(pos: Figures, aura: Figures, known: Known) -> tuple[int, int]:
    """What was paid otherwise: in all (AuraConnect less POS), and how much of it by another tender.

    AuraConnect's own payments have its own names of tenders: they are compared by how they are paid, and by name where that says
    nothing (`TOLD_BY_NAME`): the tenders the restaurant made itself were carried over with their names.
    """
    if aura.origin == "pos_native":
        ours, theirs = dict(aura.paid), dict(pos.paid)
    else:
        ours, theirs = _added(aura.methods, str.casefold), _added(pos.paid, lambda tender: _way(tender, known, aura))
    total = sum(ours.values()) - sum(theirs.values())
    off = sum(abs(ours.get(t, 0) - theirs.get(t, 0)) for t in {*theirs, *ours})
    return total, (off - abs(total)) // 2


def name_payments(pos: Figures, aura: Figures, total: int, known: Known) -> tuple[Cause, bool]:
    """Why what was paid differs."""
    if total and total == aura.tip - pos.tip:
        return Cause.TIP_TREATMENT, False  # money that one side has and the other has not
    strange = {t for t in aura.paid if t and t not in known.tenders and t not in known.told}
    strange |= {t for t in pos.paid if t and t not in known.tenders and t not in known.methods}
    return (Cause.UNMAPPED_TENDER, False) if strange else (Cause.UNKNOWN, False)
