"""Rules that only orders show: concluded where history decides, left alone where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.history import rows, shapes
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.inferred import conclude, described, look_back
from aura_migration.canonical.model import Batch, Row
from aura_migration.canonical.stage import stage_rows
from aura_migration.plan.planner import Subject
from aura_migration_tests.support.menus import as_options, cafe, make_chain, migrate, one
from aura_migration_tests.support.staged_orders import migrate_history, payment, stage_history

Connection = psycopg.Connection[Any]


def check(key: str, day: int, gross: int = 2000, *parts: Any, **values: Any) -> Document:
    """A completed check of one line, with whatever else stands on it."""
    root = rows.Order(
        **{
            "business_date": f"2026-01-{day:02}",
            "business_date_rule": "closed_at",
            "status": "completed",
            "currency": "USD",
            "subtotal_cents": gross,
            "final_amount_cents": gross,
            "order_type": "dine_in",
            "receipt_number": key,
            **values,
        }
    )
    return Document("orders", key, "1", [root, rows.OrderItem("Stew", "1", gross, gross), *parts])


def paid(key: str, **values: Any) -> Document:
    """The check's payment."""
    root = rows.Payment(
        **{
            "business_date": "2026-01-20",
            "method": "cash",
            "tender_name": "Cash",
            "amount_cents": 2000,
            "currency": "USD",
            "status": "completed",
            "order_key": key,
            **values,
        }
    )
    return Document("payments", f"P-{key}", "1", [root])


def party(key: str, day: int, guests: int, gross: int, discount: int = 0) -> Document:
    """A check with 18 % for the staff on what is left after discounts."""
    cents = round((gross - discount) * 0.18)
    charge = rows.OrderServiceCharge("Large party", cents, "auto_gratuity", percentage="18", paid_to="staff")
    parts = [rows.OrderDiscount("Regulars", discount, percentage="10")] if discount else []
    return check(
        key, day, gross, charge, *parts, guest_count=guests, discount_amount_cents=discount, gratuity_cents=cents
    )


def the_past() -> list[Document]:
    """Parties of six and more with a gratuity, couples without; tips, discounts by hand, cash in nickels."""
    documents = [party(f"party{n}", 1 + n, 6 + n % 3, 10_000 + 137 * n, 1_000 + 14 * n) for n in range(6)]
    documents += [check(f"couple{n}", 1 + n, 3_000 + n, guest_count=2) for n in range(20)]
    documents += [
        check(f"tipped{n}", 1 + n, 5_003 + 7 * n, tip_amount_cents=round((5_003 + 7 * n) * 0.2)) for n in range(15)
    ]
    documents += [
        check(f"hand{n}", 5 + n, 2_000, rows.OrderDiscount("Sorry", 300 + n), discount_amount_cents=300 + n)
        for n in range(4)
    ]
    documents += [check(f"coin{n}", 2 + n, 2_000 + 5 * n, rounding_cents=(-1, 2, 1, -2)[n % 4]) for n in range(8)]
    documents += [paid(f"coin{n}") for n in range(8)]
    documents += [paid(f"tipped{n}", method="card", tender_name="Card", tip_amount_cents=100) for n in range(15)]
    documents.append(check("voided", 27, 9_999, rows.OrderServiceCharge("Never", 100), is_voided=True))
    return documents


@pytest.fixture
def subject(connection: Connection) -> Iterator[Subject]:
    (made,) = make_chain(connection)
    yield made


def by_name(batch: Batch) -> dict[tuple[str, str], Row]:
    return {(row.entity, str(row.values.get("name") or row.values.get("key"))): row for row in batch.rows}


def test_history_tells_charges_discounts_tenders_tips_and_coins(connection: Connection, subject: Subject) -> None:
    stage_history(connection, subject, [the_past()])

    found = by_name(conclude(look_back(connection, subject.migration_id, None), Batch()))

    gratuity = found["service_charges", "Large party"].values
    assert (gratuity["rate_percent"], gratuity["base"], gratuity["paid_to"]) == ("18", "net", "staff")
    assert (gratuity["is_automatic"], gratuity["min_guests"]) == (True, 6)
    assert gratuity["evidence"]["with"] == 6 and gratuity["evidence"]["without"] == 0
    assert ("service_charges", "Never") not in found, "a voided check says nothing"
    regulars, sorry = found["pricing_rules", "Regulars"].values, found["pricing_rules", "Sorry"].values
    assert (regulars["discount_percent"], regulars["is_open_amount"]) == ("10", False)
    assert (sorry["discount_cents"], sorry["is_open_amount"], sorry["scope"]) == (None, True, "check")
    assert {name for entity, name in found if entity == "tender_types"} == {"Cash", "Card"}
    assert found["tender_types", "Card"].values["supports_tipping"] is True
    assert [name for entity, name in found if entity == "tip_suggestions"] == ["20 %"]
    assert found["settings", "payments.cash_increment"].values["value"] == {"cents": 5}
    assert [row.values["order_type"] for row in found.values() if row.entity == "order_types"] == ["dine_in"]


def test_the_same_past_says_the_same_staged_and_loaded(database: str, connection: Connection, subject: Subject) -> None:
    migrate(connection, subject, cafe())
    documents = the_past()
    documents += [
        check(f"named{n}", 8, 1_000, rows.OrderDiscount("Named", 70, discount_key="L1/D9"), discount_amount_cents=70)
        for n in range(2)
    ]
    documents.append(
        check(
            "fee",
            9,
            1_000,
            rows.OrderServiceCharge("Fee", 45, "service", charge_key="L1/C9"),
            service_charge_amount_cents=45,
        )
    )
    stage_history(connection, subject, [documents])
    staged = conclude(look_back(connection, subject.migration_id, None), Batch())
    assert look_back(connection, subject.migration_id, None).moved == {"L1/C9": 45, "L1/D9": 140}

    migrate_history(database, connection, subject, [documents])
    place = one(connection, "SELECT DISTINCT location_id FROM aura.orders")
    twice = conclude(look_back(connection, subject.migration_id, place), Batch())
    shapes.drop(connection, subject.migration_id)
    loaded = conclude(look_back(connection, subject.migration_id, place), Batch())
    assert look_back(connection, subject.migration_id, place).moved == {"L1/C9": 45, "L1/D9": 140}

    assert rows_of(staged) == rows_of(twice) == rows_of(loaded) != []


def rows_of(batch: Batch) -> list[Any]:
    return sorted((row.entity, row.key, repr(sorted(row.values.items()))) for row in batch.rows)


def test_what_the_pos_states_is_not_concluded_again(connection: Connection, subject: Subject) -> None:
    stage_history(connection, subject, [the_past()])
    stated = Batch()
    stated.add("service_charges", "C1", name="LARGE PARTY ")
    stated.add("tender_types", "T1", name="Cash")
    stated.add("tip_suggestions", "S1", name="20 %")

    found = by_name(conclude(look_back(connection, subject.migration_id, None), stated))

    assert not [name for entity, name in found if entity in ("service_charges", "tender_types", "tip_suggestions")]
    assert ("pricing_rules", "Sorry") in found


def test_a_gratuity_that_smaller_parties_pay_too_is_not_automatic(connection: Connection, subject: Subject) -> None:
    documents = [*the_past(), party("small", 3, 2, 4_000, 400)]
    stage_history(connection, subject, [documents])

    gratuity = by_name(conclude(look_back(connection, subject.migration_id, None), Batch()))[
        "service_charges", "Large party"
    ]

    assert (gratuity.values["is_automatic"], gratuity.values["min_guests"]) == (False, None)


def test_two_orders_are_chance_and_any_tip_is_no_suggestion(connection: Connection, subject: Subject) -> None:
    documents = [party(f"p{n}", 1, 6, 9_000, 900) for n in range(2)]
    documents += [
        check(f"t{p}-{n}", 2, 5_003 + n, tip_amount_cents=round((5_003 + n) * p / 100))
        for p in range(12, 22)
        for n in range(12)
    ]
    stage_history(connection, subject, [documents])

    found = by_name(conclude(look_back(connection, subject.migration_id, None), Batch()))

    assert not [name for entity, name in found if entity in ("service_charges", "tip_suggestions")]


def test_a_till_that_rounds_a_few_cash_bills_only_has_no_smallest_coin(
    connection: Connection, subject: Subject
) -> None:
    documents = [
        *the_past(),
        *(check(f"odd{n}", 5 + n, 2_001 + 5 * n) for n in range(8)),
        *(paid(f"odd{n}") for n in range(8)),
    ]
    stage_history(connection, subject, [documents])

    assert ("settings", "payments.cash_increment") not in by_name(
        conclude(look_back(connection, subject.migration_id, None), Batch())
    )


def test_what_was_given_up_is_kept_but_not_in_use(connection: Connection, subject: Subject) -> None:
    documents = [party(f"p{n}", 1, 6, 9_000 + n, 900) for n in range(3)]
    documents.append(check("late", 1, 2_000, business_date="2026-06-01"))
    stage_history(connection, subject, [documents])

    found = by_name(conclude(look_back(connection, subject.migration_id, None), Batch()))

    assert found["service_charges", "Large party"].values["is_active"] is False


def test_concluded_rows_pass_the_check_of_their_entities(connection: Connection, subject: Subject) -> None:
    stage_history(connection, subject, [[*the_past(), payment("P9", None)]])
    inferred = conclude(look_back(connection, subject.migration_id, None), Batch())

    staged = stage_rows(connection, subject.migration_id, inferred, as_options({}))

    assert staged.total == len(inferred.rows) > 5
    assert not [name for name, counts in staged.entities.items() if counts["quarantined"]]


def test_nothing_is_concluded_from_nothing(connection: Connection, subject: Subject) -> None:
    assert not conclude(look_back(connection, subject.migration_id, None), Batch()).rows


def test_a_conclusion_is_told_with_what_it_stands_on() -> None:
    rows_ = [{"entity": "service_charges", "name": "Large party", "evidence": {"orders": 21}, "rate": Decimal(18)}]
    assert described(rows_) == ["service charges: Large party (from 21 orders)"]
