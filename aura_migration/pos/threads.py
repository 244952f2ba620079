"""Steps that block (files, database), awaited so that none of them outlives who asked for it.

``asyncio.to_thread`` returns at once when its caller is cancelled, while its thread goes on. A page recorded that late
would take back the certificate that was given meanwhile. What blocks, and why, belongs to the callers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the step returns or raises. A cancelled caller waits for the step to end; then it is cancelled."""
    running = asyncio.ensure_future(asyncio.to_thread(step, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:
                continue  # asked again to stop: the step still has to end first
        if not running.cancelled():
            running.exception()  # looked at: the cancellation is what is told
        raise
