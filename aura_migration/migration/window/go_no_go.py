"""The go/no-go page of a location's switch: the facts of ``cutover/go_no_go`` as a paper people sign under, kept with its hash."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.core.money import show
from aura_migration.cutover.go_no_go import GoNoGo, go_no_go
from aura_migration.database.connections import Connection
from aura_migration.migration.window.checkin import CheckIn, keep_paper
from aura_migration.migration.window.papers import Block, Facts, Lines, Paper, Table, Tone

CHANNELS = {
    "online": "online orders",
    "in_house": "orders in the house",
    "reporting": "reporting",
    "time_clock": "the time clock",
}
ANSWERS: Mapping[str, tuple[str, Tone]] = {
    "go": ("GO: every gate holds.", "good"),
    "go if forced": ("GO IF FORCED: only the hour stands in the way.", "wait"),
    "no-go": ("NO-GO:", "bad"),
}
TONES: Mapping[str, Tone] = {
    "passed": "good",
    "waived": "wait",
    "stale": "wait",
    "failed": "bad",
    "not measured": "quiet",
}


def make_go_no_go(connection: Connection, migration_id: int, channel: str, now: datetime, by: str) -> CheckIn:
    """Measure the gates of a channel at ``now`` (aware business time) and keep the page, in place of an earlier one of the date.

    The last page of a business date is kept, whichever its channel. ``Refused`` without a window.
    """
    facts = go_no_go(connection, migration_id, channel, now)
    told = {**facts.as_dict(), "made_by": by}
    return keep_paper(connection, migration_id, "go_no_go", facts.business_date, go_no_go_paper(facts), told, now)


def go_no_go_paper(facts: GoNoGo) -> Paper:
    """The facts in words."""
    answer, tone = ANSWERS[facts.decision]
    if facts.decision == "no-go":
        lacking = facts.lacking
        answer += f" {len(lacking)} of {len(facts.gates)} gates do not hold: {', '.join(one.name for one in lacking)}."
    blocks: list[Block] = [
        _place(facts),
        *(
            [Lines("To do", [f"{one.owner}: {one.remedy}" for one in facts.lacking if one.remedy])]
            if facts.lacking
            else []
        ),
        _gates(facts),
        _exceptions(facts),
        *([_waivers(facts)] if facts.waivers else []),
        *([_known(facts)] if facts.known else []),
        *([_accepted(facts)] if facts.accepted else []),
        *([_losses(facts)] if facts.losses else []),
        _open(facts),
        _approvers(facts),
        _contact(facts),
    ]
    return Paper(
        title=f"Go/no-go: {facts.restaurant}, {facts.location}",
        subtitle=f"Switch of {CHANNELS[facts.channel]} from {facts.pos} to AuraConnect · migration {facts.migration_id} · {_at(facts, facts.at)}",
        answer=answer,
        tone=tone,
        blocks=blocks,
        footer=f"Signed is: gates {facts.gates_hash}. Plan {facts.plan_hash or 'none'}.",
    )


def _place(facts: GoNoGo) -> Facts:
    day = (facts.business_date - facts.first_day).days + 1
    proposed = facts.proposed.as_dict(facts.timezone) if facts.proposed else None
    return Facts(
        "The switch",
        [
            ("Location", f"{facts.location} ({facts.location_key})"),
            ("Business date", f"{facts.business_date}, day {day} of {facts.planned_days} of the window"),
            ("Window", facts.phase),
            ("Proposed time", f"{proposed['local']} ({facts.timezone})" if proposed else "no quiet hours are known"),
            ("Way back", f"level {facts.reverse_level}, rehearsed" if facts.reverse_level else "not rehearsed"),
            ("Plan hash", facts.plan_hash or "no plan is loaded"),
        ],
    )


def _gates(facts: GoNoGo) -> Table:
    rows, tones = [], []
    for one in sorted(facts.gates, key=lambda each: each.holds):
        age = one.as_dict(facts.at)["age_minutes"]
        verdict = one.verdict if one.is_blocking else f"{one.verdict} (stops nothing)"
        told = f"{one.value}; waived by {one.waived_by}" if one.verdict == "waived" else one.value
        rows.append((verdict, one.name.replace("_", " "), told, _age(age), one.owner))
        tones.append(TONES[one.verdict] if one.is_blocking else "quiet")
    return Table("Gates", ("Answer", "Gate", "Number", "Age", "Owner"), rows, tones=tones, widths=(13, 20, 40, 9, 18))


def _exceptions(facts: GoNoGo) -> Facts:
    return Facts(
        "Exceptions in money",
        [
            ("Waivers", f"{len(facts.waivers)}, up to {_money(facts, facts.waived_cents)}"),
            (
                "Known differences",
                f"{len(facts.known)}, {_money(facts, facts.known_cents)} explained by them in the window",
            ),
            (
                "Accepted findings",
                f"{sum(one.findings for one in facts.accepted)}, {_money(facts, facts.accepted_cents)}",
            ),
            ("Losses", f"{facts.losses_total} kinds of what the POS has and AuraConnect does not"),
        ],
    )


def _waivers(facts: GoNoGo) -> Table:
    return Table(
        "Waivers",
        ("Gate", "Amount", "Reason", "Approved by", "Until"),
        [
            (
                one.gate.replace("_", " "),
                _money(facts, one.amount_cents),
                one.reason,
                one.approved_by,
                _at(facts, one.expires_at),
            )
            for one in facts.waivers
        ],
        numbers=frozenset({1}),
    )


def _known(facts: GoNoGo) -> Table:
    return Table(
        "Known differences",
        ("Cause", "Explained", "Most per order", "Reason", "Answers for it", "Until"),
        [
            (
                *(one.rule.cause.replace("_", " "), _money(facts, one.cents), _money(facts, one.rule.max_cents)),
                *(one.rule.reason, one.rule.owner, one.rule.expires_on.isoformat()),
            )
            for one in facts.known
        ],
        numbers=frozenset({1, 2}),
    )


def _accepted(facts: GoNoGo) -> Table:
    return Table(
        "Differences accepted by decisions",
        ("Check", "Findings", "Amount", "Decided by"),
        [
            (one.check.replace("_", " "), f"{one.findings:,}", _money(facts, one.cents), ", ".join(one.causes))
            for one in facts.accepted
        ],
        numbers=frozenset({1, 2}),
    )


def _losses(facts: GoNoGo) -> Table:
    more = facts.losses_total - len(facts.losses)
    return Table(
        "What has no place in AuraConnect",
        ("Field of the POS", "Records", "What it means"),
        [(one.field, f"{one.records:,}", one.note) for one in facts.losses],
        note=f"{more} more are in the report of the plan." if more > 0 else "",
        numbers=frozenset({1}),
    )


def _open(facts: GoNoGo) -> Table:
    return Table(
        "Open at the old POS",
        ("What", "Count", "Amount", "Oldest"),
        [
            (one.told, f"{one.count:,}", _money(facts, one.cents), one.oldest.isoformat() if one.oldest else "")
            for one in facts.open_business
        ],
        note="An order is finished where it was opened; the window is completed once nothing of this is left.",
        numbers=frozenset({1, 2}),
    )


def _approvers(facts: GoNoGo) -> Table:
    counting = [one for one in facts.signed if one.gates_hash == facts.gates_hash]
    return Table(
        "Approvers",
        ("Signed by", "When", "Reason", "Counts"),
        [
            (one.signed_by, _at(facts, one.signed_at), one.reason, "yes" if one in counting else "no: other verdicts")
            for one in facts.signed
        ],
        note=f"{len({one.signed_by for one in counting})} of {facts.people_needed} people signed the gates as they stand.",
    )


def _contact(facts: GoNoGo) -> Facts:
    told: dict[str, Any] = facts.contact
    pairs = [(name.capitalize(), str(told[name])) for name in ("name", "phone", "email", "hours") if told.get(name)]
    second = told.get("second")
    if isinstance(second, dict):
        pairs.append(("Second", ", ".join(str(value) for value in second.values() if value)))
    elif second:
        pairs.append(("Second", str(second)))
    return Facts("Who answers for it", pairs or [("Name", "nobody is named")])


def _money(facts: GoNoGo, cents: int) -> str:
    return f"{show(cents, facts.currency)} {facts.currency}"


def _at(facts: GoNoGo, at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo(facts.timezone)):%Y-%m-%d %H:%M} {facts.timezone}"


def _age(minutes: int | None) -> str:
    if minutes is None:
        return "never"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
