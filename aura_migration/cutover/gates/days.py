"""Gates about the days both systems ran: clean ones in a row, none missing, no drift, tax exact, everything seen, report agreed.

They read what was judged day by day; nothing is judged here.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from aura_migration.core.money import show
from aura_migration.cutover.gates.case import Case
from aura_migration.cutover.gates.result import ACCOUNTANT, SPECIALIST, GateResult, aged, counted
from aura_migration.reconcile import coverage as kinds
from aura_migration.reconcile import schedule
from aura_migration.verify import findings as words

DAILY: Final = timedelta(hours=36)
"""What is measured once a business date may be a date old, and a late evening."""
TRADING: Final = ("clean", "different")
SHOWN: Final = 20


class _Day(NamedTuple):
    day: date
    verdict: str
    is_final: bool
    final_at: datetime
    judged_at: datetime
    gross: int
    unexplained: int
    signed: int
    tax: int
    missing: int
    extra: int


def clean_days(case: Case) -> GateResult:
    """Enough clean business dates in a row up to now.

    Days without trading count neither way. The newest days may be pending: they do not count yet. One that is pending further
    back, or has no verdict at all, ends the row: nobody knows what it would say.
    """
    need, days = case.policy.gates.clean_days, _days(case)
    row, ended_by = _in_a_row(case, days)
    stake = sum(one.unexplained for one in _newest(days, need))
    passed = None if not days else row >= need
    result = GateResult(
        "clean_days",
        passed,
        f"{row} of {need} clean business days in a row{f'; {ended_by}' if ended_by and row < need else ''}",
        "" if passed else _remedy_of_days(case, ended_by),
        SPECIALIST,
        {"in_a_row": row, "needed": need, "ended_by": ended_by, "days": _told(days[-SHOWN:])},
        max((one.judged_at for one in days), default=None),
        at_stake_cents=stake,
    )
    return aged(
        result, case.now, DAILY, f"`aura-migration window reconcile {case.migration_id}` judges the days that are due."
    )


def no_day_missing(case: Case) -> GateResult:
    """Every business date since the window's first that is due has a verdict, and none stayed pending past its grace."""
    rule, policy = case.rule, case.policy
    due = [
        day
        for day in schedule.window_span(case.connection, case.migration_id, rule)
        if case.now >= schedule.due_at(rule, day, policy)
    ]
    missing = schedule.missing_days(case.connection, case.migration_id, rule, policy, case.now)
    stuck = schedule.overdue_days(case.connection, case.migration_id, case.now)
    passed = None if not due else not missing and not stuck
    parts = [f"{counted(len(missing), 'day')} of {len(due)} without a verdict"] if missing else []
    parts += [f"{counted(len(stuck), 'day')} still pending past the grace"] if stuck else []
    return GateResult(
        "no_day_missing",
        passed,
        "no business day is due yet"
        if passed is None
        else ", ".join(parts) or f"all {counted(len(due), 'day')} judged",
        ""
        if passed
        else f"`aura-migration window reconcile {case.migration_id}` judges them; a POS that could not be read is read again first."
        if due
        else "Wait for the first close-out.",
        SPECIALIST,
        {"due": len(due), "missing": _dates(missing), "stuck": _dates(stuck)},
        case.now if due else None,
    )


def no_drift(case: Case) -> GateResult:
    """The signed differences over the whole window: small ones that all lean one way are a defect, not noise."""
    traded = [one for one in _days(case) if one.verdict in TRADING]
    signed, gross, most = sum(d.signed for d in traded), sum(d.gross for d in traded), case.policy.days.drift_pct
    passed = None if not traded else abs(signed) * 100 <= most * gross
    share = f" ({abs(signed) * 100 / gross:.3f} % of gross, at most {most:g} %)" if gross else ""
    return GateResult(
        "no_drift",
        passed,
        "no day was compared yet" if not traded else f"{show(signed, case.currency)} {case.currency}{share}",
        ""
        if passed
        else "Look for what all the days have in common: the days' findings by cause show it; then correct the rule or the menu.",
        ACCOUNTANT,
        {"signed_cents": signed, "gross_cents": gross, "drift_pct": most, "days": len(traded)},
        max((one.judged_at for one in traded), default=None),
        at_stake_cents=abs(signed),
    )


def tax_exact(case: Case) -> GateResult:
    """Tax agrees to the cent on each of the last days that count. Nobody can accept a wrong tax for the restaurant."""
    newest = _newest(_days(case), case.policy.gates.clean_days)
    off = [one for one in newest if one.tax]
    cents = sum(abs(one.tax) for one in off)
    passed = None if not newest else not off
    return GateResult(
        "tax_exact",
        passed,
        "no day was compared yet"
        if not newest
        else f"{show(cents, case.currency)} {case.currency} unexplained over {counted(len(newest), 'day')}",
        "" if passed else "Correct the tax rules until the replay of those days agrees; a tax gate is never waived.",
        ACCOUNTANT,
        {"cents": cents, "days": _dates([one.day for one in off])},
        max((one.judged_at for one in newest), default=None),
        is_waivable=False,
        at_stake_cents=cents,
    )


def coverage(case: Case) -> GateResult:
    """Each tender, tax, kind of order, discount and daypart the restaurant has was seen often enough in the window."""
    times = case.policy.gates.coverage_times
    rows = [one for one in kinds.read_coverage(case.connection, case.migration_id) if one.is_required]
    lacking = kinds.lacking(rows, case.policy)
    measured = case.row("SELECT min(measured_at) FROM migration.coverage WHERE migration_id = %s", case.migration_id)[0]
    passed = None if not rows else not lacking
    seen = len(rows) - len(lacking)
    result = GateResult(
        "coverage",
        passed,
        "nothing was measured" if not rows else f"{seen} of {len(rows)} kinds seen at least {times} times",
        ""
        if passed
        else "Ring up what is lacking as test sales, or extend the window until it was sold: "
        + (
            ", ".join(f"{one.dimension} {one.name}" for one in lacking[:5]) or "coverage is measured with the first day"
        ),
        SPECIALIST,
        {
            "kinds": len(rows),
            "seen": seen,
            "pct": kinds.coverage_pct(rows, case.policy),
            "lacking": [
                {"dimension": one.dimension, "name": one.name, "seen": one.seen, "expected": one.expected}
                for one in lacking[:100]
            ],
        },
        measured,
    )
    return aged(
        result,
        case.now,
        DAILY,
        f"`aura-migration window reconcile {case.migration_id}` measures it with the days that are due.",
    )


def pos_report_agreed(case: Case) -> GateResult:
    """Whether the POS's own report agrees with our derivation of it. Without it a switch goes on, as derived, not confirmed."""
    found = case.rows(
        "SELECT passed, value, remedy, measured_at FROM migration.gates WHERE migration_id = %s AND name = %s",
        case.migration_id,
        words.POS_REPORT,
    )
    passed, value, remedy, at = found[0] if found else (None, None, "", None)
    return GateResult(
        words.POS_REPORT,
        passed,
        value or "derived, not confirmed",
        ""
        if passed
        else remedy
        or "Import the POS's daily report of at least 7 days, a weekend and a refund among them (`aura-migration report-import`).",
        ACCOUNTANT,
        {"derived": passed is None},
        at,
        is_blocking=False,
    )


def _days(case: Case) -> list[_Day]:
    return [
        _Day(*row)
        for row in case.rows(
            "SELECT business_date, verdict, is_final, final_at, judged_at, gross_cents, unexplained_cents, signed_cents, "
            "tax_cents, missing, extra FROM migration.parallel_days WHERE migration_id = %s AND business_date >= %s "
            "ORDER BY business_date",
            case.migration_id,
            case.first_day,
        )
    ]


def _newest(days: list[_Day], number: int) -> list[_Day]:
    return [one for one in days if one.verdict in TRADING][-number:]


def _in_a_row(case: Case, days: list[_Day]) -> tuple[int, str]:
    """How many clean days the row has that ends now, and what ended it going back."""
    known = {one.day: one for one in days}
    span = schedule.window_span(case.connection, case.migration_id, case.rule)
    due = [
        day for day in span if day in known or case.now >= schedule.due_at(case.rule, day, case.policy) + schedule.SLACK
    ]
    row = schedule.clean_in_a_row(span, {day: one.verdict for day, one in known.items()}, due)
    counted_on = 0
    for day in sorted(due, reverse=True):
        one = known.get(day)
        if one is None:
            return row, f"{day} has no verdict"
        if one.verdict == "different":
            return row, f"{day} is different{_why(case, one)}"
        if one.verdict == "pending" and counted_on:
            return row, f"{day} is pending"
        counted_on += one.verdict == "clean"
    return row, ""


def _why(case: Case, one: _Day) -> str:
    parts = [f"{show(one.unexplained, case.currency)} {case.currency} unexplained"] if one.unexplained else []
    parts += [f"{one.missing} missing"] if one.missing else []
    parts += [f"{one.extra} extra"] if one.extra else []
    return f" ({', '.join(parts)})" if parts else ""


def _remedy_of_days(case: Case, ended_by: str) -> str:
    if "is different" in ended_by:
        return f"`aura-migration window show {case.migration_id}` lists the differences by cause; correct them, then the row begins anew."
    if ended_by:
        return f"`aura-migration window reconcile {case.migration_id}` judges it, once the POS was read past its close-out."
    return "Let both systems run on; each clean business day counts."


def _told(days: list[_Day]) -> list[dict[str, Any]]:
    return [{"day": one.day.isoformat(), "verdict": one.verdict, "unexplained_cents": one.unexplained} for one in days]


def _dates(days: list[date]) -> list[str]:
    return [day.isoformat() for day in sorted(days)[:SHOWN]]
