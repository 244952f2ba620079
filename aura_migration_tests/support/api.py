"""The API on a port of its own, as clients meet it: real HTTP, real sockets, tokens of the local mode."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import Any

import httpx
import uvicorn

from aura_migration.api.access.roles import Role
from aura_migration.api.app import build_app
from aura_migration.api.server import configured
from aura_migration.migration.workshop import Workshop
from aura_migration_tests.support.ports import free_port

PATIENCE = 90.0


class RunningApi:
    """Serves an application on loopback from a thread, until closed."""

    def __init__(self, workshop: Workshop) -> None:
        self.app = build_app(workshop)
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.server = uvicorn.Server(configured(self.app, "127.0.0.1", self.port, log_level="error"))
        self._thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> RunningApi:
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while not self.server.started:
            assert self._thread.is_alive() and time.monotonic() < deadline, "the API did not start"
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.should_exit = True
        self._thread.join(PATIENCE)

    def token(
        self,
        name: str = "ada",
        role: Role | str = Role.ADMIN,
        restaurants: list[int] | None = None,
        life: timedelta = timedelta(hours=1),
    ) -> str:
        """A token for somebody; ``restaurants`` None reaches all."""
        issuer = self.app.state.api.issuer
        assert issuer is not None
        token: str = issuer.mint(name, [Role(role)], restaurants, life)
        return token

    def client(
        self, name: str = "ada", role: Role | str = Role.ADMIN, restaurants: list[int] | None = None
    ) -> httpx.Client:
        """An HTTP client that is signed in; close it, or use it as a context."""
        headers = {"authorization": f"Bearer {self.token(name, role, restaurants)}"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=PATIENCE)

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        """GET as an administrator of everything."""
        with self.client() as client:
            return client.get(path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> httpx.Response:
        """POST as an administrator of everything."""
        with self.client() as client:
            return client.post(path, **kwargs)
