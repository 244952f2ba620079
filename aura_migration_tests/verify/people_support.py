"""A small restaurant's people twice: as rows that stand in AuraConnect after a load, and as the facts a witness finds.

The two are written separately, by hand; rows go into the tables as the loader leaves them (plan, crosswalk, claims).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan.planner import Subject
from aura_migration.pos.people_facts import (
    BalanceFact,
    CustomerFact,
    PayrollFact,
    PeopleFact,
    RewardFact,
    StaffFact,
    TimecardFact,
    WageFact,
)
from aura_migration.verify.people import PeopleVerdict, verify_people
from aura_migration_tests.verify.verify_support import NOW, one, open_restaurant

HERE = "L1"
LOADED = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 17, tzinfo=UTC)
Connection = psycopg.Connection[Any]


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@dataclass
class Crew:
    """A restaurant whose people stand in AuraConnect and can be judged on one connection."""

    connection: Connection
    subject: Subject
    plan_id: int
    options: MigrationOptions = field(default_factory=MigrationOptions)
    seq: int = 0

    def plan(self, entity: str, key: str, action: str, reason: str = "", **more: Any) -> None:
        """A row of the plan."""
        self.seq += 1
        values = {"aura_id": None, "content": None, "strategy": None, "kept": None, "before": None, **more}
        self.connection.execute(
            "INSERT INTO migration.plan_rows (plan_id, seq, entity, source_key, action, reason, aura_table, crosswalk_key, "
            "aura_id, content, strategy, kept, before) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                self.plan_id,
                self.seq,
                entity,
                key,
                action,
                reason,
                ENTITIES[entity].table,
                key,
                values["aura_id"],
                Jsonb(values["content"]) if values["content"] is not None else None,
                values["strategy"],
                values["kept"],
                Jsonb(values["before"]) if values["before"] is not None else None,
            ],
        )

    def load(self, entity: str, key: str, **values: Any) -> int:
        """A record as the loader leaves it: row, crosswalk, claim and the plan's word."""
        row = {"restaurant_id": self.subject.restaurant_id, "source_vendor": "square", "source_id": key, **values}
        row |= {"migration_run_id": self.subject.migration_id, "created_at": LOADED, "updated_at": LOADED}
        if ENTITIES[entity].scope == "location":
            row.setdefault("location_id", self.id_of("locations", HERE))
        row = {name: Jsonb(value) if isinstance(value, (list, dict)) else value for name, value in row.items()}
        names = ", ".join(row)
        number: int = one(
            self.connection,
            f"INSERT INTO aura.{ENTITIES[entity].table} ({names}) VALUES ({', '.join(['%s'] * len(row))}) RETURNING id",
            *row.values(),
        )
        self.claim(entity, key, number)
        self.plan(entity, key, "create", aura_id=number)
        return number

    def claim(self, entity: str, key: str, number: int) -> None:
        """The key leads to the row, and this migration stands on it."""
        table = ENTITIES[entity].table
        self.connection.execute(
            "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
            "first_migration_id, last_migration_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                self.subject.restaurant_id,
                self.subject.integration_id,
                entity,
                key,
                table,
                number,
                self.subject.migration_id,
                self.subject.migration_id,
            ],
        )
        self.connection.execute(
            "INSERT INTO migration.claims VALUES (%s, %s, %s, %s, %s, 0) ON CONFLICT DO NOTHING",
            [self.subject.migration_id, table, number, self.plan_id, self.seq],
        )

    def id_of(self, entity: str, key: str) -> int:
        """AuraConnect's id of a source key."""
        found: int = one(
            self.connection,
            "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = %s AND source_key = %s",
            self.subject.integration_id,
            entity,
            key,
        )
        return found

    def verify(
        self, facts: Iterable[PeopleFact] | None = None, file_facts: Iterable[PeopleFact] = (), **more: Any
    ) -> PeopleVerdict:
        """Judge against the facts (those of ``people_facts`` unless given)."""
        said = people_facts() if facts is None else list(facts)
        reader: Any = None
        return verify_people(
            self.connection,
            self.subject,
            reader,
            HERE,
            "USD",
            self.plan_id,
            self.options,
            NOW,
            file_facts,
            witness=lambda *_: iter(said),
            **more,
        )


def open_crew(connection: Connection, options: Mapping[str, Any] | None = None) -> Crew:
    """An empty restaurant with an approved plan."""
    subject = open_restaurant(connection, HERE).subject
    place = one(
        connection,
        "INSERT INTO aura.locations (restaurant_id, name, timezone) VALUES (%s, 'Here', 'America/New_York') RETURNING id",
        subject.restaurant_id,
    )
    plan = one(
        connection,
        "INSERT INTO migration.plans (migration_id, kind, state, approved_at) VALUES (%s, 'preview', 'loaded', %s) RETURNING id",
        subject.migration_id,
        LOADED,
    )
    connection.execute("UPDATE migration.migrations SET load_at = %s WHERE id = %s", [LOADED, subject.migration_id])
    crew = Crew(connection, subject, plan, MigrationOptions.model_validate(options or {}))
    crew.claim("locations", HERE, place)
    return crew


def fill(crew: Crew) -> Crew:
    """Everybody of the small restaurant."""
    guest = {"status": "active", "marketing_opt_in": False}
    mira = crew.load(
        "customers",
        "C1",
        first_name="Mira",
        last_name="Olsson 🌊",
        email="Mira@Example.org",
        email_normalized="mira@example.org",
        phone="+12125550142",
        phone_raw="(212) 555-0142",
        loyalty_points=85,
        **guest,
    )
    yes = crew.load("customers", "C2", first_name="Ines", **guest | {"marketing_opt_in": True})
    crew.load("customers", "C3", last_name="Nobody", email="not an address", phone_raw="call me", **guest)
    crew.load("customers", "C4", first_name="Twin", email="t@example.org", email_normalized="t@example.org", **guest)
    crew.claim("customers", "C5", crew.id_of("customers", "C4"))
    crew.plan("customers", "C5", "merge", "the same person", aura_id=crew.id_of("customers", "C4"))
    crew.plan("customers", "C6", "quarantine", "two different records")
    flag = {"source": "pos_flag", "evidence": {"field": "email_unsubscribed"}}
    crew.load(
        "customer_consents", "C1/marketing_email", customer_id=mira, purpose="marketing_email", status="denied", **flag
    )
    crew.load(
        "customer_consents", "C2/marketing_email", customer_id=yes, purpose="marketing_email", status="granted", **flag
    )

    torn = crew.load("customers", "C7", first_name="Kai", **guest)
    for channel, status in (("email", "denied"), ("sms", "granted")):
        purpose = f"marketing_{channel}"
        crew.load("customer_consents", f"C7/{purpose}", customer_id=torn, purpose=purpose, status=status, **flag)

    program = crew.load("loyalty_programs", "P1", name="Stars")
    account = crew.load(
        "loyalty_accounts", "A1", program_id=program, customer_id=mira, balance_points=85, lifetime_points=410
    )
    owing = crew.load("loyalty_accounts", "A2", program_id=program, balance_points=-3, claim_hash="h")

    def points(of: int, key: str, kind: str, change: int, before: int) -> None:
        change_of = {"points_change": change, "points_balance_before": before, "points_balance_after": before + change}
        crew.load("loyalty_transactions", key, loyalty_account_id=of, transaction_type=kind, reason="x", **change_of)

    points(account, "A1/opening", "opening_balance", 60, 0)
    points(account, "A1/E1", "earned", 40, 60)
    points(account, "A1/E2", "redeemed", -15, 100)
    points(owing, "A2/opening", "opening_balance", -3, 0)
    crew.load("customer_rewards", "R1", loyalty_account_id=account, title="Free pie", points_cost=15, status="pending")

    card = crew.load(
        "gift_cards", "G1", code_hash="aa", hash_key_id="g1", balance_cents=2750, currency="USD", customer_id=mira
    )
    other = crew.load(
        "gift_cards", "G2", code_hash="bb", hash_key_id="g1", balance_cents=500, currency="USD", customer_id=yes
    )
    crew.load("gift_cards", "G3", code_hash="cc", hash_key_id="g1", balance_cents=900, currency="USD", status="blocked")

    def money(entity: str, of: tuple[str, int], key: str, kind: str, change: int, before: int) -> None:
        change_of = {"amount_cents": change, "balance_before_cents": before, "balance_after_cents": before + change}
        crew.load(entity, key, transaction_type=kind, reason="x", **{of[0]: of[1]}, **change_of)

    cards = "gift_card_transactions"
    money(cards, ("gift_card_id", card), "G1/1", "activated", 5000, 0)
    money(cards, ("gift_card_id", card), "G1/2", "redeemed", -2250, 5000)
    money(cards, ("gift_card_id", other), "G2/opening", "opening_balance", 500, 0)
    money(cards, ("gift_card_id", crew.id_of("gift_cards", "G3")), "G3/opening", "opening_balance", 900, 0)

    for key, kind, cents in (("H1", "house_account", -12_000), ("S1", "store_credit", 700)):
        row = crew.load("house_accounts", key, kind=kind, balance_cents=cents, currency="USD")
        of = ("house_account_id", row)
        money("house_account_transactions", of, f"{key}/opening", "opening_balance", cents, 0)

    ann = crew.load("staff", "T1", name="Ann Lee", status="active", is_active=True, employee_code="E-1")
    former = crew.load("staff", "T2", name="Bo", status="inactive", is_active=False, email_normalized="bo@example.org")
    period = {"pay_period_start": "2026-02-01", "pay_period_end": "2026-02-14", "currency": "USD"}
    crew.load(
        "payroll", "L1/P1", staff_id=ann, employee_code="e-1", pay_date="2026-02-20", regular_hours="75.5",
        overtime_hours="2.5", gross_pay_cents=181_240, net_pay_cents=140_000, tips_cents=31_000, deductions_cents=41_240, **period,
    )  # fmt: skip
    crew.load("payroll", "L1/P2", staff_id=former, gross_pay_cents=60_000, **period)
    crew.load("payroll", "L1/P3", staff_id=None, gross_pay_cents=60_000, **period)
    job = {"staff_id": ann, "pay_type": "hourly"}
    crew.load("staff_jobs", "T1/J1/1", title="Server", hourly_rate_cents=1150, **job)
    crew.load("staff_jobs", "T1/J2/1", title="Bartender", hourly_rate_cents=1300, **job)
    rests = [
        {
            "start": "2026-03-01T19:00:00+00:00",
            "end": "2026-03-01T19:30:00+00:00",
            "is_paid": False,
            "is_missed": False,
        },
        {"start": "2026-03-01T21:00:00+00:00", "end": "2026-03-01T21:10:00+00:00", "is_paid": True, "is_missed": False},
    ]
    shift = {"business_date": "2026-03-01", "method": "imported", "declared_tips_cents": 1800}
    crew.load(
        "timecards",
        "L1/W1",
        staff_id=ann,
        check_in=NOON,
        check_out=NOON.replace(hour=23),
        status="checked_out",
        breaks=rests,
        **shift,
    )
    crew.load(
        "timecards", "L1/W2", staff_id=None, check_in=NOON, status="checked_in", **shift | {"declared_tips_cents": None}
    )
    return crew


def people_facts() -> list[PeopleFact]:
    """The same people as their POS shows them."""
    return [
        CustomerFact("C1", "Mira", "Olsson 🌊", "Mira@Example.org", "(212) 555-0142", "denied"),
        CustomerFact("C2", "Ines", marketing_email="granted"),
        CustomerFact("C3", None, "Nobody", "not an address", "call me"),
        CustomerFact("C4", "Twin", None, "t@example.org"),
        CustomerFact("C5", "Twin", None, "t@example.org"),
        CustomerFact("C6", "Two"),
        CustomerFact("C7", "Kai", marketing_email="denied", marketing_sms="granted"),
        BalanceFact("loyalty", "A1", "points", 85, "C1", 25),
        BalanceFact("loyalty", "A2", "points", -3, "X-not-listed"),
        RewardFact("R1", "A1", 15),
        BalanceFact("gift_cards", "G1", "USD", 2750, "C1", 2750),
        BalanceFact("gift_cards", "G2", "USD", 500, "C2"),
        BalanceFact("gift_cards", "G3", "USD", 900, None, None, False),
        BalanceFact("house_accounts", "H1", "USD", -12_000),
        BalanceFact("store_credit", "S1", "USD", 700),
        StaffFact("T1", "Ann Lee", True),
        StaffFact("T2", "Bo", False),
        WageFact("T1", "Server", 1150),
        WageFact("T1", "Bartender", 1300),
        TimecardFact("L1/W1", "T1", ms(NOON), ms(NOON.replace(hour=23)), 1800, 30),
        TimecardFact("L1/W2", "T-former", ms(NOON), None, None, 0),
        PayrollFact(
            "L1/P1",
            "e-1",
            "bo@example.org",
            "2026-02-01",
            "2026-02-14",
            "2026-02-20",
            "75.5000",
            "2.5000",
            181_240,
            140_000,
            31_000,
            41_240,
            "USD",
        ),
        PayrollFact(
            "L1/P2", None, "Bo@Example.org", "2026-02-01", "2026-02-14", gross_pay_cents=60_000, currency="USD"
        ),
        PayrollFact("L1/P3", is_forgotten=True),
    ]


def blocking(verdict: PeopleVerdict) -> Iterator[tuple[str, str, str]]:
    """(check, entity, key) of the unexplained findings."""
    return ((f.check_name, f.entity, f.source_key) for f in verdict.findings if f.is_blocking)
