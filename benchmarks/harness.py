"""Running variants so that their ratios can be trusted: fresh process each, interleaved rounds, medians with min–max.

A variant is a function of this package called by name in a process of its own; it prints one JSON object of named
seconds (and counts). Peak memory is that of the process tree, sampled.
"""

from __future__ import annotations

import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
PREFACE = """# Performance

Written by the benchmarks (`make bench`, `python -m benchmarks.chain`); do not edit. Only ratios inside one run mean
anything: machines differ and are noisy.
"""


@dataclass
class Series:
    """Figures of one variant over the rounds."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, figures: Mapping[str, float]) -> None:
        """Take one round's figures."""
        for name, value in figures.items():
            self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """The median of a figure."""
        return statistics.median(self.values[name])

    def shown(self, name: str, unit: str = " s") -> str:
        """``median (min–max)``."""
        found = self.values[name]
        return f"{statistics.median(found):.2f}{unit} ({min(found):.2f}–{max(found):.2f})"


def run_variant(
    module: str, function: str, environment: Mapping[str, str], arguments: Sequence[str], python: str = sys.executable
) -> dict[str, Any]:
    """Call ``module:function`` in a fresh process; returns its figures plus ``wall`` and ``peak_mb``.

    ``python`` may be that of another environment, for what is no dependency of ours.
    """
    code = f"import json, sys; from {module} import {function}; print(json.dumps({function}(*sys.argv[1:])))"
    started = time.monotonic()
    process = subprocess.Popen(
        [python, "-c", code, *arguments], stdout=subprocess.PIPE, env=dict(environment), text=True
    )
    peak = Peak(process.pid)
    output, _ = process.communicate()
    peak.stop()
    if process.returncode != 0:
        raise SystemExit(f"{module}:{function} failed with exit code {process.returncode}")
    figures: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return {**figures, "wall": time.monotonic() - started, "peak_mb": peak.megabytes}


class Peak:
    """Samples the resident memory of a process tree, or of the process alone: looking for children costs time."""

    def __init__(self, pid: int, *, alone: bool = False) -> None:
        self.megabytes = 0.0
        self._pid = pid
        self._alone = alone
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._done.wait(0.1):
            try:
                root = psutil.Process(self._pid)
                family = [root] if self._alone else [root, *root.children(recursive=True)]
                self.megabytes = max(self.megabytes, sum(p.memory_info().rss for p in family) / 2**20)
            except psutil.Error:
                continue  # the process ended between two samples

    def stop(self) -> None:
        """End sampling."""
        self._done.set()
        self._thread.join()


class Stand:
    """A stand-in POS in a process of its own, so that its work is not ours."""

    def __init__(self, scenario: str, pos: str = "square", *more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "aura_migration.sandbox", "--pos", pos, "--scenario", scenario, *more],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self.base_url: str = json.loads(self._process.stdout.readline())[pos]["base_url"]
        # The first answer renders the scenario; the product shall not pay for that.
        httpx.get(f"{self.base_url}/_control/credentials")

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


def surroundings(data_dir: str) -> dict[str, str]:
    """The environment of a variant: its own data directory, nothing of the caller's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AURA_", "DAGSTER_"))}
    return {**kept, "AURA_DATA_DIR": data_dir, "PYTHONPATH": str(ROOT)}


def put(page: Path, name: str, text: str) -> None:
    """Put a benchmark's part in place of its former one on the page, and leave the other benchmarks' parts as they are."""
    marks = r"<!-- (?P<name>.+?) -->\n(?P<text>.*?)<!-- end -->\n"
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    parts = {found["name"]: found["text"].strip() for found in re.finditer(marks, before, re.DOTALL)}
    parts[name] = text.strip()
    whole = [PREFACE, *(f"<!-- {key} -->\n\n{parts[key]}\n\n<!-- end -->\n" for key in sorted(parts, key=_order))]
    page.write_text("\n".join(whole), encoding="utf-8")


def _order(name: str) -> tuple[bool, str]:
    """Menus come first."""
    return name != "menu", name


def machine() -> str:
    """One line about what this was measured on."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GB, Python {sys.version.split()[0]}"


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def copy_and_merge(url: str, names: Sequence[str]) -> dict[str, float]:
    """The floor: write the rows of these tables of ``aura`` into a copy of them; one table at a time, through a file."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute("DROP SCHEMA IF EXISTS floor CASCADE")
        connection.execute("CREATE SCHEMA floor")
        columns = {}
        for name in names:
            connection.execute(f"CREATE TABLE floor.{name} (LIKE aura.{name} INCLUDING ALL)")
            columns[name] = ", ".join(r[0] for r in connection.execute(_COLUMNS, [f"aura.{name}"]).fetchall())
            with (
                (Path(folder) / name).open("wb") as file,
                connection.cursor() as cursor,
                cursor.copy(f"COPY aura.{name} ({columns[name]}) TO STDOUT") as copy,
            ):
                for block in copy:
                    file.write(block)
        connection.execute("CHECKPOINT")
        started = time.monotonic()
        rows = 0
        for name in names:
            with connection.transaction():
                connection.execute(f"CREATE TEMP TABLE incoming (LIKE aura.{name}) ON COMMIT DROP")
                with (
                    (Path(folder) / name).open("rb") as file,
                    connection.cursor() as cursor,
                    cursor.copy(f"COPY incoming ({columns[name]}) FROM STDIN") as copy,
                ):
                    while block := file.read(io.DEFAULT_BUFFER_SIZE * 16):
                        copy.write(block)
                merged = connection.execute(
                    f"INSERT INTO floor.{name} ({columns[name]}) SELECT {columns[name]} FROM incoming ON CONFLICT (id) DO NOTHING"
                )
                rows += merged.rowcount
        seconds = time.monotonic() - started
        connection.execute("DROP SCHEMA floor CASCADE")
        connection.execute("CHECKPOINT")
    return {"floor": seconds, "floor_rows": float(rows)}


_COLUMNS = """
    SELECT quote_ident(attname) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
