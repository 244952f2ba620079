"""Reading single documents of the history: orders that money names and no list shows, and what the engine misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Recorder
from aura_migration.pos.clover.calls import Site
from aura_migration.pos.clover.extract import extract
from aura_migration.pos.clover.orders.compose import Members
from aura_migration.pos.clover.orders.job import Job, milliseconds, year_before
from aura_migration.pos.clover.orders.lists import (
    CREDIT,
    CREDITS,
    MISSING,
    ORDERS,
    PAYMENT,
    PAYMENTS,
    PAYMENTS_R,
    REFUND,
    REFUNDS,
    SIDE_LISTS,
)
from aura_migration.pos.clover.orders.reading import Orders
from aura_migration.pos.clover.orders.timed import Money
from aura_migration.pos.http.errors import NotFound, Rejected
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.threads import in_thread

SINGLE: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    PAYMENTS: ((PAYMENTS, PAYMENT),),
    REFUNDS: ((REFUNDS, REFUND), (CREDITS, CREDIT)),
}
"""By kind of document, the lists whose records it may be, with what is expanded."""


async def reread(site: Site, recorder: Recorder, keys: Mapping[str, Sequence[str]]) -> None:
    """Read documents by their keys and record the answers, also those that there is none any more."""
    end = recorder.taken_at
    job = Job(site, recorder, HistorySpan(year_before(end), end))
    orders, money = Orders(job, set()), Money(job, set())
    await extract(site, recorder, SIDE_LISTS)
    if keys.get(ORDERS):
        await orders.rights()
    for kind, idents in keys.items():
        if kind != ORDERS and kind not in SINGLE:
            continue  # entries of the cash log have no id that could be asked for
        for key in idents:
            await _one(job, orders, money, kind, key)


async def _one(job: Job, orders: Orders, money: Money, kind: str, key: str) -> None:
    window = f"{kind} {key}"
    if job.recorder.recorded(MISSING, window):
        return
    await job.restart(MISSING, window)
    place, row = await _read(job.site, orders, money, kind, key)
    path = f"/v3/merchants/{job.site.id}/{place}/{key}"
    if row is None:
        gone = {"kind": kind, "key": key, "version": f"{milliseconds(job.recorder.taken_at):015d}"}
        await _store(job, window, path, {"missing": gone, "status": 404}, 0)
    else:
        await _store(job, window, path, {"elements": [row]}, 1)
    await in_thread(job.recorder.complete_window, MISSING, window)


async def _read(site: Site, orders: Orders, money: Money, kind: str, key: str) -> tuple[str, Members | None]:
    if kind == ORDERS:
        return ORDERS, await orders.one(key)
    for place, expand in SINGLE[kind]:
        try:
            response = await site.get(f"/{place}/{key}", {"expand": ",".join(expand)}, permission=PAYMENTS_R)
        except (NotFound, Rejected):
            continue
        row = response.decode(Members)
        await money.prepare(place, [row])
        return place, row
    return SINGLE[kind][0][0], None


async def _store(job: Job, window: str, path: str, document: Mapping[str, Any], rows: int) -> None:
    await in_thread(
        lambda: job.recorder.record(
            MISSING,
            method="GET",
            path=path,
            params=None,
            request_body=None,
            body=msgspec.json.encode(document),
            rows=rows,
            page=1,
            window=window,
        )
    )
