"""Reading single documents again that a window should have shown: what became of them is asked of Toast by their ids.

An order is asked by its guid and has its checks and payments in it; a payment leads to its order. Where Toast does not
have a document any more a small body says so: ``{"kind", "key", "guid", "asked", "gone": true}``. Of a check Toast can only
be asked through its order: a check is gone when the orders it may belong to were asked and none has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import MalformedBody, NotFound, Rejected
from aura_migration.pos.threads import in_thread
from aura_migration.pos.toast import paths
from aura_migration.pos.toast.calls import POS, ToastCalls
from aura_migration.pos.toast.months import asked
from aura_migration.pos.toast.orders.numbers import version_of
from aura_migration.pos.together import together

ENTITY = "missing_documents"
T = TypeVar("T")
AT_ONCE = 4


class _Payment(msgspec.Struct, rename="camel"):
    guid: str | None = None
    order_guid: str | None = None


class _Check(msgspec.Struct):
    guid: str | None = None
    payments: list[_Payment] | None = None


class _Order(msgspec.Struct):
    guid: str
    checks: list[_Check] | None = None


async def reread(session: ToastCalls, recorder: Recorder, location: str, keys: Mapping[str, Sequence[str]]) -> None:
    """See the port: asks for the documents, records the answers, certifies ``missing_documents``."""
    await _Rereading(session, recorder, location).run(keys)


class _Rereading:
    def __init__(self, session: ToastCalls, recorder: Recorder, location: str) -> None:
        self.session, self.recorder, self.location = session, recorder, location
        self.lane = asyncio.Semaphore(AT_ONCE)
        self.asked = version_of(asked(recorder.taken_at))
        self.orders: dict[str, _Order | None] = {}
        self.payments: set[str] = set()
        self.checks: set[str] = set()
        self.page = 0

    async def run(self, keys: Mapping[str, Sequence[str]]) -> None:
        """Orders first, then payments that none of them has, then what is left."""
        await in_thread(self.recorder.restart_window, ENTITY)
        await self._orders(keys.get("order_groups", ()))
        for group, order in list(self.orders.items()):
            if order is None:
                self._gone("order_groups", group)
        wanted = dict.fromkeys(keys.get("payments", ()))
        wanted.update((key.removesuffix(":refund"), None) for key in keys.get("refunds", ()))
        movements = keys.get("house_account_movements", ())
        wanted.update((key.rpartition(":")[0], None) for key in movements if key.endswith((":charged", ":adjusted")))
        await self._payments([key for key in wanted if key not in self.payments], frozenset(keys.get("payments", ())))
        if keys.get("order_groups"):
            for key in keys.get("orders", ()):
                if key not in self.checks:
                    self._gone("orders", key)
        for kind in ("cash_events", "deposits"):  # their business date was asked, and did not show them
            for key in keys.get(kind, ()):
                self._gone(kind, key)
        await in_thread(self.recorder.complete_window, ENTITY)
        pages = await in_thread(self.recorder.pages, ENTITY)
        self.recorder.certify(Certificate(ENTITY, "complete", len(pages), len(pages), len(pages)))

    async def _orders(self, guids: Iterable[str]) -> None:
        await together([self._order(guid) for guid in dict.fromkeys(guids) if guid not in self.orders])

    async def _order(self, guid: str) -> None:
        path = paths.ORDER.format(guid=guid)
        answer = await self._ask(path)
        if answer is None:
            self.orders[guid] = None
            return
        order = self.orders[guid] = _decoded(answer, _Order, path)
        for check in order.checks or ():
            if check.guid:
                self.checks.add(check.guid)
            self.payments.update(one.guid for one in check.payments or () if one.guid)
        await in_thread(self._record, path, answer.content)

    async def _payments(self, guids: Sequence[str], meant: frozenset[str]) -> None:
        async def one(guid: str) -> str | None:
            path = paths.PAYMENT.format(guid=guid)
            answer = await self._ask(path)
            return None if answer is None else _decoded(answer, _Payment, path).order_guid

        found = await together([one(guid) for guid in guids])
        await self._orders([order for order in found if order])
        for guid in guids:
            if guid in self.payments:
                continue
            if guid in meant:
                self._gone("payments", guid)

    async def _ask(self, path: str) -> PosResponse | None:
        """The answer; None where Toast does not know the id."""
        async with self.lane:
            try:
                return await self.session.get(path, self.location)
            except NotFound:
                return None
            except Rejected as error:
                if error.status == 400:  # not the form of an id of Toast's
                    return None
                raise

    def _gone(self, kind: str, key: str) -> None:
        body = {"kind": kind, "key": key, "guid": key, "asked": self.asked, "gone": True}
        self._record(paths.ORDER.format(guid=key), msgspec.json.encode(body))

    def _record(self, path: str, body: bytes) -> None:
        self.page += 1
        self.recorder.record(
            ENTITY, method="GET", path=path, params=None, request_body=None, body=body, rows=1, page=self.page
        )


def _decoded(answer: PosResponse, kind: type[T], path: str) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.ValidationError as error:
        raise MalformedBody(
            "the answer is not as documented", pos=POS, method="GET", path=path, retryable=False
        ) from error
