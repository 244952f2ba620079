"""The code location on one page. Tests, CLI and production build the same graph; resources can be overridden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from aura_migration.orchestration import window
from aura_migration.orchestration.acceptance import accept_location, acceptance_after_load, run_acceptance_suite
from aura_migration.orchestration.assets import ASSETS
from aura_migration.orchestration.jobs import JOBS, verify_migration
from aura_migration.orchestration.notify import messages
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration.orchestration.sales import make_reports, report_sales, reports_after_load
from aura_migration.orchestration.sensors import SENSORS
from aura_migration.orchestration.verdicts import verdict_of_orders


def build_definitions(resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The whole graph. Loading it needs no database, network or secret."""
    return dg.Definitions(
        assets=[*ASSETS, make_reports, run_acceptance_suite, *window.ASSETS],
        asset_checks=[verdict_of_orders],
        jobs=[*JOBS, report_sales, accept_location, *window.JOBS],
        sensors=[*SENSORS, reports_after_load, acceptance_after_load, messages, *window.SENSORS],
        schedules=window.schedules(verify_migration),
        resources={"workshop": WorkshopResource(), **(resources or {})},
        executor=dg.in_process_executor,
    )


defs = build_definitions()
