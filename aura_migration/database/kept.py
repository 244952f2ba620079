"""A connection kept for many short transactions, where opening one for each would cost more than the work.

A pool for requests that come at once does not belong here: whoever comes second waits.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


class KeptConnection:
    """Opened at first use, opened again when the server has ended it, closed with this object. Threads take turns.

    Not for processes made by fork: they would share the session.
    """

    def __init__(self, opened: Callable[[], psycopg.Connection[Any]]) -> None:
        self._opened = opened
        self._connection: psycopg.Connection[Any] | None = None
        self._turn = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """The connection in a transaction of its own, committed at the end and rolled back by an error. Not to be nested."""
        with self._turn:
            connection = self._alive() or self._anew()
            with connection.transaction():
                yield connection

    def _alive(self) -> psycopg.Connection[Any] | None:
        """The connection if its server still answers. One that was restarted meanwhile is no reason to fail."""
        if self._connection is None or self._connection.closed:
            return None
        try:
            self._connection.execute("SELECT 1")
            self._connection.rollback()
        except psycopg.OperationalError:
            self._connection.close()
            return None
        return self._connection

    def _anew(self) -> psycopg.Connection[Any]:
        self._connection = self._opened()
        weakref.finalize(self, self._connection.close)
        return self._connection
