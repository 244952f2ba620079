"""The words verification answers in: checks, findings, gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ACCOUNTED = "every_item_is_accounted_for"
MIGRATED = "every_item_is_migrated"
RECORDS = "records_are_as_in_the_pos"
PRICES = "prices_agree_to_the_cent"
MODIFIERS = "active_modifiers_are_functional"
COUNTS = "counts_agree_with_auraconnect"
QUARANTINE = "nothing_is_in_quarantine"
DECIDED = "no_conflict_is_undecided"
COMPLETE = "completeness"
EXPORTED = "full_export_before_load"
RULES = "rules_match"
CUSTOMERS = "customers_accounted"
CONSENT = "consent_respected"
LOYALTY = "loyalty_conserved"
GIFT_CARDS = "gift_cards_conserved"
HOUSE_ACCOUNTS = "house_accounts_conserved"
STAFF = "staff_accounted"
PEOPLE_CHECKS = (CUSTOMERS, CONSENT, LOYALTY, GIFT_CARDS, HOUSE_ACCOUNTS, STAFF)
ORDERS = "orders_complete"
DAILY_SALES = "daily_sales_match"
TAX = "tax_match"
PAYMENTS = "payments_reconciled"
POS_REPORT = "pos_report_agreed"
REPLAY = "orders_replay_identically"
ACCEPTANCE = "acceptance_suite"
ORDER_CHECKS = (ORDERS, DAILY_SALES, TAX, PAYMENTS, POS_REPORT)
MENU_CHECKS = (COMPLETE, ACCOUNTED, MIGRATED, RECORDS, PRICES, MODIFIERS, RULES, COUNTS, QUARANTINE, DECIDED)
CHECKS = (*MENU_CHECKS, *PEOPLE_CHECKS, *ORDER_CHECKS, REPLAY)
"""The checks a verification makes, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. ``expected`` is the POS's side, ``actual`` AuraConnect's, both plain JSON data.

    ``difference_cents`` is signed (AuraConnect minus POS), None where no amounts face each other. A finding that
    ``is_blocking`` is unexplained; any other is accepted, and ``cause`` says by which signed decision.
    """

    check_name: str
    entity: str
    source_key: str
    expected: Any
    actual: Any
    difference_cents: int | None = None
    cause: str = ""
    is_blocking: bool = True

    @property
    def order(self) -> tuple[str, bool, str, str, str]:
        """Blocking ones of a check first, then by code points: the same on every machine."""
        return (self.check_name, not self.is_blocking, self.entity, self.source_key, repr(self.expected))


@dataclass(frozen=True)
class Gate:
    """A named yes/no: ``passed`` None means measured over nothing. ``value`` is the number, ``remedy`` what to do about a no."""

    name: str
    passed: bool | None
    value: str | None
    remedy: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The gate as JSON-ready data."""
        return {
            "name": self.name,
            "passed": self.passed,
            "value": self.value,
            "remedy": self.remedy,
            "evidence": dict(self.evidence),
        }


def percentage(part: int, whole: int) -> float | None:
    """``part`` of ``whole`` in percent, cut to two digits: 100.0 only when it is all of it; None over nothing."""
    if whole <= 0:
        return None
    return 100.0 if part >= whole else part * 10_000 // whole / 100
