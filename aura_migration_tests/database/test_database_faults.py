"""Errors nobody foresaw: kind and place are told, what they say is kept from messages, chains and files."""

from __future__ import annotations

import stat
from pathlib import Path

import psycopg
import pydantic
import pytest

from aura_migration.core.errors import AuraError, BadInput, EnvironmentFault
from aura_migration.database.connections import Connection
from aura_migration.database.faults import FOLDER, Unforeseen, presentable

CANARY = "ada.lovelace@canary.test"


def _caught(error: BaseException) -> AuraError:
    try:
        raise error
    except BaseException as caught:
        return presentable(caught)


def _everything(error: BaseException) -> str:
    chain, found = [], error
    while found is not None:
        chain.append(repr(found) + str(found) + repr(vars(found)))
        found = found.__cause__ or found.__context__  # type: ignore[assignment]
    return "\n".join(chain)


def test_a_foreign_exception_is_told_by_kind_and_place_only(tmp_path: Path) -> None:
    try:
        {}[CANARY]
    except KeyError as error:
        shown = presentable(error, tmp_path)
    assert isinstance(shown, Unforeseen) and shown.exit_code == 3
    assert shown.as_dict()["error"] == "KeyError"
    assert "KeyError at aura_migration_tests/database/test_database_faults.py:" in shown.what
    (path,) = (tmp_path / FOLDER).iterdir()
    assert str(path) in shown.remedy
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    stored = path.read_text()
    assert "test_database_faults.py" in stored and stored.rstrip().endswith("builtins.KeyError")
    assert CANARY not in stored + _everything(shown)


def test_a_row_in_a_databases_error_stays_there(connection: Connection, tmp_path: Path) -> None:
    connection.execute("create temp table guests (email text constraint one_email unique)")
    connection.execute("insert into guests values (%s)", [CANARY])
    with pytest.raises(psycopg.errors.UniqueViolation, match=CANARY) as raised:
        connection.execute("insert into guests values (%s)", [CANARY])
    shown = presentable(raised.value, tmp_path)
    assert "sqlstate 23505" in shown.what and "table_name guests" in shown.what and "one_email" in shown.what
    (path,) = (tmp_path / FOLDER).iterdir()
    assert CANARY not in _everything(shown) + path.read_text()


def test_what_led_to_it_is_in_the_file_without_its_text(tmp_path: Path) -> None:
    class Guest(pydantic.BaseModel):
        age: int

    try:
        try:
            Guest.model_validate({"age": CANARY})
        except pydantic.ValidationError as error:
            raise RuntimeError(f"no guest: {error}") from error
    except RuntimeError as error:
        shown = presentable(error, tmp_path)
    (path,) = (tmp_path / FOLDER).iterdir()
    stored = path.read_text()
    assert "ValidationError" in stored and "builtins.RuntimeError" in stored
    assert CANARY not in stored + _everything(shown)


def test_an_error_of_ours_keeps_its_text_and_loses_the_foreign_ones_behind_it() -> None:
    error = BadInput("The record items 7 is unusable.", "Correct it.", key="7")
    try:
        try:
            int(CANARY)
        except ValueError as cause:
            raise error from cause
    except BadInput as raised:
        shown = presentable(raised)
    assert shown is error and str(shown) == "The record items 7 is unusable. Correct it."
    assert shown.details == {"key": "7"}
    assert CANARY not in _everything(shown)


def test_a_lost_database_says_so() -> None:
    shown = _caught(psycopg.OperationalError("server closed the connection unexpectedly\n\tmore"))
    assert type(shown) is EnvironmentFault
    assert shown.what == "The database went away: server closed the connection unexpectedly"


def test_a_folder_that_cannot_be_written_loses_the_file_not_the_error(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    try:
        raise LookupError(CANARY)
    except LookupError as error:
        shown = presentable(error, tmp_path)
    assert shown.what.startswith("LookupError at ") and "report it." in shown.remedy


def test_a_place_inside_a_library_names_ours_too() -> None:
    from aura_migration.core.ids import content_hash

    try:
        content_hash(object())
    except TypeError as error:
        shown = presentable(error)
    assert "at aura_migration/core/ids.py:" in shown.what
