"""Taking in the POS's own daily report, as the restaurant exported it: the third column of every comparison.

A file is read whole and checked whole before anything is stored: headings, dates, amounts, totals. What it says of a day
replaces what an earlier file said of the same figures on that day. Whether the figures are right is verification's
question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from aura_migration.core.errors import BadInput
from aura_migration.core.ids import bytes_hash
from aura_migration.intake import cells, notation
from aura_migration.intake.cells import Unreadable, plain, word
from aura_migration.intake.reading import Line, Table, read_table
from aura_migration.intake.report_kinds import (
    BUILT_IN,
    COUNTS,
    FORMAT,
    PLACES,
    SHEETS,
    TAKEN_OFF,
    ReportMapping,
    Sheet,
    file_kind,
    file_mapping,
)

PROBLEMS_SHOWN = 20
AMBIGUOUS = tuple(f"{days}{mark}%{year}" for mark in "/-" for year in "Yy" for days in (f"%m{mark}%d", f"%d{mark}%m"))
"""Forms that differ by which of month and day comes first."""
Connection = psycopg.Connection[Any]
Place = tuple[date, str, str]
"""A figure's day, what it is, and of which rate or tender ("" for the day's own)."""


@dataclass(frozen=True)
class ReportImported:
    """What was taken in. ``figures`` says which, ``totals`` what the file adds up to (minor units; counts are numbers).

    ``replaced`` counts figures an earlier file had said of these days; ``left_out`` are headings nothing was taken from,
    ``elsewhere`` lines of other locations.
    """

    location_key: str
    file_name: str
    sha256: str
    sheet: Sheet
    days: int
    first_day: date
    last_day: date
    values: int
    replaced: int
    figures: tuple[str, ...]
    totals: dict[str, int]
    columns: dict[str, str]
    left_out: tuple[str, ...] = ()
    elsewhere: int = 0

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "location": self.location_key,
            "file_name": self.file_name,
            "sha256": self.sha256,
            "sheet": self.sheet,
            "days": self.days,
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "values": self.values,
            "replaced": self.replaced,
            "figures": list(self.figures),
            "totals": self.totals,
            "columns": self.columns,
            "left_out": list(self.left_out),
            "elsewhere": self.elsewhere,
        }


@dataclass
class _Read:
    """A file as figures: of the location, and of all lines together (which is what totals lines add up)."""

    values: dict[Place, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    elsewhere: int = 0


def import_report(
    connection: Connection, location_key: str, pos: str, path: Path, mapping: ReportMapping, by: str
) -> ReportImported:
    """Read a daily report of a location and store its figures in one transaction, or store nothing.

    ``BadInput`` names what is wrong: columns, encoding, dates, amounts, totals, another location. ``by`` is who hands it over.
    """
    name, source_id, currency = _location(connection, location_key)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"The report {path} cannot be read: {error.strerror}.", "Check the path.") from error
    sheet, table, mapping = _table(data, pos, mapping)
    records, totals_lines = _without_totals(table, mapping)
    if not records:
        raise BadInput("The report has headings and no days.", "Export it again, over the days of the history.")
    how = _Notation(table, mapping, records, currency)
    wanted = {word(text) for text in ((mapping.location,) if mapping.location else (name, source_id)) if text}
    read = _read(table, how, records, wanted)
    if read.problems:
        shown = read.problems[:PROBLEMS_SHOWN]
        more = len(read.problems) - len(shown)
        raise BadInput(
            f"The report cannot be used: {'; '.join(shown)}{f'; and {more} more' if more else ''}.",
            f"Correct the file or its mapping (`aura-migration {FORMAT}` prints the format); nothing was imported.",
            problems=shown,
        )
    if not read.values:
        raise BadInput(
            f"No line of the report is of {name or location_key}.",
            'Give the export of this location, or name it as the file does: "location": "…" in the mapping file.',
        )
    _check_totals(table, how, read, totals_lines)
    values = _signed(read.values)
    replaced = _store(connection, location_key, values, bytes_hash(data), by)
    days = {day for day, _, _ in values}
    figures = tuple(dict.fromkeys(figure for _, figure, _ in values))
    return ReportImported(
        location_key=location_key,
        file_name=path.name,
        sha256=bytes_hash(data),
        sheet=sheet,
        days=len(days),
        first_day=min(days),
        last_day=max(days),
        values=len(values),
        replaced=replaced,
        figures=figures,
        totals={figure: sum(v for (_, f, _), v in values.items() if f == figure) for figure in figures},
        columns={table.headings[n]: figure for n, figure in sorted(table.columns.items())},
        left_out=tuple(h for n, h in enumerate(table.headings) if n not in table.columns and plain(h)),
        elsewhere=read.elsewhere,
    )


def _location(connection: Connection, location_key: str) -> tuple[str, str, str]:
    row = connection.execute(
        "SELECT l.name, l.source_id, coalesce(l.facts ->> 'currency', 'USD') FROM migration.locations l WHERE l.key = %s",
        [location_key],
    ).fetchone()
    if row is None:
        raise BadInput(
            f"Location {location_key!r} is not known.",
            "`aura-migration integrations` lists the locations of each integration.",
        )
    name, source_id, currency = row
    return str(name), str(source_id), str(currency)


# -- columns ------------------------------------------------------------------------------------------------------------


def _table(data: bytes, pos: str, mapping: ReportMapping) -> tuple[Sheet, Table, ReportMapping]:
    """The file as the sheet it is: the first that its headings fit, unless the mapping says which."""
    sheets = (mapping.sheet,) if mapping.sheet else SHEETS
    refusal: BadInput | None = None
    for sheet in sheets:
        named = set(mapping.columns.values())
        if mapping.columns and not mapping.sheet and sheet != "sales" and not named & _marks(sheet):
            continue
        kind = file_kind(sheet, mapping.columns)
        try:
            table = read_table(data, kind, file_mapping(mapping))
        except BadInput as error:
            refusal = _about_reports(error)
            if "problems" not in error.details:
                raise refusal from error  # nothing that another sheet would read better
            continue
        if sheet == "sales" and not mapping.columns:
            table = _with_built_in(table, pos)
        if any(figure not in PLACES for figure in table.columns.values()):
            return sheet, table, mapping
        refusal = BadInput(
            f"The headings do not fit a daily report: there is a date, and no figure that is known (line {table.header_line} "
            "was taken for the headings).",
            f"Give a mapping file (`aura-migration {FORMAT}` prints the format).",
        )
    assert refusal is not None
    raise refusal


def _marks(sheet: Sheet) -> set[str]:
    return {"tender"} if sheet == "payments" else {"tax_name"}


def _about_reports(error: BadInput) -> BadInput:
    """The refusal of a reader of handed files, naming the format of reports."""
    return BadInput(error.what, error.remedy.replace("import-file schema", FORMAT), **error.details)


def _with_built_in(table: Table, pos: str) -> Table:
    """With the columns that only this POS's own sheet has."""
    own = {word(heading): figure for heading, figure in BUILT_IN.get(pos, {}).items()}
    added = {
        n: own[word(heading)]
        for n, heading in enumerate(table.headings)
        if n not in table.columns and word(heading) in own
    }
    return replace(table, columns={**table.columns, **added})


# -- lines --------------------------------------------------------------------------------------------------------------


def _without_totals(table: Table, mapping: ReportMapping) -> tuple[list[Line], list[Line]]:
    marks = {value.casefold() for value in mapping.totals_row.values}
    column = mapping.totals_row.column
    at = None if column is None else next((n for n, h in enumerate(table.headings) if word(h) == word(column)), -1)
    if at == -1:
        raise BadInput(f"The report has no column {column!r}.", "Correct totalsRow.column in the mapping file.")
    records: list[Line] = []
    totals: list[Line] = []
    for line in table.lines:
        texts = [plain(cell).rstrip(":").casefold() for cell in line.cells or ()]
        looked_at = texts if at is None else texts[at : at + 1]
        filled = next((text for text in looked_at if text), "")
        if filled in marks:
            totals.append(line)
        elif totals:
            raise BadInput(
                f"Line {totals[-1].number} holds totals, and days follow it in line {line.number}.",
                "Export one table at a time, or say in the mapping file how the totals line is recognised (totalsRow).",
            )
        else:
            records.append(line)
    return records, totals


class _Notation:
    """How the file writes dates and amounts, decided over all its lines."""

    def __init__(self, table: Table, mapping: ReportMapping, records: Sequence[Line], currency: str) -> None:
        self.currency = currency
        self._at = {figure: n for n, figure in table.columns.items()}
        self._table = table
        columns = {figure: [self.cell(line, figure) for line in records] for figure in self._at}
        amounts = [
            [text for text in column if text]
            for figure, column in columns.items()
            if figure not in PLACES and figure.partition(":")[0] not in COUNTS
        ]
        self.decimal: str = mapping.decimal_separator or notation.decimal_separator(
            [(column, lambda text, decimal: cells.money(text, decimal, currency)) for column in amounts]
        )
        self.form = _date_form(table.column("date"), columns["date"], mapping.date_formats)

    def cell(self, line: Line, figure: str) -> str:
        """The text of a line in the column of a figure; "" where there is none."""
        n = self._at.get(figure)
        return "" if n is None or line.cells is None or n >= len(line.cells) else plain(line.cells[n])

    def amount(self, text: str, figure: str) -> int:
        """A figure in minor units, or as a number."""
        if figure.partition(":")[0] in COUNTS:
            value, code = cells.decimal_text(text, self.decimal)
            if code is not None or value != value.to_integral_value():
                raise Unreadable("this is not a number of orders, guests or payments")
            return int(value)
        return cells.money(text, self.decimal, self.currency)

    def day(self, line: Line) -> date:
        """The day of a line."""
        return cells.day(self.cell(line, "date"), self.form)


def _date_form(heading: str, texts: Sequence[str], allowed: Sequence[str]) -> str:
    """The form of the dates. Where two read them alike well, the one by which the days follow each other."""
    try:
        return notation.date_forms({heading: texts}, allowed)[heading]
    except BadInput:
        following = [form for form in allowed or AMBIGUOUS if _follow(texts, form)]
        if len(following) != 1:
            raise
        return following[0]


def _follow(texts: Sequence[str], form: str) -> bool:
    try:
        days = {cells.day(text, form) for text in texts}
    except Unreadable:
        return False
    return len(days) > 1 and (max(days) - min(days)).days < 2 * len(days)


def _read(table: Table, how: _Notation, records: Sequence[Line], wanted: set[str]) -> _Read:
    read = _Read()
    figures = [figure for figure in table.columns.values() if figure not in PLACES]
    has_location = "location" in table.columns.values()
    adds_up = "remitted" in table.columns.values()
    seen: dict[tuple[date, str], int] = {}
    for line in records:
        if line.cells is None:
            read.problems.append(f"line {line.number}: its quotes do not close")
            continue
        is_here = not has_location or word(how.cell(line, "location")) in wanted
        read.elsewhere += not is_here
        try:
            day = how.day(line)
        except Unreadable as error:
            read.problems.append(f"line {line.number}, {table.column('date')}: {error}")
            continue
        name = _name(how, line)
        if is_here and (day, name) in seen and not adds_up:
            what = f" and {name}" if name else ""
            read.problems.append(f"line {line.number}: {day}{what} is in line {seen[day, name]} already")
        if is_here:
            seen.setdefault((day, name), line.number)
        for figure in figures:
            text = how.cell(line, figure)
            if not text:
                continue
            try:
                value = how.amount(text, figure)
            except Unreadable as error:
                read.problems.append(f"line {line.number}, {table.column(figure)}: {error}")
                continue
            read.totals[figure] = read.totals.get(figure, 0) + value
            if is_here:
                own, _, of = figure.partition(":")
                place = (day, own, of or name)
                read.values[place] = read.values.get(place, 0) + value
    return read


def _name(how: _Notation, line: Line) -> str:
    """Which rate or tender a line is of: ``Sales Tax 8.875%``."""
    tender, tax, percent = how.cell(line, "tender"), how.cell(line, "tax_name"), how.cell(line, "tax_percent")
    if not tax or not percent:
        return tender or tax
    number = percent.rstrip("% ").replace(",", ".")
    try:
        number = format(Decimal(number).normalize(), "f")
    except ArithmeticError:
        return f"{tax} {percent}"
    return f"{tax} {number}%"


def _check_totals(table: Table, how: _Notation, read: _Read, lines: Sequence[Line]) -> None:
    """The totals a file states of its columns are what its lines add up to."""
    for line in lines:
        for figure in table.columns.values():
            text = how.cell(line, figure)
            if figure in PLACES or not text:
                continue
            try:
                stated = how.amount(text, figure)
            except Unreadable as error:
                raise BadInput(
                    f"Line {line.number}, {table.column(figure)}: {error}.", "Correct the totals line, or take it out."
                ) from None
            if stated != read.totals.get(figure, 0):
                raise BadInput(
                    f"The report says that {table.column(figure)} comes to {_shown(stated)}, its lines come to "
                    f"{_shown(read.totals.get(figure, 0))}.",
                    "Part of the file is missing or was changed: export it again. Nothing was imported.",
                    figure=figure,
                    stated=stated,
                    found=read.totals.get(figure, 0),
                )


def _shown(value: int) -> str:
    return f"{value / 100:,.2f}"


def _signed(values: dict[Place, int]) -> dict[Place, int]:
    """What is taken off, as positive amounts: a column that comes to less than nothing shows them with a minus.

    On single days its sign may be the other one, where more was given back than taken off.
    """
    flipped = {
        figure
        for figure in {figure for _, figure, _ in values} & set(TAKEN_OFF)
        if sum(value for (_, own, _), value in values.items() if own == figure) < 0
    }
    return {place: -value if place[1] in flipped else value for place, value in values.items()}


def _store(connection: Connection, location_key: str, values: dict[Place, int], sha256: str, by: str) -> int:
    """Put the figures in place of those an earlier file had for these days; returns how many those were."""
    days = sorted({day for day, _, _ in values})
    figures = sorted({figure for _, figure, _ in values})
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM migration.pos_daily_reports WHERE location_key = %s AND business_date = ANY(%s) AND metric = ANY(%s)",
            [location_key, days, figures],
        )
        replaced = cursor.rowcount
        with cursor.copy(
            "COPY migration.pos_daily_reports (location_key, business_date, metric, name, cents, count, file_sha256, "
            "imported_by) FROM STDIN"
        ) as copy:
            for (day, figure, name), value in values.items():
                is_count = figure in COUNTS
                amounts = (None, value) if is_count else (value, None)
                copy.write_row((location_key, day, figure, name, *amounts, sha256, by))
    return replaced
