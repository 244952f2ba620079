"""Dagster's home is made by whoever comes first, also when several come at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aura_migration.orchestration.instance import prepare_home
from aura_migration.settings import load_settings, project_folder


def test_two_threads_make_dagsters_home_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({"AURA_DATA_DIR": str(tmp_path)})
    both_have_written = threading.Barrier(2, timeout=20)
    replace = Path.replace

    def together(self: Path, target: Path) -> Path:
        both_have_written.wait()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", together)
    with ThreadPoolExecutor(2) as threads:
        homes = list(threads.map(prepare_home, [settings, settings]))
    assert homes == [tmp_path / "dagster"] * 2
    assert [file.name for file in homes[0].iterdir()] == ["dagster.yaml"]
    assert (homes[0] / "dagster.yaml").read_bytes() == (project_folder() / "dagster.yaml").read_bytes()
