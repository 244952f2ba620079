"""Runs sandbox applications on loopback ports: in a background thread for tests, in the foreground for people."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from aura_migration.sandbox.core.app import CONTROL_PREFIX, PosApp, build_app, set_switches
from aura_migration.sandbox.core.clock import Clock, parse_instant
from aura_migration.sandbox.core.faults import TRANSPORT_KEY

HOST = "127.0.0.1"
POS_NAMES = ("square", "toast", "clover")
START_SECONDS = 60.0


ASKED_FOR_HISTORY = ("toast",)
"""Sandboxes whose scenarios have a history of orders only when they are asked for it."""


class UnknownSandboxError(ValueError):
    """A POS or option no sandbox knows."""


class _Protocol(HttpToolsProtocol):
    """Hands each request its connection, so that the fault dial can cut it in the middle of an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope[TRANSPORT_KEY] = transport
            await inner(scope, receive, send)

        self.app = with_transport


def build(pos: str, scenario: str = "cafe", seed: int = 1, **options: Any) -> PosApp:
    """The POS application of a scenario. Options: `now` (RFC 3339: fixes POS time), `switches` (mapping), `limits`
    (short for that switch), and whatever the POS's own `build` takes (for example `locations` for chain)."""
    if pos not in POS_NAMES:
        raise UnknownSandboxError(f"there is no sandbox for {pos!r}; there is one for {', '.join(POS_NAMES)}")
    now = options.pop("now", None)
    switches = dict(options.pop("switches", None) or {})
    if "limits" in options:
        switches["limits"] = options.pop("limits")
    clock = Clock(parse_instant(now) if isinstance(now, str) else now)
    module = importlib.import_module(f"aura_migration.sandbox.{pos}.app")
    pos_app: PosApp = module.build(scenario, seed, clock, **options)
    set_switches(pos_app, switches)
    return pos_app


class RunningSandbox:
    """A sandbox being served; use it as a context manager or call `close()`."""

    def __init__(self, pos_app: PosApp, port: int = 0) -> None:
        self.pos_app = pos_app
        self.app: Starlette = build_app(pos_app)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
        except OSError as error:
            self._socket.close()
            raise OSError(f"sandbox {pos_app.pos}: cannot listen on {HOST}:{port}: {error.strerror}") from error
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self.app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name=f"sandbox-{pos_app.pos}", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"sandbox {pos_app.pos} did not start on {HOST}:{self.port}")
            time.sleep(0.005)

    @property
    def base_url(self) -> str:
        """Where a connector finds the POS, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def control_url(self) -> str:
        """Where the control surface is, without a slash at the end."""
        return f"{self.base_url}{CONTROL_PREFIX}"

    def close(self) -> None:
        """Stop serving and free the port; safe to call twice."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
        if self.pos_app.webhooks is not None:
            self.pos_app.webhooks.close()

    def describe(self) -> dict[str, Any]:
        """What a person or a test needs to connect."""
        return {
            "base_url": self.base_url,
            "control_url": self.control_url,
            "scenario": self.pos_app.scenario,
            "seed": self.pos_app.seed,
            "credentials": self.pos_app.credentials(),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(pos: str, scenario: str = "cafe", seed: int = 1, port: int = 0, **options: Any) -> RunningSandbox:
    """Serve one POS in a background thread; port 0 takes any free one. For the options see `build`."""
    return RunningSandbox(build(pos, scenario, seed, **options), port)


def run_forever(
    pos_list: Sequence[str],
    scenario: str = "cafe",
    seed: int = 1,
    ports: Mapping[str, int] | None = None,
    *,
    history: bool = False,
    **options: Any,
) -> None:
    """Serve several POS until SIGTERM or SIGINT. Prints one line of JSON when all answer: POS name -> `describe()`.

    `history` gives a history of orders to the POS whose scenarios have none unless asked (toast).
    """
    stop = threading.Event()
    held = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    running: dict[str, RunningSandbox] = {}
    try:
        for pos in pos_list:
            more = {"history": True} if history and pos in ASKED_FOR_HISTORY else {}
            running[pos] = serve(pos, scenario, seed, (ports or {}).get(pos, 0), **options, **more)
        print(json.dumps({pos: sandbox.describe() for pos, sandbox in running.items()}), flush=True)
        while not stop.wait(1.0):
            continue
    finally:
        for sandbox in running.values():
            sandbox.close()
        for number, handler in held.items():
            signal.signal(number, handler)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of `python -m aura_migration.sandbox`; answers the exit code."""
    parser = argparse.ArgumentParser(prog="sandbox", description="Serve sandbox POS on loopback ports until stopped.")
    parser.add_argument("--pos", action="append", choices=[*POS_NAMES, "all"], help="which POS (repeatable)")
    parser.add_argument("--scenario", default="cafe", help="cafe, empty, diner, chain, rules, huge, crowd or year")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, action="append", help="one per --pos, in that order; default: any free")
    parser.add_argument("--now", help="fix POS time, for example 2026-10-01T09:00:00Z")
    parser.add_argument("--limits", choices=["real", "off"], help="rate limits; default: the POS's own")
    parser.add_argument("--locations", type=int, help="number of locations of the scenario chain")
    parser.add_argument("--customers", type=int, help="number of customers of the scenario crowd")
    parser.add_argument("--orders", type=int, help="number of orders in a history (scenario year: 100000)")
    parser.add_argument("--history", action="store_true", help="toast: with a history of orders (the others have one)")
    parser.add_argument("--months", type=int, help="length of the history of the scenario year")
    parser.add_argument("--differs", help="scenario rules: the rule by which the past was charged otherwise")
    parser.add_argument("--switch", action="append", default=[], metavar="NAME=JSON", help="set a switch of the POS")
    given = parser.parse_args(argv)
    chosen = given.pos or ["all"]
    pos_list = list(POS_NAMES) if "all" in chosen else list(dict.fromkeys(chosen))
    options: dict[str, Any] = {
        name: getattr(given, name)
        for name in ("now", "limits", "locations", "customers", "orders", "months", "differs")
    }
    options = {name: value for name, value in options.items() if value is not None}
    try:
        switches = dict(entry.split("=", 1) for entry in given.switch)
        options["switches"] = {name: json.loads(value) for name, value in switches.items()}
        ports = dict(zip(pos_list, given.port or [], strict=False))
        run_forever(pos_list, given.scenario, given.seed, ports, history=given.history, **options)
    except ValueError as error:
        parser.exit(2, f"sandbox: {error}\n")
    except OSError as error:
        parser.exit(3, f"{error}\n")
    return 0
