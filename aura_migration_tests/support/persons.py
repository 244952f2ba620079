"""Small directories of guests and staff for tests of people's staging: rows with the defaults of their entity."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import psycopg

from aura_migration.canonical.model import Batch
from aura_migration.canonical.options import MigrationOptions, parse_options
from aura_migration.canonical.persons import stage_people
from aura_migration.canonical.stage import Staged
from aura_migration.plan.planner import Subject
from aura_migration_tests.support.menus import LOAD_AT, rows

Connection = psycopg.Connection[Any]
DEFAULTS: dict[str, dict[str, Any]] = {
    "customers": {"status": "active", "marketing_opt_in": False, "loyalty_points": 0, "lifetime_points": 0},
    "customer_addresses": {"is_default": True},
    "customer_consents": {"purpose": "marketing_email", "status": "granted", "source": "pos_flag"},
    "loyalty_programs": {"name": "Stars", "accrual_type": "spend", "is_active": True},
    "reward_templates": {"name": "Free pie", "reward_type": "free_item", "is_active": True},
    "loyalty_accounts": {"program_key": "P", "balance_points": 0, "status": "pending"},
    "loyalty_transactions": {"transaction_type": "earned", "reason": "Visit"},
    "customer_rewards": {"title": "Free pie", "status": "available"},
    "gift_cards": {
        "code_hash": "c0de",
        "hash_key_id": "k",
        "balance_cents": 500,
        "currency": "USD",
        "status": "pending",
    },
    "house_accounts": {"kind": "house_account", "balance_cents": 0, "currency": "USD", "status": "pending"},
    "roles": {"name": "Server", "needs_review": True, "is_active": True},
    "staff": {
        "name": "Sam Reyes",
        "status": "active",
        "is_owner": False,
        "needs_sign_in": True,
        "is_active": True,
    },
    "staff_jobs": {"title": "Server", "pay_type": "hourly", "is_primary": True, "is_active": True},
    "timecards": {
        "check_in": "2026-03-01T17:00:00+00:00",
        "business_date": "2026-03-01",
        "method": "imported",
        "status": "checked_in",
    },
    "payroll": {
        "pay_period_start": "2026-02-01",
        "pay_period_end": "2026-02-14",
        "gross_pay_cents": 90000,
        "currency": "USD",
    },
}


class KnownHashes:
    """A suppression list of which the hashes can be told: SHA-256 of what and text."""

    def hash(self, what: str, text: str) -> str:
        return hashlib.sha256(f"{what}:{text}".encode()).hexdigest()[:40]


class Directory(Batch):
    """A batch of people in the making."""

    def row(self, entity: str, key: str, /, source: Mapping[str, Any] | None = None, **values: Any) -> str:
        """One row with the defaults of its entity; returns its key."""
        record = values.pop("record", f"{entity}#{key}")
        self.add(entity, key, source, record, **{**DEFAULTS.get(entity, {}), **values})
        return key

    def guest(self, key: str, name: str = "", email: str | None = None, phone: str | None = None, **values: Any) -> str:
        """A customer; ``name`` is first and last, either may be missing ("Ana", "Ana Silva", " Silva")."""
        first, _, last = name.partition(" ")
        named = {"first_name": first or None, "last_name": last or None}
        return self.row("customers", key, {"id": key}, **{**named, "email": email, "phone": phone, **values})

    def says(self, customer: str, status: str, purpose: str = "marketing_email", **values: Any) -> str:
        """What a customer answered."""
        return self.row(
            "customer_consents",
            f"{customer}/{purpose}",
            customer_key=customer,
            purpose=purpose,
            status=status,
            **values,
        )

    def points(
        self, key: str, balance: int, customer: str | None = None, events: Iterable[int] = (), **values: Any
    ) -> str:
        """A loyalty account with a ledger: opening balance, then the events."""
        if not any(r.entity == "loyalty_programs" for r in self.rows):
            self.row("loyalty_programs", "P")
        self.row("loyalty_accounts", key, customer_key=customer, balance_points=balance, **values)
        changes = list(events)
        opening = balance - sum(changes)
        if opening:
            changes.insert(0, opening)
        running = 0
        for number, change in enumerate(changes):
            is_opening = bool(opening) and number == 0
            self.row(
                "loyalty_transactions",
                f"{key}/{'opening' if is_opening else number}",
                loyalty_account_key=key,
                transaction_type="opening_balance" if is_opening else "earned" if change > 0 else "redeemed",
                points_change=change,
                points_balance_before=running,
                points_balance_after=running + change,
            )
            running += change
        return key


def stage(
    connection: Connection,
    subject: Subject,
    *batches: Batch,
    options: Mapping[str, Any] | MigrationOptions | None = None,
    region: str = "US",
    directories: Collection[str] = (),
) -> Staged:
    """Stage the batches one after the other, at the time of the tests' loads."""
    parsed = options if isinstance(options, MigrationOptions) else parse_options(options or {})
    return stage_people(
        connection,
        subject.migration_id,
        iter(batches),
        parsed,
        region=region,
        suppressed=KnownHashes(),
        now=LOAD_AT,
        directories=directories,
    )


def suppress(connection: Connection, subject: Subject, what: str, text: str) -> None:
    """Put somebody on the restaurant's list."""
    connection.execute(
        "INSERT INTO migration.suppressions (restaurant_id, what, keyed_hash, requested_by) VALUES (%s, %s, %s, 'test')",
        [subject.restaurant_id, what, KnownHashes().hash(what, text)],
    )


def staged(connection: Connection, entity: str) -> dict[str, dict[str, Any]]:
    """The staged rows of an entity by key: content with ``verdict``, ``reason``, ``same_as`` and ``wave`` beside it."""
    found = rows(
        connection,
        "SELECT source_key, content, verdict, reason, same_as, wave FROM staging.rows WHERE entity = %s ORDER BY seq",
        [entity],
    )
    return {
        key: {**content, "verdict": verdict, "reason": reason, "same_as": same_as, "wave": wave}
        for key, content, verdict, reason, same_as, wave in found
    }
