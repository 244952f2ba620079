"""Looking bodies through in another process, while this one goes on asking the POS: a second core for long extractions.

What is found, and what is done about it, is ``redaction.py``'s. Nothing depends on the other process: what it cannot do is
done here.
"""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import replace
from typing import Any

from aura_migration.archive.redaction import LARGE, Found, Redaction, find
from aura_migration.core.errors import BadInput
from aura_migration.core.processes import helpers

log = logging.getLogger(__name__)
BEGIN_AFTER = 32 * 1024 * 1024
"""Bytes looked through here before another process is worth its start."""
AT_ONCE = 4
"""So many bodies wait for the other process; what comes then is looked through here."""


class Seeker:
    """Finds what of bodies must not be stored, for one extraction; :meth:`close` it. Threads may share it."""

    def __init__(self, rules: Redaction) -> None:
        self._rules = rules
        self._mutex = threading.Lock()
        self._seen = 0
        self._waiting = 0
        self._is_ready = False
        self._pool: ProcessPoolExecutor | None = None
        self._is_alone = (os.cpu_count() or 1) < 2

    @property
    def is_apart(self) -> bool:
        """Whether another process is at work."""
        return self._is_ready and not self._is_alone

    def find(self, body: bytes, entity: str, place: str) -> Found:
        """As ``redaction.find``."""
        sent = self._sent(body, entity) if len(body) >= LARGE else None
        if sent is not None:
            found = Found(body)
            try:
                found.cuts, found.values = sent.result()
                return found
            except BadInput as error:
                log.debug("looked through once more, to name the request: %s", error.what)
            except Exception as error:
                self._give_up(error)
            finally:
                with self._mutex:
                    self._waiting -= 1
        return find(body, self._rules, entity, place)

    def close(self) -> None:
        """End the other process."""
        with self._mutex:
            pool, self._pool, self._is_alone = self._pool, None, True
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _sent(self, body: bytes, entity: str) -> Future[Any] | None:
        with self._mutex:
            self._seen += len(body)
            if self._is_alone or self._seen < BEGIN_AFTER:
                return None
            if self._pool is None:
                self._pool = helpers(1, _set_up, replace(self._rules))
                self._pool.submit(_ready).add_done_callback(self._began)
            if not self.is_apart or self._waiting >= AT_ONCE:
                return None
            try:
                sent = self._pool.submit(_find, body, entity)
            except BrokenExecutor as error:  # it ended while it had nothing to do
                self._give_up(error)
                return None
            self._waiting += 1
            return sent

    def _give_up(self, error: Exception) -> None:
        log.warning("the process that looks bodies through is gone (%s); going on without it", error)
        self._is_alone = True

    def _began(self, answer: Future[bool]) -> None:
        self._is_ready = not answer.cancelled() and answer.exception() is None
        self._is_alone = not self._is_ready


_rules: Redaction | None = None


def _set_up(rules: Redaction) -> None:
    global _rules
    _rules = rules


def _ready() -> bool:
    return _rules is not None


def _find(body: bytes, entity: str) -> tuple[list[Any], list[Any]]:
    assert _rules is not None
    found = find(body, _rules, entity, entity)
    return found.cuts, found.values
