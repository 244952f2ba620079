"""Daily sales: what the POS says of each business day beside what AuraConnect has, as a chart and as a table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, page
from aura_migration.console.parts.charts import Line, lines_chart
from aura_migration.console.parts.filters import Filters, address, chosen
from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.tables import Cell, money, number, raw, table
from aura_migration.console.parts.texts import h2, quiet
from aura_migration.console.subpages import Subject, open_subpage
from aura_migration.core.money import minor_digits
from aura_migration.verify.orders_days import COUNTS

FIRST = "net"
"""The figure that is shown unless another is asked for."""
WHICH = {"differing": "days that differ", "all": "all days"}
MOST_ROWS = 400


@dataclass
class Day:
    """One business day of a figure; sums over names where there are several."""

    pos: int | None = None
    auraconnect: int | None = None
    report: int | None = None
    explained: int = 0
    causes: list[str] = field(default_factory=list)

    @property
    def difference(self) -> int:
        """AuraConnect minus POS."""
        return (self.auraconnect or 0) - (self.pos or 0)

    @property
    def unexplained(self) -> int:
        """What no cause accounts for."""
        return self.difference - self.explained


@page("/migrations/{migration_id}/sales")
async def show(
    view: View, migration_id: int, metric: str = "", name: str = "", since: str = "", until: str = "", days: str = ""
) -> None:
    """A figure day by day."""
    subject = await open_subpage(view, migration_id, "Daily sales", "/sales")
    asked = metric or FIRST
    found = await view.api.get(subject.asks("/days"), metric=asked, since=since or None, until=until or None)
    if not metric and found["metrics"] and asked not in found["metrics"]:
        asked = found["metrics"][0]
        found = await view.api.get(subject.asks("/days"), metric=asked, since=since or None, until=until or None)
    with ui.element("section").classes("panel"):
        if not found["metrics"]:
            h2("No days yet")
            empty(
                "No business day has been compared yet.",
                "Verifying compares them. A POS without orders in the span of the options has none.",
            )
            ui.link("Go to the result", subject.path("?step=result"))
            return
        h2(f"{_words(asked).capitalize()} per business day")
        names = sorted({row["name"] for row in found["days"] if row["name"]})
        filters = Filters(
            subject.path("/sales"),
            {"metric": asked, "name": name, "since": since, "until": until, "days": days or "differing"},
        )
        filters.choice("metric", "Figure", chosen(found["metrics"]))
        if names:
            filters.choice("name", "Of which", {each: each for each in names})
        filters.day("since", "From day")
        filters.day("until", "To day")
        filters.choice("days", "In the table", WHICH)
        filters.ready(is_narrowed=bool(metric or name or since or until or days))
        by_day = _by_day([row for row in found["days"] if not name or row["name"] == name])
        if not by_day:
            empty("No day fits.", "Take another figure or a longer span.")
            return
        _verdict(by_day, asked, subject)
        lines_chart(
            f"{_words(asked)}, POS beside AuraConnect",
            list(by_day),
            _lines(by_day, asked, subject),
            "" if asked in COUNTS else subject.currency,
        )
        here = {"metric": metric, "name": name, "since": since, "until": until, "days": "all"}
        _table(by_day, asked, days == "all", subject, address(subject.path("/sales"), here))


def _by_day(rows: list[dict[str, Any]]) -> dict[str, Day]:
    found: dict[str, Day] = defaultdict(Day)
    for row in rows:
        day = found[row["day"]]
        for side in ("pos", "auraconnect", "report"):
            if row[side] is not None:
                setattr(day, side, (getattr(day, side) or 0) + row[side])
        day.explained += row["explained"]
        day.causes += [_cause(cause) for cause in row["causes"]]
    return dict(sorted(found.items()))


def _cause(cause: dict[str, Any]) -> str:
    documents = cause.get("documents")
    return f"{_words(str(cause['cause']))}{f' ({documents} ' + ('document)' if documents == 1 else 'documents)') if documents else ''}"


def _verdict(by_day: dict[str, Day], metric: str, subject: Subject) -> None:
    unexplained = [day for day in by_day.values() if day.unexplained]
    differing = [day for day in by_day.values() if day.difference]
    if unexplained:
        total = sum(abs(day.unexplained) for day in unexplained)
        said(
            f"{len(unexplained)} of {len(by_day)} days differ without a cause, by {_figure(total, metric, subject)} in all.",
            kind="bad",
            more=["The findings name the documents."],
        )
        ui.link("Go to the findings", subject.path("/evidence"))
    elif differing:
        said(f"{len(differing)} of {len(by_day)} days differ, all of it for a cause that is proven.", kind="good")
    else:
        said(f"All {len(by_day)} days agree.", kind="good")


def _lines(by_day: dict[str, Day], metric: str, subject: Subject) -> list[Line]:
    scale = 1 if metric in COUNTS else 10 ** minor_digits(subject.currency)

    def scaled(value: int | None) -> float | None:
        return None if value is None else value / scale

    made = [
        Line("POS", [scaled(day.pos) for day in by_day.values()]),
        Line("AuraConnect", [scaled(day.auraconnect) for day in by_day.values()]),
    ]
    if any(day.report is not None for day in by_day.values()):
        made.append(Line("POS's own report", [scaled(day.report) for day in by_day.values()]))
    return made


def _table(by_day: dict[str, Day], metric: str, is_all: bool, subject: Subject, everything: str) -> None:
    shown = {name: day for name, day in by_day.items() if is_all or day.difference or day.causes}
    if not shown:
        quiet("No day differs, so the table is empty.")
        ui.link("Show all days in the table", everything)
        return
    has_report = any(day.report is not None for day in by_day.values())

    def told(value: int | None) -> Cell:
        return Cell(_figure(value, metric, subject), is_number=True)

    rows = list(shown.items())[-MOST_ROWS:]
    table(
        [
            "Day",
            "POS",
            "AuraConnect",
            *(["POS's own report"] if has_report else []),
            "Difference",
            "Unexplained",
            "Causes",
        ],
        [
            (
                raw(f'<span class="when">{name}</span>'),
                told(day.pos),
                told(day.auraconnect),
                *([told(day.report)] if has_report else []),
                told(day.difference),
                told(day.unexplained),
                "; ".join(dict.fromkeys(day.causes)) or "–",
            )
            for name, day in reversed(rows)
        ],
    )
    if len(shown) > len(rows):
        quiet(f"The newest {len(rows)} of {len(shown)} days; a shorter span shows the others.")


def _figure(value: int | None, metric: str, subject: Subject) -> str:
    return number(value) if metric in COUNTS else money(value, subject.currency)


def _words(name: str) -> str:
    return name.replace("_", " ")
