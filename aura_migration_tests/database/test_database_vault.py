"""The vault: nothing opens without its key, no key is made over sealed rows, an erased person cannot be read again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from aura_migration.core.errors import BadInput, EnvironmentFault
from aura_migration.database import keys as key_files
from aura_migration.database.connections import Connection, connect
from aura_migration.database.keys import Keys
from aura_migration.database.vault import (
    CredentialsMoved,
    CredentialStore,
    PersonErased,
    PersonKeys,
    Vault,
    open_vault,
)
from aura_migration.settings import Settings

SECRET = {"access_token": "sq0atp-very-secret", "refresh_token": "r-very-secret"}


@pytest.fixture
def factory(database: str) -> Callable[[], Connection]:
    return lambda: connect(database)


@pytest.fixture
def vault(settings: Settings, factory: Callable[[], Connection]) -> Vault:
    return open_vault(settings, factory)


def test_the_first_use_makes_a_key_file_that_only_its_owner_reads(
    settings: Settings, factory: Callable[[], Connection]
) -> None:
    assert not settings.key_file.exists()
    open_vault(settings, factory)
    assert settings.key_file.stat().st_mode & 0o777 == 0o600
    assert settings.key_file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in settings.key_file.parent.iterdir()] == [settings.key_file.name]


def test_the_second_use_finds_the_same_key(settings: Settings, factory: Callable[[], Connection]) -> None:
    sealed = open_vault(settings, factory).seal(b"x")
    assert open_vault(settings, factory).unseal(sealed) == b"x"


def test_many_first_uses_at_once_make_one_key(settings: Settings, factory: Callable[[], Connection]) -> None:
    with ThreadPoolExecutor(6) as pool:
        vaults = list(pool.map(lambda _: open_vault(settings, factory), range(6)))
    assert len({vault.fingerprint for vault in vaults}) == 1
    assert len({vault.keyed_hash("x", "y") for vault in vaults}) == 1


def test_a_key_file_never_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret.keys"
    first = key_files.make_key_file(path)
    assert key_files.make_key_file(path) == first


def test_sealed_rows_without_their_key_are_a_fault_and_no_new_key_is_made(
    settings: Settings, factory: Callable[[], Connection], vault: Vault
) -> None:
    CredentialStore(vault).replace(7, SECRET, 0)
    settings.key_file.unlink()
    with pytest.raises(EnvironmentFault, match=vault.fingerprint) as caught:
        open_vault(settings, factory)
    assert caught.value.exit_code == 3
    assert not settings.key_file.exists()


def test_sealed_rows_with_other_keys_are_a_fault(
    settings: Settings, factory: Callable[[], Connection], vault: Vault
) -> None:
    CredentialStore(vault).replace(7, SECRET, 0)
    other = dataclasses.replace(settings, secret_keys=(Fernet.generate_key().decode(),))
    with pytest.raises(EnvironmentFault, match=f"{vault.fingerprint}, which is not in AURA_SECRET_KEYS"):
        open_vault(other, factory)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o602])
def test_a_key_file_that_others_may_read_or_change_is_refused_with_the_command(
    settings: Settings, factory: Callable[[], Connection], vault: Vault, mode: int
) -> None:
    settings.key_file.chmod(mode)
    with pytest.raises(EnvironmentFault, match=f"chmod 600 {settings.key_file}") as caught:
        open_vault(settings, factory)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("content", ["", "# only a comment\n", "not a key\n"])
def test_a_damaged_key_file_is_refused_and_not_replaced(
    settings: Settings, factory: Callable[[], Connection], content: str
) -> None:
    settings.key_file.parent.mkdir(parents=True)
    settings.key_file.write_text(content)
    settings.key_file.chmod(0o600)
    with pytest.raises(EnvironmentFault, match=str(settings.key_file)):
        open_vault(settings, factory)
    assert settings.key_file.read_text() == content


def test_a_sealed_secret_that_was_changed_does_not_open(vault: Vault) -> None:
    sealed = bytearray(vault.seal(b"secret"))
    sealed[20] ^= 1
    with pytest.raises(EnvironmentFault, match="does not open"):
        vault.unseal(bytes(sealed))


# -- credentials ------------------------------------------------------------------------------------------------------


def test_credentials_come_back_as_they_were_with_their_version(vault: Vault) -> None:
    store = CredentialStore(vault)
    assert store.replace(7, SECRET, 0) == 1
    assert store.load(7) == (SECRET, 1)


def test_no_credential_is_readable_in_the_database(vault: Vault, connection: Connection) -> None:
    CredentialStore(vault).replace(7, SECRET, 0)
    row = connection.execute("select c::text, sealed from migration.credentials c").fetchone()
    assert row is not None
    assert "very-secret" not in row[0]
    assert b"very-secret" not in row[1]
    assert "very-secret" not in repr(vault) + repr(vault.keys)


def test_a_replacement_of_a_version_that_is_gone_stores_nothing(vault: Vault) -> None:
    store = CredentialStore(vault)
    store.replace(7, {"token": "a"}, 0)
    assert store.replace(7, {"token": "b"}, 1) == 2
    for stale in (0, 1, 3):
        with pytest.raises(CredentialsMoved):
            store.replace(7, {"token": "c"}, stale)
    assert store.load(7) == ({"token": "b"}, 2)


def test_of_many_replacements_of_one_version_exactly_one_wins(vault: Vault) -> None:
    store = CredentialStore(vault)
    store.replace(7, {"token": "start"}, 0)

    def attempt(number: int) -> int | None:
        try:
            store.replace(7, {"token": number}, 1)
        except CredentialsMoved:
            return None
        return number

    with ThreadPoolExecutor(6) as pool:
        winners = [number for number in pool.map(attempt, range(6)) if number is not None]
    assert len(winners) == 1
    assert store.load(7) == ({"token": winners[0]}, 2)


def test_reconnecting_replaces_whatever_was_there(vault: Vault) -> None:
    store = CredentialStore(vault)
    assert store.replace(7, {"token": "a"}, None) == 1
    assert store.replace(7, {"token": "b"}, None) == 2
    assert store.load(7) == ({"token": "b"}, 2)


def test_a_replacement_belongs_to_the_callers_transaction(vault: Vault, factory: Callable[[], Connection]) -> None:
    store = CredentialStore(vault)
    store.replace(7, {"token": "a"}, 0)
    with factory() as connection:
        store.replace(7, {"token": "b"}, 1, connection)
        assert store.load(7) == ({"token": "a"}, 1)
        connection.rollback()
    assert store.load(7) == ({"token": "a"}, 1)


def test_an_integration_without_credentials_is_bad_input(vault: Vault) -> None:
    store = CredentialStore(vault)
    with pytest.raises(BadInput, match="Integration 8"):
        store.load(8)
    store.replace(8, SECRET, 0)
    assert store.delete(8)
    assert not store.delete(8)
    with pytest.raises(BadInput):
        store.load(8)


def test_credentials_copied_to_another_integration_do_not_open_there(vault: Vault, connection: Connection) -> None:
    store = CredentialStore(vault)
    store.replace(7, SECRET, 0)
    connection.execute(
        "insert into migration.credentials (integration_id, sealed, key_fingerprint) "
        "select 8, sealed, key_fingerprint from migration.credentials"
    )
    with pytest.raises(EnvironmentFault, match="another one"):
        store.load(8)


# -- rotation ---------------------------------------------------------------------------------------------------------


def test_after_rotation_the_old_key_may_be_thrown_away(
    settings: Settings, factory: Callable[[], Connection], vault: Vault, connection: Connection
) -> None:
    CredentialStore(vault).replace(7, SECRET, 0)
    persons = PersonKeys(vault)
    token = persons.encrypt(7, "E1", "Ada")
    persons.encrypt(7, "E2", "Bob")
    persons.erase(7, "E2")
    hashed = vault.keyed_hash("suppression", "a@example.org")

    old, new = vault.keys.texts[0], Fernet.generate_key().decode()
    both = open_vault(dataclasses.replace(settings, secret_keys=(new, old)), factory)
    assert both.rotate() == {"credentials": 1, "person_keys": 1, "sealed_secrets": 1}
    assert both.rotate() == {"credentials": 0, "person_keys": 0, "sealed_secrets": 0}

    alone = open_vault(dataclasses.replace(settings, secret_keys=(new,)), factory)
    assert CredentialStore(alone).load(7) == (SECRET, 1)
    assert PersonKeys(alone).decrypt(7, token) == "Ada"
    assert alone.keyed_hash("suppression", "a@example.org") == hashed
    with pytest.raises(PersonErased):
        PersonKeys(alone).encrypt(7, "E2", "Bob")
    rows = connection.execute(
        "select fingerprint, retired_at is not null from migration.key_fingerprints order by first_used_at"
    ).fetchall()
    assert rows == [(vault.fingerprint, True), (alone.fingerprint, False)]
    with pytest.raises(EnvironmentFault):
        open_vault(settings, factory)


def test_a_rotation_that_fails_midway_changes_nothing(
    settings: Settings, factory: Callable[[], Connection], vault: Vault, connection: Connection
) -> None:
    CredentialStore(vault).replace(7, SECRET, 0)
    CredentialStore(vault).replace(8, SECRET, 0)
    image = "select c::text from migration.credentials c order by 1"
    new = Fernet.generate_key().decode()
    both = open_vault(dataclasses.replace(settings, secret_keys=(new, vault.keys.texts[0])), factory)
    connection.execute("update migration.credentials set sealed = 'damaged' where integration_id = 8")
    before = connection.execute(image).fetchall()
    with pytest.raises(EnvironmentFault):
        both.rotate()
    assert connection.execute(image).fetchall() == before


# -- persons ----------------------------------------------------------------------------------------------------------


def test_a_personal_field_comes_back_from_its_token(vault: Vault) -> None:
    token = PersonKeys(vault).encrypt(7, "E1", "Zoë 🧁 O'Brien")
    assert PersonKeys(vault).is_token(token)
    assert PersonKeys(vault).decrypt(7, token) == "Zoë 🧁 O'Brien"


def test_a_token_shows_neither_the_text_nor_the_persons_id(vault: Vault, connection: Connection) -> None:
    token = PersonKeys(vault).encrypt(7, "EMPLOYEE-1", "Ada Byron Lovelace")  # too long to be there by chance
    stored = connection.execute("select p::text from migration.person_keys p").fetchone()
    assert stored is not None
    for text in (token, stored[0]):
        assert "EMPLOYEE-1" not in text
        assert "Lovelace" not in text


def test_the_same_field_gives_the_same_token_whoever_encrypts_it(vault: Vault) -> None:
    persons = PersonKeys(vault)
    token = persons.encrypt(7, "E1", "Ada")
    assert PersonKeys(vault).encrypt(7, "E1", "Ada") == token
    assert persons.encrypt(7, "E1", "Ada L.") != token
    assert persons.encrypt(7, "E2", "Ada") != token
    assert persons.encrypt(8, "E1", "Ada") != token


def test_an_erased_person_can_be_neither_read_nor_stored_again(vault: Vault, connection: Connection) -> None:
    persons = PersonKeys(vault)
    token = persons.encrypt(7, "E1", "Ada")
    other = persons.encrypt(7, "E2", "Bob")
    assert persons.erase(7, "E1")
    assert not persons.erase(7, "E1")
    for reader in (persons, PersonKeys(vault)):
        with pytest.raises(PersonErased):
            reader.decrypt(7, token)
        with pytest.raises(PersonErased):
            reader.encrypt(7, "E1", "Ada")
        assert reader.is_erased(7, "E1")
        assert not reader.is_erased(7, "E2")
        assert reader.decrypt(7, other) == "Bob"
    assert connection.execute(
        "select count(*) from migration.person_keys where sealed_key is null and erased_at is not null"
    ).fetchone() == (1,)


def test_a_person_erased_before_they_were_seen_is_not_taken_in(vault: Vault) -> None:
    assert PersonKeys(vault).erase(7, "E9")
    with pytest.raises(PersonErased):
        PersonKeys(vault).encrypt(7, "E9", "Eve")


def test_erasing_belongs_to_the_callers_transaction(vault: Vault, factory: Callable[[], Connection]) -> None:
    persons = PersonKeys(vault)
    token = persons.encrypt(7, "E1", "Ada")
    with factory() as connection:
        assert persons.erase(7, "E1", connection)
        connection.rollback()
    assert persons.decrypt(7, token) == "Ada"


def test_no_more_keys_are_kept_in_memory_than_may_be(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PersonKeys, "KEPT", 20)
    monkeypatch.setattr(PersonKeys, "WORKED_ON", 5)
    persons = PersonKeys(vault)
    ids = [f"E{number}" for number in range(60)]
    persons.prepare(7, ids[:30])
    persons.erase(7, "E40")
    tokens = {}
    for start in range(0, 60, 10):
        persons.prepare(7, ids[start : start + 10])
        tokens |= {
            ident: persons.encrypt(7, ident, f"name of {ident}") for ident in ids[start : start + 10] if ident != "E40"
        }
    assert len(persons._keys) <= 30  # a batch may be larger than the limit
    assert len(persons._ciphers) <= 5
    assert {ident: persons.decrypt(7, token) for ident, token in tokens.items()} == {
        ident: f"name of {ident}" for ident in ids if ident != "E40"
    }
    with pytest.raises(PersonErased):
        persons.encrypt(7, "E40", "Ada")


def test_many_persons_are_prepared_in_one_go(vault: Vault, factory: Callable[[], Connection]) -> None:
    opened = 0

    def counting() -> psycopg.Connection[tuple[object, ...]]:
        nonlocal opened
        opened += 1
        return factory()

    ids = [f"E{number}" for number in range(300)]
    counted = Vault(counting, vault.keys)
    persons = PersonKeys(counted)
    persons.prepare(7, ids)
    tokens = [persons.encrypt(7, person, person) for person in ids]
    assert [persons.decrypt(7, token) for token in tokens] == ids
    assert opened == 2  # the root of keyed hashes, and the keys


def test_two_tasks_that_meet_a_person_first_agree_on_one_key(vault: Vault) -> None:
    with ThreadPoolExecutor(6) as pool:
        tokens = set(pool.map(lambda _: PersonKeys(vault).encrypt(7, "E1", "Ada"), range(12)))
    assert len(tokens) == 1


def test_a_token_of_another_integration_does_not_open(vault: Vault) -> None:
    persons = PersonKeys(vault)
    token = persons.encrypt(7, "E1", "Ada")
    persons.encrypt(8, "E1", "Ada")
    with pytest.raises(BadInput):
        persons.decrypt(8, token)


@pytest.mark.parametrize("text", ["Ada", "person1.", "person1.abc"])
def test_what_is_no_token_is_bad_input(vault: Vault, text: str) -> None:
    with pytest.raises(BadInput):
        PersonKeys(vault).decrypt(7, text)


def test_a_damaged_token_is_bad_input_and_its_text_is_not_shown(vault: Vault) -> None:
    token = PersonKeys(vault).encrypt(7, "E1", "Ada")
    damaged = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")
    with pytest.raises(BadInput, match="damaged") as caught:
        PersonKeys(vault).decrypt(7, damaged)
    assert damaged not in str(caught.value)


def test_a_persons_key_in_anothers_row_does_not_open(vault: Vault, connection: Connection) -> None:
    token = PersonKeys(vault).encrypt(7, "E1", "Ada")
    PersonKeys(vault).encrypt(7, "E2", "Bob")
    connection.execute(
        "update migration.person_keys a set sealed_key = b.sealed_key from migration.person_keys b "
        "where a.person_hash <> b.person_hash"
    )
    with pytest.raises(EnvironmentFault, match="another person"):
        PersonKeys(vault).decrypt(7, token)


def test_hashes_of_different_purposes_and_databases_say_nothing_about_each_other(
    vault: Vault, make_database: Callable[[], str], settings: Settings
) -> None:
    other_url = make_database()
    other = open_vault(dataclasses.replace(settings, database_url=other_url), lambda: connect(other_url))
    found = {
        vault.keyed_hash("suppression", "a@example.org"),
        vault.keyed_hash("gift card", "a@example.org"),
        other.keyed_hash("suppression", "a@example.org"),
    }
    assert len(found) == 3
    assert vault.keyed_hash("suppression", "a@example.org") in found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another account")
def test_a_key_file_of_another_account_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.keys"
    key_files.make_key_file(path)
    os.chown(path, 65534, 65534)
    with pytest.raises(EnvironmentFault, match="chown"):
        key_files.read_key_file(path)


def test_keys_show_only_their_fingerprints() -> None:
    text = Fernet.generate_key().decode()
    shown = repr(Keys((text,), "AURA_SECRET_KEYS"))
    assert text not in shown
    assert len(Keys((text,), "x").primary) == 16


def test_the_keys_of_many_pages_are_asked_over_one_connection_which_a_restarted_server_may_end(
    vault: Vault, factory: Callable[[], Connection], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Connection] = []

    def counting() -> Connection:
        opened.append(factory())
        return opened[-1]

    monkeypatch.setattr(vault, "connection_factory", counting)
    persons = PersonKeys(vault)
    for page in range(5):
        persons.prepare(7, [f"E{page}-{n}" for n in range(3)])
    assert len(opened) == 1
    assert connection.execute("select count(*) from migration.person_keys").fetchone() == (15,)

    connection.execute("select pg_terminate_backend(%s)", [opened[0].info.backend_pid])
    token = persons.encrypt(7, "E5-0", "Ada")
    assert len(opened) == 2
    with monkeypatch.context() as broken, pytest.raises(RuntimeError):
        broken.setattr(PersonKeys, "_make", lambda *_: (_ for _ in ()).throw(RuntimeError("half way")))
        persons.prepare(7, ["E6-0"])
    persons.prepare(7, ["E6-1"])
    assert len(opened) == 2, "a failed transaction leaves a connection that can be used"
    assert persons.decrypt(7, token) == "Ada"
    del persons
    assert all(one.closed for one in opened)
