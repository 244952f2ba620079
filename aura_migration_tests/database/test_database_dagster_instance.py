"""Dagster's instance and workspace: the files at the top of the project give what the design says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def test_a_command_asks_once_whether_a_partition_is_there_and_does_not_wait_for_the_disk_with_events(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DAGSTER_HOME", "DAGSTER_POSTGRES_URL"):
        monkeypatch.setenv(name, "")  # what the instance exports goes again with the test
        monkeypatch.delenv(name)
    settings = load_settings({"AURA_DATABASE_URL": database, "AURA_DATA_DIR": str(tmp_path)})
    opened = open_instance(settings)
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
        with storage._engine.connect() as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "off"
    with connections.connect(database) as ours:
        assert ours.execute("SHOW synchronous_commit").fetchone() == ("on",)
