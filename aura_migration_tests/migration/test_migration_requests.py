"""Requests and states: claimed once, joined, swept when the claimant is dead; no way leads where none is allowed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from aura_migration.core.errors import Refused
from aura_migration.migration import requests
from aura_migration.migration.states import ALLOWED, ENDED, LIVE, transition
from aura_migration.migration.sweep import sweep
from aura_migration_tests.support.worlds import Started


def _submit(started: Started, claim_as: str | None = None) -> requests.Request:
    world = started.world
    key = world.rows("SELECT key FROM migration.locations")[0][0]
    with world.connect() as connection:
        return requests.submit(connection, "preview", started.integration, key, None, "test", {}, claim_as)


def test_a_hundred_claims_at_once_have_one_winner(connected: Started) -> None:
    request = _submit(connected)

    def claim(number: int) -> bool:
        with connected.world.connect() as connection:
            return requests.claim(connection, request.id, f"worker {number}")

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(100))) == 1


def test_submissions_at_once_are_one_request(connected: Started) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = {r.id for r in pool.map(lambda _: _submit(connected), range(40))}
    assert len(found) == 1


def test_a_request_that_has_ended_keeps_its_end(connected: Started) -> None:
    request = _submit(connected, claim_as="me")
    with connected.world.connect() as connection:
        requests.finish(connection, request.id, {"plan_hash": "x"})
        requests.finish(connection, request.id, {"error": "late"}, failed=True)
        assert requests.get_request(connection, request.id).result == {"plan_hash": "x"}
        assert not requests.claim(connection, request.id, "me")
    assert _submit(connected).id != request.id


def test_the_request_of_a_dead_command_is_swept_and_that_of_a_living_one_is_not(connected: Started) -> None:
    world = connected.world
    living = requests.new_claimant()
    request = _submit(connected, claim_as=living)
    with requests.present(world.url, living):
        sweep(world.workshop)
        assert world.rows("SELECT state FROM migration.requests") == [("claimed",)]
    sweep(world.workshop)
    ((state, result),) = world.rows("SELECT state, result FROM migration.requests WHERE id = %s", request.id)
    assert state == "failed" and result["error"] == "WorkerDied" and result["remedy"]


def test_runs_of_dagster_are_not_judged_by_the_sweep(connected: Started) -> None:
    _submit(connected, claim_as="dagster:some-run")
    sweep(connected.world.workshop)
    assert connected.world.rows("SELECT state FROM migration.requests") == [("claimed",)]


def test_every_claimant_is_somebody_else() -> None:
    assert len({requests.new_claimant() for _ in range(100)}) == 100


def test_run_keys_differ_even_for_the_same_number_in_a_new_database(connected: Started) -> None:
    request = _submit(connected)
    assert request.run_key.startswith(f"request-{request.id}-")
    connected.world.rows("UPDATE migration.requests SET requested_at = requested_at - interval '1 day' RETURNING id")
    with connected.world.connect() as connection:
        assert requests.get_request(connection, request.id).run_key != request.run_key


@pytest.mark.parametrize("state", sorted(ALLOWED))
def test_a_migration_goes_only_where_a_way_leads(planned: Started, state: str) -> None:
    world = planned.world
    everywhere = set(ALLOWED) | ENDED
    for to in sorted(everywhere - LIVE):
        world.rows("UPDATE migration.migrations SET state = %s RETURNING id", state)
        with world.connect() as connection:
            if to in ALLOWED[state]:
                assert transition(connection, planned.migration, to, "test", "why") == state
                assert world.state(planned.migration) == to
            else:
                with pytest.raises(Refused):
                    transition(connection, planned.migration, to, "test", "why")
                assert world.state(planned.migration) == state


def test_nothing_leads_out_of_an_end() -> None:
    assert not ENDED & set(ALLOWED)


def test_every_transition_is_written_down_with_who_and_why(planned: Started) -> None:
    with planned.world.connect() as connection:
        transition(connection, planned.migration, "cancelled", "Ada", "changed their mind")
    last = planned.world.rows(
        "SELECT from_state, to_state, done_by, reason FROM migration.transitions ORDER BY id DESC LIMIT 1"
    )
    assert last == [("planned", "cancelled", "Ada", "changed their mind")]


def test_reconnecting_is_remembered_with_the_state_to_return_to(planned: Started) -> None:
    world = planned.world
    with world.connect() as connection:
        transition(connection, planned.migration, "reconnect_needed", "test", "revoked")
        transition(connection, planned.migration, "reconnect_needed", "test", "still")
    world.connect_account(planned.pos)
    assert world.state(planned.migration) == "planned"
