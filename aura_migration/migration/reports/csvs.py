"""CSV files for people: readable by their owner only, whole or not there, and no cell is a formula."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

_MEASURE = re.compile(r"[-+]?[0-9][0-9.,]*(%|( [a-z]+)+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(
    path: Path, headings: Sequence[str], rows: Iterable[Sequence[Any]], keep: int = 0
) -> tuple[list[list[str]], int]:
    """Write all rows while they are read; returns the first ``keep`` of them as texts, and how many there are."""
    kept: list[list[str]] = []
    total = 0
    with new_file(path) as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        for row in rows:
            cells = ["" if cell is None else str(cell) for cell in row]
            writer.writerow([harmless(cell) for cell in cells])
            total += 1
            if len(kept) < keep:
                kept.append(cells)
    return kept, total


def harmless(cell: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _MEASURE.fullmatch(cell) else cell


@contextmanager
def new_file(path: Path) -> Iterator[IO[str]]:
    """A new file for its owner only, put in the place of an older one when it is whole."""
    draft = path.with_name(f".{path.name}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
