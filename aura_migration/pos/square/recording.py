"""Keeping what was read: pages with the version they were given in, certificates, and reading several lists at once.

The recorder blocks (files, database), so its steps run in threads. Which lists are read is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from aura_migration.archive.snapshot import Certificate, Recorder
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.wire import VERSION_HEADER
from aura_migration.pos.threads import in_thread

T = TypeVar("T")


async def record(
    session: SquareCalls,
    recorder: Recorder,
    entity: str,
    response: PosResponse,
    sent: Mapping[str, Any] | None,
    rows: int,
    page: int,
    window: str,
    body: bytes | None = None,
) -> None:
    """Keep one answer with what was ``sent``; ``body`` stands in for its content where several answers are kept as one.

    The parameters of a GET are kept beside the version of the API, those of a POST as its body.
    """
    version = response.headers.get(VERSION_HEADER) or session.version
    asked = dict(sent or {}) if response.method == "GET" else {}
    await in_thread(
        recorder.record,
        entity,
        method=response.method,
        path=response.path,
        params={**asked, VERSION_HEADER: version},
        request_body=sent if response.method != "GET" else None,
        body=response.content if body is None else body,
        rows=rows,
        page=page,
        window=window,
    )


async def restart(recorder: Recorder, entity: str, window: str = "") -> None:
    """Forget what was kept of a window."""
    await in_thread(recorder.restart_window, entity, window)


async def complete(recorder: Recorder, entity: str, window: str) -> None:
    """Note that a window is kept as a whole."""
    await in_thread(recorder.complete_window, entity, window)


async def certify(recorder: Recorder, certificate: Certificate) -> None:
    """Keep a certificate."""
    await in_thread(recorder.certify, certificate)
