"""A process of its own for the tokens' tests: renews the token of integration 1, or dies while doing so.

Arguments: database URL, data folder, server URL, ``renew`` | ``crash-before`` | ``crash-after`` (the exchange).
Prints the access token.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from aura_migration.database.connections import connect
from aura_migration.database.vault import CredentialStore, open_vault
from aura_migration.pos.http.client import PosClient
from aura_migration.pos.http.limits import NO_LIMITS, Buckets
from aura_migration.pos.http.retry import ONCE
from aura_migration.pos.http.tokens import RefreshingToken, StaticToken
from aura_migration.settings import load_settings


def stored(database: str, data_dir: str) -> CredentialStore:
    settings = load_settings({"AURA_DATABASE_URL": database, "AURA_DATA_DIR": data_dir})
    return CredentialStore(open_vault(settings, lambda: connect(database)))


async def exchanged(server: str, buckets: Buckets, credentials: Mapping[str, Any]) -> dict[str, Any]:
    """The exchange of a single-use refresh token."""
    async with PosClient(server, StaticToken(""), NO_LIMITS, buckets, retry=ONCE, pos="clover") as client:
        body = {"client_id": credentials["client_id"], "refresh_token": credentials["refresh_token"]}
        response = await client.request("POST", "/oauth/v2/refresh", json=body, authorize=False)
    answer = response.json()
    return {
        "access_token": answer["access_token"],
        "refresh_token": answer["refresh_token"],
        "expires_at": answer["access_token_expiration"],
    }


async def main(database: str, data_dir: str, server: str, verb: str) -> None:
    async with Buckets.on_postgres(database) as buckets:

        async def renew(credentials: dict[str, Any]) -> dict[str, Any]:
            if verb == "crash-before":
                os._exit(9)
            fresh = await exchanged(server, buckets, credentials)
            if verb == "crash-after":
                os._exit(9)
            return fresh

        tokens = RefreshingToken(
            stored(database, data_dir), 1, renew, exclusive=buckets.exclusive, pos="clover", single_use=True
        )
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(await tokens.token(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
