"""Reading single documents of the past by their ids: what Square answers is kept, also that it has no such thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder
from aura_migration.core.clock import utc_text
from aura_migration.core.ids import content_hash
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import NotFound
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.orders import lists, sources
from aura_migration.pos.square.orders.orders import batches
from aura_migration.pos.square.orders.payouts import entries_of
from aura_migration.pos.square.orders.returns import beside
from aura_migration.pos.square.recording import certify, complete, restart
from aura_migration.pos.square.wire import VERSION_HEADER
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together

AT_ONCE = 25
"""So many documents are kept in one body."""


class _Ident(msgspec.Struct):
    id: str = ""
    order_id: str | None = None


async def reread_documents(
    session: SquareCalls, recorder: Recorder, location: str, keys: Mapping[str, Sequence[str]]
) -> None:
    """The documents of those keys, kept as ``missing_documents``."""
    entity, pages, rows, wanted = sources.MISSING, 0, 0, 0
    readers = {
        "orders": _orders,
        "payments": _payments,
        "refunds": _refunds,
        "payouts": _payouts,
        "cash_drawer_shifts": _shift,
    }
    for kind, read in readers.items():
        size = 1 if kind == "cash_drawer_shifts" else AT_ONCE
        for part in _parts(sorted(set(keys.get(kind, ()))), size):
            window = f"{kind} {content_hash(part)[:16]}"
            wanted += len(part)
            if not recorder.recorded(entity, window):
                await restart(recorder, entity, window)
                found, gone, response = await read(session, location, part)
                read_at = utc_text(recorder.taken_at)
                found["gone"] = [{"kind": kind, "key": key, "read_at": read_at} for key in gone]
                await in_thread(
                    recorder.record,
                    entity,
                    method=response.method if response is not None else "GET",
                    path=response.path if response is not None else f"/v2/{kind}",
                    params={VERSION_HEADER: session.version},
                    request_body={"keys": list(part)},
                    body=msgspec.json.encode(found),
                    rows=len(part),
                    page=1,
                    window=window,
                )
                await complete(recorder, entity, window)
            pages, rows = pages + 1, rows + len(part)
    await certify(recorder, Certificate(entity, "complete", pages, rows, rows))


Read = tuple[dict[str, Any], list[str], PosResponse | None]


async def _one(
    session: SquareCalls, path: str, params: Mapping[str, str] | None = None
) -> tuple[dict[str, msgspec.Raw] | None, PosResponse | None]:
    try:
        response = await session.get(path, params or {})
    except NotFound:
        return None, None
    return session.decoded(response, dict[str, msgspec.Raw]), response


async def _orders(session: SquareCalls, location: str, keys: Sequence[str]) -> Read:
    """Several at once; what is left out of the answer is asked for alone, as only then Square says that it is gone."""
    found: dict[str, msgspec.Raw] = {}
    last: PosResponse | None = None
    for asked in batches(keys):
        last = await session.post(lists.BY_ID, asked)
        parts = session.decoded(last, dict[str, msgspec.Raw])
        for raw in session.shaped_part(last, parts["orders"], list[msgspec.Raw]) if "orders" in parts else ():
            found[msgspec.json.decode(raw, type=_Ident).id] = raw
    gone = []
    for key in keys:
        if key not in found:
            single, _ = await _one(session, f"/v2/orders/{key}")
            if single is None:
                gone.append(key)
            elif "order" in single:
                found[key] = single["order"]
    return {"orders": list(found.values())}, gone, last


async def _singly(session: SquareCalls, path: str, name: str, keys: Sequence[str]) -> tuple[list[Any], list[str], Any]:
    answers = await together([_one(session, f"{path}/{key}") for key in keys])
    found = [parts[name] for parts, _ in answers if parts is not None and name in parts]
    gone = [key for key, (parts, _) in zip(keys, answers, strict=True) if parts is None]
    return found, gone, next((response for _, response in answers if response is not None), None)


async def _payments(session: SquareCalls, location: str, keys: Sequence[str]) -> Read:
    found, gone, response = await _singly(session, lists.PAYMENTS.path, "payment", keys)
    return {"payments": found}, gone, response


async def _refunds(session: SquareCalls, location: str, keys: Sequence[str]) -> Read:
    found, gone, response = await _singly(session, lists.REFUNDS.path, "refund", keys)
    orders = [msgspec.json.decode(raw, type=_Ident).order_id for raw in found]
    body = await beside(session, {"refunds": msgspec.Raw(msgspec.json.encode(found))}, [one for one in orders if one])
    return msgspec.json.decode(body, type=dict[str, msgspec.Raw]), gone, response


async def _payouts(session: SquareCalls, location: str, keys: Sequence[str]) -> Read:
    found, gone, response = await _singly(session, lists.PAYOUTS.path, "payout", keys)
    made = await together([entries_of(session, raw) for raw in found])
    return {"payouts": found, "payout_entries": [entry for one in made for entry in one.entries]}, gone, response


async def _shift(session: SquareCalls, location: str, keys: Sequence[str]) -> Read:
    parts, response = await _one(session, f"{lists.SHIFTS.path}/{keys[0]}", {"location_id": location})
    if parts is None:
        return {}, list(keys), None
    return {name: raw for name, raw in parts.items() if name == "cash_drawer_shift"}, [], response


def _parts(keys: Sequence[str], size: int) -> Iterable[list[str]]:
    for start in range(0, len(keys), size):
        yield list(keys[start : start + size])
