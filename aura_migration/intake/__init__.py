"""Exports a restaurant hands over for what a POS's API lacks: gift cards, loyalty, house accounts, consents, payroll.

    kinds.py         what kinds there are and what their columns may mean
    mapping_file.py  the JSON file that says how an export is to be read, and its schema
    reading.py       bytes → lines of cells: encoding, delimiter, headings
    notation.py      decimal point or comma, form of dates: decided over whole columns
    cells.py         one cell: money, points, dates, states; rows.py: one line
    checking.py      the whole file: duplicates, totals; accepted and rejected lines
    record.py        accepted files become snapshots of scope ``file``; files.py: the book of them
    mapping.py       canonical rows from those snapshots; witness.py: the independent second reading

How a POS answers over its API does not belong here, nor what becomes of rows once they are staged.
"""

from __future__ import annotations

from aura_migration.intake.checking import CheckedFile, Place, check_file
from aura_migration.intake.files import HandedFile, current_files, list_files, withdraw
from aura_migration.intake.kinds import FILE_KINDS, KINDS, Kind
from aura_migration.intake.mapping import map_files
from aura_migration.intake.mapping_file import FileMapping, load_mapping, mapping_schema, parse_mapping
from aura_migration.intake.record import Handed, contact_ref, record_file

__all__ = [
    "FILE_KINDS",
    "KINDS",
    "CheckedFile",
    "FileMapping",
    "Handed",
    "HandedFile",
    "Kind",
    "Place",
    "check_file",
    "contact_ref",
    "current_files",
    "list_files",
    "load_mapping",
    "map_files",
    "mapping_schema",
    "parse_mapping",
    "record_file",
    "withdraw",
]
