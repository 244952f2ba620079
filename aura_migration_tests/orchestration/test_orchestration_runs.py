"""Runs as Dagster sees them: what a run refuses, what its checks and metadata show, what they must never show."""

from __future__ import annotations

import json
from collections.abc import Iterator

import dagster as dg
import pytest

from aura_migration.orchestration.instance import open_instance
from aura_migration.orchestration.launch import _job
from aura_migration.settings import load_settings
from aura_migration.verify.findings import CHECKS, EXPORTED, PRICES
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.worlds import Started

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _open(world: World, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    for name, value in world.environ.items():
        monkeypatch.setenv(name, value)
    return open_instance(load_settings())


@pytest.fixture
def verified_instance(verified: Started, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    with _open(verified.world, monkeypatch) as opened:
        yield opened


def _by_hand(instance: dg.DagsterInstance, world: World, job: str, **tags: str) -> dg.ExecuteInProcessResult:
    key = str(world.rows("SELECT key FROM migration.locations")[0][0])
    instance.add_dynamic_partitions("restaurant_locations", [key])
    return _job(job).execute_in_process(
        instance=instance, partition_key=key, raise_on_error=False, run_config=QUIET, tags=tags
    )


def _failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [e for e in result.all_events if e.is_step_failure]
    return str(event.step_failure_data.error)


@pytest.mark.parametrize(("job", "kind"), [("run_migration", "run"), ("rollback_migration", "rollback")])
def test_a_load_or_rollback_started_by_hand_refuses_without_an_approved_request(
    approved: Started, monkeypatch: pytest.MonkeyPatch, job: str, kind: str
) -> None:
    world = approved.world
    with _open(world, monkeypatch) as instance:
        result = _by_hand(instance, world, job)
    assert not result.success
    assert f"no approved request to {kind}" in _failure(result)
    assert world.menu() == {} and world.state(approved.migration) == "approved"


def test_a_request_of_another_kind_does_not_open_the_door(approved: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    from aura_migration.migration import requests

    world = approved.world
    with world.connect() as connection:
        key = world.rows("SELECT key FROM migration.locations")[0][0]
        request = requests.submit(connection, "verify", approved.integration, key, approved.migration, "console")
    with _open(world, monkeypatch) as instance:
        result = _by_hand(instance, world, "run_migration", **{"aura/request": str(request.id)})
    assert not result.success and "asks to verify, not to run" in _failure(result)
    assert world.menu() == {}


def test_a_preview_started_by_hand_works_without_a_request(connected: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    world = connected.world
    with _open(world, monkeypatch) as instance:
        assert _by_hand(instance, world, "preview_migration").success
    (migration,) = world.ok("migrations")["migrations"]
    assert migration["state"] == "planned"


def test_the_checks_show_the_gates_that_are_stored(verified: Started, verified_instance: dg.DagsterInstance) -> None:
    world, instance = verified.world, verified_instance
    result = _by_hand(instance, world, "verify_migration")
    shown = {e.check_name: e for e in result.get_asset_check_evaluations()}
    gates = {
        name: (passed, value) for name, passed, value in world.rows("SELECT name, passed, value FROM migration.gates")
    }
    assert set(shown) == set(gates) == {*CHECKS, EXPORTED}
    for name, (passed, value) in gates.items():
        assert shown[name].passed == (passed is not False), name
        assert shown[name].metadata["value"].value == (value or "not measured"), name


def test_the_loaded_orders_carry_the_verdict_about_them(
    verified: Started, verified_instance: dg.DagsterInstance
) -> None:
    result = _by_hand(verified_instance, verified.world, "verify_migration")
    key = dg.AssetKey(["load", "historical_orders"])
    order = [e.check_name for e in result.get_asset_check_evaluations() if e.asset_key == key]
    assert set(order) == {"orders_complete", "daily_sales_match", "tax_match", "payments_reconciled"}
    steps = [e.step_key for e in result.all_events if e.is_step_success]
    assert steps.index("verify_load") < steps.index("verdict_of_orders"), "it shows the verdict of this run"


def test_a_wrong_price_in_auraconnect_is_a_failed_check_with_the_row_in_its_metadata(
    verified: Started, verified_instance: dg.DagsterInstance
) -> None:
    world, instance = verified.world, verified_instance
    world.rows(
        "UPDATE aura.menu_items SET price_cents = price_cents + 7 WHERE name = (SELECT max(name) FROM aura.menu_items WHERE price_cents > 0) RETURNING id"
    )
    result = _by_hand(instance, world, "verify_migration")
    assert result.success, "a failed verdict is data, not a crashed run"
    (price,) = [e for e in result.get_asset_check_evaluations() if e.check_name == PRICES]
    assert not price.passed and price.severity == dg.AssetCheckSeverity.ERROR
    findings = str(price.metadata["findings"].value)
    key = world.rows("SELECT source_key FROM migration.findings WHERE check_name = %s LIMIT 1", PRICES)[0][0]
    assert str(key) in findings and "unexplained" in findings
    assert world.state(verified.migration) == "loaded"
    assert world.fails(1, "verify", verified.migration)["passed"] is False


def test_no_event_of_a_run_holds_a_secret(verified: Started, verified_instance: dg.DagsterInstance) -> None:
    """Events and run config stay in PostgreSQL for ever, in clear text."""
    world = verified.world
    _by_hand(verified_instance, world, "verify_migration")
    credentials = json.dumps(verified.pos.pos_app.credentials()["default"])
    secrets = [v for v in json.loads(credentials).values() if isinstance(v, str) and len(v) > 8]
    assert secrets
    stored = "\n".join(
        str(row)
        for table in ("event_logs", "runs", "run_tags")
        for row in world.rows(f"SELECT * FROM {table}")  # type: ignore[arg-type]
    )
    assert "verify_load" in stored
    for secret in secrets:
        assert secret not in stored
    requests_stored = str(world.rows("SELECT options, result FROM migration.requests"))
    assert not any(secret in requests_stored for secret in secrets)


def test_a_failure_reaches_dagster_with_its_remedy(connected: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    from aura_migration_tests.support.journey import faults

    faults(connected.pos, {"kind": "html", "match": "catalog"})
    with _open(connected.world, monkeypatch) as instance:
        result = _by_hand(instance, connected.world, "preview_migration")
    (event,) = [e for e in result.all_events if e.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None and failure.metadata["error"].value == "NotJson" and failure.metadata["remedy"].value
