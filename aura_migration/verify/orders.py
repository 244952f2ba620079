"""The verdict on a history: every order there, every cent explained, every tax and payment where it belongs.

What the POS says comes from its orders witness, a second reading of the snapshot; it is compared with AuraConnect's tables
set-based, so that memory does not grow with the number of orders. The POS's own daily report, where somebody imported one,
is a third column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import psycopg

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan.ground import Subject
from aura_migration.pos import registry
from aura_migration.pos.order_facts import DayRule, HistoryWitness
from aura_migration.verify import findings as words
from aura_migration.verify import witnesses
from aura_migration.verify.findings import Finding, Gate, percentage
from aura_migration.verify.found import first_findings, known_causes, totals
from aura_migration.verify.orders_case import FOUND, OrdersCase, open_case
from aura_migration.verify.orders_days import judge_days, largest
from aura_migration.verify.orders_each import Number, judge_each
from aura_migration.verify.orders_links import judge_flags, judge_links
from aura_migration.verify.orders_money import LEVELS, PAYMENT_FEE, evidence, judge_money, told
from aura_migration.verify.orders_report import DERIVED, judge_report
from aura_migration.verify.orders_said import Saying
from aura_migration.verify.orders_there import read_there
from aura_migration.verify.orders_twins import leave_out_twins

Connection = psycopg.Connection[Any]
FINDINGS_KEPT = 1_000
NOTHING: Mapping[str, Any] = {
    "orders_accounted_pct": None,
    "daily_sales_max_abs_diff_pct": None,
    "tax_max_abs_diff_cents": None,
    "payments_unreconciled": None,
    "fees_unreconciled_cents": None,
    "pos_report_agreed": None,
}
"""The metrics where nothing was measured."""
REMEDIES = {
    words.ORDERS: "Run the migration again for what is missing; look up in the POS what is too many or in quarantine.",
    words.DAILY_SALES: "Compare the orders in the findings with the POS, then extract, load and verify again.",
    words.TAX: "Compare the tax of the orders in the findings with the POS, then extract, load and verify again.",
    words.PAYMENTS: "Compare the payments in the findings with the POS or its statements, then load and verify again.",
    words.POS_REPORT: "Compare the days in the findings with the POS's report: check that it is of this location, with the "
    "same close-out and basis of the day; import it again after a correction.",
}


@dataclass(frozen=True)
class OrdersVerdict:
    """``findings`` are the first of each check; a gate's evidence counts all of them (``unexplained``, ``accepted``).

    ``entities`` are the counts of the scorecard: ``{kind: {source, loaded, unchanged, merged, skipped, quarantined}}``; what is
    missing of the source is in none of them.
    """

    gates: tuple[Gate, ...]
    findings: tuple[Finding, ...]
    metrics: Mapping[str, Any]
    entities: Mapping[str, Mapping[str, int]]
    causes: tuple[Mapping[str, Any], ...] = ()
    """Findings that are explained, counted by cause: ``{check, entity, cause, count, cents}``. Nobody signed them: they are
    the POS's own, or what people changed since."""

    @property
    def unexplained(self) -> int:
        """Findings that nothing explains, also those not kept."""
        return sum(int(gate.evidence["unexplained"]) for gate in self.gates)

    @property
    def accepted(self) -> int:
        """Findings with a cause, also those not kept."""
        return sum(int(gate.evidence["accepted"]) for gate in self.gates)


def verify_orders(
    connection: Connection,
    subject: Subject,
    reader: SnapshotReader,
    location_source_id: str,
    currency: str,
    plan_id: int | None,
    options: MigrationOptions,
    now: datetime,
    *,
    witness: HistoryWitness | None = None,
    rule: DayRule | None = None,
) -> OrdersVerdict:
    """Judge orders and money of one migration in one transaction; the days' figures are stored, the gates are not.

    ``reader`` shows all exports that make up the location's history. ``witness`` is the POS's unless given; ``rule`` how days
    are told, by default as the options and the location say. A history that the options leave out is not measured.
    """
    if not options.history.months:
        return unmeasured()
    witness = witness or find_orders_witness(subject.pos)
    if witness is None:
        return unmeasured()
    rule = rule or day_rule(connection, subject, options)
    with connection.transaction():
        said = iter(witness(reader, location_source_id, currency, rule))
        first = next(said, None)
        case = open_case(connection, subject, location_source_id, currency, plan_id, options, now, rule)
        saying = Saying(case)
        saying.take(chain(() if first is None else (first,), said))
        read_there(case)
        _leave_out_later(case)
        twins = leave_out_twins(case)
        if first is None and not case.row("SELECT EXISTS (SELECT 1 FROM there_orders)")[0]:
            return unmeasured()
        return _Judgement(case, twins).verdict()


def unmeasured() -> OrdersVerdict:
    """The verdict on no history at all: neither yes nor no."""
    gates = (Gate(check, None, None, "", {"unexplained": 0, "accepted": 0}) for check in words.ORDER_CHECKS)
    return OrdersVerdict(tuple(gates), (), dict(NOTHING), {})


def day_rule(connection: Connection, subject: Subject, options: MigrationOptions) -> DayRule:
    """How days are told at the location: its zone and close-out, unless the options say otherwise."""
    row = connection.execute(
        "SELECT facts ->> 'timezone', facts ->> 'closeout' FROM migration.locations WHERE key = %s",
        [subject.location_key],
    ).fetchone()
    zone, proposed = (row[0] or "UTC", row[1] or "00:00") if row else ("UTC", "00:00")
    hours, minutes = (options.history.closeout or proposed).split(":")[:2]
    basis = options.history.basis or registry.connector(subject.pos).history_basis
    closeout = timedelta(hours=int(hours), minutes=int(minutes))
    return DayRule(zone, closeout, basis, options.history.refunds)


def _leave_out_later(case: OrdersCase) -> None:
    """What the POS shows beyond the end the options set is no part of the history, unless it was loaded before."""
    until = case.options.history.until
    if until is None:
        return
    for name in ("orders", "payments", "refunds", "payouts", "cash"):
        same = "t.key = s.key AND t.kind = s.kind" if name == "cash" else "t.key = s.key"
        case.run(
            f"DELETE FROM said_{name} s WHERE s.day > %(last)s AND NOT EXISTS (SELECT 1 FROM there_{name} t WHERE {same})",
            last=case.rule.day(until).isoformat(),
        )


def find_orders_witness(pos: str) -> HistoryWitness | None:
    """``facts`` of the module ``orders_witness`` in the connector's package; None for a POS without a history."""
    found: HistoryWitness | None = witnesses.find(
        pos, "orders_witness", "facts", "about the orders of", "order_facts.HistoryWitness", "history_mapper"
    )
    return found


class _Judgement:
    """The checks in the order in which they stand on each other."""

    def __init__(self, case: OrdersCase, twins: Mapping[str, int]) -> None:
        self.case = case
        self.twins = twins
        self.metrics: dict[str, Any] = dict(NOTHING)
        self.measures: dict[str, tuple[bool, str | None, dict[str, Any]]] = {}

    def verdict(self) -> OrdersVerdict:
        """Run every check that the options do not leave out."""
        numbers = judge_each(self.case)
        links = judge_links(self.case)
        flags = judge_flags(self.case)
        days = judge_days(self.case)
        self._complete(numbers, links)
        self._sales(numbers, days, flags)
        self._money(numbers)
        if days:
            self._report()
        found = totals(self.case, "orders_found", words.ORDER_CHECKS)
        gates = tuple(self._gate(check, *found[check]) for check in words.ORDER_CHECKS)
        entities = {
            kind: {
                "source": number.said + self.twins.get(kind, 0),
                "loaded": number.loaded,
                "unchanged": number.standing - number.loaded,
                "merged": 0,
                "skipped": self.twins.get(kind, 0),
                "quarantined": number.quarantined,
            }
            for kind, number in numbers.items()
            if number.said or self.twins.get(kind)
        }
        kept = first_findings(self.case, "orders_found", FINDINGS_KEPT)
        return OrdersVerdict(gates, kept, self.metrics, entities, known_causes(self.case, "orders_found"))

    def _complete(self, numbers: Mapping[str, Number], links: int) -> None:
        orders = numbers.get("orders", Number())
        documents = sum(number.said for number in numbers.values())
        self.case.run(
            f"""
            INSERT INTO {FOUND}
            SELECT %(check)s, 'batches', batch::text, to_jsonb('loaded'::text), NULL, NULL, 'the batch is not loaded', true
            FROM migration.history_batches WHERE plan_id = %(plan)s AND loaded_at IS NULL
            """,
            check=words.ORDERS,
        )
        self.metrics["orders_accounted_pct"] = percentage(orders.standing + orders.quarantined, orders.said)
        self._measured(
            words.ORDERS,
            bool(documents),
            f"{orders.standing:,} of {orders.said:,} orders, {documents:,} documents",
            {
                "documents": {kind: asdict(number) for kind, number in numbers.items()},
                "references": links,
                "twins": dict(self.twins),
            },
        )

    def _sales(self, numbers: Mapping[str, Number], days: int, flags: Mapping[str, int]) -> None:
        is_measured = bool(numbers.get("orders", Number()).said)
        if is_measured:
            off = largest(self.case)
            self.metrics["daily_sales_max_abs_diff_pct"] = off.sales_pct
            self.metrics["tax_max_abs_diff_cents"] = off.tax_cents
            shown = f"{off.sales_pct or 0:g} % at most over {days:,} days"
            self._measured(words.DAILY_SALES, True, shown, {"days": days, **flags})
            self._measured(words.TAX, True, f"{off.tax_cents or 0} cents at most over {days:,} days", {"days": days})

    def _money(self, numbers: Mapping[str, Number]) -> None:
        levels = judge_money(self.case)
        if any(levels.values()):
            self.metrics["payments_unreconciled"] = {
                name: None if levels[name] is None else levels[name].as_dict() for name in LEVELS  # type: ignore[union-attr]
            }  # fmt: skip
        fees = levels[PAYMENT_FEE]
        self.metrics["fees_unreconciled_cents"] = None if fees is None else fees.cents
        is_proven = any(level is not None for level in levels.values())
        said = sum(number.said for kind, number in numbers.items() if kind != "orders")
        self._measured(words.PAYMENTS, bool(is_proven or said), told(self.case, levels), evidence(self.case, levels))

    def _report(self) -> None:
        """The third column: without it, or with too little of it, what is derived here is not confirmed."""
        agreement = judge_report(self.case)
        if agreement is None:
            self.metrics["pos_report_agreed"] = DERIVED
            self.measures[words.POS_REPORT] = (False, DERIVED, {})
        else:
            self.metrics["pos_report_agreed"] = DERIVED if agreement.passed is None else agreement.passed
            self.measures[words.POS_REPORT] = (agreement.passed is True, agreement.value, agreement.evidence)

    def _measured(self, check: str, is_measured: bool, value: str | None, evidence: Mapping[str, Any]) -> None:
        self.measures[check] = (is_measured, value if is_measured else None, dict(evidence))

    def _gate(self, check: str, unexplained: int, accepted: int) -> Gate:
        """Yes when something was measured and no finding is unexplained; over nothing it is neither yes nor no."""
        is_measured, value, evidence = self.measures.get(check, (False, None, {}))
        passed = False if unexplained else True if is_measured else None
        full = {**evidence, "unexplained": unexplained, "accepted": accepted}
        return Gate(check, passed, value, REMEDIES[check] if passed is False else "", full)
