"""From the bytes of a file to lines of cells: encoding, delimiter, quotes, and the line that holds the headings.

What the columns mean and whether the cells make sense does not belong here. No message repeats a cell of the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aura_migration.core.errors import BadInput
from aura_migration.intake.cells import plain
from aura_migration.intake.kinds import FileKind
from aura_migration.intake.mapping_file import FileMapping, recognised, wrong_fields

DELIMITERS = (",", ";", "\t", "|")
LARGEST_FILE = 200 * 1024 * 1024
HEADING_WITHIN = 15
"""Lines at the top among which the headings are looked for: exports begin with a title, a period, a blank line."""
_SPANS = 50
"""Physical lines a quoted cell may run over; more is a quote that was never closed."""
_NEWLINE = re.compile(r"\r\n|\n|\r")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True)
class Line:
    """One record of the file: the number of its first physical line, its cells, None where its quotes do not close."""

    number: int
    cells: tuple[str, ...] | None


@dataclass(frozen=True)
class Table:
    """A file as read: how, its headings, which column holds which field, and the lines below the headings.

    Blank lines are left out. ``columns`` is column number → field.
    """

    encoding: str
    delimiter: str
    header_line: int
    headings: tuple[str, ...]
    columns: dict[int, str]
    lines: tuple[Line, ...]

    def column(self, field: str) -> str:
        """The heading of the column that holds a field, fit to be shown."""
        return next((shown(self.headings[n], n) for n, f in self.columns.items() if f == field), field)


def read_table(data: bytes, kind: FileKind, mapping: FileMapping) -> Table:
    """The table of a file. ``BadInput`` when it is no text, or when no line holds the headings that are needed."""
    if len(data) > LARGEST_FILE:
        raise BadInput("The file is larger than 200 MB.", "Split it by date or location, and import the parts.")
    text, encoding = decoded(data, mapping.encoding)
    physical = _NEWLINE.split(text)
    best: tuple[int, Table] | None = None
    misfits: list[tuple[Table, list[str]]] = []
    for delimiter in (mapping.delimiter,) if mapping.delimiter else DELIMITERS:
        for line in _top(physical, delimiter, mapping.header_line):
            assert line.cells is not None
            headings = tuple(plain(cell) for cell in line.cells)
            columns, wrong = _columns(kind, mapping, headings)
            table = Table(encoding, delimiter, line.number, headings, columns, ())
            score = len(columns) * 100 + min(len(headings), 50)
            if wrong:
                misfits.append((table, wrong))
            elif best is None or score > best[0]:
                best = score, table
    if best is None and not misfits:
        raise BadInput("The file is empty.", "Export it again; it needs a line of headings and a line per record.")
    if best is None:
        raise _refused(kind, *_meant(misfits))
    table = best[1]
    following = _records(physical, table.delimiter, table.header_line)
    lines = tuple(line for line in following if line.cells is None or any(plain(cell) for cell in line.cells))
    return Table(table.encoding, table.delimiter, table.header_line, table.headings, table.columns, lines)


def decoded(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text of a file and its encoding: as told, by its byte order mark, UTF-8 if it is that, else Western European."""
    if encoding is not None:
        try:
            return data.decode(encoding).removeprefix("\ufeff"), encoding
        except UnicodeError as error:
            raise BadInput(
                f"The file is not {encoding}, as its mapping says.", 'Leave "encoding" out, or name the right one.'
            ) from error
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _as(data, name)
    zeros = data[:2000].count(0)
    if zeros:  # every second byte of Western text in UTF-16 is zero; in no other text is any
        if zeros < len(data[:2000]) / 4:
            raise BadInput("The file is not text (it holds zero bytes).", "Export it as CSV.")
        return _as(data, "utf-16-le" if data[1:2] == b"\0" else "utf-16-be")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise BadInput("The file is a spreadsheet or document, not CSV.", "Open it and save it as CSV.")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _as(data, "cp1252" if any(0x80 <= byte <= 0x9F for byte in set(data)) else "latin-1")


def _as(data: bytes, name: str) -> tuple[str, str]:
    try:
        return data.decode(name), name
    except UnicodeError as error:
        raise BadInput(
            f"The file looks like {name}, and is not.", 'Name its encoding in a mapping file: "encoding": "…".'
        ) from error


def shown(heading: str, column: int) -> str:
    """A heading as it may be shown: one that looks like content (a number, an address) is named by its place."""
    is_safe = heading and len(heading) <= 60 and "@" not in heading and not re.search(r"\d[\d\s().-]{2,}\d", heading)
    return heading if is_safe and heading.isprintable() else f"column {column + 1}"


def _top(physical: Sequence[str], delimiter: str, header_line: int | None) -> Iterator[Line]:
    if header_line is not None:
        if header_line > len(physical):
            raise BadInput(f"The file has no line {header_line} for its headings.", "Correct headerLine.")
        found = next(_records(physical, delimiter, header_line - 1), None)
        if found is not None and found.cells is not None:
            yield found
        return
    for seen, line in enumerate(_records(physical, delimiter, 0)):
        if seen >= HEADING_WITHIN:
            return
        if line.cells is not None and any(plain(cell) for cell in line.cells):
            yield line


def _columns(kind: FileKind, mapping: FileMapping, headings: Sequence[str]) -> tuple[dict[int, str], list[str]]:
    """Which column holds which field, and what is missing for this to be a file of the kind."""
    problems: list[str] = []
    told: set[str] = set()
    if mapping.columns:
        wrong = wrong_fields(kind, mapping.columns)
        if wrong:
            raise BadInput(f"The mapping does not fit: {'; '.join(wrong)}.", "See `aura-migration import-file schema`.")
        columns: dict[int, str] = {}
        spelled = [heading.casefold() for heading in headings]
        for heading, field in mapping.columns.items():
            places = [n for n, s in enumerate(spelled) if s == plain(heading).casefold()]
            if len(places) == 1:
                columns[places[0]] = field
            else:
                problems.append(f"column {heading!r} is there {len(places)} times" if places else f"no {heading!r}")
                told.add(field)
    else:
        columns = recognised(kind, list(headings))
    present = set(columns.values())
    missing = [field for field in kind.required if field not in present | told]
    problems += [f"no column for {field!r}" for field in missing]
    if not (present | told | set(missing)) & set(kind.identity):
        problems.append(f"no column for {' or '.join(repr(name) for name in kind.identity)}")
    if kind.name == "consents":
        said = present & {"answer", "marketing_email", "marketing_sms", "profile", "loyalty"}
        if not said and mapping.answer is None:
            problems.append("no column that says yes or no")
        long_form = "answer" in present or (mapping.answer is not None and not said)
        if long_form and "purpose" not in present and mapping.purpose is None:
            problems.append("nothing that says what the consents are for (a column, or purpose in the mapping)")
    return columns, problems


def _meant(misfits: Sequence[tuple[Table, list[str]]]) -> tuple[Table, list[str]]:
    """Of lines that all do not fit, the one meant as headings, as its delimiter is best: the first that is no title, unless
    a later one has several known headings. A single one says nothing: a record may hold the word "Email"."""

    def rank(misfit: tuple[Table, list[str]]) -> tuple[bool, bool, int, int, int]:
        table = misfit[0]
        is_title = sum(1 for heading in table.headings if heading) < 2
        return len(table.columns) < 2, is_title, table.header_line, -len(table.columns), -len(table.headings)

    return min(misfits, key=rank)


def _refused(kind: FileKind, table: Table, problems: Sequence[str]) -> BadInput:
    """The refusal of a file whose headings do not fit. The line may be a record: nothing that stands in it is repeated."""
    found = ", ".join(repr(table.columns[n]) for n in sorted(table.columns)) or "none"
    columns = "1 column" if len(table.headings) == 1 else f"{len(table.headings)} columns"
    return BadInput(
        f"The headings do not fit {kind.title}: {'; '.join(problems)} (line {table.header_line} was taken for the headings: "
        f"{columns}, recognised: {found}).",
        "Check that it is the right export and that it has a line of headings; if its columns have other names, give a "
        "mapping file (`aura-migration import-file schema` prints the format).",
        line=table.header_line,
        columns=len(table.headings),
        recognised=[table.columns[n] for n in sorted(table.columns)],
        problems=list(problems),
    )


def _records(physical: Sequence[str], delimiter: str, start: int) -> Iterator[Line]:
    """The records below ``start`` physical lines. A line whose quotes never close is a record without cells."""
    at = start
    while at < len(physical):
        cells, used = _record(physical, delimiter, at)
        yield Line(at + 1, cells)
        at += used


def _record(physical: Sequence[str], delimiter: str, at: int) -> tuple[tuple[str, ...] | None, int]:
    if '"' not in physical[at]:
        return tuple(physical[at].split(delimiter)), 1
    for used in range(1, min(_SPANS, len(physical) - at) + 1):
        text = "\n".join(physical[at : at + used])
        if text.count('"') % 2:
            continue  # still inside quotes
        try:
            rows = list(csv.reader([f"{line}\n" for line in text.split("\n")], delimiter=delimiter, strict=True))
        except csv.Error:
            break
        return (tuple(rows[0]), used) if len(rows) == 1 else (None, 1)
    return None, 1
