"""Serving the application on a port: what `aura-migration api` does."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

from aura_migration.api.heads import PromptProtocol
from aura_migration.settings import Settings

GRACE_SECONDS = 5


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve until interrupted."""
    uvicorn.Server(configured(app, settings.api_host, settings.api_port)).run()


def configured(app: FastAPI, host: str, port: int, log_level: str = "warning") -> uvicorn.Config:
    """How the application is served, wherever it is."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PromptProtocol,
        ws="websockets-sansio",
        log_level=log_level,
        access_log=False,  # addresses and queries of guests' look-ups are not for a log; the audit trail has what was done
        server_header=False,
        ws_max_size=64 * 1024,
        ws_ping_interval=None,  # the socket has a heartbeat of its own
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=30,
    )
