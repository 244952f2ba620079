"""Export files as tables: the restaurant's own CSV for what the API lacks, and what is true of every line of it.

A sheet is written line by line from rows that carry both their cells and their truth, so a file of 200,000 lines is
never held and the truth is never read back from the text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

Truth = dict[str, Any]
LINES_A_CHUNK = 500


@dataclass(slots=True)
class Line:
    """One line: its cells (or the raw text of a line that is no row), and what it truly says.

    `truth["problem"]` names what a careful import must complain about, None for a sound line. `value` is what the line
    adds to the sum of its kind: cents or points; None where that cannot be read.
    """

    cells: list[str] | str
    truth: Truth
    value: int | None


@dataclass(frozen=True)
class Sheet:
    """One export file. `lines` makes its lines anew each time; `total` writes the last line from the sum, or nothing.

    `stated` changes what the totals line says, for a file whose totals do not add up. `locations` None: all of them.
    """

    name: str
    kind: str
    note: str
    columns: tuple[str, ...]
    lines: Callable[[], Iterable[Line]]
    total: Callable[[int, int], list[str]] | None = None
    stated: Callable[[int], int] = lambda total: total
    encoding: str = "utf-8"
    delimiter: str = ","
    newline: str = "\r\n"
    locations: tuple[str, ...] | None = None
    sound: bool = True

    def about(self) -> Truth:
        """What the list of exports says."""
        return {
            "name": self.name,
            "kind": self.kind,
            "note": self.note,
            "sound": self.sound,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "locations": None if self.locations is None else list(self.locations),
        }

    def text(self) -> Iterator[bytes]:
        """The file, in pieces."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=self.delimiter, lineterminator=self.newline)
        writer.writerow(self.columns)
        total = 0
        for number, line in enumerate(self.lines(), start=1):
            total += line.value or 0
            if isinstance(line.cells, str):
                buffer.write(line.cells + self.newline)
            else:
                writer.writerow(line.cells)
            if number % LINES_A_CHUNK == 0:
                yield buffer.getvalue().encode(self.encoding, "replace")
                buffer.seek(0)
                buffer.truncate()
        if self.total is not None:
            writer.writerow(self.total(self.stated(total), len(self.columns)))
        yield buffer.getvalue().encode(self.encoding, "replace")

    def truth(self) -> Iterator[Truth]:
        """What every line says; `line` counts from 1 and the header is line 1."""
        for number, line in enumerate(self.lines(), start=2):
            yield {"file": self.name, "line": number, **line.truth}

    def totals(self) -> Truth:
        """Sum of the readable lines in cents or points, and what the file's own last line says (null: it has none)."""
        rows = readable = total = problems = 0
        for line in self.lines():
            rows += 1
            readable += line.value is not None
            total += line.value or 0
            problems += line.truth.get("problem") is not None
        stated = None if self.total is None else self.stated(total)
        return {
            "file": self.name,
            "kind": self.kind,
            "sound": self.sound,
            "rows": rows,
            "readable_rows": readable,
            "problems": problems,
            "sum": total,
            "stated_sum": stated,
            "agrees": None if stated is None else stated == total,
        }


# -- how people write amounts and days -------------------------------------------------------------------------------


def plain_money(cents: int) -> str:
    """-12.50"""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def dollars(cents: int) -> str:
    """$1,234.50, and ($12.50) below zero."""
    text = f"${abs(cents) // 100:,}.{abs(cents) % 100:02d}"
    return f"({text})" if cents < 0 else text


def comma_money(cents: int) -> str:
    """1.234,50, as spreadsheets of half the world write it."""
    whole = f"{abs(cents) // 100:,}".replace(",", ".")
    return f"{'-' if cents < 0 else ''}{whole},{abs(cents) % 100:02d}"


def iso(day: date | None) -> str:
    """2026-03-04"""
    return "" if day is None else day.isoformat()


def us_day(day: date | None) -> str:
    """03/04/2026 for the fourth of March."""
    return "" if day is None else f"{day:%m/%d/%Y}"


def dotted_day(day: date | None) -> str:
    """04.03.2026 for the fourth of March."""
    return "" if day is None else f"{day:%d.%m.%Y}"


def total_line(label: str, place: int, write: Callable[[int], str]) -> Callable[[int, int], list[str]]:
    """A totals line with the sum in column `place`."""

    def line(total: int, width: int) -> list[str]:
        cells = [""] * width
        cells[0], cells[place] = label, write(total)
        return cells

    return line
