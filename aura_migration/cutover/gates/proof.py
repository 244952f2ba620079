"""Gates about what was tried out before: the way back, the integration tests; and that nothing of an earlier try is left over."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aura_migration.cutover.gates.case import Case
from aura_migration.cutover.gates.result import SPECIALIST, GateResult, aged, counted

TESTS_HOLD: Final = timedelta(days=7)
"""Rights and menus change: what was tried out longer ago is tried out again."""
REHEARSAL_HOLDS: Final = timedelta(days=14)


def reverse_rehearsed(case: Case) -> GateResult:
    """The way back was walked, at the level this POS allows, and it held. A rehearsal that failed refuses the switch."""
    rows = case.rows(
        "SELECT level, passed, evidence, rehearsed_at, rehearsed_by FROM migration.rehearsals WHERE migration_id = %s "
        "ORDER BY rehearsed_at DESC, id DESC LIMIT 1",
        case.migration_id,
    )
    again = f"`aura-migration cutover rehearse {case.migration_id}` walks the way back on a copy."
    if not rows:
        return GateResult("reverse_rehearsed", None, "never rehearsed", again, SPECIALIST, {}, None, is_waivable=False)
    level, passed, evidence, at, by = rows[0]
    result = GateResult(
        "reverse_rehearsed",
        passed,
        f"level {level} {'held' if passed else 'failed'}",
        ""
        if passed
        else f"The rehearsal says what broke; mend it, then `aura-migration cutover rehearse {case.migration_id}`.",
        SPECIALIST,
        {**evidence, "level": level, "by": by},
        at,
        is_waivable=False,
    )
    return aged(result, case.now, REHEARSAL_HOLDS, again)


def integration_tests(case: Case) -> GateResult:
    """The newest run of each integration test passed. What cannot be proven with the rights there are is not passed."""
    rows = case.rows(
        "SELECT DISTINCT ON (name) name, passed, value, remedy, ran_at FROM migration.integration_tests WHERE migration_id = %s "
        "ORDER BY name, id DESC",
        case.migration_id,
    )
    again = f"`aura-migration cutover tests {case.migration_id} --run` runs them."
    failed = [row for row in rows if row[1] is False]
    unproven = [row for row in rows if row[1] is None]
    passed = False if failed else None if unproven or not rows else True
    parts = [f"{counted(len(failed), 'test')} of {len(rows)} failed: {failed[0][0]}, {failed[0][2]}"] if failed else []
    parts += [f"{counted(len(unproven), 'test')} not provable: {unproven[0][0]}, {unproven[0][2]}"] if unproven else []
    result = GateResult(
        "integration_tests",
        passed,
        "; ".join(parts) or (f"{counted(len(rows), 'test')} passed" if rows else "never run"),
        "" if passed else next((row[3] for row in (*failed, *unproven) if row[3]), again),
        SPECIALIST,
        {"tests": [{"name": row[0], "passed": row[1], "value": row[2]} for row in rows]},
        min((row[4] for row in rows), default=None),
    )
    return aged(result, case.now, TESTS_HOLD, again)


def no_leftover(case: Case) -> GateResult:
    """Nothing of an earlier try stands in the way: a switch nobody ended, another window's ownership of the channel."""
    switches = case.rows(
        "SELECT s.id, s.channel, s.step, s.migration_id FROM migration.switches s JOIN migration.migrations m ON m.id = s.migration_id "
        "WHERE m.location_key = %s AND s.state = 'open' AND (s.migration_id <> %s OR s.channel <> %s) ORDER BY s.id",
        case.location_key,
        case.migration_id,
        case.channel,
    )
    books = case.rows(
        "SELECT DISTINCT ON (channel) channel, book, migration_id FROM migration.channel_ownership WHERE location_key = %s "
        "ORDER BY channel, from_at DESC",
        case.location_key,
    )
    foreign = [row for row in books if row[1] == "auraconnect" and row[2] != case.migration_id]
    remedy = ""
    if switches:
        number = switches[0][3]
        remedy = f"`aura-migration cutover abort {number}` ends the switch of {switches[0][1]}, or switch it again to its end."
    elif foreign:
        remedy = f"Migration {foreign[0][2]} still owns {foreign[0][0]} here: reverse it or complete it."
    told = [f"switch of {row[1]} stopped at {row[2]}" for row in switches]
    told += [f"{row[0]} owned by migration {row[2]}" for row in foreign]
    return GateResult(
        "no_leftover",
        not told,
        "; ".join(told) or "nothing is left over",
        remedy,
        SPECIALIST,
        {"switches": [row[0] for row in switches], "owned_elsewhere": [row[0] for row in foreign]},
        case.now,
        is_waivable=False,
    )
