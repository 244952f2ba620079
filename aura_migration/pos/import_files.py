"""Files a restaurant imports by itself into the POS it came from: the way back where the API may not write (level B).

A connector's ``import_files.py`` makes them of the menu as AuraConnect has it, in the columns of the POS's own spreadsheet; a
POS that takes no files has none. No API documents these spreadsheets: before a file is imported its header is compared with an
export of the account, which the file's own instruction says. Reading AuraConnect's menu and storing files is done elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aura_migration.core.money import show
from aura_migration.pos.port import Connector

COMPARE = "Compare the first line with an export of the account; where columns differ, the export is right."


@dataclass(frozen=True)
class ImportOption:
    """A choice of a group. ``key`` is the POS's, empty for what AuraConnect alone has; ``cents`` None: the cashier says."""

    key: str
    name: str
    cents: int | None


@dataclass(frozen=True)
class ImportGroup:
    """A modifier group; ``most`` None is without limit."""

    key: str
    name: str
    least: int
    most: int | None
    options: tuple[ImportOption, ...]


@dataclass(frozen=True)
class ImportTax:
    """A tax rate by name and percent as plain decimal."""

    key: str
    name: str
    percent: str


@dataclass(frozen=True)
class ImportItem:
    """An item, or one of its variations (``variation_name``), as the location sells it. ``quantity`` None: not counted.

    ``cents`` None: the cashier says. Groups, taxes and categories are names.
    """

    key: str
    name: str
    cents: int | None
    variation_key: str = ""
    variation_name: str = ""
    price_type: str = "fixed"
    unit: str = ""
    description: str = ""
    short_name: str = ""
    sku: str = ""
    barcode: str = ""
    cost_cents: int | None = None
    categories: tuple[str, ...] = ()
    taxes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    is_active: bool = True
    quantity: str | None = None


@dataclass(frozen=True)
class ImportMenu:
    """What a location sells."""

    location: str
    currency: str
    items: tuple[ImportItem, ...]
    groups: tuple[ImportGroup, ...]
    categories: tuple[str, ...]
    taxes: tuple[ImportTax, ...]


@dataclass(frozen=True)
class ImportFile:
    """One file: its name, its text (UTF-8), and in a sentence or two what is done with it."""

    name: str
    text: str
    how: str


MakeFiles = Callable[[ImportMenu], list[ImportFile]]


def files_of(connector: Connector) -> MakeFiles | None:
    """How files for the POS are made; None for one that takes none."""
    found: MakeFiles | None = getattr(connector, "import_files", None)
    return found


def amount(cents: int | None, currency: str) -> str:
    """Minor units as these spreadsheets want them: ``12.50``, without a sign of currency; empty for None."""
    return "" if cents is None else show(cents, currency)


def as_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A header and rows as CSV. Text that a spreadsheet would take for a formula is quoted as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def _harmless(cell: str) -> str:
    is_number = cell.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not is_number else cell
