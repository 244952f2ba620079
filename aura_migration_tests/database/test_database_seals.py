"""Keyed hashes: AuraConnect finds a card with SQL and the key alone, keys rotate, secrets say nothing about each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aura_migration.core.errors import BadInput, EnvironmentFault
from aura_migration.database.connections import Connection, connect
from aura_migration.database.seals import CLAIMS, GIFT_CARDS, SUPPRESSION, RestaurantKeys, Suppression, VaultSeals
from aura_migration.database.vault import Vault, open_vault
from aura_migration.settings import Settings

NUMBER = "7783 3200 0000 1234"


@pytest.fixture
def factory(database: str) -> Callable[[], Connection]:
    return lambda: connect(database)


@pytest.fixture
def vault(settings: Settings, factory: Callable[[], Connection]) -> Vault:
    return open_vault(settings, factory)


@pytest.fixture
def restaurant(connection: Connection) -> int:
    row = connection.execute(
        "insert into aura.restaurants (name, timezone, currency) values ('R', 'UTC', 'USD') returning id"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_card_typed_at_the_counter_is_found_by_sql_and_the_key_alone(vault: Vault, connection: Connection) -> None:
    seal = VaultSeals(vault, 7).gift_card(NUMBER)
    (key,) = RestaurantKeys(vault, 7).all(GIFT_CARDS)
    assert (seal.hash_key_id, seal.last4) == (key.key_id, "1234")
    for typed in (NUMBER, "7783-3200-0000-1234", "7783320000001234", " 7783 3200\t00001234 "):
        row = connection.execute("select aura.gift_card_code_hash(%s, %s)", [typed, key.secret]).fetchone()
        assert row == (seal.code_hash,)


@examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(code=st.text(min_size=1).filter(lambda text: "\0" not in text and re.search("[0-9A-Za-z]", text)))
def test_the_hash_of_any_number_is_that_of_the_sql_function(vault: Vault, connection: Connection, code: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in code):
        return
    seals = VaultSeals(vault, 7)
    seal = seals.gift_card(code)
    (key,) = RestaurantKeys(vault, 7).all(GIFT_CARDS)
    row = connection.execute("select aura.gift_card_code_hash(%s, %s)", [code, key.secret]).fetchone()
    assert row == (seal.code_hash,)


def test_a_short_number_is_not_given_away_by_its_last_characters(vault: Vault) -> None:
    seals = VaultSeals(vault, 7)
    assert [seals.gift_card(code).last4 for code in ("A1", "12345", "123456", "12345678", "123456789")] == [
        "1",
        "45",
        "456",
        "5678",
        "6789",
    ]
    with pytest.raises(BadInput, match="neither letters nor digits"):
        seals.gift_card("– –")


def test_letters_in_any_case_are_one_card(vault: Vault) -> None:
    seals = VaultSeals(vault, 7)
    assert seals.gift_card("gc-ab12 cd34") == seals.gift_card("GCAB12CD34")


def test_after_a_rotation_new_hashes_use_the_new_key_and_the_old_one_stays(vault: Vault) -> None:
    keys = RestaurantKeys(vault, 7)
    before = VaultSeals(vault, 7).gift_card(NUMBER)
    made = keys.rotate(GIFT_CARDS)
    after = VaultSeals(vault, 7).gift_card(NUMBER)
    assert after.hash_key_id == made.key_id != before.hash_key_id
    assert after.code_hash != before.code_hash
    assert [key.key_id for key in keys.all(GIFT_CARDS)] == [before.hash_key_id, after.hash_key_id] == ["g7.1", "g7.2"]
    for _ in range(9):
        keys.rotate(GIFT_CARDS)
    assert keys.current(GIFT_CARDS).key_id == "g7.11", "the eleventh comes after the ninth"


def test_hashes_outlive_a_rotation_of_the_vault(
    settings: Settings, vault: Vault, factory: Callable[[], Connection]
) -> None:
    seals, suppression = VaultSeals(vault, 7), Suppression(vault, 7)
    held = (seals.gift_card(NUMBER), seals.claim("+15551230000"), seals.person("a@b.test"))
    listed = suppression.hash("email", "a@b.test")
    from cryptography.fernet import Fernet

    from aura_migration.database.keys import Keys

    rotated = Vault(factory, Keys((Fernet.generate_key().decode(), *vault.keys.texts), "test"))
    assert rotated.rotate()["sealed_secrets"] >= 4
    only_new = Vault(factory, Keys(rotated.keys.texts[:1], "test"))
    again = VaultSeals(only_new, 7)
    assert (again.gift_card(NUMBER), again.claim("+15551230000"), again.person("a@b.test")) == held
    assert Suppression(only_new, 7).hash("email", "a@b.test") == listed


def test_restaurants_and_purposes_have_secrets_of_their_own(vault: Vault) -> None:
    one, other = VaultSeals(vault, 1), VaultSeals(vault, 11)
    assert one.gift_card(NUMBER).code_hash != other.gift_card(NUMBER).code_hash
    assert one.claim("+15551230000").claim_hash != other.claim("+15551230000").claim_hash
    assert one.person("x") != other.person("x")
    secrets = [RestaurantKeys(vault, 1).current(purpose).secret for purpose in (GIFT_CARDS, CLAIMS, SUPPRESSION)]
    assert len(set(secrets)) == 3
    assert one.claims("+1 555 123-0000") == [one.claim("+15551230000").claim_hash]
    assert [key.key_id for key in RestaurantKeys(vault, 1).all(GIFT_CARDS)] == ["g1.1"], "not those of restaurant 11"


def test_many_first_uses_at_once_agree_on_one_key(vault: Vault) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: VaultSeals(vault, 3).gift_card(NUMBER), range(6)))
    assert len(set(found)) == 1


def test_a_key_put_into_another_restaurants_row_does_not_open(vault: Vault, connection: Connection) -> None:
    VaultSeals(vault, 1).gift_card(NUMBER)
    connection.execute("update migration.sealed_secrets set name = 'gift cards g2.1' where name = 'gift cards g1.1'")
    with pytest.raises(EnvironmentFault, match="row of another key"):
        VaultSeals(vault, 2).gift_card(NUMBER)


def test_the_suppression_list_holds_keyed_hashes_only(vault: Vault, connection: Connection, restaurant: int) -> None:
    suppression = Suppression(vault, restaurant)
    assert not suppression.is_in_use(connection)
    entries = [("email", "Ada@Example.test"), ("phone", "+1 (555) 123-0000"), ("source_id", "CUST1")]
    assert suppression.add(connection, entries, "Grace", "asked by letter") == 3  # type: ignore[arg-type]
    assert suppression.add(connection, entries, "Grace") == 0, "once is enough"  # type: ignore[arg-type]
    rows = connection.execute("select * from migration.suppressions").fetchall()
    assert len(rows) == 3 and suppression.is_in_use(connection)
    assert not any(value in repr(rows) for value in ("example", "Example", "5551230000", "555) 123", "CUST1"))
    asked = {
        "same": suppression.hash("email", " ada@example.TEST"),
        "number": suppression.hash("phone", "+15551230000"),
        "what": suppression.hash("source_id", "ada@example.test"),
    }
    assert suppression.suppressed(connection, asked.values()) == {asked["same"], asked["number"]}
    assert Suppression(vault, restaurant + 1).hash("email", "ada@example.test") != asked["same"]


def test_no_secret_is_shown(vault: Vault) -> None:
    key = RestaurantKeys(vault, 1).current(GIFT_CARDS)
    assert key.secret.hex() not in repr(key) and repr(key.secret) not in repr(key)
