"""The daily check-in of a window: what the day's comparison said, what is still to be seen, what waits, whom to call.

``check_in_facts`` reads what is stored and measures the gates of the next channel; ``make_check_in`` keeps them with the
paper that says them to people (``checkin_paper.py``) and the hash of its page. Nothing is judged here. No name of a guest or
of staff is in it, but for the contacts of the migration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput
from aura_migration.database.connections import Connection
from aura_migration.migration.dating import aura_location
from aura_migration.migration.integrations import get_integration, get_location
from aura_migration.migration.records import get_migration
from aura_migration.migration.window import shown
from aura_migration.migration.window.checkin_paper import FINDINGS, check_in_paper
from aura_migration.migration.window.measures import window_drift
from aura_migration.migration.window.opening import Window, get_window
from aura_migration.migration.window.papers import Paper, page, pdf
from aura_migration.pos.order_facts import DayRule
from aura_migration.reconcile import schedule
from aura_migration.reconcile.books import owners_at
from aura_migration.reconcile.coverage import coverage_pct, lacking, never_exercised, read_coverage
from aura_migration.reconcile.known import expiring, use_of_rules
from aura_migration.reconcile.sheet import daily_sheet
from aura_migration.verify.orders import day_rule

Kind = Literal["daily", "go_no_go"]
SOON = timedelta(days=3)
"""So long before its last day a window is asked to be extended or ended."""


@dataclass(frozen=True)
class CheckIn:
    """A paper as it is kept. ``sha256`` is of the page; ``first_made_at`` of the first one of that date."""

    migration_id: int
    kind: Kind
    business_date: date
    sha256: str
    html: bytes
    pdf: bytes | None
    facts: dict[str, Any]
    made_at: datetime

    @property
    def first_made_at(self) -> datetime:
        """When the date's first paper was made."""
        return datetime.fromisoformat(self.facts["first_made_at"])


# -- the facts --------------------------------------------------------------------------------------------------------


def check_in_facts(connection: Connection, migration_id: int, day: date, now: datetime) -> dict[str, Any]:
    """Everything the check-in of a business date says, JSON-ready. ``BadInput`` where the date was not judged.

    Amounts are minor units under ``…_cents``. Gates are those of the next channel to be switched, measured at ``now``.
    """
    migration, window = get_migration(connection, migration_id), get_window(connection, migration_id)
    judged = shown.day_of(connection, migration_id, day)
    if judged is None:
        raise BadInput(
            f"{day} of migration {migration_id} was not judged.",
            f"`aura-migration window reconcile {migration_id}` judges what is due.",
        )
    location = get_location(connection, migration.location_key)
    rule = day_rule(connection, migration.subject, migration.parsed_options)
    channel = shown.next_channel(dict(owners_at(connection, window.location_key, now)))
    place = aura_location(connection, migration)
    sheet = (
        [] if place is None else daily_sheet(connection, migration.restaurant_id, place, window.location_key, day, day)
    )
    facts = {
        "migration_id": migration_id,
        "business_date": day.isoformat(),
        "made_at": _text(now),
        "restaurant": get_integration(connection, migration.integration_id).merchant_name,
        "location": location.source.name,
        "location_key": migration.location_key,
        "pos": migration.subject.pos,
        "currency": location.source.currency,
        "timezone": rule.timezone,
        "phase": window.phase,
        "tolerance_pct": window.rules.days.tolerance_pct,
        "window": {
            "day": (day - window.first_day).days + 1,
            "planned_days": window.planned_days,
            "first_day": window.first_day.isoformat(),
            "last_day": window.last_day.isoformat(),
            "ends_soon": window.ended_at is None and rule.day(now) + SOON >= window.last_day,
            "is_over": window.ended_at is None and rule.day(now) > window.last_day,
        },
        "day": {name: value for name, value in judged.items() if name != "findings"},
        "findings": [one for one in judged["findings"] if one["status"] != "explained"][:FINDINGS],
        "sheet": sheet[0].as_dict() if sheet else None,
        "days": _days(connection, migration_id, rule, window, now),
        "in_a_row": _in_a_row(connection, migration_id, rule, window, now),
        "drift": _drift(connection, migration_id, window),
        "coverage": _coverage(connection, migration_id, window),
        "known_differences": _known(connection, migration_id, day),
        "channel": channel,
        "gates": shown.gates_of(connection, migration_id, channel, now) if channel and window.ended_at is None else [],
        "waits": _waits(connection, migration_id),
        "contact": window.contact,
    }
    return {**facts, "to_do": _to_do(facts)}


def _days(
    connection: Connection, migration_id: int, rule: DayRule, window: Window, now: datetime
) -> list[dict[str, Any]]:
    """Every business date of the window: its state, its verdict, and whether it is missing."""
    stored = {one["business_date"]: one for one in shown.days_of(connection, migration_id)}
    missing = set(schedule.missing_days(connection, migration_id, rule, window.rules, now))
    overdue = set(schedule.overdue_days(connection, migration_id, now))
    found = []
    for day, state in schedule.day_states(connection, migration_id, rule, window.rules, now).items():
        judged = stored.get(day.isoformat(), {})
        found.append(
            {
                "business_date": day.isoformat(),
                "state": str(state),
                "verdict": judged.get("verdict"),
                "unexplained_cents": judged.get("unexplained_cents"),
                "unexplained_pct": judged.get("unexplained_pct"),
                "gross_cents": judged.get("gross_cents"),
                "is_missing": day in missing,
                "is_overdue": day in overdue,
            }
        )
    return found


def _in_a_row(
    connection: Connection, migration_id: int, rule: DayRule, window: Window, now: datetime
) -> dict[str, int]:
    stored = schedule.stored_days(connection, migration_id)
    span = schedule.window_span(connection, migration_id, rule)
    due = [day for day in span if day in stored or now >= schedule.due_at(rule, day, window.rules) + schedule.SLACK]
    verdicts = {day: one.verdict for day, one in stored.items()}
    return {"clean": schedule.clean_in_a_row(span, verdicts, due), "needed": window.rules.gates.clean_days}


def _drift(connection: Connection, migration_id: int, window: Window) -> dict[str, Any]:
    return window_drift(connection, migration_id, window.rules).as_dict()


def _coverage(connection: Connection, migration_id: int, window: Window) -> dict[str, Any]:
    covered = read_coverage(connection, migration_id)
    pct = coverage_pct(covered, window.rules)
    return {
        "pct": None if pct is None else round(pct, 1),
        "times": window.rules.gates.coverage_times,
        "lacking": [one.as_dict() for one in lacking(covered, window.rules)],
        "never": [one.as_dict() for one in never_exercised(covered)],
    }


def _known(connection: Connection, migration_id: int, day: date) -> list[dict[str, Any]]:
    used = use_of_rules(connection, migration_id)
    ending = {one.rule.id for one in expiring(used, day)}
    return [
        {**one.as_dict(), "expires_soon": one.rule.id in ending}
        for one in used
        if one.findings or one.rule.is_active(day)
    ]


def _waits(connection: Connection, migration_id: int) -> dict[str, Any]:
    """What somebody has to settle: changes at the POS, entries for the way back, scheduled orders, a switch, a reading that failed."""
    row = connection.execute(
        """
        SELECT (SELECT count(*) FROM migration.drift WHERE migration_id = %(m)s AND state = 'waiting'),
               (SELECT min(seen_at) FROM migration.drift WHERE migration_id = %(m)s AND state = 'waiting'),
               (SELECT count(*) FROM migration.reverse_entries WHERE migration_id = %(m)s AND state = 'waiting'),
               (SELECT count(*) FROM migration.reverse_entries WHERE migration_id = %(m)s AND state = 'failed'),
               (SELECT count(*) FROM migration.future_orders WHERE migration_id = %(m)s AND decision IS NULL),
               (SELECT channel || ': ' || step FROM migration.switches WHERE migration_id = %(m)s AND state = 'open'),
               (SELECT max(read_until) FROM migration.follows WHERE migration_id = %(m)s AND family IN ('orders', 'all')
                AND outcome IN ('nothing', 'applied', 'waiting'))
        """,
        {"m": migration_id},
    ).fetchone()
    last = connection.execute(
        "SELECT outcome, problem FROM migration.follows WHERE migration_id = %s AND outcome IS NOT NULL ORDER BY id DESC LIMIT 1",
        [migration_id],
    ).fetchone()
    assert row is not None
    return {
        "menu_changes": row[0],
        "menu_changes_since": _text(row[1]),
        "reverse_waiting": row[2],
        "reverse_failed": row[3],
        "future_orders": row[4],
        "open_switch": row[5],
        "read_until": _text(row[6]),
        "reading_problem": last[1] if last and last[0] == "failed" else "",
    }


def _to_do(facts: Mapping[str, Any]) -> list[str]:
    """What is to be done, the most pressing first."""
    number, day, waits, window = facts["migration_id"], facts["day"], facts["waits"], facts["window"]
    todo = []
    if waits["reading_problem"]:
        todo.append(f"The POS could not be read: {waits['reading_problem']}")
    if day["verdict"] == "different":
        todo.append(
            f"Find what makes the day different, or answer for it by a known difference: `aura-migration window day {number} {facts['business_date']}`."
        )
    missing = [one["business_date"] for one in facts["days"] if one["is_missing"]]
    if missing:
        todo.append(f"Never judged: {', '.join(missing)}. `aura-migration window reconcile {number}` judges them.")
    overdue = [one["business_date"] for one in facts["days"] if one["is_overdue"]]
    if overdue:
        todo.append(
            f"Still pending though the grace time is over: {', '.join(overdue)}. Read the POS past their close-out."
        )
    if facts["drift"]["is_drift"]:
        todo.append("The differences of the window lean one way: look for what all days have in common.")
    if waits["open_switch"]:
        todo.append(f"A switch is half done ({waits['open_switch']}): go on with it or abort it.")
    if waits["reverse_failed"]:
        todo.append(f"{waits['reverse_failed']} entries could not be made in the old POS.")
    if waits["menu_changes"]:
        todo.append(f"{waits['menu_changes']} changes of the setup at the POS wait for an approval.")
    if waits["future_orders"]:
        todo.append(f"{waits['future_orders']} scheduled orders wait for a decision: stays, or entered again.")
    if facts["coverage"]["lacking"]:
        names = [f"{one['dimension'].replace('_', ' ')} {one['name']}" for one in facts["coverage"]["lacking"]]
        todo.append(f"Not seen often enough yet: {_some(names)}. Ring them up, or wait for them.")
    soon = [
        f"{one['cause']} ({one['owner']}, {one['expires_on']})"
        for one in facts["known_differences"]
        if one["expires_soon"]
    ]
    if soon:
        todo.append(f"Known differences in use that expire: {_some(soon)}.")
    if window["is_over"]:
        todo.append(
            f"The window's {window['planned_days']} days are over since {window['last_day']}: extend it, switch, or end it."
        )
    elif window["ends_soon"]:
        todo.append(f"The window is planned until {window['last_day']}: extend it if it shall go on.")
    if not facts["contact"]:
        todo.append(f"Nobody answers for the migration: `aura-migration window contact {number}` names somebody.")
    return todo


def _some(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at is not None else None


# -- kept -------------------------------------------------------------------------------------------------------------


def make_check_in(connection: Connection, migration_id: int, day: date, now: datetime, by: str) -> CheckIn:
    """Make the check-in of a judged business date at ``now`` and keep it in place of an earlier one of that date."""
    facts = {**check_in_facts(connection, migration_id, day, now), "made_by": by}
    return keep_paper(connection, migration_id, "daily", day, check_in_paper(facts), facts, now)


def keep_paper(
    connection: Connection, migration_id: int, kind: Kind, day: date, paper: Paper, facts: dict[str, Any], now: datetime
) -> CheckIn:
    """Draw a paper in both forms and keep it, in place of an earlier one of its kind and date."""
    first = connection.execute(
        "SELECT facts ->> 'first_made_at' FROM migration.check_ins WHERE migration_id = %s AND kind = %s AND business_date = %s",
        [migration_id, kind, day],
    ).fetchone()
    facts = {**facts, "first_made_at": first[0] if first and first[0] else _text(now)}
    html = page(paper)
    made = CheckIn(migration_id, kind, day, hashlib.sha256(html).hexdigest(), html, pdf(paper, now), facts, now)
    connection.execute(
        "INSERT INTO migration.check_ins (migration_id, business_date, kind, sha256, html, pdf, facts, made_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (migration_id, kind, business_date) DO UPDATE SET "
        "sha256 = excluded.sha256, html = excluded.html, pdf = excluded.pdf, facts = excluded.facts, made_at = excluded.made_at",
        [migration_id, day, kind, made.sha256, html, made.pdf, Jsonb(facts), now],
    )
    return made


def get_check_in(connection: Connection, migration_id: int, day: date | None = None, kind: Kind = "daily") -> CheckIn:
    """A kept paper: of a business date, or the newest. ``BadInput`` where there is none."""
    row = connection.execute(
        "SELECT migration_id, kind, business_date, sha256, html, pdf, facts, made_at FROM migration.check_ins "
        "WHERE migration_id = %(m)s AND kind = %(k)s AND (%(d)s::date IS NULL OR business_date = %(d)s) "
        "ORDER BY business_date DESC LIMIT 1",
        {"m": migration_id, "k": kind, "d": day},
    ).fetchone()
    if row is None:
        raise BadInput(
            f"Migration {migration_id} has no {kind} paper{f' of {day}' if day else ''}.",
            f"`aura-migration window reconcile {migration_id}` judges the days that are due and makes their check-ins.",
        )
    number, _, on, sha256, html, drawn, facts, made_at = row
    return CheckIn(number, kind, on, sha256, bytes(html), bytes(drawn) if drawn is not None else None, facts, made_at)
