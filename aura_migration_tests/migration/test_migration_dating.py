"""Which day an order is of, as who approves a plan is told: what holds, where it comes from, what the POS proposes."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.canonical.options import MigrationOptions, parse_options
from aura_migration.migration.dating import days_said, days_told
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import Settings
from aura_migration_tests.support.journeys import Connected, connected

NONE = MigrationOptions()


def account(settings: Settings, pos: str) -> Connected:
    with serve(pos, "cafe", seed=1, limits="off") as sandbox:
        return connected(settings, pos, sandbox.base_url)


def told(at: Connected, options: MigrationOptions = NONE) -> tuple[dict[str, Any], list[str]]:
    said = days_said(at.workshop.connector(at.integration.pos), at.locations[0].source, options)
    assert said is not None
    return said, days_told(said)


def test_squares_start_of_the_day_is_proposed_with_the_option_that_takes_it(settings: Settings) -> None:
    at = account(settings, "square")
    said, lines = told(at)
    assert (said["basis"], said["closeout"]) == ("closed", "00:00")
    assert "default" in said["basis_source"] and "default" in said["closeout_source"]
    proposal = said["proposal"]
    assert proposal["closeout"] == "04:00" and "workweek" in proposal["source"]
    assert '{"history": {"closeout": "04:00"}}' in lines[1] and "keeps 00:00" in lines[1]

    taken, lines = told(at, parse_options(proposal["option"]))
    assert taken["closeout"] == "04:00" and taken["closeout_source"] == "the options"
    assert taken["proposal"] is None and len(lines) == 1
    assert (
        days_said(at.workshop.connector("square"), at.locations[0].source, parse_options({"history": {"months": 0}}))
        is None
    )


@pytest.mark.parametrize(
    ("pos", "basis", "source"), [("clover", "created", "reporting day"), ("toast", "business_date", "close-out hour")]
)
def test_what_a_pos_states_itself_holds_and_is_named(settings: Settings, pos: str, basis: str, source: str) -> None:
    said, lines = told(account(settings, pos))
    assert said["basis"] == basis and said["closeout"] == "04:00" and source in said["closeout_source"]
    assert said["proposal"] is None and len(lines) == 1 and source in lines[0]
