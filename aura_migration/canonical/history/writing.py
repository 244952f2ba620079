"""Tuples → COPY text: how documents are numbered, escaped and hashed on their way into the working tables.

Text only: nothing here reads a body or talks to the database. A year of a busy site is a million and a half rows: rows pass
a formatter made for their table, some hundred documents at a time, and whether anything in them wants escaping is asked
of their text as a whole. Only where something does are values looked at one by one.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b
from operator import itemgetter
from typing import Any, NamedTuple

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.shapes import DOCUMENTS
from aura_migration.canonical.history.tables import BY_NAME, TABLES, Column, Table, tables_of
from aura_migration.canonical.history.tables import DOCUMENTS as DOCUMENT_KINDS
from aura_migration.canonical.stage import storable

SEPARATOR = "\x1f"
NULL = "\x1e"
"""What stands for null. A text that consists of this control character alone is taken for none."""
COPY_OPTIONS = "(FORMAT text, DELIMITER E'\\x1f', NULL E'\\x1e')"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", SEPARATOR: "\\x1f"})
_UNSTORABLE_JSON = re.compile(r"\\u(0000|[dD][89a-fA-F])")

Formatter = Callable[[Any], str]


class NotWritable(ValueError):
    """A document cannot become rows; the text says why, naming the column."""


@dataclass(frozen=True)
class Form:
    """How the rows of one table are written. Columns that point within the document come first, then the others."""

    table: Table
    places: tuple[tuple[Column, Callable[[Any], Any]], ...]
    """Columns that point within the document, with what takes them out of a row."""
    others: tuple[Column, ...]
    format: Formatter
    """From a row to the text of its other columns."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The staged columns in the order they are written in."""
        return ("batch", "n", "doc", *(column.name for column, _ in self.places), *(c.name for c in self.others))


Span = tuple[Form, int, int]
"""Where the rows of a document lie among those of a table in a chunk: from, and up to."""


@cache
def form_of(name: str) -> Form:
    """The form of a table of ``TABLES``."""
    table = BY_NAME[name]
    numbered = tuple(enumerate(table.columns))
    places = tuple((column, itemgetter(at)) for at, column in numbered if column.within)
    others = tuple((at, column) for at, column in numbered if not column.within)
    return Form(table, places, tuple(column for _, column in others), _formatter(len(numbered), others))


def _formatter(width: int, columns: Sequence[tuple[int, Column]]) -> Formatter:
    """A function from a row to the text of these columns: source made from the declaration, as named tuples are made.

    Written out it takes half the time of a loop over the values. Raises TypeError where a text is none.
    """
    names = ", ".join(f"v{at}" for at in range(width))
    cells = ", ".join(_cell(f"v{at}", column) for at, column in columns)
    source = f"def write(row):\n    {names}, = row\n    return join(({cells},))"
    space: dict[str, Any] = {"N": NULL, "join": SEPARATOR.join}
    exec(source, space)  # noqa: S102 - nothing but names of our own goes into the source
    written: Formatter = space["write"]
    return written


def _cell(name: str, column: Column) -> str:
    if column.kind == "bool":
        return f"('t' if {name} is True else 'f' if {name} is False else N if {name} is None else str({name}))"
    text = f"str({name})" if column.kind in ("int", "cents") else name
    return f"(N if {name} is None else {text})"


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
        elif value is not None and (not isinstance(value, int) or column.kind not in ("int", "cents", "bool")):
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


DOCUMENT_COLUMNS = ("batch", "doc", "kind", "source_key", "version", "content_hash", "body", "gone", "fault")
CHUNK_DOCUMENTS = 400
"""Documents that are written together."""
PACK_LINES = 4_000
"""Lines of a table that are kept as texts; then they become bytes, which take a third of the memory."""


class BatchText:
    """The documents of one batch as COPY text: numbered from 1 without gaps, in the order they are added.

    ``counts`` are the rows per table, ``documents`` the documents that were written; :meth:`close` writes the last ones.
    """

    def __init__(self, batch: int, after: BatchText | None = None) -> None:
        """``after``: an earlier part of the same batch, whose numbers go on here."""
        self.batch = batch
        self.documents: int = after.documents if after else 0
        self.counts: dict[str, int] = dict(after.counts) if after else dict.fromkeys((t.name for t in TABLES), 0)
        self._pending: list[tuple[Document, int, int]] = []
        self._lines: dict[str, list[str]] = {name: [] for name in (DOCUMENTS, *self.counts)}
        self._chunks: dict[str, list[bytes]] = {name: [] for name in self._lines}

    def add(self, document: Document, body: int, place: int) -> None:
        """Append a document; ``body`` is the place of its body in the batch (from 0), ``place`` its own in the body.

        One that cannot become rows is written with its fault and without rows.
        """
        if not document.key:
            fault = document.fault or "it has no id"
            document = replace(document, key=f"#{self.batch}.{body}.{place}", rows=[], fault=fault)
        self._pending.append((document, body, place))
        if len(self._pending) >= CHUNK_DOCUMENTS:
            self._write()

    def close(self) -> list[Written]:
        """The text of the documents and of every table that has rows."""
        if self._pending:
            self._write()
        for name in self._lines:
            self._pack(name)
        columns = {name: DOCUMENT_COLUMNS if name == DOCUMENTS else form_of(name).columns for name in self._chunks}
        return [Written(name, columns[name], chunks) for name, chunks in self._chunks.items() if chunks]

    def _write(self) -> None:
        pending, self._pending = self._pending, []
        try:
            chunk = Chunk([document for document, _, _ in pending], self.counts)
        except NotWritable:
            pending = [(_checked(document, self.counts), body, place) for document, body, place in pending]
            chunk = Chunk([document for document, _, _ in pending], self.counts)
        tails = [f"{SEPARATOR}{doc}{SEPARATOR}" for doc in range(self.documents + 1, self.documents + 1 + len(pending))]
        for name, rows in chunk.rows.items():
            lines = self._lines[name]
            lines += rows.lines(f"{self.batch}{SEPARATOR}", self.counts[name] + 1, tails)
            self.counts[name] += len(rows.texts)
            if len(lines) >= PACK_LINES:
                self._pack(name)
        self._lines[DOCUMENTS] += [
            self._line(document, body, number, digest)
            for number, ((document, body, _), digest) in enumerate(
                zip(pending, chunk.hashes, strict=True), self.documents + 1
            )
        ]
        self.documents += len(pending)

    def _line(self, document: Document, body: int, doc: int, digest: str) -> str:
        cells = (
            str(self.batch), str(doc), document.kind, escaped(document.key), escaped(document.version), digest, str(body),
            "t" if document.gone else "f", escaped(document.fault),
        )  # fmt: skip
        return SEPARATOR.join(cells)

    def _pack(self, name: str) -> None:
        lines = self._lines[name]
        if lines:
            lines.append("")
            self._chunks[name].append("\n".join(lines).encode())
            self._lines[name] = []


@dataclass
class Rows:
    """The rows of one table in a chunk. Each has the document (from 0 in the chunk) it belongs to as its ``owner``."""

    texts: list[str]
    owners: list[int]
    relative: list[array[int]]
    """Per column that points within the document: places in the document, -1 where it points nowhere."""
    absolute: list[Sequence[str | int]]
    """The same as numbers of rows of the batch."""

    def lines(self, head: str, first: int, tails: Sequence[str]) -> list[str]:
        """The lines of the table: head (the batch), number, tail (by owner), numbers pointed at, text."""
        numbered = enumerate(zip(self.owners, *self.absolute, self.texts, strict=True), first)
        match len(self.absolute):
            case 0:
                return [f"{head}{n}{tails[owner]}{text}" for n, (owner, text) in numbered]
            case 1:
                return [f"{head}{n}{tails[owner]}{one}{SEPARATOR}{text}" for n, (owner, one, text) in numbered]
            case _:
                return [
                    f"{head}{n}{tails[owner]}{one}{SEPARATOR}{two}{SEPARATOR}{text}"
                    for n, (owner, one, two, text) in numbered
                ]


class Chunk:
    """Some documents and their rows, written table by table: ``rows`` per table that has any, ``hashes`` one per document.

    Raises ``NotWritable`` where one of the documents cannot become rows.
    """

    def __init__(self, documents: Sequence[Document], counts: Mapping[str, int]) -> None:
        """``counts``: rows of the batch before these, which what points at a row has to know."""
        grouped: dict[type[Any], list[Any]] = {table.row: [] for table in TABLES}
        owners: dict[str, list[int]] = {table.name: [] for table in TABLES}
        self._spans = _gather(documents, grouped, owners)
        self.rows: dict[str, Rows] = {}
        for table in TABLES:
            rows = grouped[table.row]
            if rows:
                form = form_of(table.name)
                self.rows[table.name] = made = Rows(_texts(form, rows), owners[table.name], [], [])
                for column, get in form.places:
                    relative, absolute = self._places(form, column, list(map(get, rows)), made.owners, counts)
                    made.relative.append(relative)
                    made.absolute.append(absolute)
        self.hashes = [_hash(document, span, self.rows) for document, span in zip(documents, self._spans, strict=True)]

    def _places(
        self, form: Form, column: Column, values: list[Any], owners: list[int], counts: Mapping[str, int]
    ) -> tuple[array[int], Sequence[str | int]]:
        """What a column points at: places within the document, and numbers of rows of the batch."""
        if set(values) == {None} and not column.required:
            return array("i", [-1]) * len(values), [NULL] * len(values)
        before = counts[column.within or ""] + 1
        found = [
            next(((first, last - first) for one, first, last in span if one.table.name == column.within), (0, 0))
            for span in self._spans
        ]
        firsts, sizes = [before + first for first, _ in found], [size for _, size in found]
        for value, owner in zip(values, owners, strict=True):
            if value is None and not column.required:
                continue
            if value.__class__ is not int or not 0 <= value < sizes[owner]:
                raise NotWritable(
                    f"{form.table.name}.{column.name} points at row {value} of {column.within}, of which there are {sizes[owner]}"
                )
        relative = array("i", [-1 if value is None else value for value in values])
        return relative, [
            NULL if value is None else value + firsts[owner] for value, owner in zip(values, owners, strict=True)
        ]


def _gather(
    documents: Sequence[Document], grouped: Mapping[type[Any], list[Any]], owners: Mapping[str, list[int]]
) -> list[list[Span]]:
    """Sort the rows of documents into lists by table, note whose they are, and return where those of each one lie."""
    kinds: dict[str, tuple[list[list[Any]], list[tuple[Form, list[int]]]]] = {}
    spans = []
    for owner, document in enumerate(documents):
        kind = kinds.get(document.kind)
        if kind is None:
            forms = _forms(document.kind)
            lists = [grouped[form.table.row] for form in forms]
            kind = kinds[document.kind] = (lists, [(form, owners[form.table.name]) for form in forms])
        lists, marks = kind
        begin = list(map(len, lists))
        rows: Sequence[Any] = () if document.fault else document.rows
        for row in rows:
            grouped[row.__class__].append(row)
        span: list[Span] = []
        count = 0
        for (form, mark), first, last in zip(marks, begin, map(len, lists), strict=True):
            if last > first:
                span.append((form, first, last))
                mark += [owner] * (last - first)
                count += last - first
        spans.append(span)
        if count != len(rows):
            raise ValueError(f"a document of kind {document.kind!r} has rows that belong to another kind")
        roots = len(lists[0]) - begin[0]
        if roots != 1 and not document.fault and (rows or not document.gone):
            raise NotWritable(f"{roots} rows of {document.kind} instead of one")
    return spans


@cache
def _forms(kind: str) -> tuple[Form, ...]:
    if kind not in DOCUMENT_KINDS:
        raise ValueError(f"there are no documents of kind {kind!r}")
    return tuple(form_of(table.name) for table in tables_of(kind))


def _checked(document: Document, counts: Mapping[str, int]) -> Document:
    """The document, or its fault in place of its rows."""
    try:
        Chunk([document], counts)
    except NotWritable as reason:
        return replace(document, rows=[], fault=str(reason))
    return document


def _texts(form: Form, rows: list[Any]) -> list[str]:
    """The texts of rows, escaped where something in them wants it."""
    try:
        texts = list(map(form.format, rows))
        if _is_clean("\n".join(texts), form, len(texts)):
            return texts
    except TypeError:
        pass  # a text that is none: found again and made one below
    return [_text(form, row) for row in rows]


def _text(form: Form, row: Any) -> str:
    try:
        text = form.format(row)
        if _is_clean(text, form, 1):
            return text
    except TypeError:
        pass
    return form.format(_escaped_row(row, form.table))


def _is_clean(text: str, form: Form, rows: int) -> bool:
    """Whether COPY reads rows as they are meant: nothing in them is taken for its own, everything can be stored."""
    if "\\" in text or "\r" in text or "\0" in text:
        return False
    if text.count("\n") != rows - 1 or text.count(SEPARATOR) != rows * (len(form.others) - 1):
        return False
    return text.isascii() or _is_encodable(text)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _hash(document: Document, span: Sequence[Span], rows: Mapping[str, Rows]) -> str:
    """BLAKE2b (16 bytes, in hex) over the texts of a document's rows: independent of batch, numbers and neighbours."""
    if document.fault:
        return blake2b(document.fault.encode("utf-8", "replace"), person=b"fault", digest_size=16).hexdigest()
    parts = [document.kind, "gone" if document.gone else ""]
    pointing = b""
    for form, first, last in span:
        of = rows[form.table.name]
        parts.append(form.table.name)
        parts += of.texts[first:last]
        for places in of.relative:
            pointing += places[first:last].tobytes()
    parts.append(pointing.hex())
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
