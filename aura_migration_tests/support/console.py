"""The command `api` as a process of its own, as `up` starts it; and a worker that carries out what was asked for."""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType

import httpx

from aura_migration.api.access.roles import Role
from aura_migration.api.access.tokens import TokenIssuer
from aura_migration.migration import requests
from aura_migration.settings import DEFAULT_AUDIENCE
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.ports import free_port

PATIENCE = 90.0


class RunningConsole:
    """API and console of a world in a process. ``with_tokens`` false is the local mode."""

    def __init__(self, world: World, *, with_tokens: bool = True) -> None:
        self.world = world
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._secret = secrets.token_urlsafe(48)
        world.environ |= {"AURA_API_PORT": str(self.port)} | ({"AURA_JWT_SECRET": self._secret} if with_tokens else {})
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> RunningConsole:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = self.world.start("api")
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if httpx.get(f"{self.base_url}/pos/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise AssertionError(f"the console did not start: {self._process.communicate()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL: nothing is finished."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def stop(self) -> str:
        """End it as `down` does; what it said on stderr."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def token(self, name: str, role: Role, life: timedelta = timedelta(hours=1)) -> str:
        """A token as AuraConnect's administrator would hand it out."""
        return TokenIssuer(self._secret.encode(), DEFAULT_AUDIENCE).mint(name, [role], None, life)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    held = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(held)


class Worker:
    """Carries requests out, in this process, as Dagster's daemon would; one after the other, in a thread.

    Meanwhile this process has the world's environment, so commands of another world are not run in it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.failures: list[str] = []

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)

    def _work(self) -> None:
        try:
            self._carry_out()
        except Exception as failure:
            self.failures.append(f"the worker: {failure!r}")
            raise

    def _carry_out(self) -> None:
        from aura_migration.orchestration.instance import open_instance
        from aura_migration.orchestration.launch import Wanted, carry_out

        workshop = self._world.workshop
        with _environment(self._world.environ), open_instance(workshop.settings) as instance:
            while not self._ended.wait(0.05):
                with workshop.connect() as connection:
                    pending = requests.in_state(connection, "pending")
                for request in pending:
                    wanted = Wanted(
                        request.kind,
                        request.integration_id,
                        request.location_key,
                        request.migration_id,
                        request.requested_by,
                        request.options,
                    )
                    try:
                        carry_out(workshop, instance, wanted)
                    except Exception as failure:  # as in the daemon: the request says so, the next one follows
                        self.failures.append(f"{request.kind}: {failure}")
