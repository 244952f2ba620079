"""Settings: what the environment may say, and what is said about it when it is wrong."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from aura_migration.core.errors import EnvironmentFault
from aura_migration.settings import load_settings, without_password


def test_an_empty_environment_gives_an_embedded_database_below_the_project() -> None:
    settings = load_settings({})
    assert settings.database_url is None
    assert settings.dagster_postgres_url is None
    assert settings.now is None
    assert settings.secret_keys is None
    assert settings.data_dir.is_absolute() and settings.data_dir.name == ".aura"
    assert settings.snapshot_url == str(settings.data_dir / "snapshots")
    assert settings.key_file.is_relative_to(settings.data_dir)
    assert settings.dagster_home.is_relative_to(settings.data_dir)


def test_data_snapshots_keys_and_server_do_not_lie_in_one_another() -> None:
    settings = load_settings({"AURA_DATA_DIR": "/srv/aura"})
    places = [
        Path(settings.snapshot_url),
        settings.key_file.parent,
        settings.dagster_home,
        settings.data_dir / "postgres",
    ]
    for place in places:
        assert not any(place.is_relative_to(other) for other in places if other is not place)


def test_blank_variables_count_as_not_set() -> None:
    assert load_settings({"AURA_DATABASE_URL": " ", "AURA_NOW": "", "AURA_SECRET_KEYS": " "}) == load_settings({})


def test_a_relative_data_folder_is_fixed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"AURA_DATA_DIR": "data", "AURA_SNAPSHOT_URL": "archive"})
    monkeypatch.chdir("/")
    assert settings.data_dir == tmp_path / "data"
    assert settings.snapshot_url == str(tmp_path / "archive")


def test_a_snapshot_url_of_another_store_is_left_as_it_is() -> None:
    assert load_settings({"AURA_SNAPSHOT_URL": "s3://bucket/aura"}).snapshot_url == "s3://bucket/aura"


def test_without_an_argument_the_real_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "AURA_WEBSERVER_PORT", "4321")
    assert load_settings().webserver_port == 4321


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "POSTGRESQL", "postgresql+psycopg", "postgresql+psycopg2"]
)
def test_every_usual_scheme_of_a_database_url_is_read_as_one(scheme: str) -> None:
    settings = load_settings({"AURA_DATABASE_URL": f"{scheme}://u:p%40ss@host:5433/db?sslmode=require"})
    assert settings.database_url == "postgresql://u:p%40ss@host:5433/db?sslmode=require"


def test_a_socket_url_is_a_database_url() -> None:
    url = "postgresql://postgres@/aura_migration?host=/run/postgres"
    assert load_settings({"DAGSTER_POSTGRES_URL": url}).dagster_postgres_url == url


@pytest.mark.parametrize(
    "url",
    ["mysql://h/db", "sqlite:///x.db", "host=h dbname=db", "postgresql://u:secret@h:5432", "postgresql://h:99999/db"],
)
def test_a_url_that_is_no_postgresql_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        load_settings({"AURA_DATABASE_URL": url})
    assert caught.value.exit_code == 3
    assert "AURA_DATABASE_URL" in caught.value.what
    assert "postgresql://user:password@host" in caught.value.remedy
    assert "secret" not in str(caught.value)


def test_the_business_instant_is_kept_in_utc() -> None:
    assert load_settings({"AURA_NOW": "2026-03-01T07:00:00-05:00"}).now == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-03-01T07:00:00", "2026-13-01T00:00:00Z"])
def test_an_instant_without_meaning_or_offset_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(EnvironmentFault, match="AURA_NOW") as caught:
        load_settings({"AURA_NOW": text})
    assert text in caught.value.what


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "३००"])
def test_a_port_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(EnvironmentFault, match="AURA_WEBSERVER_PORT"):
        load_settings({"AURA_WEBSERVER_PORT": text})


def test_a_list_of_keys_keeps_its_order() -> None:
    keys = [Fernet.generate_key().decode() for _ in range(3)]
    assert load_settings({"AURA_SECRET_KEYS": f"{keys[0]}, {keys[1]},{keys[2]},"}).secret_keys == tuple(keys)


def test_a_bad_key_is_named_by_its_position_and_not_shown() -> None:
    good = Fernet.generate_key().decode()
    with pytest.raises(EnvironmentFault, match="key 2 of 2") as caught:
        load_settings({"AURA_SECRET_KEYS": f"{good},hunter2"})
    assert "hunter2" not in str(caught.value)
    assert good not in str(caught.value)


def test_settings_show_neither_passwords_nor_keys() -> None:
    key = Fernet.generate_key().decode()
    url = "postgresql://u:hunter2@h/db"
    shown = repr(load_settings({"AURA_DATABASE_URL": url, "DAGSTER_POSTGRES_URL": url, "AURA_SECRET_KEYS": key}))
    assert "hunter2" not in shown
    assert key not in shown


def test_a_misspelt_variable_is_reported() -> None:
    assert load_settings({"AURA_DATABSE_URL": "x", "AURA_NOW": "2026-03-01T00:00:00Z"}).unrecognised == (
        "AURA_DATABSE_URL",
    )


def test_a_data_folder_that_is_a_url_is_refused() -> None:
    with pytest.raises(EnvironmentFault, match="AURA_DATA_DIR"):
        load_settings({"AURA_DATA_DIR": "s3://bucket/x"})


def test_a_url_for_messages_has_no_password_in_any_place() -> None:
    shown = without_password("postgresql://u:one@h:5432/db?password=two&sslmode=require")
    assert shown == "postgresql://u:***@h:5432/db?password=***&sslmode=require"


def test_without_a_key_for_tokens_the_api_is_for_this_machine_only() -> None:
    settings = load_settings({})
    assert not settings.jwt.is_configured
    assert (settings.api_host, settings.api_port) == ("127.0.0.1", 8400)
    assert settings.public_url == "http://127.0.0.1:8400"
    assert settings.dagster_url == "http://127.0.0.1:3000"
    with pytest.raises(EnvironmentFault, match=r"AURA_API_HOST='0\.0\.0\.0' lets others reach the API"):
        load_settings({"AURA_API_HOST": "0.0.0.0"})
    assert load_settings({"AURA_API_HOST": "0.0.0.0", "AURA_JWT_SECRET": "s" * 32}).jwt.is_configured


def test_addresses_for_people_follow_the_ports_unless_they_are_given() -> None:
    settings = load_settings({"AURA_API_PORT": "8500", "AURA_WEBSERVER_PORT": "3100"})
    assert (settings.public_url, settings.dagster_url) == ("http://127.0.0.1:8500", "http://127.0.0.1:3100")
    given = load_settings(
        {"AURA_PUBLIC_URL": "https://move.example.com/", "AURA_DAGSTER_URL": "https://dagster.example.com"}
    )
    assert (given.public_url, given.dagster_url) == ("https://move.example.com", "https://dagster.example.com")
    with pytest.raises(EnvironmentFault, match=r"AURA_PUBLIC_URL='move\.example\.com' is not an address"):
        load_settings({"AURA_PUBLIC_URL": "move.example.com"})


def test_tokens_are_verified_by_one_key_that_is_strong_enough(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="AURA_JWT_SECRET is shorter than 32 bytes"):
        load_settings({"AURA_JWT_SECRET": "short"})
    with pytest.raises(EnvironmentFault, match="AURA_JWT_SECRET and AURA_JWT_JWKS_URL are set together"):
        load_settings({"AURA_JWT_SECRET": "s" * 32, "AURA_JWT_JWKS_URL": "https://issuer.example.com/jwks"})
    with pytest.raises(EnvironmentFault, match="neither a PEM text nor a file"):
        load_settings({"AURA_JWT_PUBLIC_KEY": str(tmp_path / "missing.pem")})
    private = tmp_path / "private.pem"
    private.write_text("-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n".replace("…", "AAAA"))
    with pytest.raises(EnvironmentFault, match="holds no public key"):
        load_settings({"AURA_JWT_PUBLIC_KEY": str(private)})
    assert "s" * 32 not in repr(load_settings({"AURA_JWT_SECRET": "s" * 32}))
