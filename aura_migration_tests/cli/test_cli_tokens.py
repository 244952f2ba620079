"""Tokens from the command line: they open the API, say no more than was asked for, and come only from who may sign."""

from __future__ import annotations

import pytest

from aura_migration.api.access.roles import Permission
from aura_migration.api.access.tokens import TokenVerifier, local_secret
from aura_migration.settings import load_settings
from aura_migration_tests.support.journey import World

SECRET = "a secret of the API that is long enough"


def test_a_token_of_the_local_mode_says_who_what_and_where(world: World) -> None:
    minted = world.ok(
        "token", "--role", "operator", "--name", "Ana", "--restaurant", "3", "--restaurant", "7", "--hours", "2"
    )
    settings = load_settings(world.environ)
    who = TokenVerifier(settings.jwt, local_secret(settings.data_dir)).verify(minted["token"])
    assert (who.name, who.restaurants) == ("Ana", frozenset({3, 7}))
    assert who.may(Permission.OPERATE) and not who.may(Permission.APPROVE)
    assert world.call("token").out.count(".") == 2, "without --json the token stands alone, for a shell to take"


def test_a_token_is_signed_with_the_secret_that_verifies_it(world: World) -> None:
    world.environ |= {"AURA_JWT_SECRET": SECRET, "AURA_JWT_ISSUER": "us"}
    minted = world.ok("token", "--role", "viewer")["token"]
    settings = load_settings(world.environ)
    assert TokenVerifier(settings.jwt).verify(minted).restaurants is None
    assert not (settings.data_dir / "keys" / "api.secret").exists(), "the secret of the local mode has no part in it"


@pytest.mark.parametrize("name", ["AURA_JWT_PUBLIC_KEY", "AURA_JWT_JWKS_URL"])
def test_where_others_sign_no_token_is_made(world: World, name: str) -> None:
    key = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----"
    world.environ[name] = key if name.endswith("KEY") else "https://id.example.com/keys"
    refused = world.fails(3, "token")
    assert "sign-in" in refused["remedy"]


def test_a_token_handed_out_leaves_a_row_in_the_trail_without_the_token(world: World) -> None:
    world.ok("db", "upgrade")
    minted = world.ok("token", "--role", "admin")["token"]
    with world.connect() as connection:
        (row,) = connection.execute("SELECT action, detail, detail::text FROM migration.audit_trail").fetchall()
    assert row[:2] == ("token", {"role": "admin"}) and minted not in row[2]
