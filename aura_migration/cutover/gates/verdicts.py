"""Gates about what verification and following said: the verdict, the replay, how fresh both are, what still waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aura_migration.cutover.gates.case import Case
from aura_migration.cutover.gates.result import SKEW, SPECIALIST, GateResult, aged, counted, said
from aura_migration.verify import findings as words
from aura_migration.verify.verdict import CORE

NEVER_ACCEPTED: Final = frozenset({words.TAX, words.LOYALTY, words.GIFT_CARDS, words.HOUSE_ACCOUNTS})
"""Checks of the verdict that nobody can answer for in place of the restaurant: tax, and what guests are owed."""
_APART: Final = (words.POS_REPORT, words.REPLAY)


def verdict_passed(case: Case) -> GateResult:
    """The verification of what stands in AuraConnect. Stale when any of its checks is."""
    rows = case.rows(
        "SELECT name, passed, value, measured_at FROM migration.gates WHERE migration_id = %s AND name = ANY(%s)",
        case.migration_id,
        [name for name in words.CHECKS if name not in _APART],
    )
    failed = {name: value for name, passed, value, _ in rows if passed is False}
    proven = any(passed for name, passed, _, _ in rows if name in CORE)
    passed = False if failed else True if proven else None
    names = ", ".join(f"{name} ({value})" if value else name for name, value in sorted(failed.items()))
    never = sorted(NEVER_ACCEPTED & set(failed))
    again = f"`aura-migration verify {case.migration_id}` judges again."
    result = GateResult(
        "verdict_passed",
        passed,
        names or (counted(sum(p is True for _, p, _, _ in rows), "check") + " passed" if proven else "never verified"),
        ""
        if passed
        else again
        if not failed
        else f"Correct what the findings list, then `aura-migration verify {case.migration_id}`.",
        SPECIALIST,
        {"failed": sorted(failed), "never_waived": never, "checks": len(rows)},
        min((at for _, _, _, at in rows), default=None),
        is_waivable=not never,
    )
    return aged(result, case.now, case.money_age, again)


def replay_verdict(case: Case) -> GateResult:
    """Past orders rung up again on the migrated menu and rules come out the same."""
    rows = case.rows(
        "SELECT passed, value, remedy, evidence, measured_at FROM migration.gates WHERE migration_id = %s AND name = %s",
        case.migration_id,
        words.REPLAY,
    )
    passed, value, remedy, evidence, at = rows[0] if rows else (None, None, "", {}, None)
    again = f"`aura-migration verify {case.migration_id}` replays again."
    result = GateResult(
        "replay_verdict",
        passed,
        value or "no order was replayed",
        "" if passed else remedy or again,
        SPECIALIST,
        {"orders": evidence.get("orders"), "unexplained": evidence.get("unexplained"), "cents": evidence.get("cents")},
        at,
        at_stake_cents=evidence.get("cents"),
    )
    return aged(result, case.now, case.money_age, again)


def freshness(case: Case) -> GateResult:
    """How long ago the POS was read: its menu and its orders. What stands in AuraConnect is only as new as that."""
    gates = case.policy.gates
    asked = (
        ("menu", ("menu", "all"), timedelta(minutes=gates.max_menu_age_minutes)),
        ("orders", ("orders", "all"), case.money_age),
    )
    parts, evidence, oldest = [], {}, []
    stale, missing = False, False
    for name, families, longest in asked:
        at = case.read_until(families)
        if at is None:
            missing = True
            parts.append(f"{name} never read")
            continue
        age = case.now - at
        oldest.append(at)
        is_old = not -SKEW <= age <= longest
        stale = stale or is_old
        parts.append(f"{name} read {said(age)} ago" + (f", at most {said(longest)}" if is_old else ""))
        evidence[name] = {"read_until": at.isoformat(), "minutes": int(age.total_seconds() // 60)}
    passed = None if missing else not stale
    return GateResult(
        "freshness",
        passed,
        "; ".join(parts),
        "" if passed else f"`aura-migration window follow {case.migration_id}` reads the POS.",
        SPECIALIST,
        evidence,
        min(oldest, default=None),
        is_waivable=False,
        is_stale=stale,
    )


def backlog(case: Case) -> GateResult:
    """Changes of the POS that are seen and not in AuraConnect: drift that waits for approval, what webhooks told, failed readings."""
    drift = case.row(
        "SELECT count(*) FROM migration.drift WHERE migration_id = %s AND state = 'waiting'", case.migration_id
    )[0]
    events = case.row(
        "SELECT count(*) FROM migration.webhook_events WHERE integration_id = %s AND is_genuine AND state = 'received' "
        "AND (location_key IS NULL OR location_key = %s)",
        case.integration_id,
        case.location_key,
    )[0]
    last = case.rows(
        "SELECT outcome, problem, coalesce(ended_at, began_at) FROM migration.follows WHERE migration_id = %s "
        "AND outcome IS NOT NULL ORDER BY id DESC LIMIT 1",
        case.migration_id,
    )
    outcome, problem, at = last[0] if last else (None, "", None)
    waiting, most = drift + events, case.policy.gates.max_backlog
    failed = outcome == "failed"
    passed = None if outcome is None else waiting <= most and not failed
    told = f"{counted(waiting, 'change')} of the POS waiting, at most {most}"
    return GateResult(
        "backlog",
        passed,
        "the POS was not followed yet" if outcome is None else told + ("; the last reading failed" if failed else ""),
        "" if passed else _remedy(case, drift, failed),
        SPECIALIST,
        {"waiting": waiting, "drift": drift, "webhooks": events, "most": most, "problem": problem},
        at,
        is_waivable=False,
    )


def _remedy(case: Case, drift: int, failed: bool) -> str:
    if failed:
        return f"Mend what stopped the reading, then `aura-migration window follow {case.migration_id}`."
    if drift:
        return f"`aura-migration window drift {case.migration_id}` lists what waits: approve it or decline it."
    return f"`aura-migration window follow {case.migration_id}` takes them over."


def orders_read(case: Case) -> datetime | None:
    """Up to when the POS's orders and money were read: how old counts over them are."""
    return case.read_until(("orders", "all"))
