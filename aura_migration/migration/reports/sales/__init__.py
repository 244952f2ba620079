"""Sales reports of a location by business date, kept as tables in AuraConnect.

working.py   what counts: checks, lines, taxes and refunds of some days, as temporary tables
refresh.py   the report tables, made from them
"""

from __future__ import annotations

from aura_migration.migration.reports.sales.refresh import REPORTS, drop_reports, refresh_reports

__all__ = ["REPORTS", "drop_reports", "refresh_reports"]
