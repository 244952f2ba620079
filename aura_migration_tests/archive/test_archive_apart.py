"""Bodies looked through in another process are found the same things in, and its death is no harm."""

from __future__ import annotations

import json
import time

import psutil
import pytest

from aura_migration.archive import apart
from aura_migration.archive.apart import Seeker
from aura_migration.archive.redaction import Redaction, find
from aura_migration.core.errors import BadInput

RULES = Redaction(drop={"orders": ("orders[].card.pin",)}, personal={"orders": (("orders[].note", "orders[].id"),)})
BODY = json.dumps(
    {"orders": [{"id": f"C{n}", "card": {"pin": n, "last": "é"}, "note": f"for {n}"} for n in range(200)]},
    separators=(",", ":"),
    ensure_ascii=False,
).encode()


def children() -> set[psutil.Process]:
    """Processes that work along with this one."""
    return {one for one in psutil.Process().children() if "spawn_main" in " ".join(one.cmdline())}


def test_another_process_finds_the_same_and_whatever_becomes_of_it_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(apart, "BEGIN_AFTER", 2 * len(BODY))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    here, before = find(BODY, RULES, "orders"), children()
    assert len(here.cuts) == len(here.values) == 200
    seeker = Seeker(RULES)
    try:
        assert seeker.find(BODY, "orders", "GET /orders").cuts == here.cuts
        assert children() == before, "a short extraction starts nothing"
        until = time.monotonic() + 60
        while not seeker.is_apart and time.monotonic() < until:  # what comes while it starts is looked through here
            assert seeker.find(BODY, "orders", "GET /orders").values == here.values
        assert seeker.is_apart
        found = seeker.find(BODY, "orders", "GET /orders")
        assert (found.cuts, found.values) == (here.cuts, here.values)
        with pytest.raises(BadInput, match="GET /orders"):
            seeker.find(BODY[:-1], "orders", "GET /orders")
        assert seeker.is_apart
        for process in children() - before:
            process.kill()
        found = seeker.find(BODY, "orders", "GET /orders")
        assert (found.cuts, found.values) == (here.cuts, here.values)
        assert not seeker.is_apart and "going on without it" in caplog.text
    finally:
        seeker.close()
    assert seeker.find(BODY, "orders", "GET /orders").cuts == here.cuts
