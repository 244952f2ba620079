"""The facts of the go/no-go page of a location: every gate, every exception in money, who signed, and the plan it is about.

Facts only, from stored evidence; the page is made of them in ``migration/window/go_no_go``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aura_migration.cutover.gates import GateResult, gates_hash, measure_gates
from aura_migration.cutover.gates.case import Case, open_case
from aura_migration.cutover.gates.measuring import FORCED
from aura_migration.cutover.open_business import OpenBusiness, open_at_pos
from aura_migration.cutover.service_hours import Proposal, propose, sales_curve
from aura_migration.cutover.switches import Signature, signatures
from aura_migration.cutover.waivers import Waiver, active_waivers
from aura_migration.database.connections import Connection
from aura_migration.reconcile.known import Used, use_of_rules

SHOWN = 50


@dataclass(frozen=True)
class Accepted:
    """Findings of one check that somebody accepted by a decision: how many, in absolute minor units, and by which causes."""

    check: str
    findings: int
    cents: int
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Lost:
    """What has no home in AuraConnect: a field of the POS, in how many records, in an owner's words."""

    field: str
    records: int
    note: str


@dataclass(frozen=True)
class GoNoGo:
    """Everything the page says. ``decision``: go, no-go, or go if forced (only the hour stands in the way)."""

    migration_id: int
    channel: str
    restaurant: str
    location: str
    location_key: str
    pos: str
    currency: str
    timezone: str
    at: datetime
    business_date: date
    phase: str
    first_day: date
    planned_days: int
    decision: str
    gates: tuple[GateResult, ...]
    waivers: tuple[Waiver, ...]
    known: tuple[Used, ...]
    accepted: tuple[Accepted, ...]
    losses: tuple[Lost, ...]
    losses_total: int
    open_business: tuple[OpenBusiness, ...]
    signed: tuple[Signature, ...]
    people_needed: int
    contact: dict[str, Any]
    proposed: Proposal | None
    reverse_level: str | None
    plan_hash: str | None
    gates_hash: str

    @property
    def lacking(self) -> list[GateResult]:
        """The gates that do not hold."""
        return [one for one in self.gates if not one.holds]

    @property
    def waived_cents(self) -> int:
        """The most that all waivers together let be at stake."""
        return sum(one.amount_cents for one in self.waivers)

    @property
    def known_cents(self) -> int:
        """What rules for known differences explained in the window, absolute."""
        return sum(one.cents for one in self.known)

    @property
    def accepted_cents(self) -> int:
        """What decisions accepted of the verification's differences, absolute."""
        return sum(one.cents for one in self.accepted)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: what is stored with the page."""
        return {
            "migration_id": self.migration_id,
            "channel": self.channel,
            "restaurant": self.restaurant,
            "location": self.location,
            "location_key": self.location_key,
            "pos": self.pos,
            "currency": self.currency,
            "timezone": self.timezone,
            "at": self.at.astimezone(UTC).isoformat(),
            "business_date": self.business_date.isoformat(),
            "phase": self.phase,
            "first_day": self.first_day.isoformat(),
            "planned_days": self.planned_days,
            "decision": self.decision,
            "gates": [one.as_dict(self.at) for one in self.gates],
            "exceptions": {
                "waivers": [one.as_dict() for one in self.waivers],
                "waived_cents": self.waived_cents,
                "known_differences": [one.as_dict() for one in self.known],
                "known_cents": self.known_cents,
                "accepted": [
                    {"check": one.check, "findings": one.findings, "cents": one.cents, "causes": list(one.causes)}
                    for one in self.accepted
                ],
                "accepted_cents": self.accepted_cents,
                "losses": [{"field": one.field, "records": one.records, "note": one.note} for one in self.losses],
                "losses_total": self.losses_total,
            },
            "open_business": [one.as_dict() for one in self.open_business],
            "approvers": [
                {
                    "name": one.signed_by,
                    "at": one.signed_at.isoformat(),
                    "reason": one.reason,
                    "counts": one.gates_hash == self.gates_hash,
                }
                for one in self.signed
            ],
            "people_needed": self.people_needed,
            "contact": self.contact,
            "proposed": self.proposed.as_dict(self.timezone) if self.proposed else None,
            "reverse_level": self.reverse_level,
            "plan_hash": self.plan_hash,
            "gates_hash": self.gates_hash,
        }


def go_no_go(connection: Connection, migration_id: int, channel: str, now: datetime) -> GoNoGo:
    """The facts for one channel's switch at ``now`` (aware business time); measures the gates.

    ``Refused`` without a window, ``BadInput`` for a channel there is not.
    """
    with connection.transaction():
        case = open_case(connection, migration_id, channel, now)
        gates = measure_gates(connection, migration_id, channel, now)
        names = case.row(
            "SELECT r.name, k.name, w.planned_days FROM migration.windows w JOIN migration.locations k ON k.key = w.location_key "
            "JOIN aura.restaurants r ON r.id = k.restaurant_id WHERE w.migration_id = %s",
            migration_id,
        )
        plan_hash, losses = _plan(case)
        return GoNoGo(
            migration_id=migration_id,
            channel=channel,
            restaurant=names[0],
            location=names[1],
            location_key=case.location_key,
            pos=case.pos,
            currency=case.currency,
            timezone=case.timezone,
            at=case.now,
            business_date=case.today,
            phase=case.phase,
            first_day=case.first_day,
            planned_days=names[2],
            decision=decide(gates),
            gates=tuple(gates),
            waivers=tuple(active_waivers(connection, migration_id, now).values()),
            known=tuple(
                one for one in use_of_rules(connection, migration_id) if one.findings or one.rule.is_active(case.today)
            ),
            accepted=_accepted(case),
            losses=losses[:SHOWN],
            losses_total=len(losses),
            open_business=tuple(open_at_pos(connection, migration_id, now)) if case.location_id is not None else (),
            signed=tuple(signatures(connection, migration_id, channel, "forward")),
            people_needed=case.policy.gates.people,
            contact=dict(case.contact),
            proposed=_proposed(case),
            reverse_level=_level(case),
            plan_hash=plan_hash,
            gates_hash=gates_hash(gates, channel),
        )


def decide(gates: Sequence[GateResult]) -> str:
    """What the gates say together."""
    lacking = {one.name for one in gates if not one.holds}
    if not lacking:
        return "go"
    return "go if forced" if lacking <= FORCED else "no-go"


def _plan(case: Case) -> tuple[str | None, tuple[Lost, ...]]:
    """The hash of the plan that stands in AuraConnect, and what the plan of the whole location said is lost."""
    stands = case.rows(
        "SELECT hash FROM migration.plans WHERE migration_id = %s AND state = 'loaded' ORDER BY id DESC LIMIT 1",
        case.migration_id,
    )
    said = case.rows(
        "SELECT losses FROM migration.plans WHERE migration_id = %s AND state IN ('loaded', 'superseded') "
        "AND losses <> '[]' ORDER BY state = 'loaded' DESC, id DESC LIMIT 1",
        case.migration_id,
    )
    losses = tuple(
        Lost(
            f"{one.get('source_entity', '')}.{one.get('field', '')}",
            int(one.get("records") or 0),
            str(one.get("note", "")),
        )
        for one in (said[0][0] if said else [])
    )
    return (stands[0][0] if stands else None), tuple(sorted(losses, key=lambda one: (-one.records, one.field)))


def _accepted(case: Case) -> tuple[Accepted, ...]:
    return tuple(
        Accepted(check, findings, cents, tuple(sorted(filter(None, causes))[:5]))
        for check, findings, cents, causes in case.rows(
            "SELECT check_name, count(*), coalesce(sum(abs(difference_cents)), 0)::bigint, array_agg(DISTINCT cause) "
            "FROM migration.findings WHERE migration_id = %s AND NOT is_blocking GROUP BY 1 ORDER BY 3 DESC, 1",
            case.migration_id,
        )
    )


def _proposed(case: Case) -> Proposal | None:
    if case.location_id is None:
        return None
    share = case.policy.switch.quiet_share
    # From the next quarter of an hour on: people have to come together first.
    soon = case.now + timedelta(minutes=15)
    return propose(sales_curve(case.connection, case.location_id, case.timezone, case.channel, case.now, share), soon)


def _level(case: Case) -> str | None:
    rows = case.rows(
        "SELECT level FROM migration.rehearsals WHERE migration_id = %s ORDER BY rehearsed_at DESC, id DESC LIMIT 1",
        case.migration_id,
    )
    return rows[0][0] if rows else None
