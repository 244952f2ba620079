"""A kill at any instant of an extraction loses nothing, duplicates nothing, and is continued by the next one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import aura_migration

PROGRAM = Path(__file__).with_name("killed_extraction.py")


def test_an_extraction_killed_before_any_of_its_writes_ends_as_if_it_had_never_been_killed(
    database: str, tmp_path: Path
) -> None:
    project = str(Path(aura_migration.__file__).parent.parent)
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), database, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": project},
    )
    assert ran.returncode == 0, ran.stderr
    kills = [json.loads(line) for line in ran.stdout.splitlines()]
    uninterrupted = kills.pop()
    assert not uninterrupted["killed"]
    assert uninterrupted["bodies"] == 5
    assert len(kills) > 40, "the extraction was killed at each of its writes"
    assert all(kill["killed"] for kill in kills)
    assert {kill["content"] for kill in kills} == {uninterrupted["content"]}
    assert {kill["bodies"] for kill in kills} == {5}
    finished_once = [kill for kill in kills if kill["states"] == ["complete"]]
    assert finished_once == kills[: len(finished_once)]
    assert len(kills) - len(finished_once) < 6, "only a kill after the last commit, while closing, begins a second one"
    assert [kill["refetched"] for kill in finished_once if kill["refetched"]] == []
    assert len({tuple(kill["fetched"]) for kill in finished_once}) == 5, "from everything to nothing is fetched again"
    assert {kill["unused"] for kill in kills} == {0}
