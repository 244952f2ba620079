"""All gates of a channel at an instant: which there are, measured, waived, stored; and the refusal where one does not hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from aura_migration.core.errors import Refused
from aura_migration.core.ids import content_hash
from aura_migration.cutover.gates import business, days, owed, people, proof, verdicts
from aura_migration.cutover.gates.case import Case, open_case
from aura_migration.cutover.gates.result import GateResult
from aura_migration.cutover.waivers import Waiver, active_waivers
from aura_migration.database.connections import Connection
from aura_migration.verify import findings as words
from aura_migration.verify.verdict import record_gate

MEASURES: Final[Mapping[str, Callable[[Case], GateResult]]] = {
    "clean_days": days.clean_days,
    "no_day_missing": days.no_day_missing,
    "coverage": days.coverage,
    "no_drift": days.no_drift,
    "tax_exact": days.tax_exact,
    "verdict_passed": verdicts.verdict_passed,
    "replay_verdict": verdicts.replay_verdict,
    "pos_report_agreed": days.pos_report_agreed,
    "liability_conserved": owed.liability_conserved,
    "liability_shared": owed.liability_shared,
    "staff_ready": people.staff_ready,
    "integration_tests": proof.integration_tests,
    "reverse_rehearsed": proof.reverse_rehearsed,
    "support_contact": people.support_contact,
    "pilot_first": people.pilot_first,
    "future_orders_decided": business.future_orders_decided,
    "open_checks": business.open_checks,
    "unsettled_batches": business.unsettled_batches,
    "drawers_closed": business.drawers_closed,
    "freshness": verdicts.freshness,
    "backlog": verdicts.backlog,
    "outside_service_hours": business.outside_service_hours,
    "no_leftover": proof.no_leftover,
}
"""Every gate but ``two_people``, which is about all the others."""

_ALWAYS: Final = ("support_contact", "pilot_first", "no_leftover", "two_people")
_ORDERS: Final = tuple(
    name for name in MEASURES if name not in (*_ALWAYS, "staff_ready", "unsettled_batches", "drawers_closed")
)
GATES_OF: Final[Mapping[str, frozenset[str]]] = {
    "online": frozenset((*_ORDERS, *_ALWAYS)),
    "in_house": frozenset((*_ORDERS, *_ALWAYS, "staff_ready", "unsettled_batches", "drawers_closed")),
    "reporting": frozenset(
        (*_ALWAYS, "clean_days", "no_day_missing", "no_drift", "tax_exact", "pos_report_agreed", "freshness", "backlog")
    ),
    "time_clock": frozenset((*_ALWAYS, "staff_ready", "freshness", "backlog", "outside_service_hours")),
}
"""What the switch of each channel asks for."""

MOMENT: Final = frozenset(
    {
        *("freshness", "backlog", "open_checks", "unsettled_batches", "drawers_closed", "outside_service_hours"),
        *("no_leftover", "two_people"),
    }
)
"""Gates about the very moment: asked for at the switch, not part of what is signed hours before."""
AGAIN: Final = timedelta(minutes=1)
"""A gate that says the same is written down again after so long."""
FORCED: Final = frozenset({"outside_service_hours"})
"""What a switch with a reason given may go past."""


def measure_gates(connection: Connection, migration_id: int, channel: str, now: datetime) -> list[GateResult]:
    """Every gate of a channel at ``now`` (aware business time), from stored evidence only: the POS is not asked.

    Stored as they were measured; ``Refused`` without a window, ``BadInput`` for a channel there is not.
    """
    with connection.transaction():
        case = open_case(connection, migration_id, channel, now)
        waivers = active_waivers(connection, migration_id, now)
        found = [_waived(measure(case), waivers) for name, measure in MEASURES.items() if name in GATES_OF[channel]]
        found.append(people.two_people(case, gates_hash(found, channel)))
        for one in found:
            _store(case, one)
    return found


def require_gates(
    connection: Connection, migration_id: int, channel: str, now: datetime, *, forced_reason: str = ""
) -> str:
    """Measure the gates; the hash of what was signed where all hold. ``Refused`` names the first that does not.

    ``forced_reason``: why the switch is made in service hours; it goes past nothing else.
    """
    found = measure_gates(connection, migration_id, channel, now)
    forced = FORCED if forced_reason.strip() else frozenset()
    lacking = [one for one in found if not one.holds and one.name not in forced]
    if lacking:
        first = lacking[0]
        others = (
            f" {len(lacking) - 1} more do not hold: {', '.join(one.name for one in lacking[1:])}."
            if lacking[1:]
            else ""
        )
        raise Refused(
            f"{channel} is not switched: gate {first.name} is {first.verdict}, {first.value}.{others}",
            first.remedy,
            gate=first.name,
            value=first.value,
            gates=[one.as_dict(now) for one in lacking],
        )
    return gates_hash(found, channel)


def gates_hash(found: Sequence[GateResult], channel: str, direction: str = "forward") -> str:
    """What people sign: the verdicts of all gates but those of the moment, and the waivers they were given.

    Staleness is left out: the same verdict measured again is the same, and only a fresh one is gone by.
    """
    said: list[list[Any]] = [
        [one.name, one.passed if one.judged is None else one.judged, one.waiver.get("id")]
        for one in found
        if one.name not in MOMENT
    ]
    return content_hash(
        {"channel": channel, "direction": direction, "gates": sorted(said, key=lambda one: str(one[0]))}
    )


def _waived(one: GateResult, waivers: Mapping[str, Waiver]) -> GateResult:
    """With the waiver that counts for it: of a gate that may be waived, for at least what is at stake."""
    waiver = waivers.get(one.name)
    if waiver is None or one.passed is True or not one.is_waivable:
        return one
    if one.at_stake_cents is not None and one.at_stake_cents > waiver.amount_cents:
        told = f"{one.value}; its waiver covers {waiver.amount_cents} cents, {one.at_stake_cents} are at stake"
        return replace(one, value=told, waiver={**waiver.as_dict(), "id": None})
    return replace(one, waived_by=waiver.approved_by, waiver=waiver.as_dict())


def _store(case: Case, one: GateResult) -> None:
    if one.name == words.POS_REPORT:
        return  # The verification's own gate: shown here, measured there.
    evidence = {
        **one.evidence,
        "channel": case.channel,
        "owner": one.owner,
        "verdict": one.verdict,
        "measured": one.measured_at.isoformat() if one.measured_at else None,
        "waived_by": one.waived_by,
        "waiver": dict(one.waiver),
    }
    at = one.measured_at or case.now
    # A yes that has grown old has not turned into a no: nobody is told of a gate that turned until it is measured again.
    passed = None if one.is_stale else one.passed
    before = case.rows(
        "SELECT passed, value, remedy, measured_at FROM migration.gates WHERE migration_id = %s AND name = %s",
        case.migration_id,
        one.name,
    )
    # Whoever looks at a page measures, and whoever writes tells all pages: what is said already is not said again at once.
    if before and before[0][:3] == (passed, one.value, one.remedy) and abs(at - before[0][3]) < AGAIN:
        return
    record_gate(case.connection, case.migration_id, one.name, passed, one.value, one.remedy, evidence, at)
