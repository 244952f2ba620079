"""Processes that work along with this one: fresh ones, that end when it does. What they do does not belong here."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection as pipes
from multiprocessing import get_context, parent_process
from typing import Any


def helpers(count: int, set_up: Callable[..., None], *arguments: Any) -> ProcessPoolExecutor:
    """A pool of so many processes, each of which first calls ``set_up``; function and arguments must pickle.

    A forked process would share this one's connections. They also end when this process is killed.
    """
    return ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_begin, initargs=(set_up, *arguments)
    )


def _begin(set_up: Callable[..., None], *arguments: Any) -> None:
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    set_up(*arguments)


def _end_with(sentinel: int) -> None:
    pipes.wait([sentinel])
    os._exit(1)
