"""Several calls on a POS at once. How many may be under way is said by the limits (``http/limits.py``), not here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def together(calls: Sequence[Awaitable[T]]) -> list[T]:
    """What each call returns, in order. The first failure ends the others, waits for them and is raised as it is."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
