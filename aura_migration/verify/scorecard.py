"""The scorecard for people: as a table for a terminal, as plain text for files and logs. It shows, it never judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from aura_migration.verify.counts import COLUMNS

WORDS = {True: ("passed", "green"), False: ("FAILED", "red"), None: ("not measured", "yellow")}
ACCEPTED_LINES = 10


def render(card: Mapping[str, Any]) -> Group:
    """The scorecard as something rich prints. An empty card says so."""
    if not card:
        return Group(Text("There is no scorecard yet: nothing was verified.", style="yellow"))
    return Group(*_parts(card))


def plain(card: Mapping[str, Any], width: int = 120) -> str:
    """The scorecard as plain text, ``width`` characters wide."""
    out = StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False).print(render(card))
    return out.getvalue()


def _parts(card: Mapping[str, Any]) -> Iterator[Table | Text]:
    word, style = WORDS[card.get("passed")]
    title = f"{card.get('location', '')} · migration {card.get('migration_id', '')}"
    yield Text.assemble((f"Scorecard {title}: ", "bold"), (word, f"bold {style}"))
    yield _entities({**(card.get("entities") or {}), **(card.get("history") or {})})
    yield _metrics(card.get("metrics") or {})
    yield _gates(card.get("gates") or [])
    accepted = card.get("accepted") or []
    if accepted:
        total = card.get("accepted_total", len(accepted))
        yield Text(f"Accepted by signed decisions: {total:,}", style="bold")
        for one in accepted[:ACCEPTED_LINES]:
            yield Text(f"  {one['entity']} {one['key']}: {_difference(one)} ({one['cause']})")
        if total > ACCEPTED_LINES:
            yield Text(f"  … and {total - min(len(accepted), ACCEPTED_LINES):,} more")


def _entities(entities: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("records")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for name, counts in entities.items():
        table.add_row(name.replace("_", " "), *(f"{counts.get(column, 0):,}" for column in COLUMNS))
    return table


def _metrics(metrics: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in metrics.items():
        table.add_row(name, _measure(value))
    return table


def _gates(gates: list[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("gate", "verdict", "measured", "what to do"):
        table.add_column(column)
    for gate in gates:
        word, style = WORDS[gate.get("passed")]
        texts = (Text(str(gate["name"])), Text(word, style=style), Text(gate.get("value") or "–"))
        table.add_row(*texts, Text(gate.get("remedy") or ""))
    return table


def _measure(value: Any) -> str:
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "; ".join(f"{name.replace('_', ' ')}: {_measure(member)}" for name, member in value.items())
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"


def _difference(one: Mapping[str, Any]) -> str:
    if one.get("actual") is None:
        return "not in AuraConnect"
    if one.get("expected") is None:
        return "only in AuraConnect"
    return f"POS {_side(one['expected'])}, AuraConnect {_side(one['actual'])}"


def _side(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {member}" for name, member in value.items())
    return str(value)
