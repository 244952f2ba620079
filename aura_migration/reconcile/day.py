"""One business date of the parallel run judged: both sides order by order, each difference with its cause, the verdict stored.

A date is evidence only for orders that AuraConnect priced itself: taken by its own tills, or shadow-priced from the POS order's
lines. Copies prove that nothing is missing. *Pending* is a date that was not read to its end, or that may still settle; it is never
taken for clean. Which dates are due is ``schedule``'s to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.window import WindowPolicy
from aura_migration.core.errors import Refused
from aura_migration.plan.ground import Subject
from aura_migration.pos.order_facts import DayRule
from aura_migration.reconcile.causes import NEVER_EXPLAINED, SETTLES, Cause
from aura_migration.reconcile.known import KnownDifference, active_rules, matching
from aura_migration.reconcile.naming import (
    Known,
    Named,
    is_alike,
    is_same_sale,
    name_date,
    name_payments,
    name_pieces,
    off_by_tender,
)
from aura_migration.reconcile.schedule import closes_at, final_at
from aura_migration.reconcile.shadow import Shadow, price_day
from aura_migration.reconcile.sides import Figures, Side, read_aura, read_pos
from aura_migration.reconcile.split import ORDER, Piece, split, worth
from aura_migration.verify.orders import find_orders_witness

Connection = psycopg.Connection[Any]
Verdict = Literal["clean", "different", "pending", "closed"]
Status = Literal["explained", "unexplained", "pending"]
PAYMENTS, REFUNDS, INCLUDED_TAX = "payments", "refunds", "included_tax"
APART = frozenset({PAYMENTS, INCLUDED_TAX})
"""Parts that are compared and are no part of what an order comes to."""


@dataclass(frozen=True)
class DayFinding:
    """One difference: a row of ``migration.parallel_findings``. ``cents`` is AuraConnect less POS."""

    order_key: str
    cause: Cause
    part: str
    status: Status
    cents: int
    aura_order_id: int | None = None
    rule_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_shadow(self) -> bool:
        """Whether it is of a shadow price, not of what was charged."""
        return "shadow" in self.detail


@dataclass(frozen=True)
class DayVerdict:
    """A judged business date: the columns of ``migration.parallel_days``, and its findings."""

    business_date: date
    verdict: Verdict
    is_final: bool
    closes_at: datetime
    final_at: datetime
    judged_at: datetime
    read_until: datetime | None
    orders_pos: int = 0
    orders_aura: int = 0
    orders_priced: int = 0
    missing: int = 0
    extra: int = 0
    gross_cents: int = 0
    unexplained_cents: int = 0
    explained_cents: int = 0
    signed_cents: int = 0
    tax_cents: int = 0
    payments_cents: int = 0
    pending_cents: int = 0
    unexplained_pct: float | None = None
    reasons: tuple[str, ...] = ()
    causes: tuple[Mapping[str, Any], ...] = ()
    figures: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    findings: tuple[DayFinding, ...] = ()


@dataclass
class PosReading:
    """What was read of one location's POS, by its witness: the past is gone through once for all the dates that are judged.

    ``until`` is up to when it was read. Raises Refused where the POS has no witness of orders.
    """

    pos: str
    reader: SnapshotReader
    location_source_id: str
    currency: str
    rule: DayRule
    until: datetime | None
    days: Collection[date] = ()
    _sides: dict[date, Side] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._witness = find_orders_witness(self.pos)
        if self._witness is None:
            raise Refused(
                f"Nothing reads the orders of {self.pos} a second time.", "A connector brings an orders witness."
            )

    def side(self, day: date) -> Side:
        """The POS's side of a date; it is the caller's to change."""
        if day not in self._sides:
            assert self._witness is not None
            facts = self._witness(self.reader, self.location_source_id, self.currency, self.rule)
            self._sides = read_pos(facts, {day, *self.days})
        return self._sides.pop(day)


def judge_day(
    connection: Connection,
    subject: Subject,
    reading: PosReading,
    policy: WindowPolicy,
    day: date,
    now: datetime,
    *,
    ended_at: datetime | None = None,
) -> DayVerdict:
    """Judge one business date at ``now`` (aware business time); stores nothing.

    ``ended_at`` is when the window ended: the POS is read no more, so that what is judged then is final, and what was not read by
    then stays pending for good.
    """
    rule, read_until = reading.rule, reading.until
    closes, ends = closes_at(rule, day), final_at(rule, day, policy)
    settled = closes + timedelta(minutes=policy.days.settle_minutes)
    settles, over = ends, ""
    if ended_at is not None and now >= ended_at:
        ends, over = min(ends, max(ended_at, settled)), _is_over(read_until, ended_at)
    base = DayVerdict(day, "pending", now >= ends, closes, ends, now, read_until)
    if now < settled:
        return replace(base, is_final=False, reasons=(f"the day settles at {settled.isoformat(timespec='minutes')}",))
    if read_until is None or read_until < settled:
        told = "never" if read_until is None else read_until.isoformat(timespec="minutes")
        unread = f"the POS was not read since its close-out (last: {told})"
        return replace(base, is_final=bool(over), reasons=(unread, over) if over else (unread,))
    place = _location(connection, subject, reading.location_source_id)
    pos = reading.side(day)
    aura = read_aura(connection, place, subject.location_key, day, pos)
    shadow = price_day(connection, subject.restaurant_id, place, subject.pos, day)
    known = _known(connection, subject, place, day, closes)
    tenders = frozenset(tender for one in pos.orders.values() for tender in one.paid)
    offsets = {
        key: (ours.opened_at, ours.opened_at - theirs.opened_at)
        for key, ours in aura.orders.items()
        if ours.origin == "aura_native"
        and ours.opened_at is not None
        and (theirs := pos.orders.get(key)) is not None
        and theirs.opened_at is not None
    }
    known = replace(known, rule=rule, told=tenders, offsets=offsets)
    if over and read_until < settles:
        base = replace(base, reasons=(over,))
    elif now >= ends > read_until:
        told = read_until.isoformat(timespec="minutes")
        late = f"the POS was not read since the grace time ended (last: {told}): not final"
        base = replace(base, is_final=False, reasons=(late,))
    case = _Case(base, day.isoformat(), pos, aura, shadow, known, read_until < settles or now < settles)
    case.unmapped = _new_lines(connection, place, day, known.new_items)
    rules = active_rules(connection, subject.migration_id, day)
    return case.verdict(rules, policy)


def _is_over(read_until: datetime | None, ended_at: datetime) -> str:
    last = "never" if read_until is None else read_until.isoformat(timespec="minutes")
    return f"the window ended at {ended_at.isoformat(timespec='minutes')}: the POS is read no more (last: {last})"


@dataclass
class _Case:
    base: DayVerdict
    day: str
    pos: Side
    aura: Side
    shadow: Shadow
    known: Known
    may_settle: bool
    findings: list[DayFinding] = field(default_factory=list)
    twice: set[str] = field(default_factory=set)
    followed: dict[str, int] = field(default_factory=dict)
    """By how much payments of orders differ, where that is what the orders themselves differ by."""
    unmapped: list[tuple[str, int, str, int]] = field(default_factory=list)
    """Lines of items that are new at the POS: the order's key and id, the item's name, what it came to."""

    def verdict(self, rules: Iterable[KnownDifference], policy: WindowPolicy) -> DayVerdict:
        self._natives()
        for key in sorted({*self.pos.orders, *self.aura.orders}):
            self._order(key, self.pos.orders.get(key), self.aura.orders.get(key))
        self._refunds()
        self._priced()
        used: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        found = [self._settled(one, list(rules), used[one.order_key]) for one in self.findings]
        return self._told(found, policy)

    # what differs

    def _natives(self) -> None:
        """AuraConnect's own orders that the POS has no twin of: its own book's business, or one side of a sale."""
        copies = [f for f in self.aura.orders.values() if f.origin == "pos_native" and f.counts]
        for native in self.aura.natives:
            if not native.counts or native.day != self.day:
                continue
            alike = [c for c in copies if is_same_sale(native, c)]
            same = next((c for c in alike if c.key not in self.twice), None)
            if same is not None:
                self.twice.add(same.key)
                # Guests who order the same coffee are no proof: one of each system, or it is only named.
                others = sum(is_same_sale(other, same) for other in self.aura.natives)
                evidence = {"pos_order": same.key, "aura_order": native.aura_id, "alike": len(alike) + others}
                proven = len(alike) == others == 1 and is_alike(native, same)
                self._add(
                    native.key, Cause.CHANNEL_COUNTED_TWICE, ORDER, worth(native), native.aura_id, proven, evidence
                )
            elif native.book == "pos":
                # The POS owns the channel: what AuraConnect took has to be there, too.
                cause = Cause.LATE_ORDER if self.may_settle else Cause.EXTRA_ORDER
                self._add(native.key, cause, ORDER, worth(native), native.aura_id, False, {"missing_at": "pos"})

    def _order(self, key: str, pos: Figures | None, aura: Figures | None) -> None:
        if pos is None:
            if aura is not None and aura.counts and aura.day == self.day:
                self._add(key, Cause.EXTRA_ORDER, ORDER, worth(aura), aura.aura_id, False, {})
            return
        if aura is None:
            if pos.counts and pos.day == self.day:
                self._add(key, Cause.MISSING_ORDER, ORDER, -worth(pos), None, False, {"missing_at": "auraconnect"})
            return
        if self.day not in (pos.day, aura.day):
            return
        if pos.counts and aura.counts and pos.day != aura.day:
            cents = worth(aura) if aura.day == self.day else -worth(pos)
            self._named(key, aura, name_date(pos, aura, cents, self.known))
            return
        if aura.origin == "pos_native" and pos.counts and pos.reference.startswith("aura:"):
            # It came from AuraConnect, which has no such order any more but the POS's copy.
            self._add(key, Cause.MISSING_ORDER, ORDER, -worth(pos), aura.aura_id, False, {"reference": pos.reference})
        pieces = split(pos, aura)
        for one in name_pieces(pos, aura, pieces, self.known):
            self._named(key, aura, one)
        if not (pos.counts and aura.counts):
            return
        inside = aura.included_tax - pos.included_tax
        if inside:
            # Tax inside prices goes into no total of its own: told apart from the pieces.
            (one,) = name_pieces(pos, aura, [*pieces, Piece("tax", inside)], self.known)[-1:]
            self._named(key, aura, one._replace(piece=Piece(INCLUDED_TAX, inside)))
        if aura.origin == "pos_native" or pos.paid:
            self._paid(key, pos, aura)

    def _paid(self, key: str, pos: Figures, aura: Figures) -> None:
        total, moved = off_by_tender(pos, aura, self.known)
        if total and total == worth(aura) - worth(pos):
            # What was paid differs because what was owed does: told once, and exact only if that is explained.
            self.followed[key] = abs(total)
            total = 0
        if total or moved:
            cause, proven = name_payments(pos, aura, total, self.known)
            detail = {"pos": dict(pos.paid), "aura": dict(aura.paid)}
            self._add(key, cause, PAYMENTS, total or moved, aura.aura_id, proven, detail)

    def _refunds(self) -> None:
        """Money given back on the date, order by order: the same on the other side, on a neighbouring date, or nowhere."""

        def by_order(side: Side) -> dict[str, dict[str, int]]:
            found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
            for given in side.refunds:
                found[given.order or given.key][given.day] += given.amount
            return found

        theirs, ours = by_order(self.pos), by_order(self.aura)
        for key in sorted({*theirs, *ours}):
            pos, aura = theirs.get(key, {}), ours.get(key, {})
            cents = aura.get(self.day, 0) - pos.get(self.day, 0)
            if not cents:
                continue
            elsewhere = sum(pos.values()) == sum(aura.values())
            cause = Cause.REFUND_DAY if elsewhere or not (pos and aura) else Cause.UNKNOWN
            detail = {"pos": dict(pos), "aura": dict(aura)}
            self._add(key, cause, REFUNDS, -cents, None, elsewhere, detail)

    def _priced(self) -> None:
        for key, aura_id, name, cents in self.unmapped:
            detail = {"shadow": True, "item": name}
            self._add(key, Cause.UNMAPPED_ITEM, "item", -cents, aura_id, False, detail)
        for one in self.shadow.found:
            if not one.cents and one.is_proven:
                continue
            detail = {"shadow": True, "why": one.why}
            self._add(one.key, one.cause, one.part, one.cents, one.aura_id, one.is_proven, detail)

    def _named(self, key: str, aura: Figures, one: Named) -> None:
        self._add(key, one.cause, one.piece.part, one.piece.cents, aura.aura_id, one.is_proven, one.evidence)

    def _add(
        self,
        key: str,
        cause: Cause,
        part: str,
        cents: int,
        aura_id: int | None,
        is_proven: bool,
        detail: Mapping[str, Any],
    ) -> None:
        status: Status = "explained" if is_proven and cause not in NEVER_EXPLAINED else "unexplained"
        self.findings.append(DayFinding(key, cause, part, status, cents, aura_id, None, detail))

    def _settled(self, one: DayFinding, rules: list[KnownDifference], used: dict[int, int]) -> DayFinding:
        """With the rule that explains it, or as pending while it may still settle by itself."""
        if one.status != "unexplained":
            return one
        rule = matching(
            rules, {"cause": one.cause, "part": one.part, "cents": one.cents, "detail": dict(one.detail)}, used
        )
        if rule is not None:
            used[rule.id] += abs(one.cents)
            return replace(one, status="explained", rule_id=rule.id)
        if self.may_settle and one.cause in SETTLES:
            return replace(one, status="pending")
        return one

    # what it comes to

    def _told(self, found: list[DayFinding], policy: WindowPolicy) -> DayVerdict:
        pos = [f for f in self.pos.orders.values() if f.counts and f.day == self.day]
        aura = [f for f in (*self.aura.orders.values(), *self.aura.natives) if f.counts and f.day == self.day]
        gross = sum(f.gross for f in pos) + sum(
            f.gross for f in self.aura.natives if f.counts and f.day == self.day and f.book != "pos"
        )
        open_ones = [f for f in found if f.status == "unexplained"]
        missing = sum(f.cause is Cause.MISSING_ORDER for f in open_ones)
        extra = sum(f.cause is Cause.EXTRA_ORDER for f in open_ones)
        tax = sum(abs(f.cents) for f in open_ones if f.part in ("tax", INCLUDED_TAX))
        payments = sum(abs(f.cents) for f in open_ones if f.part == PAYMENTS)
        off = {f.order_key for f in open_ones if not f.is_shadow and f.part not in APART}
        payments += sum(cents for key, cents in self.followed.items() if key in off)
        unexplained = sum(abs(f.cents) for f in open_ones)
        waiting = [f for f in found if f.status == "pending"]
        pct = unexplained * 100 / gross if gross else (None if not unexplained else 100.0)
        within = unexplained * 1000 <= gross * policy.days.tolerance_pct * 10 if gross else unexplained == 0
        is_off = bool(missing or extra or tax or payments or not within or any(not f.cents for f in open_ones))
        twins = sum(f.origin == "aura_native" for f in self.aura.orders.values() if f.counts and f.day == self.day)
        priced = self.shadow.orders + twins + sum(f.counts and f.day == self.day for f in self.aura.natives)
        reasons = list(self.base.reasons)
        if not pos and not aura:
            verdict: Verdict = "different" if is_off else "pending" if waiting else "closed"
        elif is_off:
            verdict = "different"
        elif waiting:
            verdict = "pending"
            reasons.append(
                f"{len(waiting)} differences might have settled, had the window not ended"
                if self.base.is_final
                else f"{len(waiting)} differences may still settle until {self.base.final_at.isoformat(timespec='minutes')}"
            )
        elif not priced:
            verdict = "pending"
            reasons.append("no order of the day was priced by AuraConnect: copies are no evidence")
        else:
            verdict = "clean"
        return replace(
            self.base,
            verdict=verdict,
            orders_pos=len(pos),
            orders_aura=len(aura),
            orders_priced=priced,
            missing=missing,
            extra=extra,
            gross_cents=gross,
            unexplained_cents=unexplained,
            explained_cents=sum(abs(f.cents) for f in found if f.status == "explained"),
            signed_cents=sum(f.cents for f in open_ones if f.part not in APART),
            tax_cents=tax,
            payments_cents=payments,
            pending_cents=sum(abs(f.cents) for f in waiting),
            unexplained_pct=None if pct is None else round(pct, 4),
            reasons=tuple(reasons),
            causes=tuple(_causes(found)),
            figures=_figures(pos, aura),
            findings=tuple(found),
        )


def _causes(found: list[DayFinding]) -> list[dict[str, Any]]:
    grouped: dict[tuple[str, bool, int | None, bool], list[DayFinding]] = defaultdict(list)
    for one in found:
        grouped[one.cause, one.status == "explained", one.rule_id, one.is_shadow].append(one)
    return [
        {
            "cause": str(cause),
            "orders": len({one.order_key for one in ones}),
            "cents": sum(one.cents for one in ones),
            "is_explained": explained,
            "is_shadow": shadow,
            **({"rule_id": rule} if rule is not None else {}),
        }
        for (cause, explained, rule, shadow), ones in sorted(
            grouped.items(), key=lambda g: (g[0][0], g[0][1], g[0][2] or 0, g[0][3])
        )
    ]


def _figures(pos: list[Figures], aura: list[Figures]) -> dict[str, dict[str, int]]:
    def sums(side: list[Figures]) -> dict[str, int]:
        names = (
            "gross",
            "discount",
            "charges",
            "gratuity",
            "tax",
            "included_tax",
            "rounding",
            "non_sale",
            "tip",
            "total",
        )
        found = {name: sum(getattr(one, name) for one in side) for name in names}
        return {"orders": len(side), **found, "paid": sum(sum(one.paid.values()) for one in side)}

    theirs, ours = sums(pos), sums(aura)
    return {name: {"pos": theirs[name], "aura": ours[name], "difference": ours[name] - theirs[name]} for name in theirs}


# What is known besides ----------------------------------------------------------------------------------------------------


def _location(connection: Connection, subject: Subject, location_source_id: str) -> int:
    row = connection.execute(
        "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s "
        "AND is_active",
        [subject.integration_id, location_source_id],
    ).fetchone()
    if row is None:
        raise Refused(f"{subject.location_key} is not in AuraConnect.", "Load its migration first.")
    return int(row[0])


def _known(connection: Connection, subject: Subject, location_id: int, day: date, closes: datetime) -> Known:
    tenders = connection.execute(
        "SELECT name FROM aura.tender_types WHERE restaurant_id = %s AND (location_id IS NULL OR location_id = %s) "
        "AND deleted_at IS NULL",
        [subject.restaurant_id, location_id],
    ).fetchall()
    methods = connection.execute(
        "SELECT DISTINCT tender_name, method FROM aura.payments WHERE location_id = %s AND source_vendor IS NOT NULL "
        "AND deleted_at IS NULL",
        [location_id],
    ).fetchall()
    # Every order of the date stood equal when it was judged before, but for those that had a finding then.
    judged = connection.execute(
        "SELECT o.source_id, o.external_id FROM aura.orders o JOIN migration.parallel_days d ON d.migration_id = %(migration)s "
        "AND d.business_date = %(day)s AND d.verdict IN ('clean', 'different') WHERE o.location_id = %(location)s "
        "AND o.business_date = %(day)s AND NOT EXISTS (SELECT FROM migration.parallel_findings f WHERE f.migration_id = d.migration_id "
        "AND f.business_date = d.business_date AND f.order_key IN (o.source_id, o.external_id))",
        {"migration": subject.migration_id, "day": day, "location": location_id},
    ).fetchall()
    # Only changes of dishes that are on the order are any proof, and only while AuraConnect had the old price.
    changes = connection.execute(
        "SELECT o.id, sum(i.quantity * ((c.value ->> 0)::numeric - (c.value ->> 1)::numeric)) FROM migration.drift d "
        "CROSS JOIN jsonb_each(d.changes) c JOIN migration.crosswalk x ON x.integration_id = %(integration)s "
        "AND x.entity = d.entity AND x.source_key = d.source_key AND x.is_active "
        "JOIN aura.order_items i ON x.aura_id = CASE d.entity WHEN 'items' THEN i.menu_item_id ELSE i.variation_id END "
        "JOIN aura.orders o ON o.id = i.order_id AND o.location_id = %(location)s AND o.business_date = %(day)s "
        "AND o.origin = 'aura_native' AND o.deleted_at IS NULL WHERE d.migration_id = %(migration)s AND NOT i.is_voided "
        "AND d.entity IN ('items', 'variations') AND c.key = 'price_cents' AND jsonb_typeof(c.value -> 0) = 'number' "
        "AND jsonb_typeof(c.value -> 1) = 'number' AND (d.state = 'waiting' OR d.state = 'applied' AND d.settled_at > o.opened_at) "
        "GROUP BY o.id",
        {
            "integration": subject.integration_id,
            "migration": subject.migration_id,
            "location": location_id,
            "day": day,
        },
    ).fetchall()
    fresh = connection.execute(
        "SELECT DISTINCT label FROM migration.drift WHERE migration_id = %s AND state = 'waiting' AND action = 'create' "
        "AND entity = 'items' AND label <> ''",
        [subject.migration_id],
    ).fetchall()
    return Known(
        rule=DayRule("UTC"),
        new_items=frozenset(label for (label,) in fresh),
        day=day,
        closes_at=closes,
        tenders=frozenset(name for (name,) in tenders),
        methods=dict(methods),
        before=frozenset(key for pair in judged for key in pair if key),
        price_changes={order: int(cents) for order, cents in changes},
    )


def _new_lines(
    connection: Connection, location_id: int, day: date, names: frozenset[str]
) -> list[tuple[str, int, str, int]]:
    """Lines of the date that are of items AuraConnect does not have on its menu yet."""
    if not names:
        return []
    return connection.execute(
        "SELECT o.source_id, o.id, i.item_name, i.line_subtotal_cents FROM aura.order_items i JOIN aura.orders o ON o.id = i.order_id "
        "LEFT JOIN aura.menu_items m ON m.id = i.menu_item_id WHERE o.location_id = %s AND o.business_date = %s "
        "AND o.origin = 'pos_native' AND o.deleted_at IS NULL AND NOT o.is_voided AND NOT i.is_voided AND i.item_name = ANY(%s) "
        "AND (m.id IS NULL OR m.deleted_at IS NOT NULL OR NOT m.is_active) ORDER BY i.id",
        [location_id, day, sorted(names)],
    ).fetchall()


# Storing ------------------------------------------------------------------------------------------------------------------


def store_day(connection: Connection, migration_id: int, verdict: DayVerdict, *, anew: bool = False) -> bool:
    """Keep a verdict with its findings in one transaction; says whether it was kept.

    A final date keeps its verdict, unless it is judged ``anew``: then what it was stays among its reasons.
    """
    with connection.transaction():
        row = connection.execute(
            "SELECT verdict, is_final, attempts, reasons FROM migration.parallel_days WHERE migration_id = %s AND business_date = %s FOR UPDATE",
            [migration_id, verdict.business_date],
        ).fetchone()
        if row is not None and row[1] and not anew:
            return False
        attempts, reasons = 1, list(verdict.reasons)
        if row is not None:
            attempts = row[2] + 1
            if row[1]:
                reasons += [*row[3], f"was final and {row[0]} at attempt {row[2]}"]
            connection.execute(
                "DELETE FROM migration.parallel_days WHERE migration_id = %s AND business_date = %s",
                [migration_id, verdict.business_date],
            )
        values = {
            **{name: getattr(verdict, name) for name in _COLUMNS},
            "migration_id": migration_id,
            "attempts": attempts,
            "reasons": reasons,
            "causes": Jsonb([dict(one) for one in verdict.causes]),
            "figures": Jsonb({name: dict(figure) for name, figure in verdict.figures.items()}),
        }
        connection.execute(
            f"INSERT INTO migration.parallel_days ({', '.join(values)}) VALUES ({', '.join(f'%({name})s' for name in values)})".encode(),
            values,
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO migration.parallel_findings (migration_id, business_date, order_key, aura_order_id, cause, part, "
                "status, cents, rule_id, detail) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (
                        migration_id,
                        verdict.business_date,
                        one.order_key,
                        one.aura_order_id,
                        str(one.cause),
                        one.part,
                        one.status,
                        one.cents,
                        one.rule_id,
                        Jsonb(dict(one.detail)),
                    )
                    for one in verdict.findings
                ],
            )
    return True


_COLUMNS = (
    "business_date",
    "verdict",
    "is_final",
    "closes_at",
    "final_at",
    "judged_at",
    "read_until",
    "orders_pos",
    "orders_aura",
    "orders_priced",
    "missing",
    "extra",
    "gross_cents",
    "unexplained_cents",
    "explained_cents",
    "signed_cents",
    "tax_cents",
    "payments_cents",
    "pending_cents",
    "unexplained_pct",
)

__all__ = ["DayFinding", "DayVerdict", "Piece", "PosReading", "judge_day", "store_day"]
