"""Dagster's instance and workspace: the files at the top of the project give what the design says."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster import DagsterInstance
from dagster._core.storage.dagster_run import RunsFilter
from sqlalchemy import event, text

from aura_migration.database import connections, schema
from aura_migration.orchestration.instance import open_instance
from aura_migration.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def instance(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    shutil.copy(PROJECT / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", database)
    with DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


def test_the_instance_lives_in_postgresql_beside_our_tables(instance: DagsterInstance, database: str) -> None:
    assert instance.get_runs(RunsFilter()) == []
    instance.add_dynamic_partitions("restaurant_locations", ["square:L1"])
    with connections.connect(database, autocommit=True) as connection:
        row = connection.execute("select count(*) from public.dynamic_partitions").fetchone()
        assert row == (1,)
    schema.require_current(database, embedded=False)


def test_one_run_per_location_and_account_polite_pools_and_a_share_per_pos_are_set(instance: DagsterInstance) -> None:
    concurrency = instance.get_concurrency_config()
    assert concurrency.pool_config.default_pool_limit == 5
    assert concurrency.pool_config.pool_granularity is not None
    assert concurrency.pool_config.pool_granularity.value == "op"
    queue: Any = concurrency.run_queue_config
    each = {"value": {"applyLimitPerUniqueValue": True}}
    assert queue.tag_concurrency_limits == [
        {"key": "aura/location", "limit": 1, **each},
        {"key": "dagster/partition", "limit": 1, **each},
        {"key": "aura/integration", "limit": 1, **each},
        {"key": "aura/pos", "limit": 10, **each},
    ]
    coordinator: Any = instance.run_coordinator
    assert coordinator.dequeue_interval_seconds == 1


def test_the_daemon_retries_crashes_only_and_reports_nothing_to_anybody(instance: DagsterInstance) -> None:
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure
    assert not instance.telemetry_enabled
    assert instance.run_monitoring_enabled


def test_the_instance_without_its_url_says_which_variable_is_missing(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "dagster.yaml", tmp_path / "dagster.yaml")
    with pytest.raises(Exception, match="DAGSTER_POSTGRES_URL"):
        DagsterInstance.from_config(str(tmp_path))


def test_the_workspace_names_the_code_location() -> None:
    workspace = yaml.safe_load((PROJECT / "workspace.yaml").read_text(encoding="utf-8"))
    assert workspace == {
        "load_from": [
            {
                "python_module": {
                    "module_name": "aura_migration.definitions",
                    "location_name": "aura_migration",
                    "working_directory": ".",
                }
            }
        ]
    }


def ours(database: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> DagsterInstance:
    """The instance as a command opens it."""
    for name in ("DAGSTER_HOME", "DAGSTER_POSTGRES_URL"):
        monkeypatch.setenv(name, "")  # what the instance exports goes again with the test
        monkeypatch.delenv(name)
    return open_instance(load_settings({"AURA_DATABASE_URL": database, "AURA_DATA_DIR": str(folder)}))


def test_a_command_asks_once_whether_a_partition_is_there_and_does_not_wait_for_the_disk_with_events(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = ours(database, tmp_path, monkeypatch)
    storage: Any = opened.event_log_storage
    asked: list[str] = []
    event.listen(storage._engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
    with opened:
        assert not opened.has_dynamic_partition("places", "L1")
        opened.add_dynamic_partitions("places", ["L1"])
        assert opened.has_dynamic_partition("places", "L1")
        asked.clear()
        assert opened.has_dynamic_partition("places", "L1") and asked == []
        opened.delete_dynamic_partition("places", "L1")
        assert not opened.has_dynamic_partition("places", "L1")
        with storage._engine.connect() as events:
            assert events.execute(text("SHOW synchronous_commit")).scalar() == "off"
    with connections.connect(database) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


NAMES = [f"entity_{number}" for number in range(12)]


@dg.multi_asset(
    specs=[dg.AssetSpec(name) for name in NAMES], check_specs=[dg.AssetCheckSpec("sound", asset=name) for name in NAMES]
)
def sound() -> Iterator[Any]:
    for name in NAMES:
        passed = dg.AssetCheckResult(passed=name != "entity_3", check_name="sound", asset_key=name)
        yield dg.MaterializeResult(asset_key=name, check_results=[passed], data_version=dg.DataVersion(name))


@dg.multi_asset(specs=[dg.AssetSpec("first", deps=["entity_1"]), dg.AssetSpec("never")])
def broken() -> Iterator[Any]:
    yield dg.MaterializeResult(asset_key="first")
    raise ValueError("half-way")


def told(database: str, instance: DagsterInstance) -> dict[str, Any]:
    """What a run left in Dagster's tables, in the order of its kinds, and how many statements it took."""
    statements = 0

    def count(*_: Any) -> None:
        nonlocal statements
        statements += 1

    storage: Any = instance.event_log_storage
    event.listen(storage._engine, "before_cursor_execute", count)
    assert not dg.materialize([sound, broken], instance=instance, raise_on_error=False).success
    queries = {
        "events": "select dagster_event_type, step_key, asset_key from event_logs",
        "assets": "select asset_key, last_run_id is not null, last_materialization is not null from asset_keys",
        "checks": "select asset_key, check_name, execution_status, evaluation_event_storage_id is not null from asset_check_executions",
        "order": "select dagster_event_type from event_logs where step_key = 'broken' or dagster_event_type like 'PIPELINE%%' order by id",
    }
    found: dict[str, Any] = {"statements": statements}
    with connections.connect(database) as connection:
        for name, query in queries.items():
            rows = connection.execute(query).fetchall()
            found[name] = [row[0] for row in rows] if name == "order" else Counter(rows)
    return found


def test_a_command_leaves_the_events_dagster_would_leave_and_writes_them_in_fewer_statements(
    make_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, own = make_database(), make_database()
    plain = tmp_path / "plain"
    plain.mkdir()
    shutil.copy(PROJECT / "dagster.yaml", plain / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", theirs)
    with DagsterInstance.from_config(str(plain)) as instance:
        expected = told(theirs, instance)
    with ours(own, tmp_path / "ours", monkeypatch) as instance:
        found = told(own, instance)
        assert instance.get_latest_materialization_event(dg.AssetKey("first")) is not None
    assert "LOGS_CAPTURED" in {kind for kind, _, _ in expected["events"]}
    for name in ("events", "assets", "checks"):
        assert found[name] == expected[name], name
    assert found["order"][-2:] == expected["order"][-2:] == ["STEP_FAILURE", "PIPELINE_FAILURE"]
    assert found["statements"] < expected["statements"] / 2
