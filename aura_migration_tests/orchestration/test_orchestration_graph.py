"""The graph as it is published: keys, order, checks, jobs, sensors, limits. A change to it is a change people see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.definitions import build_definitions
from aura_migration.orchestration.partitions import place_tags
from aura_migration.verify.findings import CHECKS, EXPORTED
from aura_migration_tests.support.journey import PROJECT

FORBIDDEN_AT_LOAD = ("pandas", "pandera", "great_expectations", "numpy", "sqlalchemy.dialects.postgresql.psycopg")


def _graph() -> dict[str, Any]:
    definitions = build_definitions()
    graph = definitions.resolve_asset_graph()
    assets = {}
    for node in sorted(graph.asset_nodes, key=lambda n: n.key.path):
        metadata = dict(node.metadata)
        schema = metadata.pop("dagster/column_schema", None)
        assets["/".join(node.key.path)] = {
            "group": node.group_name,
            "deps": sorted("/".join(k.path) for k in node.parent_keys),
            "kinds": sorted(node.kinds),
            "owners": sorted(node.owners),
            "tags": {k: v for k, v in sorted(node.tags.items()) if not k.startswith("dagster/kind")},
            "partitions": node.partitions_def.name if node.partitions_def else None,
            "columns": [f"{c.name} {c.type}{'' if c.constraints.nullable else ' not null'}" for c in schema.columns]
            if schema
            else None,
            "metadata": {k: str(getattr(v, "value", v)) for k, v in sorted(metadata.items())},
            "checks": sorted(k.name for k in node.check_keys),
            "description": node.description,
        }
    repository = definitions.get_repository_def()
    jobs = {
        job.name: {
            "assets": sorted("/".join(k.path) for k in job.asset_layer.selected_asset_keys),
            "ops": sorted({node.name for node in job.nodes}),
            "executor": job.executor_def.name,
            "description": job.description,
        }
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }
    sensors = {
        sensor.name: {
            "jobs": sorted(target.job_name for target in sensor.targets),
            "interval": sensor.minimum_interval_seconds,
            "status": sensor.default_status.value,
            "description": sensor.description,
        }
        for sensor in repository.sensor_defs
    }
    pools = {a.op.name: sorted(a.op.pools) for a in definitions.assets or () if isinstance(a, dg.AssetsDefinition)}
    return {"assets": assets, "jobs": jobs, "sensors": sensors, "pools": pools}


@pytest.fixture(scope="module")
def graph() -> dict[str, Any]:
    return _graph()


def test_the_graph_is_the_published_one(graph: dict[str, Any], snapshot: SnapshotAssertion) -> None:
    assert graph == snapshot.use_extension(JSONSnapshotExtension)


def test_every_entity_of_the_menu_is_mapped_and_loaded_with_its_columns(graph: dict[str, Any]) -> None:
    for entity in MENU_ENTITIES:
        for stage in ("canonical", "load"):
            asset = graph["assets"][f"{stage}/{entity.name}"]
            assert len(asset["columns"]) == len(entity.fields)
        assert graph["assets"][f"load/{entity.name}"]["metadata"]["dagster/table_name"] == f"aura.{entity.table}"


def test_every_asset_says_who_owns_it_what_it_is_and_where_it_belongs(graph: dict[str, Any]) -> None:
    for name, asset in graph["assets"].items():
        assert asset["partitions"] == "restaurant_locations", name
        assert asset["owners"] and asset["kinds"] and asset["description"], name
        assert asset["group"] == name.partition("/")[0] == asset["tags"]["aura/stage"]


def test_every_gate_of_the_verdict_is_shown_as_a_check(graph: dict[str, Any]) -> None:
    shown = {c for name, asset in graph["assets"].items() if name.startswith("verify/") for c in asset["checks"]}
    assert shown == {*CHECKS, EXPORTED}


def test_loading_needs_no_database_secret_or_network_and_imports_no_frames(tmp_path: Path) -> None:
    """Like Dagster's code server: a fresh interpreter, an environment that leads nowhere, no socket allowed."""
    program = (
        "import json, socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('the code location opened a connection')\n"
        "socket.socket.connect = refuse\n"
        "import warnings; warnings.simplefilter('ignore')\n"
        "from aura_migration.definitions import defs\n"
        "defs.get_repository_def().load_all_definitions()\n"
        f"print(json.dumps([m for m in {FORBIDDEN_AT_LOAD!r} if m in sys.modules]))\n"
    )
    environ = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(PROJECT),
        "AURA_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
        "AURA_DATA_DIR": str(tmp_path / "never-made"),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
    assert not (tmp_path / "never-made").exists()


def test_a_run_launched_by_hand_from_a_job_carries_the_tags_its_limits_ask_for() -> None:
    repository = build_definitions().get_repository_def()
    limits = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))["concurrency"]["runs"]
    limited = {entry["key"] for entry in limits["tag_concurrency_limits"]}
    for name in ("preview_migration", "onboard_location", "run_migration", "verify_migration", "rollback_migration"):
        tags = repository.get_job(name).get_tags_for_partition_key("square:L1", None)
        assert place_tags("square:L1").items() <= dict(tags).items(), name
    assert {"aura/location", "aura/pos", "aura/integration", "dagster/partition"} <= limited
    assert place_tags("square:L1") == {"aura/location": "square:L1", "aura/pos": "square"}
