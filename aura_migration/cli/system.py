"""Commands about the system itself: database, environment, stand-in POS, everything up and down."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import click
import psutil
import yaml
from filelock import FileLock

from aura_migration.cli.output import answers, emit, err, json_option, out, pairs
from aura_migration.core.errors import BadInput, EnvironmentFault
from aura_migration.database import connections, embedded, schema
from aura_migration.settings import Settings, load_settings, project_folder

HOST = "127.0.0.1"
START_SECONDS = 120.0


# -- database ------------------------------------------------------------------------------------------------------------


@click.group()
def db() -> None:
    """The database: the embedded PostgreSQL server, or the one AURA_DATABASE_URL names."""


@db.command("start")
@json_option
@answers
def db_start(as_json: bool) -> None:
    """Start the embedded server (if that is the database) and bring its schema up to date."""
    settings = load_settings()
    url = connections.database_url(settings)
    schema.require_current(url, connections.is_embedded(settings))
    emit({"url": url, "embedded": connections.is_embedded(settings)}, as_json, lambda: out.print(url, markup=False))


@db.command("stop")
@json_option
@answers
def db_stop(as_json: bool) -> None:
    """Stop the embedded server. Everything that uses it loses its connection."""
    settings = _require_embedded()
    stopped = embedded.stop(settings.data_dir)
    emit({"stopped": stopped}, as_json, lambda: out.print("Stopped." if stopped else "It was not running."))


@db.command("status")
@json_option
@answers
def db_status(as_json: bool) -> None:
    """Whether the database answers, where it is, and whether its schema is current."""
    settings = load_settings()
    answer: dict[str, Any] = {"embedded": connections.is_embedded(settings)}
    if connections.is_embedded(settings):
        answer |= embedded.status(settings.data_dir).as_dict()
        running = answer["state"] == "running"
        url = embedded.url(settings.data_dir)
    else:
        running, url = True, str(settings.database_url)
    if running:
        answer |= {"schema": schema.current(url), "schema_head": schema.head()}
    emit(answer, as_json, lambda: pairs(answer))


@db.command("url")
@json_option
@answers
def db_url(as_json: bool) -> None:
    """Print the database's URL (without starting it)."""
    url = connections.database_url(load_settings(), start=False)
    emit({"url": url}, as_json, lambda: print(url))


@db.command("upgrade")
@json_option
@answers
def db_upgrade(as_json: bool) -> None:
    """Bring the schema up to date. The only command that changes the schema of AURA_DATABASE_URL."""
    settings = load_settings()
    revision = schema.upgrade(connections.database_url(settings))
    emit({"schema": revision}, as_json, lambda: out.print(f"Schema is at {revision}.", markup=False))


def _require_embedded() -> Settings:
    settings = load_settings()
    if not connections.is_embedded(settings):
        raise BadInput(
            "AURA_DATABASE_URL names a server that is not ours to start or stop.",
            "Unset it to use the embedded server.",
        )
    return settings


# -- environment and stand-ins --------------------------------------------------------------------------------------------


@click.command()
@json_option
@answers
def env(as_json: bool) -> None:
    """Print DAGSTER_HOME and DAGSTER_POSTGRES_URL, for those who run `dg dev` themselves: eval "$(aura-migration env)".

    \b
    Variables read: AURA_DATABASE_URL, AURA_DATA_DIR, AURA_SNAPSHOT_URL, AURA_SECRET_KEYS, AURA_KEY_FILE, AURA_NOW,
    AURA_WEBSERVER_PORT, AURA_GRPC_PORT, AURA_API_HOST, AURA_API_PORT, AURA_PUBLIC_URL, AURA_DAGSTER_URL,
    AURA_JWT_SECRET, AURA_JWT_PUBLIC_KEY, AURA_JWT_JWKS_URL, AURA_JWT_ISSUER, AURA_JWT_AUDIENCE,
    DAGSTER_HOME, DAGSTER_POSTGRES_URL.
    """
    from aura_migration.orchestration.instance import environment, prepare_home

    settings = load_settings()
    prepare_home(settings)
    variables = environment(settings)

    def show() -> None:
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(value)}")

    emit(variables, as_json, show)


@click.command()
@click.option(
    "--pos",
    "names",
    multiple=True,
    type=click.Choice(["square", "toast", "clover"]),
    help="Which (repeatable); default all.",
)
@click.option(
    "--scenario", default="cafe", show_default=True, help="cafe, diner, chain, rules, huge, crowd, year or empty."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Other ids, names and prices of the same kind.")
@click.option("--port", type=int, default=0, help="First port; the next POS takes the next one. 0 takes free ones.")
@click.option(
    "--limits", type=click.Choice(["real", "off"]), default="real", show_default=True, help="Documented rate limits."
)
@click.option("--customers", type=int, help="Guests of the scenario crowd.")
@click.option("--orders", type=int, help="Orders of a history (scenario year).")
@click.option("--history", is_flag=True, help="Toast: with a history of orders; the other POS always have one.")
@click.option("--differs", help="Scenario rules: the rule by which the past was charged otherwise than configured.")
@json_option
@answers
def sandbox(
    names: tuple[str, ...],
    scenario: str,
    seed: int,
    port: int,
    limits: str,
    customers: int | None,
    orders: int | None,
    history: bool,
    differs: str | None,
    as_json: bool,
) -> None:
    """Serve stand-ins of the POS on loopback until interrupted.

    Prints one JSON line (with and without --json): base URL, credentials and control address of each. The control
    surface (/_control) has the known truth, the fault dial, the clock and menu edits.
    """
    from aura_migration.sandbox.core.server import run_forever

    chosen = list(names) or ["square", "toast", "clover"]
    ports = {name: port + number for number, name in enumerate(chosen)} if port else None
    try:
        wished = {"customers": customers, "orders": orders, "differs": differs}
        given = {name: value for name, value in wished.items() if value is not None}
        run_forever(chosen, scenario, seed, ports, limits=limits, history=history, **given)
    except OSError as error:
        raise EnvironmentFault(f"{error}.", "End what uses the port, or choose others with --port.") from error
    except (KeyError, ValueError) as error:
        raise BadInput(
            f"{error}.", "Try the scenario cafe, diner, chain, rules, huge, crowd, year or empty."
        ) from error


# -- everything up and down -----------------------------------------------------------------------------------------------


@click.command()
@json_option
@answers
def up(as_json: bool) -> None:
    """Start the whole system: database, Dagster code server, webserver and daemon, API and console. `down` stops it."""
    addresses = start_system(load_settings())
    emit(addresses, as_json, lambda: pairs(dict(addresses)))


@click.command()
@json_option
@answers
def down(as_json: bool) -> None:
    """Stop what `up` started, and the embedded database."""
    settings = load_settings()
    stopped = stop_system(settings)
    if connections.is_embedded(settings) and embedded.stop(settings.data_dir):
        stopped.append("database")
    emit(
        {"stopped": stopped},
        as_json,
        lambda: out.print(f"Stopped: {', '.join(stopped) or 'nothing was running'}.", markup=False),
    )


@click.command()
@json_option
@answers
def api(as_json: bool) -> None:
    """Serve the API and the web console until interrupted; `up` does so beside Dagster.

    \b
    Listens on AURA_API_HOST (127.0.0.1) and AURA_API_PORT (8400). Tokens are verified by AURA_JWT_SECRET,
    AURA_JWT_PUBLIC_KEY or AURA_JWT_JWKS_URL; with none of them the local mode mints one for its own console.
    """
    from aura_migration.api.app import build_app
    from aura_migration.api.server import serve
    from aura_migration.console.app import mount
    from aura_migration.migration.workshop import Workshop

    settings = load_settings()
    app = build_app(Workshop.open(settings))
    mount(app)
    emit(
        {"api": settings.public_url, "console": f"{settings.public_url}/console"},
        as_json,
        lambda: err.print(f"API and console: {settings.public_url}/console", markup=False),
    )
    if not settings.jwt.is_configured:
        err.print(
            "Local mode: no key for tokens is set, so the console signs you in as administrator of this machine's data. "
            "Only this machine reaches it.",
            markup=False,
        )
    serve(app, settings)


def _folder(settings: Settings) -> Path:
    folder = settings.data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def start_system(settings: Settings) -> dict[str, str]:
    """Start code server, webserver and daemon, detached; wait until they answer. Those that run are left alone."""
    with FileLock(_folder(settings) / "up.lock"):  # two at once: the second finds everything running
        return _start_system(settings)


def _start_system(settings: Settings) -> dict[str, str]:
    from aura_migration.migration.workshop import Workshop
    from aura_migration.orchestration.instance import environment, prepare_home

    workshop = Workshop.open(settings)
    prepare_home(settings)
    folder = _folder(settings)
    workspace = folder / "workspace.yaml"
    workspace.write_text(
        yaml.safe_dump(
            {
                "load_from": [
                    {"grpc_server": {"host": HOST, "port": settings.grpc_port, "location_name": "aura_migration"}}
                ]
            }
        )
    )
    surroundings = {**os.environ, **environment(settings)}
    programs = _programs(settings, workspace)
    for name, (command, port) in programs.items():
        if _running(folder, name) is None:
            if port and _answers(port):
                raise EnvironmentFault(
                    f"Port {port} is taken by another program, so the {name} cannot start.",
                    "Set AURA_WEBSERVER_PORT, AURA_API_PORT or AURA_GRPC_PORT to a free port.",
                )
            _start(folder, name, command, surroundings)
        if port:
            _wait_for(folder, name, port)
    return {
        "console": settings.public_url,
        "dagster": f"http://{HOST}:{settings.webserver_port}",
        "database": workshop.url,
        "logs": str(folder),
    }


def _programs(settings: Settings, workspace: Path) -> dict[str, tuple[list[str], int]]:
    """Name → command and the port it must answer on (0: none), in the order they are started."""
    grpc, web = str(settings.grpc_port), str(settings.webserver_port)
    code = ["code-server", "start", "-m", "aura_migration.definitions", "-d", str(project_folder())]
    return {
        "code-server": ([_program("dagster"), *code, "-h", HOST, "-p", grpc], settings.grpc_port),
        "webserver": (
            [_program("dagster-webserver"), "-w", str(workspace), "-h", HOST, "-p", web],
            settings.webserver_port,
        ),
        "api": ([_program("aura-migration"), "api"], settings.api_port),
        "daemon": ([_program("dagster-daemon"), "run", "-w", str(workspace)], 0),
    }


def _program(name: str) -> str:
    """A program of the environment this command runs in."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise EnvironmentFault(
            f"{path} does not exist.", "Install the project into this environment: `make install`, or pip install."
        )
    return str(path)


def _start(folder: Path, name: str, command: list[str], surroundings: dict[str, str]) -> None:
    log_file = folder / f"{name}.log"
    if log_file.exists():
        log_file.replace(folder / f"{name}.previous.log")
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=surroundings,
            start_new_session=True,
            cwd=folder,
        )
    started = psutil.Process(process.pid).create_time()
    (folder / f"{name}.pid").write_text(f"{process.pid} {started}")


def _running(folder: Path, name: str) -> psutil.Process | None:
    """The process we started, if it is still that process (a pid may have been given to another)."""
    try:
        pid, started = (folder / f"{name}.pid").read_text().split()
        process = psutil.Process(int(pid))
        is_ours = abs(process.create_time() - float(started)) < 1 and process.status() != psutil.STATUS_ZOMBIE
        return process if is_ours else None
    except (OSError, ValueError, psutil.Error):
        return None


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def _wait_for(folder: Path, name: str, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if _running(folder, name) is None or time.monotonic() > deadline:
            tail = (folder / f"{name}.log").read_text(errors="replace").splitlines()[-5:]
            raise EnvironmentFault(f"The {name} did not start: {' | '.join(tail)}", f"See {folder / (name + '.log')}.")
        time.sleep(0.2)


def stop_system(settings: Settings) -> list[str]:
    """End the processes `up` started (by their own process ids) and their children. Returns which ran."""
    folder = settings.data_dir / "run"
    stopped: list[str] = []
    if not folder.is_dir():
        return stopped  # nothing was ever started, and nothing is made by stopping it
    for name in ("api", "daemon", "webserver", "code-server"):
        process = _running(folder, name)
        if process is not None:
            family = [process, *process.children(recursive=True)]
            for member in family:
                _signal(member, signal.SIGTERM)
            _, alive = psutil.wait_procs(family, timeout=15)
            for member in alive:
                _signal(member, signal.SIGKILL)
            psutil.wait_procs(alive, timeout=5)
            stopped.append(name)
        (folder / f"{name}.pid").unlink(missing_ok=True)
    return stopped


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def serve_until_interrupted(settings: Settings) -> None:
    """Start the system, say on stderr where it is, and stop it on Ctrl-C or SIGTERM."""
    stop = threading.Event()
    held = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        addresses = start_system(settings)
        err.print(f"\nConsole: {addresses['console']}   Dagster: {addresses['dagster']}   (Ctrl-C stops)", markup=False)
        while not stop.wait(1.0):
            continue
    finally:
        stop_system(settings)
        for number, handler in held.items():
            signal.signal(number, handler)


COMMANDS = (up, down, api, env, db, sandbox)
