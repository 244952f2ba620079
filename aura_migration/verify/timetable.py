"""Weekly windows with prices, brought into one normal form: who wrote them down how does not matter, only when what holds.

Pure arithmetic on minutes of a week, Monday 00:00 first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from aura_migration.pos.facts import ALWAYS, DAYS, PriceFact, Window

DAY = 24 * 60
WEEK = 7 * DAY
CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)(?::00(?:\.0+)?)?")
Spans = tuple[tuple[int, int], ...]


class Segment(NamedTuple):
    """What holds from minute ``start`` up to ``end``: a price, None for no price at all, or ``is_ambiguous``."""

    start: int
    end: int
    fact: PriceFact | None
    is_ambiguous: bool = False


def spans(window: Window) -> Spans:
    """The window as ``(start, end)`` minutes of the week, ascending. ValueError for what is no time of day or no day."""
    if window == ALWAYS:
        return ((0, WEEK),)
    unknown = [day for day in window.days if day not in DAYS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a day of the week")
    start = _minute(window.start) if window.start else 0
    end = _minute(window.end) if window.end else DAY
    if start == end:
        start, end = 0, DAY
    found: list[tuple[int, int]] = []
    for day in window.days or DAYS:
        base = DAYS.index(day) * DAY
        if start < end:
            found.append((base + start, base + end))
            continue
        found.append((base + start, base + DAY))
        if end:
            after = (base + DAY) % WEEK
            found.append((after, after + end))
    return _joined(found)


def open_spans(windows: Iterable[Window]) -> Spans:
    """When any of the windows is open; none at all means always."""
    found = [span for window in windows for span in spans(window)]
    return _joined(found) if found else ((0, WEEK),)


def paint(prices: Sequence[tuple[Window, PriceFact]]) -> tuple[Segment, ...]:
    """The week as segments of one price each: where windows overlap the highest rank holds.

    Two different prices of the same rank at the same time are ambiguous. Ranks themselves do not stay in the segments.
    """
    layers = [(span, fact) for window, fact in prices for span in spans(window)]
    edges = sorted({0, WEEK, *(edge for span, _ in layers for edge in span)})
    segments: list[Segment] = []
    for start, end in pairwise(edges):
        holding = [fact for (first, last), fact in layers if first <= start and end <= last]
        top = max((fact.rank for fact in holding), default=0)
        best = {fact._replace(rank=0) for fact in holding if fact.rank == top}
        segment = Segment(start, end, min(best, key=repr) if best else None, len(best) > 1)
        if segments and segments[-1][2:] == segment[2:]:
            segments[-1] = segments[-1]._replace(end=end)
        else:
            segments.append(segment)
    return tuple(segments)


def overlay(left: Sequence[Segment], right: Sequence[Segment]) -> list[tuple[int, int, Segment, Segment]]:
    """Both weeks side by side: ``(start, end, left segment, right segment)`` for every span in which neither changes."""
    found: list[tuple[int, int, Segment, Segment]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i].start, right[j].start), min(left[i].end, right[j].end)
        if start < end:
            found.append((start, end, left[i], right[j]))
        if left[i].end <= right[j].end:
            i += 1
            j += left[i - 1].end == right[j].end
        else:
            j += 1
    return found


def show_span(start: int, end: int) -> str:
    """A span as people read it: ``mon 17:00 – mon 19:00``; empty for the whole week."""
    return "" if (start, end) == (0, WEEK) else f"{_moment(start)} – {_moment(end, is_end=True)}"


def _moment(minute: int, *, is_end: bool = False) -> str:
    day, within = divmod(minute, DAY)
    if is_end and not within and day:
        return f"{DAYS[day - 1]} 24:00"
    return f"{DAYS[day % 7]} {within // 60:02}:{within % 60:02}"


def _minute(text: str) -> int:
    match = CLOCK.fullmatch(text)
    if match is None or (found := int(match[1]) * 60 + int(match[2])) > DAY:
        raise ValueError(f"{text!r} is not a time of day")
    return found


def _joined(found: Iterable[tuple[int, int]]) -> Spans:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
