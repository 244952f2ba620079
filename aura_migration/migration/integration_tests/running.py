"""All integration tests of one location, in the order in which they stand on each other; their results and their gate.

What an earlier run may have left at the POS is cleaned up first. Nothing here changes AuraConnect but its daily reports,
which are made anew for the days that are compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.errors import AuraError, Refused
from aura_migration.database.connections import Connection, session_lock
from aura_migration.migration.extraction import pinned
from aura_migration.migration.integration_tests import money, order_flow, results, stock
from aura_migration.migration.integration_tests.ordering import Expected, plan_order
from aura_migration.migration.integration_tests.results import TestResult
from aura_migration.migration.integrations import Integration, KnownLocation, get_integration, get_location
from aura_migration.migration.records import Migration, get_migration
from aura_migration.migration.reports.sales.refresh import refresh_reports
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.writing import Writer, writer_of
from aura_migration.verify.orders import day_rule, find_orders_witness
from aura_migration.verify.verdict import record_gate

GATE = "integration_tests"
NO_WRITER = "this POS cannot be written to"


def run_integration_tests(workshop: Workshop, migration_id: int, by: str, now: datetime) -> list[TestResult]:
    """Run every test at business time ``now``; results and gate are stored. A test that fails ends none of the others.

    ``Refused`` where the location is not in AuraConnect yet. One run per location at a time; a second one waits.
    """
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        run = _Run(workshop, connection, migration, by, now)
        with session_lock(connection, f"aura:integration-tests:{migration.location_key}"):
            found = [*run.against_the_pos(), *run.by_what_was_read()]
            _gate(connection, migration_id, found, now)
    return found


class _Run:
    def __init__(
        self, workshop: Workshop, connection: Connection, migration: Migration, by: str, now: datetime
    ) -> None:
        self.workshop, self.connection, self.migration = workshop, connection, migration
        self.by, self.now = by, now
        self.integration: Integration = get_integration(connection, migration.integration_id)
        self.location: KnownLocation = get_location(connection, migration.location_key)
        self.site = self.location.source.source_id
        self.location_id = self._place()

    def _place(self) -> int:
        row = self.connection.execute(
            "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s "
            "AND is_active",
            [self.integration.id, self.site],
        ).fetchone()
        if row is None:
            raise Refused(
                f"{self.migration.location_key} is not in AuraConnect yet: there is nothing to test against its POS.",
                f"`aura-migration run {self.migration.id}` loads it.",
            )
        return int(row[0])

    # -- against the POS ---------------------------------------------------------------------------------------------

    def against_the_pos(self) -> list[TestResult]:
        """Order flow and stock, over one session."""
        writer = writer_of(self.workshop.connector(self.integration.pos))
        if writer is None:
            found = [TestResult(name, None, NO_WRITER, "Test by hand at the POS.") for name in results.NAMES[:3]]
            for one in found:
                results.store(self.connection, self.migration.id, one, self.now, self.by)
            return found
        return asyncio.run(self._against(writer))

    async def _against(self, writer: Writer) -> list[TestResult]:
        connector = self.workshop.connector(self.integration.pos)
        async with Buckets.on_postgres(self.workshop.url) as buckets:
            account = self.workshop.account(
                self.integration.id, self.integration.base_url, buckets, self.integration.merchant_id
            )
            async with connector.open(account) as session:
                left = await self._sweep(writer, session)
                try:
                    rights = await writer.rights(session, self.site)
                except AuraError as error:
                    return self._all_failed(f"the POS cannot be asked: {error.what}", error.remedy)
                flow = order_flow.Flow(
                    self.connection, self.migration.id, writer, session, self.site, self.now, self.by
                )
                ordered = await flow.run(rights, self._expected)
                held = stock.held_stock(self.connection, self.integration.id, self.location_id)
                read = await self._kept(stock.FROM_POS, lambda: stock.from_pos(writer, session, self.site, held))
                written = await stock.to_pos(
                    self.connection, self.migration.id, writer, session, self.site, rights, held, self.now, self.by
                )
        return [self._with_leftovers(one, left) for one in (ordered, read, written)]

    def _expected(self) -> Expected:
        return plan_order(
            self.connection, self.integration.id, self.migration.restaurant_id, self.location_id, self.integration.pos
        )

    async def _sweep(self, writer: Writer, session: Any) -> dict[str, str]:
        """Clean up after runs that were killed; by test, what could not be."""
        told: dict[str, str] = {}
        for left in results.unsettled(self.connection, self.migration.location_key):
            sweep = order_flow.sweep if left.name == order_flow.NAME else stock.sweep
            problem = await sweep(self.connection, writer, session, self.site, left, self.now)
            if problem:
                told[left.name] = problem
        return told

    def _with_leftovers(self, result: TestResult, left: dict[str, str]) -> TestResult:
        problem = left.get(result.name)
        if problem is None:
            return result
        failed = TestResult(
            result.name, False, problem, "Clean it up at the POS by hand, then test again.", result.evidence
        )
        results.store(self.connection, self.migration.id, failed, self.now, self.by)
        return failed

    async def _kept(self, name: str, work: Callable[[], Awaitable[TestResult]]) -> TestResult:
        try:
            result = await work()
        except AuraError as error:
            result = TestResult(name, False, f"the POS cannot be read: {error.what}", error.remedy)
        results.store(self.connection, self.migration.id, result, self.now, self.by)
        return result

    def _all_failed(self, value: str, remedy: str) -> list[TestResult]:
        found = [TestResult(name, False, value, remedy) for name in results.NAMES[:3]]
        for one in found:
            results.store(self.connection, self.migration.id, one, self.now, self.by)
        return found

    # -- by what was read of it --------------------------------------------------------------------------------------

    def by_what_was_read(self) -> list[TestResult]:
        """Payments and reports of the last complete days."""
        recent = self._recent()
        if recent.days:
            refresh_reports(self.connection, self.migration.restaurant_id, self.location_id, recent.days[0])
        found = [
            money.judge_payments(self.connection, self.migration.restaurant_id, self.location_id, recent),
            money.judge_reporting(self.connection, self.location_id, recent),
        ]
        for one in found:
            results.store(self.connection, self.migration.id, one, self.now, self.by)
        return found

    def _recent(self) -> money.Recent:
        witness = find_orders_witness(self.integration.pos)
        until = money.read_until(self.connection, self.migration.id)
        if witness is None or until is None or not self.migration.parsed_options.history.months:
            return money.Recent([])
        rule = day_rule(self.connection, self.migration.subject, self.migration.parsed_options)
        reader = SnapshotReader(*pinned(self.connection, self.migration.id), cipher=self.workshop.persons)
        source = self.location.source
        return money.recent_of(witness(reader, source.source_id, source.currency, rule), rule, min(until, self.now))


def _gate(connection: Connection, migration_id: int, found: Sequence[TestResult], now: datetime) -> None:
    """Passed when all passed; failed when one failed; else neither: what cannot be proven is not passed."""
    failed = [one for one in found if one.passed is False]
    unproven = [one for one in found if one.passed is None]
    passed = False if failed else None if unproven else True
    told = f"{sum(one.passed is True for one in found)} of {len(found)} tests passed"
    for one in (*failed, *unproven)[:1]:
        told += f"; {one.name}: {one.value}"
    remedy = next((one.remedy for one in (*failed, *unproven) if one.remedy), "")
    evidence = {"tests": [{"name": one.name, "passed": one.passed, "value": one.value} for one in found]}
    record_gate(connection, migration_id, GATE, passed, told, remedy, evidence, now)
