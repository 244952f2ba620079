"""Large blocks that were freed are the system's again."""

from __future__ import annotations

import subprocess
import sys

import pytest

HELD = """
import psutil
from aura_migration.core.memory import LARGE, give_large_blocks_back

assert {given} is False or give_large_blocks_back()
first = bytearray(3 * LARGE)
del first  # from here on the C library would keep blocks like it
small, large = [], []
for number in range(60):
    large.append(bytearray(2 * LARGE))
    small.append(bytearray(100_000))
before = psutil.Process().memory_info().rss
large.clear()
print((before - psutil.Process().memory_info().rss) // LARGE)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library of Linux")
def test_blocks_between_others_that_stay_go_back_when_they_are_freed() -> None:
    def given_back(given: bool) -> int:
        done = subprocess.run(
            [sys.executable, "-c", HELD.format(given=given)], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert given_back(True) > 100 > given_back(False)
