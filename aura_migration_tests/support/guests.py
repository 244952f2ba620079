"""A few guests and staff, staged, planned and loaded: for tests of what becomes of them afterwards.

Rows go into staging as they are: how they come to be there is not what these tests are about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.canonical.entities import ALL_ENTITIES, ENTITIES
from aura_migration.load.undo import Undone, undo_migration
from aura_migration.plan.planner import StoredPlan, Subject, build_plan
from aura_migration_tests.support.menus import as_options, load

Connection = psycopg.Connection[Any]
Staged = tuple[str, str, dict[str, Any]]

ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "Ada@Canary.test", "email_normalized": "ada@canary.test"}
ADA_PHONE = "+12025550143"
ADA_TEXTS = ("Lovelace", "canary.test", "2025550143", "555-0143", "Byron Street", "allergic to peanuts", "analytical")
"""What identifies Ada, in every notation her rows have."""


def customer(key: str, **values: Any) -> Staged:
    """A customer with what every customer has."""
    return (
        "customers",
        key,
        {"status": "active", "marketing_opt_in": False, "loyalty_points": 0, "lifetime_points": 0, **values},
    )


def ada(key: str = "ADA", **values: Any) -> list[Staged]:
    """A guest with everything: contacts, address, consent, points, a gift card, store credit."""
    person = {
        **ADA,
        "phone": ADA_PHONE,
        "phone_raw": "(202) 555-0143",
        "date_of_birth": "1815-12-10",
        "notes": "allergic to peanuts",
        "tags": ["VIP analytical"],
        "custom_fields": {"engine": "analytical"},
        "external_id": key,
        "loyalty_points": 120,
        **values,
    }
    return [
        customer(key, **person),
        (
            "customer_addresses",
            f"{key}/address",
            {"customer_key": key, "address_line1": "12 Byron Street", "city": "Canarytown", "is_default": True},
        ),
        (
            "customer_consents",
            f"{key}/marketing_email",
            {
                "customer_key": key,
                "purpose": "marketing_email",
                "status": "denied",
                "source": "pos_flag",
                "evidence": {"field": "email_unsubscribed", "value": True},
            },
        ),
        ("loyalty_programs", "PROG", {"name": "Points", "accrual_type": "points", "is_active": True}),
        (
            "loyalty_accounts",
            f"{key}-LOY",
            {
                "program_key": "PROG",
                "customer_key": key,
                "claim_hash": "c0ffee",
                "hash_key_id": "c1.1",
                "balance_points": 120,
                "status": "pending",
            },
        ),
        (
            "gift_cards",
            f"{key}-GC",
            {
                "code_hash": "f00d",
                "hash_key_id": "g1.1",
                "last4": "1234",
                "balance_cents": 2500,
                "currency": "USD",
                "status": "pending",
                "customer_key": key,
            },
        ),
        (
            "house_accounts",
            f"{key}-HOUSE",
            {
                "kind": "store_credit",
                "name": "Ada Lovelace",
                "email": "ada@canary.test",
                "phone": ADA_PHONE,
                "customer_key": key,
                "balance_cents": 700,
                "currency": "USD",
                "status": "pending",
            },
        ),
    ]


def worker(key: str = "EMP", location: str = "L1") -> list[Staged]:
    """Somebody who works here, with a job, a place and a shift."""
    return [
        ("roles", "SERVER", {"name": "Server", "needs_review": False, "is_active": True}),
        (
            "staff",
            key,
            {
                "name": "Ada Lovelace",
                "first_name": "Ada",
                "last_name": "Lovelace",
                "email": "ada@canary.test",
                "email_normalized": "ada@canary.test",
                "phone": ADA_PHONE,
                "employee_code": "E-analytical",
                "role_key": "SERVER",
                "status": "active",
                "is_owner": False,
                "start_date": "2020-01-01",
                "needs_sign_in": True,
                "is_active": True,
            },
        ),
        (
            "staff_jobs",
            f"{key}/SERVER",
            {
                "staff_key": key,
                "role_key": "SERVER",
                "title": "Server",
                "pay_type": "hourly",
                "hourly_rate_cents": 1725,
                "is_primary": True,
                "is_active": True,
            },
        ),
        ("staff_locations", f"{location}/{key}", {"staff_key": key, "is_active": True}),
        (
            "timecards",
            f"{location}/T1",
            {
                "staff_key": key,
                "role_key": "SERVER",
                "check_in": "2026-02-01T15:00:00+00:00",
                "check_out": "2026-02-01T23:00:00+00:00",
                "business_date": "2026-02-01",
                "method": "imported",
                "status": "checked_out",
                "hourly_rate_cents": 1725,
                "declared_tips_cents": 4000,
            },
        ),
    ]


def grace(key: str = "GRACE", **values: Any) -> list[Staged]:
    """Another guest, who stays."""
    person = {
        "first_name": "Grace",
        "last_name": "Hopper",
        "email": "grace@navy.test",
        "email_normalized": "grace@navy.test",
    }
    return [customer(key, **{**person, "phone": "+12025550199", **values})]


def stage(connection: Connection, subject: Subject, staged: Iterable[Staged]) -> None:
    """Put rows into staging, with the location they belong to."""
    place = {
        "name": "Main Street",
        "timezone": "America/New_York",
        "currency": "USD",
        "business_day_cutover_time": "00:00",
        "is_active": True,
    }
    rows = [("locations", subject.location_source_id, place), *staged]
    connection.execute("DELETE FROM staging.rows WHERE migration_id = %s", [subject.migration_id])
    for seq, (entity, key, values) in enumerate(rows):
        content = {f.name: values.get(f.name) for f in ENTITIES[entity].fields}
        connection.execute(
            "INSERT INTO staging.rows (migration_id, entity, source_key, seq, content, source_hash, record) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [subject.migration_id, entity, key, seq, Jsonb(content), f"hash of {values}", f"source#{key}"],
        )


def preview(connection: Connection, subject: Subject, staged: Iterable[Staged], **more: Any) -> StoredPlan:
    """Stage and plan; the migration waits for approval."""
    stage(connection, subject, staged)
    stored = build_plan(connection, subject, ALL_ENTITIES, as_options(None), **more)
    connection.execute("UPDATE migration.migrations SET state = 'planned' WHERE id = %s", [subject.migration_id])
    return stored


def migrate(connection: Connection, subject: Subject, staged: Iterable[Staged]) -> StoredPlan:
    """Stage, plan and load."""
    stored = preview(connection, subject, staged)
    load(connection, subject, stored.plan_id)
    return stored


def undo(connection: Connection, subject: Subject, **more: Any) -> Undone:
    """Roll the migration back."""
    return undo_migration(connection, subject, ALL_ENTITIES, **more)


def everything(connection: Connection) -> dict[str, str]:
    """Every row of every table of ours as text, by table."""
    tables = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema IN ('aura', 'migration', 'staging') AND table_type = 'BASE TABLE' ORDER BY 1, 2"
    ).fetchall()
    found = {}
    for schema, name in tables:
        rows = connection.execute(f'SELECT to_jsonb(t)::text FROM {schema}."{name}" t').fetchall()
        found[f"{schema}.{name}"] = "\n".join(row[0] for row in rows)
    return found


def where(connection: Connection, *texts: str) -> list[str]:
    """Tables in which one of the texts stands, with the text."""
    return [f"{name}: {text}" for name, rows in everything(connection).items() for text in texts if text in rows]
