"""The scorecard for people: as a table for a terminal, as plain text for files and logs. It shows, it never judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from aura_migration.core.money import show
from aura_migration.verify.counts import COLUMNS
from aura_migration.verify.orders_money import LEVELS

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
    yield _metrics(card.get("metrics") or {}, str(card.get("currency") or "USD"))
    yield _gates(card.get("gates") or [])
    accepted = card.get("accepted") or []
    if accepted:
        total = card.get("accepted_total", len(accepted))
        yield Text(f"Accepted by signed decisions: {total:,}", style="bold")
        for one in accepted[:ACCEPTED_LINES]:
            yield Text(f"  {one['entity']} {one['key']}: {_difference(one)} ({one['cause']})")
        if total > ACCEPTED_LINES:
            yield Text(f"  … and {total - min(len(accepted), ACCEPTED_LINES):,} more")
    yield from _explained(card)


def _explained(card: Mapping[str, Any]) -> Iterator[Text]:
    """What has a known cause that nobody had to sign: the POS's own figures, or what people changed since."""
    causes = card.get("explained") or []
    if causes:
        yield Text(f"Explained by the POS's own records: {card.get('explained_total', 0):,}", style="bold")
    for one in causes[:ACCEPTED_LINES]:
        money = "" if one["cents"] is None else f", {show(one['cents'], card['currency'])} {card['currency']}"
        yield Text(f"  {one['entity'].replace('_', ' ')}: {one['count']:,}{money}: {one['cause']}")
    if len(causes) > ACCEPTED_LINES:
        yield Text(f"  … and {len(causes) - ACCEPTED_LINES:,} more causes")


def _entities(entities: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("records")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for name, counts in entities.items():
        table.add_row(name.replace("_", " "), *(f"{counts.get(column, 0):,}" for column in COLUMNS))
    return table


def _metrics(metrics: Mapping[str, Any], currency: str) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in metrics.items():
        table.add_row(name, measured(value, currency))
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


def measured(value: Any, currency: str) -> str:
    """A metric as people read it: numbers with separators, ``{count, cents}`` as a number and its money, by name what has names."""
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and set(value) == {"count", "cents"}:
        return f"{value['count']:,} ({show(value['cents'], currency)} {currency})"
    if isinstance(value, Mapping):
        in_order = sorted(value, key=lambda name: LEVELS.index(name) if name in LEVELS else len(LEVELS))
        return "; ".join(f"{name.replace('_', ' ')}: {measured(value[name], currency)}" for name in in_order)
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
