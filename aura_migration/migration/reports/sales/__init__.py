"""Sales reports of a location by business date, kept as tables in AuraConnect.

working.py   what counts: checks, lines, taxes and refunds of some days, as temporary tables
queries.py   each report as one query over them
refresh.py   the report tables, written and removed
"""

from __future__ import annotations

from aura_migration.migration.reports.sales.queries import REPORTS
from aura_migration.migration.reports.sales.refresh import refresh_reports

__all__ = ["REPORTS", "refresh_reports"]
