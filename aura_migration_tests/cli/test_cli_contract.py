"""The command as a contract: commands, help, one JSON document, exit codes, the environment."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import httpx
import pytest

from aura_migration.cli.main import cli
from aura_migration.database import schema
from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.journey import PROJECT, World

PROMISED = (
    "demo", "up", "down", "api", "env", "db start", "db stop", "db status", "db url", "db upgrade", "sandbox", "connect",
    "preflight", "audit", "losses", "preview", "approve", "run", "pause", "resume", "cancel", "status", "verify",
    "rollback", "conflicts list", "conflicts decide", "quarantine list", "quarantine rerun", "options schema",
    "options check", "integrations", "disconnect", "migrations", "import-file", "handed-files", "liabilities status",
    "liabilities freeze", "liabilities thaw", "liabilities switch", "liabilities return", "erase", "purge",
    "snapshots list", "snapshots delete", "snapshots collect-garbage", "keys status", "keys rotate",
    "keys rotate-gift-card-key", "keys export-gift-card-key", "report", "training-sheet", "lookup",
    "report-import", "restore-check", "acceptance", "replay", "accounting journal", "accounting accounts", "accounting tax",
    "accounting crosswalk", "accounting adjustments", "webhooks key", "webhooks list", "notify targets add",
    "notify targets list", "notify targets remove", "notify targets test", "notify send",
    "window open", "window show", "window extend", "window contact", "window policy", "window follow", "window reconcile",
    "window day", "window sheet", "window drift", "window end", "window known add", "window known end", "cutover gates",
    "cutover waive", "cutover unwaive", "cutover sign", "cutover future-orders", "cutover decide-order", "cutover tests",
    "cutover switch", "cutover abort", "cutover rehearse", "cutover reverse", "cutover complete", "cutover paper", "cutover sign-back",
    "cutover entries", "cutover files", "cutover features", "cutover confirm-sheet", "token",
)  # fmt: skip


def _commands(group: click.Group = cli, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def test_the_promised_commands_are_the_commands() -> None:
    assert {name for name, _ in _commands()} == set(PROMISED)


@pytest.mark.parametrize("name", PROMISED)
def test_every_command_has_help_worth_reading(name: str, world: World) -> None:
    answer = world.call(*name.split(), "--help")
    assert answer.code == 0 and answer.err == ""
    command = dict(_commands())[name]
    told = (command.help or "").strip()
    assert len(told) >= 40 and told[0].isupper() and told.split("\n\n")[0].rstrip().endswith((".", ")", '"'))
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name not in ("help",):
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"


@pytest.mark.parametrize("name", PROMISED)
def test_every_command_takes_json(name: str) -> None:
    command = dict(_commands())[name]
    assert any("--json" in p.opts for p in command.params if isinstance(p, click.Option))


def test_the_overview_lists_the_exit_codes_and_where_to_start(world: World) -> None:
    shown = world.call("--help").out
    assert "Exit codes" in shown and "aura-migration demo" in shown
    assert world.call("-h").out == shown
    bare = world.call()
    assert bare.code == 2 and "Usage" in bare.out + bare.err


def test_a_process_writes_one_json_document_on_stdout_and_its_logs_elsewhere(
    world: World, cafe: RunningSandbox
) -> None:
    connected = world.process(*world.connect_arguments(cafe), "--json")
    assert connected.code == 0, connected
    (integration,) = [connected.json["integration_id"]]
    previewed = world.process("preview", integration, "--json")
    assert previewed.code == 0, previewed
    assert previewed.out.count("\n") == 1 and previewed.json["migrations"][0]["state"] == "planned"
    for said in (connected, previewed):
        assert not said.err.strip(), "nothing to say is said by silence"


def test_a_mistake_on_the_command_line_is_told_as_json_too(world: World) -> None:
    for arguments in (
        ["nonsense", "--json"],
        ["run", "--json"],
        ["run", "one", "--json"],
        ["preview", "1", "--nope", "--json"],
    ):
        answer = world.call(*arguments)
        assert answer.code == 2 and set(answer.json) >= {"error", "what", "remedy"}


def test_people_get_tables_and_errors_with_their_remedy(world: World, cafe: RunningSandbox) -> None:
    shown = world.call(*world.connect_arguments(cafe))
    assert shown.code == 0 and "Locations" in shown.out and "square:" in shown.out
    failed = world.call("status", 99)
    assert failed.code == 2 and failed.out == ""
    assert "Migration 99 does not exist" in failed.err and "migrations" in failed.err


def test_a_defect_never_looks_like_a_verdict(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from aura_migration.cli import steering

    def broken(*_: object) -> None:
        raise RuntimeError("the wheels came off")

    monkeypatch.setattr(steering, "list_migrations", broken)
    answer = world.call("migrations", "--json")
    assert answer.code == 3 and answer.json["error"] == "RuntimeError" and "please report it" in answer.json["remedy"]
    assert "the wheels came off" not in answer.out + answer.err, "it might have quoted a row"


# -- the environment --------------------------------------------------------------------------------------------------------


def test_a_database_that_cannot_be_reached_is_the_environment_without_its_password(world: World) -> None:
    world.environ["AURA_DATABASE_URL"] = "postgresql://me:s3cret@127.0.0.1:1/nowhere"
    answer = world.call("migrations", "--json")
    assert answer.code == 3 and "nowhere" in answer.json["what"]
    assert "s3cret" not in answer.out + answer.err


def test_a_database_that_is_behind_is_changed_only_by_db_upgrade(world: World, empty_database: str) -> None:
    world.environ["AURA_DATABASE_URL"] = empty_database
    for command in ("migrations", "integrations", "db start", "up"):
        refused = world.fails(3, *command.split())
        assert "db upgrade" in refused["remedy"], command
    assert schema.current(empty_database) is None
    assert world.ok("db", "status")["schema"] is None
    assert world.ok("db", "upgrade") == {"schema": schema.head()}
    assert world.ok("migrations") == {"migrations": []}
    assert world.fails(2, "db", "stop")["error"] == "BadInput", "a server that is not ours is not stopped"


def test_a_misspelt_variable_is_warned_about_on_stderr(world: World) -> None:
    world.environ["AURA_DATABSE_URL"] = "x"
    answer = world.call("migrations", "--json")
    assert answer.code == 0 and "AURA_DATABSE_URL" in answer.err
    assert answer.json == {"migrations": []}


def test_a_malformed_variable_is_the_environment(world: World) -> None:
    world.environ["AURA_NOW"] = "yesterday"
    answer = world.call("migrations", "--json")
    assert answer.code == 3 and "AURA_NOW" in answer.json["what"]


def test_keys_that_do_not_open_the_credentials_are_the_environment(world: World, cafe: RunningSandbox) -> None:
    world.connect_account(cafe)
    (Path(world.environ["AURA_DATA_DIR"]) / "keys" / "secret.keys").unlink()
    answer = world.fails(3, "preview", 1)
    assert "key" in answer["what"].lower()


def test_env_prints_what_a_shell_can_evaluate(world: World) -> None:
    said = world.call("env").out
    values = dict(shlex.split(line)[1].split("=", 1) for line in said.splitlines())
    assert values == {
        "DAGSTER_HOME": str(Path(world.environ["AURA_DATA_DIR"]) / "dagster"),
        "DAGSTER_POSTGRES_URL": world.url,
    }
    assert world.ok("env") == values
    put = Path(values["DAGSTER_HOME"]) / "dagster.yaml"
    assert put.read_bytes() == (PROJECT / "dagster.yaml").read_bytes()


def test_dagster_may_have_a_database_of_its_own(world: World) -> None:
    world.environ["DAGSTER_POSTGRES_URL"] = "postgresql://elsewhere/dagster"
    assert world.ok("env")["DAGSTER_POSTGRES_URL"] == "postgresql://elsewhere/dagster"


def test_help_imports_neither_dagster_nor_frames() -> None:
    program = (
        "import sys\nfrom aura_migration.cli.main import run\nrun(['--help'])\n"
        "heavy = [m for m in ('dagster', 'pandas', 'pandera', 'great_expectations', 'sqlalchemy') if m in sys.modules]\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


# -- stand-ins ----------------------------------------------------------------------------------------------------------------


def test_sandbox_serves_until_it_is_told_to_stop(world: World) -> None:
    process = world.start("sandbox", "--pos", "toast", "--scenario", "cafe", "--limits", "off", "--history")
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert set(told["toast"]) >= {"base_url", "control_url", "credentials"}
        truth = httpx.get(f"{told['toast']['control_url']}/truth", timeout=60).json()
        assert len(truth["daily"]) > 10, "with a history, where it is asked for"
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=120)
    assert process.returncode == 0


def test_a_stand_in_that_does_not_exist_is_bad_input(world: World) -> None:
    assert "nope" in world.fails(2, "sandbox", "--pos", "square", "--scenario", "nope")["what"]
    refused = world.fails(2, "sandbox", "--pos", "clover", "--scenario", "rules", "--differs", "no-such-rule")
    assert "no-such-rule" in refused["what"], "the rule asked for reaches the scenario"
    assert (
        "nope" in world.fails(2, "demo", "--pos", "square", "--scenario", "nope", "--no-serve", "--port", 28871)["what"]
    )
