"""A process of its own for the limits' tests: asks a server as fast as the shared limits let it.

Arguments: database URL, server URL, number of requests, number of tasks, policy as JSON.
Says ``ready`` when nothing but asking is left to do, and begins once a line is sent to it.
Prints ``{"times": [epoch seconds of each request], "asked": times the ledger was asked}``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from aura_migration.pos.http.client import PosClient
from aura_migration.pos.http.limits import Buckets, Claim, Limit, LimitPolicy
from aura_migration.pos.http.tokens import StaticToken


async def main(database: str, server: str, requests: int, tasks: int, policy: str) -> None:
    limits = LimitPolicy((Limit(**json.loads(policy)),))
    times: list[float] = []
    left = iter(range(requests))

    async with Buckets.on_postgres(database) as buckets, PosClient(server, StaticToken("t"), limits, buckets) as client:
        async with buckets.admit([Claim("warm", Limit("warm", "warm", capacity=1000))]):
            pass  # connected to the database
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

        async def work() -> None:
            for number in left:
                await client.request("GET", f"/{number}")
                times.append(time.time())

        await asyncio.gather(*(work() for _ in range(tasks)))
        print(json.dumps({"times": times, "asked": buckets.asked}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
