"""Tuples → COPY text: how documents are numbered, escaped and hashed on their way into the working tables.

Text only: nothing here reads a body or talks to the database. A year of a busy site is a million and a half rows, so each
row passes one formatter made for its table, and what has to be looked at is looked at once per document: only a document
in which something wants escaping is gone through value by value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import blake2b
from operator import itemgetter
from typing import Any, NamedTuple

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.tables import BY_NAME, BY_ROW, TABLES, Column, Table, tables_of
from aura_migration.canonical.stage import storable

SEPARATOR = "\x1f"
NULL = "\x1e"
"""What stands for null. A text that consists of this control character alone is taken for none."""
COPY_OPTIONS = "(FORMAT text, DELIMITER E'\\x1f', NULL E'\\x1e')"
CHUNK_LINES = 4_000
"""Lines of a table that are kept as Python texts; then they become bytes, which take a third of the memory."""
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", SEPARATOR: "\\x1f"})
_UNSTORABLE_JSON = re.compile(r"\\u(0000|[dD][89a-fA-F])")

Formatter = Callable[[Any], str]


class NotWritable(ValueError):
    """A document cannot become rows; the text says why, naming the column."""


@dataclass(frozen=True)
class Form:
    """How the rows of one table are written. Columns that point within the document come first, then the others."""

    table: Table
    places: tuple[tuple[int, Column], ...]
    others: tuple[tuple[int, Column], ...]
    format: Formatter

    @property
    def separators(self) -> int:
        """Separators in the text of one row's other columns."""
        return len(self.others) - 1

    @cached_property
    def getters(self) -> tuple[tuple[Column, Callable[[Any], Any]], ...]:
        """For each column that points within the document, what takes it out of a row."""
        return tuple((column, itemgetter(position)) for position, column in self.places)

    @property
    def columns(self) -> tuple[str, ...]:
        """The staged columns in the order they are written in."""
        return ("batch", "n", "doc", *(c.name for _, c in self.places), *(c.name for _, c in self.others))


@cache
def form_of(name: str) -> Form:
    """The form of a table of ``TABLES``."""
    table = BY_NAME[name]
    numbered = tuple(enumerate(table.columns))
    places = tuple((at, column) for at, column in numbered if column.within)
    others = tuple((at, column) for at, column in numbered if not column.within)
    return Form(table, places, others, _formatter(len(numbered), others))


def _formatter(width: int, columns: Sequence[tuple[int, Column]]) -> Formatter:
    """A function from a row to the text of these columns: source made from the declaration, as named tuples are made.

    Written out it takes two thirds of the time of a loop over the values.
    """
    names = ", ".join(f"v{at}" for at in range(width))
    # A missing number says so when it is copied; a missing text would become the text None.
    cells = SEPARATOR.join(
        f"{{v{at}}}" if c.required and c.kind != "text" else f"{{N if v{at} is None else v{at}}}" for at, c in columns
    )
    source = f"def write(row):\n    {names}, = row\n    return f{cells!r}"
    space: dict[str, Any] = {"N": NULL}
    exec(source, space)  # noqa: S102 - nothing but names of our own goes into the source
    written: Formatter = space["write"]
    return written


# -- values that want care ----------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """A text for a cell: what no database can store is replaced, what COPY would take for its own is escaped."""
    if text.isprintable() and "\\" not in text:
        return text
    return str(storable(text)).translate(_ESCAPES)


def _escaped_row(row: Any, table: Table) -> Any:
    """The row with every text escaped; encoded JSON without characters that jsonb cannot hold."""
    values = list(row)
    for at, column in enumerate(table.columns):
        value = values[at]
        if isinstance(value, str):
            if column.kind == "json" and _UNSTORABLE_JSON.search(value):
                value = _storable_json(value)
            values[at] = escaped(value)
        elif value is not None and not isinstance(value, int):
            values[at] = escaped(str(value))
    return table.row._make(values)


def _storable_json(text: str) -> str:
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return text  # the database says so of this document
    return json.dumps(_storable_tree(value), ensure_ascii=False, separators=(",", ":"))


def _storable_tree(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(name): _storable_tree(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_storable_tree(inner) for inner in value]
    return value


# -- one batch ----------------------------------------------------------------------------------------------------------


class Written(NamedTuple):
    """The COPY text of one table."""

    name: str
    columns: tuple[str, ...]
    chunks: list[bytes]


@dataclass
class _Lines:
    """The text of one working table so far."""

    lines: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)

    def pack(self) -> None:
        """Turn the lines into bytes."""
        if self.lines:
            self.lines.append("")
            self.chunks.append("\n".join(self.lines).encode())
            self.lines = []


DOCUMENT_COLUMNS = ("batch", "doc", "kind", "source_key", "version", "content_hash", "body", "gone", "fault")


class BatchText:
    """The documents of one batch as COPY text: numbered from 1 without gaps, in the order they are added.

    ``counts`` are the rows per table, ``documents`` the documents so far.
    """

    def __init__(self, batch: int, after: BatchText | None = None) -> None:
        """``after``: an earlier part of the same batch, whose numbers go on here."""
        self.batch = batch
        self.documents: int = after.documents if after else 0
        self.counts: dict[str, int] = dict(after.counts) if after else dict.fromkeys((t.name for t in TABLES), 0)
        self._documents = _Lines()
        self._tables: dict[str, _Lines] = {table.name: _Lines() for table in TABLES}

    def add(self, document: Document, body: int, place: int) -> None:
        """Append a document; ``body`` is the place of its body in the batch (from 0), ``place`` its own in the body.

        One that cannot become rows is appended with its fault and without rows.
        """
        fault = document.fault
        digest = ""
        written: list[tuple[Form, list[Any], list[str]]] = []
        if not fault:
            try:
                digest, written = self._rows(document)
            except NotWritable as reason:
                fault, written = str(reason), []
        key = document.key
        if not key:
            key, fault = f"#{body}.{place}", fault or "it has no id"
        if fault:
            digest = _digest(f"fault {fault}".encode("utf-8", "replace"))
        self.documents += 1
        doc = self.documents
        cells = (
            self.batch, doc, escaped(document.kind), escaped(key), escaped(document.version or ""), digest, body,
            "t" if document.gone else "f", escaped(fault),
        )  # fmt: skip
        self._documents.lines.append(SEPARATOR.join(map(str, cells)))
        if len(self._documents.lines) >= CHUNK_LINES:
            self._documents.pack()
        # Where the document's rows begin, for what points at them; taken before any of them is counted.
        begin = {form.table.name: self.counts[form.table.name] for form, _, _ in written}
        for form, rows, texts in written:
            self._append(form, rows, texts, doc, begin)

    def _rows(self, document: Document) -> tuple[str, list[tuple[Form, list[Any], list[str]]]]:
        """The content hash and, per table, the rows with the text of those columns that point at nothing within."""
        groups: dict[type[Any], list[Any]] = {}
        for row in document.rows:
            group = groups.get(row.__class__)
            if group is None:
                groups[row.__class__] = [row]
            else:
                group.append(row)
        _check_groups(document, groups)
        try:
            return self._texts(document, groups, is_clean=False)
        except _Unclean:
            clean = {made: [_escaped_row(row, BY_ROW[made]) for row in rows] for made, rows in groups.items()}
            return self._texts(document, clean, is_clean=True)

    def _texts(
        self, document: Document, groups: dict[type[Any], list[Any]], *, is_clean: bool
    ) -> tuple[str, list[tuple[Form, list[Any], list[str]]]]:
        written = []
        hashed: list[str] = []
        rows = separators = 0
        for form in _forms(document.kind):
            group = groups.get(form.table.row)
            if group is None:
                continue
            texts = list(map(form.format, group))
            written.append((form, group, texts))
            hashed += texts
            rows += len(texts)
            separators += len(texts) * form.separators
        text = "\n".join(hashed)
        if not is_clean and (
            "\\" in text
            or "\r" in text
            or "\0" in text
            or text.count("\n") != max(rows - 1, 0)
            or text.count(SEPARATOR) != separators
        ):
            raise _Unclean
        try:
            data = text.encode()
        except UnicodeEncodeError:
            raise _Unclean from None
        # What follows says which rows are of which table and what they point at.
        shape = [[form.table.name, len(group), *_places(form, group, groups)] for form, group, _ in written]
        return _digest(data, repr(shape).encode(), b"gone" if document.gone else b""), written

    def _append(self, form: Form, rows: list[Any], texts: list[str], doc: int, begin: dict[str, int]) -> None:
        name = form.table.name
        into = self._tables[name]
        n = self.counts[name]
        if not form.places:
            head, tail = f"{self.batch}{SEPARATOR}", f"{SEPARATOR}{doc}{SEPARATOR}"
            into.lines += [f"{head}{number}{tail}{text}" for number, text in enumerate(texts, n + 1)]
        else:
            cells = [
                [NULL if place is None else place + first for place in map(get, rows)]
                for column, get in form.getters
                for first in (begin.get(column.within or "", 0) + 1,)
            ]
            head, tail = f"{self.batch}{SEPARATOR}", f"{SEPARATOR}{doc}{SEPARATOR}"
            if len(cells) == 1:
                into.lines += [
                    f"{head}{number}{tail}{one}{SEPARATOR}{text}"
                    for number, (one, text) in enumerate(zip(cells[0], texts, strict=True), n + 1)
                ]
            else:
                into.lines += [
                    f"{head}{number}{tail}{one}{SEPARATOR}{two}{SEPARATOR}{text}"
                    for number, (one, two, text) in enumerate(zip(*cells, texts, strict=True), n + 1)
                ]
        self.counts[name] = n + len(texts)
        if len(into.lines) >= CHUNK_LINES:
            into.pack()

    def tables(self) -> Iterator[Written]:
        """The text of the documents and of every table that has rows."""
        self._documents.pack()
        yield Written("documents", DOCUMENT_COLUMNS, self._documents.chunks)
        for name, lines in self._tables.items():
            lines.pack()
            if lines.chunks:
                yield Written(name, form_of(name).columns, lines.chunks)


class _Unclean(Exception):
    """A value of the document wants escaping."""


@cache
def _forms(kind: str) -> tuple[Form, ...]:
    return tuple(form_of(table.name) for table in tables_of(kind))


def _check_groups(document: Document, groups: dict[type[Any], list[Any]]) -> None:
    """A document of a kind that does not exist, or with rows of other kinds, is a mistake of the mapping."""
    forms = _forms(document.kind)
    if not forms:
        raise ValueError(f"there are no documents of kind {document.kind!r}")
    known = {form.table.row for form in forms}
    for row in groups:
        if row not in known:
            raise ValueError(f"a row {row.__name__} does not belong to a document of kind {document.kind}")
    roots = len(groups.get(forms[0].table.row, ()))
    if roots != 1 and not (document.gone and not document.rows):
        raise NotWritable(f"{roots} rows of {document.kind} instead of one")


def _places(form: Form, rows: list[Any], groups: dict[type[Any], list[Any]]) -> Iterable[list[Any]]:
    """What each column that points within the document points at; NotWritable where there is no such row."""
    for column, get in form.getters:
        places = list(map(get, rows))
        count = len(groups.get(BY_NAME[column.within or ""].row, ()))
        for place in set(places):
            if place is None and not column.required:
                continue
            if place.__class__ is not int or not 0 <= place < count:
                raise NotWritable(
                    f"{form.table.name}.{column.name} points at row {place} of {column.within}, of which there are {count}"
                )
        yield places


def _digest(*parts: bytes) -> str:
    """BLAKE2b with 16 bytes, in hex."""
    return blake2b(b"\0".join(parts), digest_size=16).hexdigest()
