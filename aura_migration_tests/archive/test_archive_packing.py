"""Packing shared with a process beside this one: the same bodies, whatever becomes of the helper."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import zstandard

from aura_migration.archive.packing import Packer, PackerSource, SharedPacking
from aura_migration.archive.redaction import Redaction
from aura_migration.archive.store import Packed
from aura_migration.core.errors import BadInput

RULES = Redaction(drop={"orders": ("orders[].trace",)}, drop_everywhere=frozenset({"access_token"}))
HERE = Packer(RULES, 1)
BODIES = [b'{"orders":[{"id":"%d","trace":"t","total":%d}]}' % (n, n * 100) for n in range(60)]


@dataclass(frozen=True)
class Noting(Packer):
    """Leaves a line per body it packed."""

    lines: Path = Path()

    def packed(self, body: bytes, entity: str, place: str, person: str = "") -> Packed:
        with self.lines.open("a", encoding="utf-8") as file:
            file.write("packed\n")
        return super().packed(body, entity, place, person)


@dataclass(frozen=True)
class Source:
    """Opens the packer in the helper, and says which process that is."""

    note: Path
    is_broken: bool = False

    def __call__(self) -> Packer:
        self.note.write_text(str(os.getpid()))
        if self.is_broken:
            self.note.with_suffix(".lines").touch()
            raise RuntimeError("the key store is out of reach")
        return Noting(RULES, 1, lines=self.note.with_suffix(".lines"))


@contextmanager
def shared(source: PackerSource) -> Iterator[SharedPacking]:
    packing = SharedPacking(HERE, source, many=0)
    try:
        yield packing
    finally:
        packing.close()


def started(packing: SharedPacking, note: Path) -> int:
    """Have bodies packed until the helper packs (or failed to open); its process."""
    until = time.monotonic() + 60
    while not note.with_suffix(".lines").exists():
        packing.packed(BODIES[0], "orders", "GET /orders")
        assert time.monotonic() < until, "no helper began"
        time.sleep(0.05)
    return int(note.read_text())


def test_bodies_are_the_same_whoever_packs_them_and_the_helper_ends_with_the_recording(tmp_path: Path) -> None:
    expected = [HERE.packed(body, "orders", "") for body in BODIES]
    with shared(Source(tmp_path / "pid")) as packing, ThreadPoolExecutor(8) as pool:
        helper = started(packing, tmp_path / "pid")
        assert helper != os.getpid()
        for _ in range(5):
            assert list(pool.map(lambda body: packing.packed(body, "orders", "GET /orders"), BODIES)) == expected
    assert (tmp_path / "pid.lines").read_text().count("packed") > 1, "the helper packed none of them"
    assert not psutil.pid_exists(helper)
    assert zstandard.ZstdDecompressor().decompress(expected[1].data) == b'{"orders":[{"id":"1","total":100}]}'


def test_few_bodies_start_no_process(tmp_path: Path) -> None:
    packing = SharedPacking(HERE, Source(tmp_path / "pid"))
    before = psutil.Process().children()
    for body in BODIES:
        packing.packed(body, "orders", "GET /orders")
    assert psutil.Process().children() == before
    packing.close()


def test_a_helper_that_was_killed_costs_no_body(tmp_path: Path) -> None:
    with shared(Source(tmp_path / "pid")) as packing:
        helper = started(packing, tmp_path / "pid")
        os.kill(helper, signal.SIGKILL)
        assert [packing.packed(body, "orders", "") for body in BODIES] == [HERE.packed(b, "orders", "") for b in BODIES]


def test_a_helper_that_cannot_open_the_keys_costs_no_body(tmp_path: Path) -> None:
    with shared(Source(tmp_path / "pid", is_broken=True)) as packing:
        started(packing, tmp_path / "pid")
        assert [packing.packed(body, "orders", "") for body in BODIES] == [HERE.packed(b, "orders", "") for b in BODIES]


def test_what_is_wrong_with_a_body_is_told_as_it_is_without_a_helper(tmp_path: Path) -> None:
    with shared(Source(tmp_path / "pid")) as packing:
        started(packing, tmp_path / "pid")
        for _ in range(3):
            with pytest.raises(BadInput, match="GET /orders: the body is not JSON"):
                packing.packed(b"<html>", "orders", "GET /orders")
