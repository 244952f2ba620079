"""Charts drawn by the library that is served with the console. A table beside a chart says the same in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui

COLOURS = ("#1d4e89", "#b35c00", "#1b6e3c")
"""Told apart without colour, too: by the shape of points and lines."""
SYMBOLS = ("circle", "diamond", "triangle")
DASHES = ("solid", "dashed", "dotted")


@dataclass(frozen=True)
class Line:
    """One line: its name, and a value for each place of the axis."""

    name: str
    values: Sequence[float | None]


def lines_chart(title: str, places: Sequence[str], lines: Sequence[Line], unit: str) -> ui.echart:
    """Lines over days; a slider below where there are many."""
    many = len(places) > 45
    chart = ui.echart(
        {
            "animation": False,
            "aria": {"enabled": True, "label": {"description": title}},
            "color": list(COLOURS[: len(lines)]),
            "tooltip": {"trigger": "axis"},
            "legend": {"top": 0, "data": [line.name for line in lines]},
            "grid": {"left": 12, "right": 24, "top": 56, "bottom": 72 if many else 12, "containLabel": True},
            "xAxis": {"type": "category", "data": list(places), "axisLabel": {"color": "#4d5866"}},
            "yAxis": {"type": "value", "scale": True, "name": unit, "axisLabel": {"color": "#4d5866"}},
            **({"dataZoom": [{"type": "slider", "bottom": 12, "start": 0, "end": 100}]} if many else {}),
            "series": [
                {
                    "name": line.name,
                    "type": "line",
                    "data": list(line.values),
                    "symbol": SYMBOLS[place % len(SYMBOLS)],
                    "symbolSize": 9 - 2 * place,
                    "showSymbol": not many,
                    "connectNulls": False,
                    "lineStyle": {"width": max(1, 4 - 2 * place), "type": DASHES[place % len(DASHES)]},
                }
                for place, line in enumerate(lines)
            ],
        }
    )
    chart.classes("chart").props("role=img")
    chart.props["aria-label"] = title
    return chart
