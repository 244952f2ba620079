"""Orders that AuraConnect took and pushed to the POS come back with its history: they are no second sales."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.staging import stage_history
from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan.ground import Subject
from aura_migration.plan.history import HistoryPlan, judge_history, plan_history
from aura_migration.plan.history_twins import TEST, TWIN
from aura_migration_tests.support.histories import NOW, Told, order, payment, record, told
from aura_migration_tests.support.menus import make_chain, one, rows

Connection = psycopg.Connection[Any]
OPTIONS = MigrationOptions()
TRIED = "aura:test:0123456789abcdef"


class Place:
    """A location with orders of AuraConnect's own, and what its POS tells."""

    def __init__(self, connection: Connection, url: str, folder: Path) -> None:
        self.connection, self.url, self.folder, self.told = connection, url, folder, 0
        (self.subject,) = make_chain(connection)
        self.location = 0

    def stand(self) -> None:
        """The location is in AuraConnect from now on."""
        subject: Subject = self.subject
        self.location = one(
            self.connection,
            "INSERT INTO aura.locations (restaurant_id, name, timezone) VALUES (%s, 'L1', 'UTC') RETURNING id",
            [subject.restaurant_id],
        )
        self.connection.execute(
            "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
            "first_migration_id, last_migration_id) VALUES (%s, %s, 'locations', 'L1', 'locations', %s, %s, %s)",
            [subject.restaurant_id, subject.integration_id, self.location, subject.migration_id, subject.migration_id],
        )

    def order(self, source: str | None = None, external: str | None = None) -> int:
        """An order that stands in AuraConnect: its own, or (``source``) the POS's."""
        found: int = one(
            self.connection,
            "INSERT INTO aura.orders (restaurant_id, location_id, origin, source_id, external_id, business_date, currency, status, "
            "business_date_rule, subtotal_cents, final_amount_cents) VALUES (%s, %s, %s, %s, %s, '2026-03-01', 'USD', 'completed', "
            "'r', 1000, 1088) RETURNING id",
            [
                self.subject.restaurant_id,
                self.location,
                "pos_native" if source else "aura_native",
                source,
                external,
            ],
        )
        return found

    def plan(self, orders: list[Told], **others: list[Told]) -> HistoryPlan:
        self.told += 1
        bodies = {"orders": [orders], **{entity: [told] for entity, told in others.items()}}
        source = record(self.folder / str(self.told), bodies)
        stage_history(self.url, self.subject.migration_id, source, rules="r", now=NOW)
        query = "INSERT INTO migration.plans (migration_id, kind, options) VALUES (%s, 'preview', '{}') RETURNING id"
        plan_id = int(one(self.connection, query, [self.subject.migration_id]))
        found = plan_history(self.connection, self.subject, plan_id, OPTIONS, rules="r")
        assert found is not None
        return found

    def verdicts(self) -> dict[str, str]:
        name = shapes.staged(self.subject.migration_id, shapes.DOCUMENTS).as_string()
        return dict(rows(self.connection, f"SELECT source_key, verdict FROM {name} WHERE verdict <> 'superseded'"))

    def external(self, ident: int) -> str | None:
        found: str | None = one(self.connection, "SELECT external_id FROM aura.orders WHERE id = %s", [ident])
        return found


def group(key: str) -> Told:
    return told("order_groups", key, ("order_groups", {"business_date": "2026-03-01"}))


def refund(key: str, **more: Any) -> Told:
    root = {"business_date": "2026-03-02", "amount_cents": 500, "currency": "USD", "status": "completed"}
    return told("refunds", key, ("refunds", root | more))


def test_a_twin_is_skipped_with_everything_that_hangs_on_it(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    place = Place(connection, database, tmp_path)
    # Before the location is loaded nothing there can have a twin, but a test order is never a sale.
    first = place.plan([order("tried", external_id=TRIED, status="pending"), order("foreign", external_id="aura:77")])
    assert place.verdicts() == {"tried": "skip", "foreign": "create"}
    assert first.reasons == {"orders": {TEST: 1}}
    place.stand()
    referred, known, imported, gone = place.order(), place.order(external="P-known"), place.order(), place.order()
    place.order(source="P-imported")
    connection.execute("UPDATE aura.orders SET deleted_at = now() WHERE id = %s", [gone])
    orders = [
        order("P-sale"),
        group("G-alone"),
        order("P-twin", external_id=f"aura:{referred}", order_group_key="G-alone"),
        group("G-shared"),
        order("P-known", order_group_key="G-shared"),
        order("P-beside", order_group_key="G-shared"),
        order("P-imported", 2000, external_id=f"aura:{imported}"),
        order("P-orphan", external_id=f"aura:{gone}"),
        order("P-elsewhere", external_id="aura:999999"),
        order("P-words", external_id="aura:house"),
        order("P-tried", external_id=TRIED, status="cancelled"),
        order("P-paid", external_id=TRIED, status="completed"),
    ]
    paid = [payment(f"pay {key}", order_key=key) for key in ("P-sale", "P-twin", "P-known", "P-imported", "P-paid")]
    paid += [
        payment("pay nobody"),
        refund("back of twin", order_key="P-twin"),
        refund("back of sale", order_key="P-sale"),
    ]
    paid += [refund("back of payment", payment_key="pay P-known"), refund("set off", return_order_key="P-twin")]
    plan = place.plan(orders, payments=paid)
    skipped = {key for key, verdict in place.verdicts().items() if verdict == "skip"}
    assert skipped == {
        *("P-twin", "P-known", "P-tried", "G-alone", "pay P-twin", "pay P-known"),
        *("back of twin", "back of payment", "set off"),
    }
    assert place.verdicts()["P-imported"] == "replace"  # what stands is kept up to date; the books know the two apart
    assert {key for key, verdict in place.verdicts().items() if verdict == "create"} == {
        *(
            "P-sale",
            "P-beside",
            "P-orphan",
            "P-elsewhere",
            "P-words",
            "P-paid",
            "G-shared",
            "pay P-sale",
            "pay P-imported",
        ),
        *("pay P-paid", "pay nobody", "back of sale"),
    }
    assert plan.reasons == {
        "orders": {TWIN: 2, TEST: 1},
        "order_groups": {TWIN: 1},
        "payments": {TWIN: 2},
        "refunds": {TWIN: 3},
    }
    assert plan.totals["gross"] == 6 * 1000 + 2000  # without the twins
    assert (place.external(referred), place.external(known)) == ("G-alone", "P-known")

    # Judged again, as where the working tables were lost in the middle of a load, the same comes out.
    before = place.verdicts()
    judge_history(connection, place.subject, OPTIONS)
    assert place.verdicts() == before

    # A delta shows money of a twin without its order; AuraConnect's order knows the POS's by now.
    plain = place.order()
    place.plan([order("P-late", external_id=f"aura:{plain}")])
    assert place.external(plain) == "P-late"
    place.plan([], payments=[payment("tip later", order_key="P-late"), payment("other", order_key="P-sale")])
    assert place.verdicts() == {"tip later": "skip", "other": "create"}
