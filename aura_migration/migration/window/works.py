"""The works of a window, one function per kind of request: what command, API and Dagster carry out is the same.

Each answers JSON-ready facts. What they mean is in ``reconcile`` and ``cutover``; here they meet the POS, the clock and the
migration's state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from aura_migration.core.errors import BadInput
from aura_migration.migration.integration_tests import run_integration_tests
from aura_migration.migration.window.days import reconcile_due
from aura_migration.migration.window.following import follow
from aura_migration.migration.window.switching import (
    abort_switch,
    complete_window,
    keep_way_back,
    rehearse_way_back,
    reverse_window,
    settle_phase,
    switch_channel,
)
from aura_migration.migration.workshop import Workshop

Work = Callable[[Workshop, int, str, Mapping[str, Any]], dict[str, Any]]


def carry_out_work(
    workshop: Workshop, kind: str, migration_id: int, by: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Do one work of a window; ``options`` are the request's. ``now`` (ISO 8601) sets the business instant, as schedules do."""
    if kind not in WORKS:
        raise BadInput(f"{kind!r} is no work of a window.", f"There are {', '.join(WORKS)}.")
    at = options.get("now")
    if at is not None:
        workshop = replace(workshop, settings=replace(workshop.settings, now=datetime.fromisoformat(str(at))))
    return WORKS[kind](workshop, migration_id, by, options)


def _follow(workshop: Workshop, migration_id: int, by: str, options: Mapping[str, Any]) -> dict[str, Any]:
    setup = True if options.get("setup") else None
    done = follow(workshop, migration_id, by, caused_by=str(options.get("caused_by", by)), setup=setup).as_dict()
    return {**done, "way_back": keep_way_back(workshop, migration_id)}


def _reconcile(workshop: Workshop, migration_id: int, by: str, options: Mapping[str, Any]) -> dict[str, Any]:
    judged = reconcile_due(workshop, migration_id, workshop.now(), by)
    return {
        "phase": settle_phase(workshop, migration_id, by),
        "migration_id": migration_id,
        "days": [{"date": one.business_date.isoformat(), "verdict": one.verdict} for one in judged],
    }


def _integration_tests(workshop: Workshop, migration_id: int, by: str, options: Mapping[str, Any]) -> dict[str, Any]:
    found = run_integration_tests(workshop, migration_id, by, workshop.now())
    return {
        "migration_id": migration_id,
        "tests": [one.as_dict() for one in found],
        "failed": [one.name for one in found if one.passed is False],
    }


def _rehearse(workshop: Workshop, migration_id: int, by: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return rehearse_way_back(workshop, migration_id, by)


def _switch(workshop: Workshop, migration_id: int, by: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return switch_channel(workshop, migration_id, str(options["channel"]), by, str(options.get("forced_reason", "")))


def _abort(workshop: Workshop, migration_id: int, by: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return abort_switch(workshop, migration_id, by, str(options.get("reason", "")))


def _reverse(workshop: Workshop, migration_id: int, by: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return reverse_window(workshop, migration_id, by, str(options.get("reason", "")))


def _complete(workshop: Workshop, migration_id: int, by: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return complete_window(workshop, migration_id, by, str(options.get("reason", "")))


WORKS: dict[str, Work] = {
    "follow": _follow,
    "reconcile": _reconcile,
    "integration_tests": _integration_tests,
    "rehearse": _rehearse,
    "switch": _switch,
    "abort": _abort,
    "reverse": _reverse,
    "complete": _complete,
}
