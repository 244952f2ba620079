"""A restaurant's whole world for journey tests: a database with Dagster's tables, a data folder, and the command.

The command runs in this process (fast) or as a process of its own (``process``), always on the environment given here.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from aura_migration.cli.main import run as run_command
from aura_migration.database.connections import Connection, connect
from aura_migration.migration.workshop import Workshop
from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]
TIMEOUT = 300


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@dataclass
class World:
    """One database and data folder; several restaurants may live in it."""

    environ: dict[str, str]
    folder: Path
    credentials: int = field(default=0)

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.environ["AURA_DATABASE_URL"]

    @property
    def workshop(self) -> Workshop:
        """The product's own view of this world."""
        return Workshop.open(load_settings(self.environ))

    def connect(self) -> Connection:
        """An autocommit connection."""
        return connect(self.url, autocommit=True, application_name="test")

    def call(self, *arguments: object, stdin: str | None = None) -> Answer:
        """Run the command in this process."""
        out, err = io.StringIO(), io.StringIO()
        with (
            _environment(self.environ),
            _stdin(stdin),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                code = run_command([str(a) for a in arguments])
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
        return Answer(code, out.getvalue(), err.getvalue())

    def ok(self, *arguments: object, stdin: str | None = None) -> dict[str, Any]:
        """Run the command with ``--json`` in this process; it must end with 0."""
        answer = self.call(*arguments, "--json", stdin=stdin)
        assert answer.code == 0, answer
        return answer.json

    def fails(self, code: int, *arguments: object, stdin: str | None = None) -> dict[str, Any]:
        """Run the command with ``--json`` in this process; it must end with this code."""
        answer = self.call(*arguments, "--json", stdin=stdin)
        assert answer.code == code, answer
        return answer.json

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start the command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "aura_migration", *map(str, arguments)],
            env={**_without_ours(), **self.environ},
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def process(self, *arguments: object) -> Answer:
        """Run the command as a process of its own, to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=TIMEOUT)
        return Answer(process.returncode, out, err)

    def credentials_file(self, document: Any) -> Path:
        """Write a credentials document to a file."""
        self.credentials += 1
        path = self.folder / f"credentials-{self.credentials}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def connect_account(
        self, sandbox: RunningSandbox, name: str = "Café", variant: str | None = None
    ) -> dict[str, Any]:
        """Connect the sandbox's account (a variant of its credentials if named); the answer of ``connect``."""
        return self.ok(*self.connect_arguments(sandbox, name, variant))

    def connect_arguments(
        self, sandbox: RunningSandbox, name: str = "Café", variant: str | None = None
    ) -> list[object]:
        """The arguments of ``connect`` for a sandbox."""
        given = sandbox.pos_app.credentials()
        document = given["variants"][variant] if variant else given["default"]
        path = self.credentials_file(document)
        return [
            "connect", "--pos", sandbox.pos_app.pos, "--base-url", sandbox.base_url, "--credentials", path, "--restaurant", name,
        ]  # fmt: skip

    def preview(self, integration: int, *arguments: object) -> dict[str, Any]:
        """Preview; the only migration of the answer."""
        (plan,) = self.ok("preview", integration, *arguments)["migrations"]
        assert isinstance(plan, dict)
        return plan

    def approve(self, plan: Mapping[str, Any]) -> None:
        """Approve a previewed plan."""
        self.ok("approve", plan["migration_id"], "--plan-hash", plan["plan_hash"], "--by", "Ada")

    def approved(self, sandbox: RunningSandbox, name: str = "Café") -> dict[str, Any]:
        """Connect, preview, approve; the plan."""
        plan = self.preview(self.connect_account(sandbox, name)["integration_id"])
        self.approve(plan)
        return plan

    def rows(self, query: Any, *arguments: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.connect() as connection:
            return connection.execute(query, arguments).fetchall()

    def state(self, migration: int) -> str:
        """A migration's state as stored."""
        return str(self.rows("SELECT state FROM migration.migrations WHERE id = %s", migration)[0][0])

    def menu(self) -> dict[str, int]:
        """Rows in each table of ``aura`` that a menu fills."""
        with self.connect() as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'aura' AND table_type = 'BASE TABLE' ORDER BY 1"
            ).fetchall()
            each = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM aura.{name}" for (name,) in tables)
            counts: dict[str, int] = dict(connection.execute(each).fetchall())
        return {name: counts[name] for (name,) in tables if counts[name] and name != "restaurants"}


def edit(sandbox: RunningSandbox, **op: Any) -> None:
    """A menu edit at the POS, as its manager would make it."""
    httpx.post(f"{sandbox.control_url}/edit", json=op).raise_for_status()


def faults(sandbox: RunningSandbox, *specs: dict[str, Any]) -> None:
    """Set the fault dial (none: back to sound)."""
    httpx.delete(f"{sandbox.control_url}/faults").raise_for_status()
    if specs:
        httpx.post(f"{sandbox.control_url}/faults", json=list(specs)).raise_for_status()


def _without_ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AURA_", "DAGSTER_"))}


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    held = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(held)


@contextlib.contextmanager
def _stdin(text: str | None) -> Iterator[None]:
    held = sys.stdin
    sys.stdin = io.StringIO(text or "")
    try:
        yield
    finally:
        sys.stdin = held
