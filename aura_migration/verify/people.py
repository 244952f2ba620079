"""The verdict on people: everybody accounted for, nobody contacted without consent, nothing that is owed lost.

What the POS says comes from its people witness, what restaurants handed over from their files; both are compared with
AuraConnect's tables set-based, so that memory does not grow with the number of guests. Findings name records by key and
field; of persons they never show a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import psycopg

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan.planner import Subject
from aura_migration.pos.people_facts import PeopleFact, PeopleWitness
from aura_migration.verify import findings as words
from aura_migration.verify import witnesses
from aura_migration.verify.findings import Finding, Gate, percentage
from aura_migration.verify.found import first_findings, totals
from aura_migration.verify.people_case import Case, knows_people, open_case
from aura_migration.verify.people_consent import judge_consent
from aura_migration.verify.people_guests import judge_guests
from aura_migration.verify.people_owed import LIABILITIES, Owed, judge_owed
from aura_migration.verify.people_said import PersonSeal, Saying, count, country_of, suppression
from aura_migration.verify.people_staff import judge_staff

Connection = psycopg.Connection[Any]
FINDINGS_KEPT = 1_000
ENTITY_OF = {
    words.CUSTOMERS: "customers",
    words.CONSENT: "customers",
    words.LOYALTY: "loyalty_accounts",
    words.GIFT_CARDS: "gift_cards",
    words.HOUSE_ACCOUNTS: "house_accounts",
    words.STAFF: "staff",
}
METRIC_OF = {
    words.LOYALTY: "loyalty_points_diff",
    words.GIFT_CARDS: "gift_card_liability_diff_cents",
    words.HOUSE_ACCOUNTS: "house_account_liability_diff_cents",
}
NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(METRIC_OF.values()),
    "customers_without_consent_contacted": None,
    "skipped_by_policy": None,
    "customers_accounted_pct": None,
    "staff_accounted_pct": None,
}
"""The metrics where nothing was measured."""
FOR_UNSEEN = (
    " For balances loaded earlier that are not shown now: hand over an export that names them, with balance 0 where nothing "
    "is owed any more, or withdraw the newer file."
)
REMEDIES = {
    words.CUSTOMERS: "Compare the findings with the POS; load what is missing or sign its absence, then verify again.",
    words.CONSENT: "Set the opt-ins in the findings back, or hand over the evidence of consent, then verify again.",
    words.LOYALTY: "Compare the accounts in the findings with the POS; run the migration again or correct AuraConnect."
    + FOR_UNSEEN,
    words.GIFT_CARDS: "Compare the cards in the findings with the POS or its export; do not switch gift cards before it is 0."
    + FOR_UNSEEN,
    words.HOUSE_ACCOUNTS: "Compare the accounts in the findings with the export; do not switch them before it is 0."
    + FOR_UNSEEN,
    words.STAFF: "Compare the findings with the POS; run the migration again or correct AuraConnect.",
}


@dataclass(frozen=True)
class PeopleVerdict:
    """``findings`` are the first of each check; a gate's evidence counts all of them (``unexplained``, ``accepted``)."""

    gates: tuple[Gate, ...]
    findings: tuple[Finding, ...]
    metrics: Mapping[str, Any]

    @property
    def unexplained(self) -> int:
        """Findings that no signed decision explains, also those not kept."""
        return sum(int(gate.evidence["unexplained"]) for gate in self.gates)

    @property
    def accepted(self) -> int:
        """Findings that a signed decision explains, also those not kept."""
        return sum(int(gate.evidence["accepted"]) for gate in self.gates)


def verify_people(
    connection: Connection,
    subject: Subject,
    reader: SnapshotReader,
    location_source_id: str,
    currency: str,
    plan_id: int | None,
    options: MigrationOptions,
    now: datetime,
    file_facts: Iterable[PeopleFact] = (),
    *,
    witness: PeopleWitness | None = None,
    seals: PersonSeal | None = None,
    suppressed_hash: Callable[[Any, str, str], str] | None = None,
) -> PeopleVerdict:
    """Judge people, consents, balances and staff of one migration in one transaction; the ledger is stored.

    ``seals`` give people without an id their key; ``suppressed_hash(what, text, of)`` hashes as the suppression list does
    (needed only where somebody is on it). ``witness`` is the POS's unless given. Gates are not stored here.
    """
    witness = witness or find_people_witness(subject.pos)
    with connection.transaction():
        connection.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")
        said = chain([] if witness is None else witness(reader, location_source_id, currency), file_facts)
        first = next(said, None)
        if first is None and not knows_people(connection, subject, plan_id):
            return PeopleVerdict(tuple(map(_unmeasured, words.PEOPLE_CHECKS)), (), dict(NOTHING))
        case = open_case(connection, subject, plan_id, options, now)
        listed = None if suppressed_hash is None else suppression(connection, subject.restaurant_id, suppressed_hash)
        country = country_of(connection, subject.location_key, currency)
        Saying(case, country, seals, listed).take(() if first is None else (first,), said)
        return _Judgement(case).verdict()


def _unmeasured(check: str) -> Gate:
    return Gate(check, None, None, "", {"unexplained": 0, "accepted": 0})


def find_people_witness(pos: str) -> PeopleWitness | None:
    """``people_facts`` of the module ``people_witness`` in the connector's package; None for a POS without people."""
    found: PeopleWitness | None = witnesses.find(
        pos, "people_witness", "people_facts", "about the people of", "people_facts.PeopleWitness", "map_people"
    )
    return found


class _Judgement:
    """The checks in the order in which they stand on each other."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.metrics: dict[str, Any] = dict(NOTHING)
        self.measures: dict[str, tuple[bool, str | None, dict[str, Any]]] = {}

    def verdict(self) -> PeopleVerdict:
        """Run every check that the options do not leave out."""
        self._people()
        for check in (words.LOYALTY, words.GIFT_CARDS, words.HOUSE_ACCOUNTS):
            if not self.case.leaves_out(ENTITY_OF[check]):
                self._owed(check)
        if not self.case.leaves_out("staff"):
            self._staff()
        found = totals(self.case, "people_found", words.PEOPLE_CHECKS)
        gates = tuple(self._gate(check, *found[check]) for check in words.PEOPLE_CHECKS)
        return PeopleVerdict(gates, first_findings(self.case, "people_found", FINDINGS_KEPT), self.metrics)

    def _people(self) -> None:
        if self.case.leaves_out("customers"):
            self.case.run("CREATE TEMP TABLE people_guests (key text, aura_id bigint, outcome text) ON COMMIT DROP")
            return
        guests = judge_guests(self.case)
        accounted = percentage(guests["accounted"], guests["said"])
        shown = None if accounted is None else f"{guests['accounted']} of {guests['said']} profiles"
        self._measured(words.CUSTOMERS, bool(guests["said"]), shown, guests)
        self.metrics["customers_accounted_pct"] = accounted
        consent = judge_consent(self.case)
        if consent["judged"]:
            self.metrics["customers_without_consent_contacted"] = consent["contacted"]
            self.metrics["skipped_by_policy"] = self._skipped_by_policy()
        value = f"{consent['contacted']} contacted without consent, {consent['left_out']} left out"
        self._measured(words.CONSENT, bool(consent["judged"]), value, consent)

    def _skipped_by_policy(self) -> int:
        """Left out for want of consent, or because they refused; who was erased is no question of policy."""
        return count(
            self.case.connection,
            "people_guests g JOIN people_fate f ON f.entity = 'customers' AND f.key = g.key "
            "JOIN said_customers s ON s.key = g.key",
            "g.outcome = 'skipped' AND NOT s.is_suppressed",
        )

    def _owed(self, check: str) -> None:
        total, evidence = Owed(), {}
        for liability in LIABILITIES:
            if liability.check == check:
                owed = judge_owed(self.case, liability)
                evidence[liability.name] = {
                    "subjects": owed.subjects,
                    "pos": owed.source,
                    "auraconnect": owed.aura,
                    "unexplained": owed.off,
                }
                total += owed
        is_measured = total.subjects > 0 or total.off > 0
        if is_measured:
            self.metrics[METRIC_OF[check]] = total.off
        unit = "points" if check == words.LOYALTY else "cents"
        self._measured(check, is_measured, f"{total.off} {unit} off over {total.subjects}", {"classes": evidence})

    def _staff(self) -> None:
        staff = judge_staff(self.case)
        self.metrics["staff_accounted_pct"] = percentage(staff["accounted"], staff["said"])
        shown = f"{staff['people']} people, {staff['jobs']} jobs, {staff['timecards']} shifts"
        if staff["payroll"]:
            shown += f", {staff['payroll']} pay periods"
        self._measured(words.STAFF, bool(staff["said"]), shown, staff)

    def _measured(self, check: str, is_measured: bool, value: str | None, evidence: Mapping[str, Any]) -> None:
        self.measures[check] = (is_measured, value if is_measured else None, dict(evidence))

    def _gate(self, check: str, unexplained: int, accepted: int) -> Gate:
        """Yes when something was measured and no finding is unexplained; over nothing it is neither yes nor no."""
        is_measured, value, evidence = self.measures.get(check, (False, None, {}))
        passed = False if unexplained else True if is_measured else None
        full = {**evidence, "unexplained": unexplained, "accepted": accepted}
        return Gate(check, passed, value, REMEDIES[check] if passed is False else "", full)
