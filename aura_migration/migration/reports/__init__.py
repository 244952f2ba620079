"""Reports of one migration for people outside the tool: owner, accountant, manager. Persons appear masked only.

sections.py   what is told, as tables read from what is stored
files.py      the same as CSV files and one self-contained page
"""

from __future__ import annotations

from aura_migration.migration.reports.files import write_report
from aura_migration.migration.reports.sections import KINDS

__all__ = ["KINDS", "write_report"]
