"""Making a body what may be stored, redacted and compressed, in this process or in one beside it.

Of a long past that is most of the work of recording, and one process does it on one core only. What is recorded, when it
counts, and writing to the store are the recorder's business.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from aura_migration.archive.redaction import PersonCipher, Redaction, redact
from aura_migration.archive.store import Packed, pack
from aura_migration.core.helpers import helper_pool

log = logging.getLogger(__name__)
MANY = 16 * 2**20
"""Bytes of bodies from which a helper is worth its start: a second of a core."""
AT_ONCE = 4
"""So many bodies lie with the helper at most, so that it never waits; others are packed here meanwhile."""


@dataclass(frozen=True)
class Packer:
    """Redacts and packs bodies of one integration."""

    redaction: Redaction
    integration_id: int
    cipher: PersonCipher | None = None

    def packed(self, body: bytes, entity: str, place: str, person: str = "") -> Packed:
        """The body as it may be stored. Arguments and errors of :func:`redact`."""
        return pack(redact(body, entity, self.redaction, self.integration_id, self.cipher, place, person))


PackerSource = Callable[[], Packer]
"""Opens the same packer in another process, so that it must pickle."""


class SharedPacking:
    """Packs bodies here and, of a long past, in a process beside this one, whichever has time; for several threads.

    Whatever goes wrong over there is done again here: a helper that was killed costs time, never a body, and errors are those
    of :meth:`Packer.packed`. Without a ``source`` there is no helper.
    """

    def __init__(self, here: Packer, source: PackerSource | None = None, many: int = MANY) -> None:
        self._here = here
        self._source = source
        self._many = many
        self._mutex = threading.Lock()
        self._seen = 0
        self._lying = 0
        self._pool: ProcessPoolExecutor | None = None
        self._is_ready: Future[None] | None = None

    def packed(self, body: bytes, entity: str, place: str, person: str = "") -> Packed:
        """See :meth:`Packer.packed`."""
        if self._has_time(len(body)):
            assert self._pool is not None
            try:
                return self._pool.submit(_packed, body, entity, place, person).result()
            except Exception as error:  # done again here: what is wrong with the body is told from here
                log.debug("a body is packed here, the helper met %s", type(error).__name__)
                if isinstance(error, BrokenProcessPool):
                    self._source = None
            finally:
                with self._mutex:
                    self._lying -= 1
        return self._here.packed(body, entity, place, person)

    def close(self) -> None:
        """End the helper."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _has_time(self, size: int) -> bool:
        """Whether the helper may have this body too; it is then counted as lying there."""
        with self._mutex:
            self._seen += size
            if self._source is None or self._seen < self._many:
                return False
            if self._is_ready is None:
                self._pool = helper_pool(1, _set_up, self._source)
                self._is_ready = self._pool.submit(_open)
            if not self._is_ready.done() or self._lying >= AT_ONCE:
                return False
            if self._is_ready.exception() is not None:
                self._source = None
                return False
            self._lying += 1
            return True


_source: PackerSource | None = None
_packer: Packer | None = None


def _set_up(source: PackerSource) -> None:
    global _source
    _source = source


def _open() -> None:
    global _packer
    assert _source is not None
    _packer = _source()


def _packed(body: bytes, entity: str, place: str, person: str) -> Packed:
    assert _packer is not None, "bodies are sent once it is open"
    return _packer.packed(body, entity, place, person)
