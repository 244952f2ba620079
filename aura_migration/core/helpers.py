"""Processes beside this one that share its work. What they work on belongs to those who ask for them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection as pipes
from multiprocessing import get_context, parent_process
from typing import ParamSpec

P = ParamSpec("P")


def helper_pool(count: int, set_up: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> ProcessPoolExecutor:
    """So many fresh processes (a forked one would share this one's connections), which begin with ``set_up``.

    They end with this process, however it ends, and leave an interrupt of the terminal to it. ``set_up`` and all it gets must
    pickle; what fails in it breaks the pool, so that it notes what to do and leaves opening to the first task.
    """
    return ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_begin, initargs=(set_up, args, kwargs)
    )


def _begin(set_up: Callable[..., None], args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    set_up(*args, **kwargs)


def _end_with(sentinel: int) -> None:
    pipes.wait([sentinel])
    os._exit(1)
