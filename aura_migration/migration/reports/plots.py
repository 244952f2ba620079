"""Charts of sales as PNG images: plain data in, bytes out. Reading the data is the business of ``sales/charts.py``.

matplotlib is imported when something is drawn, and draws without a display. Same data, same bytes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

from aura_migration.core.money import minor_digits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, GRID = "#1c2530", "#66717f", "#e3e7ec"
MAIN, SOFT = "#1f6f8b", "#b9d4dd"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_STYLE: Any = {
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a dish may be called "$5 special"
    "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "figure.facecolor": "white",
    "figure.dpi": 120,
}
_WEEK = 7
_MOST = 15
_MORNING = 5


def daily_net_sales(sales: Sequence[tuple[date, int]], currency: str) -> bytes:
    """Net sales per business date as bars, with the mean of seven days. ``sales``: (date, minor units) in order."""

    def draw(axes: Axes) -> None:
        days = [day.toordinal() for day, _ in sales]
        amounts = [_units(cents, currency) for _, cents in sales]
        axes.bar(days, amounts, width=1, color=SOFT, label="day")
        mean = [sum(amounts[n + 1 - _WEEK : n + 1]) / _WEEK for n in range(_WEEK - 1, len(amounts))]
        if mean:
            axes.plot(days[_WEEK - 1 :], mean, color=MAIN, linewidth=1.8, label="mean of 7 days")
            axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0, ncols=2)
        marks = _marks([day for day, _ in sales])
        axes.set_xticks([day.toordinal() for day, _ in marks], [text for _, text in marks])
        _grid(axes, "y")

    return _png(f"Net sales per business date, {currency}", (9, 3.2), draw)


def hourly_heat_map(sales: Mapping[tuple[int, int], float], currency: str) -> bytes:
    """Mean net sales by weekday and hour. ``sales``: (weekday from Monday = 0, hour) → minor units."""

    def draw(axes: Axes) -> None:
        hours = _business_hours({hour for _, hour in sales})
        table = [
            [_units(sales.get((weekday, hour), 0), currency) for hour in hours] for weekday in range(len(WEEKDAYS))
        ]
        from matplotlib.colors import LinearSegmentedColormap

        colours = LinearSegmentedColormap.from_list("sales", ["#f4f7f9", SOFT, MAIN, "#0f3b4c"])
        image = axes.imshow(table, aspect="auto", cmap=colours, vmin=0)
        axes.set_xticks(range(len(hours)), [f"{hour:02d}" for hour in hours])
        axes.set_yticks(range(len(WEEKDAYS)), WEEKDAYS)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        bar = axes.figure.colorbar(image, ax=axes, pad=0.02)
        bar.outline.set_visible(False)

    return _png(f"Net sales by weekday and hour, mean per day, {currency}", (9, 3.2), draw)


def product_mix(sales: Sequence[tuple[str, int]], currency: str) -> bytes:
    """The best-selling items by net sales. ``sales``: (name, minor units), any order."""
    best = sorted(sales, key=lambda one: (-one[1], one[0]))[:_MOST]
    return _bars(f"Items by net sales, {currency}", best, currency, sum(cents for _, cents in sales))


def tenders(collected: Sequence[tuple[str, int]], currency: str) -> bytes:
    """What was collected by tender, tips in, refunds out. ``collected``: (tender, minor units), any order."""
    most = sorted(collected, key=lambda one: (-one[1], one[0]))[:_MOST]
    return _bars(f"Collected by tender, {currency}", most, currency, sum(cents for _, cents in collected))


def _bars(title: str, rows: Sequence[tuple[str, int]], currency: str, total: int) -> bytes:
    def draw(axes: Axes) -> None:
        names = [name if len(name) <= 32 else f"{name[:31]}…" for name, _ in rows]
        amounts = [_units(cents, currency) for _, cents in rows]
        places = range(len(rows))
        axes.barh(places, amounts, color=MAIN, height=0.7)
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        for place, (_, cents), amount in zip(places, rows, amounts, strict=True):
            share = f"  {_share(cents / total)}" if cents > 0 and total > 0 else ""
            axes.annotate(share, (max(amount, 0), place), va="center", color=QUIET)
        _grid(axes, "x")

    return _png(title, (9, 0.9 + 0.3 * max(len(rows), 1)), draw)


def _png(title: str, size: tuple[float, float], draw: Callable[[Axes], None]) -> bytes:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.set_title(title)
        draw(axes)
        out = BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _grid(axes: Axes, which: str) -> None:
    from matplotlib.ticker import StrMethodFormatter

    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.grid(visible=True, color=GRID)


def _marks(days: Sequence[date]) -> list[tuple[date, str]]:
    """Where the axis names a day: first days of months, with the year where it begins; of a short span the days themselves."""
    if not days:
        return []
    span = (days[-1] - days[0]).days
    if span <= 2 * _WEEK:
        return [(day, f"{day.day} {day:%b}") for day in days]
    if span <= 12 * _WEEK:
        return [(day, f"{day.day} {day:%b}") for day in days if day.weekday() == 0]
    firsts = [day for day in (days[0] + timedelta(n) for n in range(span + 1)) if day.day == 1]
    every = len(firsts) // 16 + 1
    return [
        (day, f"{day:%b}\n{day.year}" if n == 0 or day.month == 1 else f"{day:%b}")
        for n, day in enumerate(firsts[::every])
    ]


def _units(cents: float, currency: str) -> float:
    return float(cents) / float(10 ** minor_digits(currency))


def _business_hours(hours: set[int]) -> list[int]:
    """All hours from the first to the last of a business day, which may run past midnight: the longest pause is the night."""
    if not hours:
        return list(range(24))
    known = sorted(hours)
    gaps = [
        ((following - hour) % 24 or 24, following)
        for hour, following in zip(known, [*known[1:], known[0]], strict=True)
    ]
    longest, first = max(gaps, key=lambda gap: (gap[0], -((gap[1] - _MORNING) % 24)))
    return [(first + n) % 24 for n in range(24 - longest + 1)]


def _share(part: float) -> str:
    """A share in whole percent; what is there is never shown as nothing."""
    return f"{part:.0%}" if part >= 0.005 else "<1%"
