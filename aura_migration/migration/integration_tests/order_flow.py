"""Order flow AuraConnect → POS: an order is created, read back, compared to the cent, and cancelled; nothing stays behind.

Its reference ``aura:test:…`` is stored before the POS hears of it. Whoever reads the POS's history leaves such orders out as
long as nobody paid them (``plan/history_twins.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from aura_migration.core.errors import AuraError
from aura_migration.database.connections import Connection
from aura_migration.migration.integration_tests import results
from aura_migration.migration.integration_tests.ordering import Expected
from aura_migration.migration.integration_tests.results import READ_ONLY, TestResult, Unsettled
from aura_migration.pos.writing import TEST, Writer, WriteRights, WrittenOrder

NAME = "order_flow"
LATE = timedelta(minutes=10)
"""An order that was asked for and is not there by then never came."""
GRANT = "Grant the right to write orders at the POS and connect again, or have the gate waived with the reason."


class Flow:
    """One order flow. ``connect`` opens a connection of ours, ``key`` is the reference of this run."""

    def __init__(
        self,
        connection: Connection,
        migration_id: int,
        writer: Writer,
        session: Any,
        location: str,
        at: datetime,
        by: str,
    ) -> None:
        self.connection, self.migration_id = connection, migration_id
        self.writer, self.session, self.location = writer, session, location
        self.at, self.by = at, by
        self.reference = f"{TEST}{uuid4().hex[:24]}"

    async def run(self, rights: WriteRights, expected: Callable[[], Expected]) -> TestResult:
        """Try it out. Failures of the POS are the answer; whatever happens, the order is cancelled."""
        refused = _not_allowed(rights)
        if refused is not None:
            results.store(self.connection, self.migration_id, refused, self.at, self.by)
            return refused
        try:
            wanted = expected()
        except AuraError as error:
            result = TestResult(NAME, None, error.what, error.remedy)
            results.store(self.connection, self.migration_id, result, self.at, self.by)
            return result
        asked = {"reference": self.reference, "order": wanted.described, "total_cents": wanted.total_cents}
        row = results.begin(
            self.connection, self.migration_id, NAME, {**asked, "tax_cents": wanted.tax_cents}, self.at, self.by
        )
        try:
            result = await self._tried(row, wanted)
        except AuraError as error:
            result = TestResult(NAME, False, f"the order did not come through: {error.what}", error.remedy)
        try:
            left = await self._clean(row)
        except AuraError as error:
            left = f"the test order {self.reference} may still be open at the POS: {error.what}"
        if left:
            told = f"{result.value}; {left}" if result.passed is False else left
            result = TestResult(NAME, False, told, "The next run cleans it up; or cancel it at the POS by hand.")
        results.settle(self.connection, row, result)
        return result

    async def _tried(self, row: int, wanted: Expected) -> TestResult:
        order = wanted.order(self.reference)
        written = await self.writer.create_order(self.session, self.location, order, self.at)
        results.note(self.connection, row, {"state": "written", "key": written.key})
        again = await self.writer.create_order(self.session, self.location, order, self.at)
        if again.key != written.key:
            results.note(self.connection, row, {"second_key": again.key})
            return _failed(f"sent twice it was made twice: {written.key} and {again.key}")
        found = await self.writer.read_order(self.session, self.location, written.key)
        if found is None:
            return _failed(f"order {written.key} was accepted and cannot be read back")
        return _compared(found, wanted, self.reference)

    async def _clean(self, row: int) -> str:
        """Cancel what was made; what is left, in words."""
        found = await self.writer.find_order(self.session, self.location, self.reference, self.at)
        evidence = self.connection.execute(
            "SELECT evidence FROM migration.integration_tests WHERE id = %s", [row]
        ).fetchone()
        assert evidence is not None
        keys = [evidence[0].get("key"), evidence[0].get("second_key"), found.key if found is not None else None]
        for key in dict.fromkeys(key for key in keys if key):
            await self.writer.cancel_order(self.session, self.location, key)
            after = await self.writer.read_order(self.session, self.location, key)
            if after is not None and after.state != "cancelled":
                return f"order {key} is still {after.state} after it was cancelled"
        if any(keys):  # an order whose answer was lost may still come: the next run looks for it
            results.note(self.connection, row, {"state": "cleaned"})
        return ""


async def sweep(
    connection: Connection, writer: Writer, session: Any, location: str, left: Unsettled, at: datetime
) -> str:
    """Cancel what a run that was killed may have left; what could not be cleaned up, in words."""
    reference, key = str(left.evidence["reference"]), left.evidence.get("key")
    try:
        found = await writer.read_order(session, location, key) if key else None
        found = found or await writer.find_order(session, location, reference, left.began_at)
        if found is not None and found.state == "paid":
            results.note(connection, left.id, {"state": "paid", "key": found.key})
            return (
                f"the test order {found.key} of {left.began_at:%Y-%m-%d} was paid: it is a sale now, refund it by hand"
            )
        if found is not None:
            await writer.cancel_order(session, location, found.key)
    except AuraError as error:
        return f"the test order {reference} of an earlier run could not be cleaned up: {error.what}"
    if found is not None or at - left.began_at >= LATE:
        results.note(connection, left.id, {"state": "cleaned", "cleaned_at": at.isoformat()})
    return ""


def _not_allowed(rights: WriteRights) -> TestResult | None:
    if rights.orders and rights.cancelling:
        return None
    evidence = {"rights": rights.evidence}
    if rights.orders is False:
        return TestResult(NAME, None, READ_ONLY, GRANT, evidence)
    if rights.orders is None:
        return TestResult(NAME, None, "the POS does not tell whether orders may be written", GRANT, evidence)
    return TestResult(NAME, None, "orders may be written, but not cancelled: one would stay behind", GRANT, evidence)


def _failed(value: str) -> TestResult:
    return TestResult(NAME, False, value, "Compare the order at the POS with the evidence; write to the specialist.")


def _compared(found: WrittenOrder, wanted: Expected, reference: str) -> TestResult:
    evidence = {
        "pos_total_cents": found.total_cents,
        "pos_tax_cents": found.tax_cents,
        "pos_lines": found.lines,
        "order_state": found.state,
    }
    unlike = [
        f"{name} {there} at the POS, {here} in AuraConnect"
        for name, there, here in (
            ("total", found.total_cents, wanted.total_cents),
            ("tax", found.tax_cents, wanted.tax_cents),
        )
        if there != here
    ]
    if found.reference != reference:
        unlike.append(f"it came back under the reference {found.reference!r}")
    if found.state != "open":
        unlike.append(f"it came back {found.state}")
    if unlike:
        return TestResult(
            NAME,
            False,
            "; ".join(unlike),
            "Compare prices and taxes of these items on both sides; replay shows which rule differs.",
            evidence,
        )
    return TestResult(
        NAME, True, f"an order of {wanted.described} came to the same {wanted.total_cents} cents, and was cancelled",
        "", evidence,
    )  # fmt: skip
