"""What a window shows of itself, as plain data: one description for the command, the API, the console and Dagster.

Everything is read from stored rows, except gates, which are measured as they are asked for. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from psycopg.rows import dict_row

from aura_migration.cutover.gates import measure_gates
from aura_migration.cutover.reversing import LEVELS
from aura_migration.database.connections import Connection
from aura_migration.migration.dating import aura_location
from aura_migration.migration.records import Migration, get_migration
from aura_migration.migration.window.opening import Window, get_window
from aura_migration.migration.window.way_back import asked_level
from aura_migration.migration.workshop import Workshop
from aura_migration.reconcile.books import CHANNELS, owners_at
from aura_migration.reconcile.schedule import missing_days
from aura_migration.reconcile.sheet import SheetDay, daily_sheet
from aura_migration.verify.orders import day_rule

IN_ORDER = ("online", "in_house", "reporting")
"""The channels of sales and reports in the order in which they are switched; the time clock goes on its own."""
DAY_COLUMNS = (
    "business_date",
    "verdict",
    "is_final",
    "orders_pos",
    "orders_aura",
    "orders_priced",
    "missing",
    "extra",
    "gross_cents",
    "explained_cents",
    "unexplained_cents",
    "unexplained_pct",
    "tax_cents",
    "payments_cents",
    "pending_cents",
)
SHEET_COLUMNS = (
    "business_date",
    "orders",
    "gross_cents",
    "discounts_cents",
    "net_cents",
    "tax_cents",
    "tips_cents",
    "refunds_cents",
    "total_cents",
)
COVERAGE_COLUMNS = ("dimension", "name", "expected", "seen", "is_required", "last_on")
GATE_COLUMNS = ("name", "verdict", "value", "age_minutes", "owner", "remedy", "waived_by")
DRIFT_SHOWN, FOLLOWS_SHOWN, FINDINGS_SHOWN = 200, 20, 500


def window_page(workshop: Workshop, connection: Connection, migration_id: int) -> dict[str, Any]:
    """Everything about a window, JSON-ready; see the docs of the API for each part."""
    migration, window = get_migration(connection, migration_id), get_window(connection, migration_id)
    now = workshop.now()
    owners = owners_at(connection, window.location_key, now)
    channel = next_channel(owners)
    rule = day_rule(connection, migration.subject, migration.parsed_options)
    return {
        "now": now.isoformat(),
        "window": window.as_dict(),
        "state": migration.state,
        "work": migration.work,
        "channels": channels_of(connection, migration, owners),
        "next_channel": channel,
        "days": days_of(connection, migration_id),
        "missing": [day.isoformat() for day in missing_days(connection, migration_id, rule, window.rules, now)],
        "sheet": [sheet_row(day) for day in sheet_of(connection, migration, window, rule.day(now))],
        "coverage": rows_of(
            connection,
            f"SELECT {', '.join(COVERAGE_COLUMNS)} FROM migration.coverage WHERE migration_id = %s "
            "ORDER BY dimension, name",
            migration_id,
        ),
        "gates": gates_of(connection, migration_id, channel, now) if channel else [],
        "drift": drift_of(connection, migration_id),
        "follows": follows_of(connection, migration_id),
        "tests": tests_of(connection, migration_id),
        "switches": switches_of(connection, migration_id),
        "waivers": rows_of(
            connection,
            "SELECT id, gate, reason, amount_cents, expires_at, approved_by, approved_at, ended_at FROM migration.waivers "
            "WHERE migration_id = %s ORDER BY id",
            migration_id,
        ),
        "known_differences": rows_of(
            connection,
            "SELECT k.id, k.cause, k.matches, k.reason, k.owner, k.max_cents, k.expires_on, k.ended_at, "
            "(SELECT count(*) FROM migration.parallel_findings f WHERE f.rule_id = k.id) AS used, "
            "(SELECT coalesce(sum(abs(f.cents)), 0) FROM migration.parallel_findings f WHERE f.rule_id = k.id) AS used_cents "
            "FROM migration.known_differences k WHERE k.migration_id = %s ORDER BY k.id",
            migration_id,
        ),
        "way_back": way_back_of(connection, migration_id),
        "papers": rows_of(
            connection,
            "SELECT kind, business_date, sha256, made_at, pdf IS NOT NULL AS has_pdf FROM migration.check_ins "
            "WHERE migration_id = %s ORDER BY business_date DESC, kind LIMIT 60",
            migration_id,
        ),
    }


def next_channel(owners: dict[str, Any]) -> str | None:
    """The next channel of sales or reports that the POS still owns; None where none is left."""
    return next((channel for channel in IN_ORDER if owners[channel] == "pos"), None)


def channels_of(connection: Connection, migration: Migration, owners: dict[str, Any]) -> list[dict[str, Any]]:
    """Each channel with its book and whether AuraConnect takes it now."""
    place = aura_location(connection, migration)
    accepts: dict[str, bool] = dict(
        connection.execute(
            "SELECT channel, accepts FROM aura.channel_status WHERE location_id = %s", [place]
        ).fetchall()
    )
    return [{"channel": name, "book": owners[name], "accepts": accepts.get(name)} for name in CHANNELS]


def days_of(connection: Connection, migration_id: int) -> list[dict[str, Any]]:
    """The judged days, oldest first."""
    return rows_of(
        connection,
        "SELECT business_date, verdict, is_final, closes_at, final_at, judged_at, attempts, read_until, orders_pos, orders_aura, "
        "orders_priced, missing, extra, gross_cents, unexplained_cents, explained_cents, signed_cents, tax_cents, "
        "payments_cents, pending_cents, unexplained_pct, reasons, causes FROM migration.parallel_days "
        "WHERE migration_id = %s ORDER BY business_date",
        migration_id,
    )


def day_of(connection: Connection, migration_id: int, day: Any) -> dict[str, Any] | None:
    """One judged day with both sides' figures and its findings; None where it was not judged."""
    found = rows_of(
        connection,
        "SELECT * FROM migration.parallel_days WHERE migration_id = %s AND business_date = %s",
        migration_id,
        day,
    )
    if not found:
        return None
    findings = rows_of(
        connection,
        "SELECT order_key, aura_order_id, cause, part, status, cents, rule_id, detail FROM migration.parallel_findings "
        f"WHERE migration_id = %s AND business_date = %s ORDER BY status DESC, abs(cents) DESC, id LIMIT {FINDINGS_SHOWN}",
        migration_id,
        day,
    )
    return {**found[0], "findings": findings}


def sheet_of(connection: Connection, migration: Migration, window: Window, today: date | None = None) -> list[SheetDay]:
    """The consolidated daily sheet of the window, up to today's business date where that is given."""
    place = aura_location(connection, migration)
    last = min(window.last_day, today or window.last_day)
    if place is None or last < window.first_day:
        return []
    return daily_sheet(connection, migration.restaurant_id, place, window.location_key, window.first_day, last)


def sheet_row(day: SheetDay) -> dict[str, Any]:
    """A day of the sheet with its total in the front, the books behind."""
    told = day.as_dict()
    return {
        "business_date": told["business_date"],
        **told["total"],
        "books": {n: told[n] for n in ("pos", "auraconnect")},
    }


def gates_of(connection: Connection, migration_id: int, channel: str, now: datetime) -> list[dict[str, Any]]:
    """The gates of a channel's switch, measured now."""
    return [gate.as_dict(now) for gate in measure_gates(connection, migration_id, channel, now)]


def drift_of(connection: Connection, migration_id: int) -> list[dict[str, Any]]:
    """What changed at the POS since it was loaded: what waits first, then what was settled last."""
    return rows_of(
        connection,
        "SELECT id, entity, source_key, label, changes, action, state, seen_at, settled_at, "
        "(SELECT p.hash FROM migration.plans p WHERE p.id = d.plan_id) AS plan_hash FROM migration.drift d "
        f"WHERE migration_id = %s AND state <> 'superseded' ORDER BY state = 'waiting' DESC, id DESC LIMIT {DRIFT_SHOWN}",
        migration_id,
    )


def follows_of(connection: Connection, migration_id: int) -> list[dict[str, Any]]:
    """The last readings of the POS, newest first."""
    return rows_of(
        connection,
        "SELECT id, family, caused_by, noted_at, began_at, ended_at, read_until, outcome, counts, problem FROM migration.follows "
        f"WHERE migration_id = %s ORDER BY id DESC LIMIT {FOLLOWS_SHOWN}",
        migration_id,
    )


def tests_of(connection: Connection, migration_id: int) -> list[dict[str, Any]]:
    """The newest answer of each integration test."""
    return rows_of(
        connection,
        "SELECT DISTINCT ON (name) name, passed, value, remedy, evidence, ran_at, ran_by FROM migration.integration_tests "
        "WHERE migration_id = %s ORDER BY name, id DESC",
        migration_id,
    )


def switches_of(connection: Connection, migration_id: int) -> list[dict[str, Any]]:
    """Every switch, oldest first, with its steps."""
    return rows_of(
        connection,
        "SELECT s.id, s.channel, s.direction, s.state, s.step, s.asked_by, s.asked_at, s.forced_reason, s.paused_at, s.resumed_at, "
        "s.effective_at, s.ended_at, s.evidence, coalesce((SELECT jsonb_agg(jsonb_build_object('name', t.name, 'at', t.at, "
        "'detail', t.detail) ORDER BY t.number) FROM migration.switch_steps t WHERE t.switch_id = s.id), '[]') AS steps "
        "FROM migration.switches s WHERE s.migration_id = %s ORDER BY s.id",
        migration_id,
    )


def way_back_of(connection: Connection, migration_id: int) -> dict[str, Any]:
    """The level of the way back as the POS was asked, its last rehearsal, and what has to be entered in the old POS."""
    rehearsed = rows_of(
        connection,
        "SELECT level, passed, evidence, rehearsed_at, rehearsed_by FROM migration.rehearsals WHERE migration_id = %s "
        "ORDER BY id DESC LIMIT 1",
        migration_id,
    )
    entries = connection.execute(
        "SELECT state, count(*) FROM migration.reverse_entries WHERE migration_id = %s GROUP BY state", [migration_id]
    ).fetchall()
    level = asked_level(connection, get_migration(connection, migration_id))
    return {
        "level": level,
        "how": LEVELS[level] if level else None,
        "rehearsal": rehearsed[0] if rehearsed else None,
        "entries": {str(state): int(n) for state, n in entries},
    }


def rows_of(connection: Connection, query: str, *arguments: Any) -> list[dict[str, Any]]:
    """Rows as JSON-ready mappings."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_plain(row) for row in cursor.execute(query.encode(), arguments).fetchall()]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in row.items()}


def plain(value: Any) -> Any:
    """A value of the database as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if type(value).__name__ == "Decimal":
        return float(value)
    return value


def chart_svg(days: Sequence[dict[str, Any]], width: int = 720, height: int = 160) -> str:
    """The days' unexplained differences as bars, coloured by verdict: a picture without scripts."""
    colours = {"clean": "#2e7d32", "different": "#c62828", "pending": "#f9a825", "closed": "#9e9e9e"}
    most = max([float(day["unexplained_cents"]) for day in days], default=0) or 1
    step = width / max(len(days), 1)
    bars = []
    for number, day in enumerate(days):
        tall = max(4.0, float(day["unexplained_cents"]) / most * (height - 40))
        title = f"{day['business_date']}: {day['verdict']}, {day['unexplained_cents'] / 100:.2f} unexplained"
        bars.append(
            f'<rect x="{number * step + 1:.1f}" y="{height - 20 - tall:.1f}" width="{max(step - 2, 1):.1f}" height="{tall:.1f}" '
            f'fill="{colours[day["verdict"]]}"><title>{title}</title></rect>'
        )
    ends = "".join(
        f'<text x="{x}" y="{height - 4}" font-size="11" text-anchor="{anchor}">{days[at]["business_date"]}</text>'
        for x, anchor, at in ((0, "start", 0), (width, "end", -1))
        if days
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="Days of the window"><line x1="0" y1="{height - 20}" x2="{width}" y2="{height - 20}" '
        f'stroke="#888"/>{"".join(bars)}{ends}</svg>'
    )


def chart_markdown(days: Sequence[dict[str, Any]]) -> str:
    """The chart as an image of Markdown, for pages that show no SVG by itself."""
    import base64

    return f"![days](data:image/svg+xml;base64,{base64.b64encode(chart_svg(days).encode()).decode()})"
