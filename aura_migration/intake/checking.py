"""Checking a whole file: its conventions, every line, duplicates, and the totals that must agree. Stores nothing.

A file whose headings or totals do not fit is refused as a whole; a line that cannot be read is rejected with its number,
column and reason, never its content.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aura_migration.core.errors import BadInput
from aura_migration.core.ids import bytes_hash, split_location_key
from aura_migration.core.money import minor_units, show
from aura_migration.intake import cells, notation
from aura_migration.intake.cells import Unreadable, plain, word
from aura_migration.intake.kinds import FILE_KINDS, FileKind, Kind
from aura_migration.intake.mapping_file import TOTALS_WORDS, FileMapping
from aura_migration.intake.reading import Line, Table, read_table, shown
from aura_migration.intake.rows import Conventions, Read, contacts, holder, identity, read_row, unreadable_contacts

MALFORMED = "the quotes of the line do not close"


@dataclass(frozen=True)
class Place:
    """Whose file it is: what a cell means where the file does not say it. ``location_key`` None: the whole merchant's.

    ``sites`` are the POS ids of the integration's locations → their names.
    """

    integration_id: int
    pos: str
    location_key: str | None
    currency: str
    zone: str
    region: str
    sites: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Why a line was rejected: the heading of the column ("" for the line as a whole) and the reason."""

    column: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """One line with what it says. ``raw`` holds the cells that could be read, by field; ``problems`` reject the line.

    ``name`` identifies the record (see :func:`rows.identity`), None where it cannot be read. ``contacts`` are those
    that could be read, normalised, ``holder`` what names whose the record is; ``is_unfindable``: another one could not.
    """

    number: int
    raw: Mapping[str, str]
    name: str | None
    problems: tuple[Problem, ...]
    amount: int | None
    contacts: Mapping[str, str] = field(default_factory=dict)
    holder: str | None = None
    is_unfindable: bool = False


@dataclass(frozen=True)
class CheckedFile:
    """A file that may be recorded. ``left_out`` counts the filled cells of columns that are not taken, by heading.

    ``unreadable_contacts`` are the numbers of accepted lines with a contact that finds nobody.
    """

    sha256: str
    conventions: Conventions
    table: Table
    accepted: tuple[Checked, ...]
    rejected: tuple[Checked, ...]
    totals: Mapping[str, Any]
    left_out: Mapping[str, int]
    unreadable_contacts: list[int]
    mapping: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The report: everything but the records. Nothing in it is personal."""
        return {
            "kind": self.conventions.kind,
            "sha256": self.sha256,
            "encoding": self.table.encoding,
            "delimiter": {"\t": "tab"}.get(self.table.delimiter, self.table.delimiter),
            "mapping": self.mapping,
            "rows": len(self.accepted) + len(self.rejected),
            "accepted": len(self.accepted),
            "rejected": [
                {"line": line.number, "column": problem.column, "reason": problem.reason}
                for line in self.rejected
                for problem in line.problems
            ],
            "unreadable_contacts": self.unreadable_contacts,
            "totals": self.totals,
            "left_out": self.left_out,
        }


def check_file(data: bytes, kind_name: Kind, mapping: FileMapping, place: Place) -> CheckedFile:
    """Read and judge a file. ``BadInput`` when it is not a file of the kind, or its totals do not agree."""
    kind = FILE_KINDS[kind_name]
    table = read_table(data, kind, mapping)
    if kind_name == "payroll" and place.location_key is None and "location" not in table.columns.values():
        raise BadInput(
            "Payroll belongs to a location, and neither the file nor the import names one.",
            "Give one export per location (--location), or one with a column that names the location.",
        )
    records, totals_lines = _without_totals(table, kind, mapping)
    if not records:
        raise BadInput("The file has headings and no records.", "Export it again; an empty export needs no import.")
    raws = [_raw(table, line) for line in records]
    how = _conventions(kind, table, mapping, place, [raw for raw in raws if raw is not None])
    checked = _duplicates(
        [_checked(table, kind, how, line, raw) for line, raw in zip(records, raws, strict=True)], table, kind
    )
    totals = _totals(kind, table, mapping, how, checked, totals_lines)
    return CheckedFile(
        sha256=bytes_hash(data),
        conventions=how,
        table=table,
        accepted=tuple(line for line in checked if not line.problems),
        rejected=tuple(line for line in checked if line.problems),
        totals=totals,
        left_out=_left_out(table, records),
        unreadable_contacts=[line.number for line in checked if line.is_unfindable and not line.problems],
        mapping=_resolved(table, how, mapping),
    )


# -- lines --------------------------------------------------------------------------------------------------------------


def _without_totals(table: Table, kind: FileKind, mapping: FileMapping) -> tuple[list[Line], list[Line]]:
    records: list[Line] = []
    totals: list[Line] = []
    for line in table.lines:
        if _is_totals(table, kind, mapping, line):
            totals.append(line)
        elif totals:
            raise BadInput(
                f"Line {totals[-1].number} holds totals, and records follow it in line {line.number}.",
                "Export one list at a time, or say in the mapping file how the totals line is recognised (totalsRow).",
            )
        else:
            records.append(line)
    return records, totals


def _is_totals(table: Table, kind: FileKind, mapping: FileMapping, line: Line) -> bool:
    if line.cells is None:
        return False
    marks = {value.casefold() for value in mapping.totals_row.values}
    texts = [plain(cell).rstrip(":").casefold() for cell in line.cells]
    if mapping.totals_row.column is not None:
        at = [n for n, h in enumerate(table.headings) if h.casefold() == mapping.totals_row.column.casefold()]
        if not at:
            raise BadInput(
                f"The file has no column {mapping.totals_row.column!r}, by which the totals line is recognised.",
                "Correct totalsRow.column in the mapping file.",
            )
        return at[0] < len(texts) and texts[at[0]] in marks
    first = next((n for n, text in enumerate(texts) if text), None)
    if first is None:
        return False
    if texts[first] in marks:
        return True
    # "Total points": a phrase that begins with the word, and no other cell filled than the amount's.
    others = {n for n, text in enumerate(texts) if text and n != first}
    amounts = {n for n, f in table.columns.items() if f == kind.amount}
    is_default = mapping.totals_row.values == TOTALS_WORDS
    return is_default and texts[first].startswith("total ") and bool(others) and others <= amounts


def _raw(table: Table, line: Line) -> dict[str, str] | None:
    """The cells of a line by field, None where the line does not have the columns of the headings."""
    if line.cells is None or _misfit(table, line.cells):
        return None
    return {f: line.cells[n] for n, f in table.columns.items()}


def _misfit(table: Table, found: tuple[str, ...]) -> bool:
    width = len(table.headings)
    return len(found) < width or any(plain(cell) for cell in found[width:])


def _checked(table: Table, kind: FileKind, how: Conventions, line: Line, raw: Mapping[str, str] | None) -> Checked:
    if raw is None:
        reason = MALFORMED
        if line.cells is not None:
            reason = f"the line has {len(line.cells)} cells, the headings are {len(table.headings)}"
        return Checked(line.number, {}, None, (Problem("", reason),), None)
    read: Read = read_row(raw, how)
    problems = tuple(Problem(table.column(name), reason) for name, reason in read.problems)
    legible = {name: raw[name] for name in read.values}
    return Checked(
        line.number,
        legible,
        identity(read.values, how),
        problems,
        read.amount,
        contacts(read.values, how),
        holder(read.values, how),
        bool(unreadable_contacts(read.values, how)),
    )


def _duplicates(lines: list[Checked], table: Table, kind: FileKind) -> list[Checked]:
    """Lines of one record: an exact repetition is rejected, of contradicting ones all are: nobody knows which is right."""
    if kind.name == "consents":
        return lines  # several answers of one person are a history
    by_name: dict[str, list[Checked]] = defaultdict(list)
    for line in lines:
        if line.name is not None:
            by_name[line.name].append(line)
    against: dict[int, Problem] = {}
    for same in by_name.values():
        if len(same) == 1:
            continue
        column = next((table.column(name) for name in kind.identity if name in same[0].raw), "")
        first = same[0]
        if all(line.raw == first.raw and not line.problems for line in same):
            for line in same[1:]:
                against[line.number] = Problem(column, f"repeats line {first.number}")
        else:
            for line in same:
                others = ", ".join(str(other.number) for other in same if other is not line)
                against[line.number] = Problem(column, f"the same record stands in line {others}, with other values")
    return [
        replace(line, problems=(*line.problems, against[line.number])) if line.number in against else line
        for line in lines
    ]


# -- conventions --------------------------------------------------------------------------------------------------------


def _conventions(
    kind: FileKind, table: Table, mapping: FileMapping, place: Place, raws: Iterable[Mapping[str, str]]
) -> Conventions:
    rows = list(raws)
    currency = mapping.currency or place.currency
    present = set(table.columns.values())

    def column(name: str) -> list[str]:
        return [cell for raw in rows if plain(cell := raw[name])]

    amounts: list[tuple[Sequence[str], Callable[[str, str], Any]]] = []
    for declared in kind.fields:
        if declared.name in present and declared.notation == "money":
            amounts.append((column(declared.name), lambda cell, sep: cells.money(cell, sep, currency)))
        elif declared.name in present and declared.notation == "points":
            amounts.append((column(declared.name), cells.points))
        elif declared.name in present and declared.notation == "hours":
            amounts.append((column(declared.name), cells.hours))
    dates = {f.name: column(f.name) for f in kind.fields if f.name in present and f.notation in ("date", "moment")}
    try:
        forms = notation.date_forms(dates, mapping.date_formats)
    except BadInput as error:  # name the column as the file does
        named = {name: table.column(name) for name in dates}
        what = error.what
        for name, heading in named.items():
            what = what.replace(f"Column {name!r}", f"Column {heading!r}")
        raise BadInput(what, error.remedy) from None
    sign = mapping.sign or ("holder_owes" if kind.name == "house_accounts" else "restaurant_owes")
    return Conventions(
        kind=kind.name,
        currency=currency,
        decimal=mapping.decimal_separator or notation.decimal_separator(amounts),
        zone=mapping.time_zone or place.zone,
        region=place.region,
        sign=-1 if sign == "holder_owes" else 1,
        forms=forms,
        statuses={word(name): state for name, state in mapping.statuses.items()},
        answers={word(name): answer for name, answer in mapping.answers.items()},
        purpose=mapping.purpose,
        answer=mapping.answer,
        method=mapping.method,
        sites=_site_names(place) if "location" in present else {},
        site=split_location_key(place.location_key)[1] if place.location_key and "location" in present else None,
    )


def _site_names(place: Place) -> dict[str, str]:
    """How a line may name a location: by its POS id, or by a name that only one has."""
    names = Counter(word(name) for name in place.sites.values())
    unique = {word(name): site for site, name in place.sites.items() if names[word(name)] == 1}
    return {**unique, **{word(site): site for site in place.sites}}


def _resolved(table: Table, how: Conventions, mapping: FileMapping) -> dict[str, Any]:
    """The mapping as it was applied, with everything that was recognised filled in; in the form of a mapping file."""
    given = mapping.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {
        **given,
        "kind": how.kind,
        "columns": {shown(table.headings[n], n): f for n, f in sorted(table.columns.items())},
        "headerLine": table.header_line,
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "decimalSeparator": how.decimal,
        "currency": how.currency,
        "dateFormats": list(dict.fromkeys(how.forms.values())),
        "timeZone": how.zone,
        "sign": "holder_owes" if how.sign < 0 else "restaurant_owes",
    }


def _left_out(table: Table, records: Iterable[Line]) -> dict[str, int]:
    filled: Counter[int] = Counter()
    for line in records:
        filled.update(
            n
            for n, cell in enumerate(line.cells or ())
            if n < len(table.headings) and n not in table.columns and plain(cell)
        )
    return {shown(table.headings[n], n): count for n, count in sorted(filled.items())}


# -- totals -------------------------------------------------------------------------------------------------------------


def _totals(
    kind: FileKind,
    table: Table,
    mapping: FileMapping,
    how: Conventions,
    lines: list[Checked],
    totals_lines: list[Line],
) -> dict[str, Any]:
    """Count and sum, and against what they were checked. ``BadInput`` when something stated does not agree.

    The sum is of all lines whose amount can be read, also rejected ones: it is the file's, not ours.
    """
    unit = _unit(kind, how)
    found = sum(line.amount or 0 for line in lines)
    totals: dict[str, Any] = {
        "unit": unit,
        "count": len(lines),
        "accepted": sum(line.amount or 0 for line in lines if not line.problems),
        "sum": found,
        "agrees_with": [],
    }
    expected = mapping.expected
    if expected.count is not None:
        if expected.count != len(lines):
            raise _disagrees(
                f"the file has {len(lines)} records, {expected.count} are expected", len(lines), expected.count
            )
        totals["agrees_with"].append("expected count")
    if expected.sum is not None and kind.amount:
        stated = minor_units(expected.sum, "JPY" if unit == "points" else how.currency)  # points are whole, as yen are
        _compare(found, stated, unit, "the expected sum", lines, table, kind)
        totals["agrees_with"].append("expected sum")
    for line in totals_lines:
        stated_by_line = _stated(kind, table, how, line)
        if stated_by_line is not None:
            _compare(found, stated_by_line, unit, f"the totals in line {line.number}", lines, table, kind)
            totals["agrees_with"].append(f"totals in line {line.number}")
    return totals


def _unit(kind: FileKind, how: Conventions) -> str:
    """In what totals are given: a currency, points, or lines where nothing is owed."""
    if not kind.amount:
        return "lines"
    return "points" if kind.field(kind.amount).notation == "points" else how.currency


def _stated(kind: FileKind, table: Table, how: Conventions, line: Line) -> int | None:
    """The amount of a totals line, None where it states none."""
    at = next((n for n, f in table.columns.items() if f == kind.amount), None)
    if at is None or line.cells is None or at >= len(line.cells) or not plain(line.cells[at]):
        return None
    try:
        if kind.field(kind.amount).notation == "points":
            return cells.points(line.cells[at], how.decimal)
        return cells.money(line.cells[at], how.decimal, how.currency)
    except Unreadable as reason:
        raise BadInput(
            f"The totals in line {line.number} cannot be read: {reason}.",
            "Correct the line, or say in the mapping file how the totals line is recognised (totalsRow).",
        ) from None


def _compare(found: int, stated: int, unit: str, what: str, lines: list[Checked], table: Table, kind: FileKind) -> None:
    if found == stated:
        return
    unreadable = [str(line.number) for line in lines if line.amount is None]
    because = ""
    if unreadable:
        because = f"; {table.column(kind.amount)} cannot be read in line {', '.join(unreadable[:20])}"
    amounts = f"{_shown(found, unit)}, {what} {'are' if what.startswith('the totals') else 'is'} {_shown(stated, unit)}"
    raise _disagrees(f"the records add up to {amounts}{because}", found, stated)


def _disagrees(why: str, found: int, stated: int) -> BadInput:
    return BadInput(
        f"The totals do not agree: {why}. Nothing was stored.",
        "Export the file again, whole; or correct the lines or the expected totals.",
        found=found,
        stated=stated,
    )


def _shown(amount: int, unit: str) -> str:
    return f"{amount} points" if unit == "points" else f"{show(amount, unit)} {unit}"
