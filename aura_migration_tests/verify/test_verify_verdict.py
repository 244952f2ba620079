"""The verdict: what is accepted because it was signed, what is never accepted, and what is not measured at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from aura_migration.archive.snapshot import Certificate
from aura_migration.canonical.options import MigrationOptions, parse_options
from aura_migration.core.errors import BadInput
from aura_migration.database.connections import connect
from aura_migration.pos.facts import EdgeFact, EdgeKey, Facts, ItemFact, ModifierPriceKey, PriceKey, Unreadable
from aura_migration.pos.port import SourceEntity
from aura_migration.verify import verdict as verdicts
from aura_migration.verify.findings import (
    ACCOUNTED,
    COMPLETE,
    COUNTS,
    DECIDED,
    MIGRATED,
    MODIFIERS,
    PRICES,
    QUARANTINE,
    RECORDS,
    percentage,
)
from aura_migration_tests.support import database as support
from aura_migration_tests.verify.verify_support import (
    NOW,
    Restaurant,
    blocking,
    fixed,
    menu_facts,
    menu_rows,
    one,
    open_restaurant,
)


@pytest.fixture(scope="module")
def shared(postgres_server: str, template_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to one database for all tests of this file."""
    with support.clone(postgres_server, template_database) as url, connect(url, application_name="test") as connection:
        yield connection


@pytest.fixture
def restaurant(shared: psycopg.Connection[Any]) -> Iterator[Restaurant]:
    """A restaurant with nothing planned, in a transaction that is taken back."""
    with shared.transaction(force_rollback=True):
        yield open_restaurant(shared)


@pytest.fixture(scope="module")
def standing(postgres_server: str, template_database: str) -> Iterator[Restaurant]:
    """A restaurant that is loaded, in a database of its own."""
    with support.clone(postgres_server, template_database) as url, connect(url, application_name="test") as connection:
        restaurant = open_restaurant(connection)
        restaurant.load()
        connection.commit()
        yield restaurant


@pytest.fixture
def loaded(standing: Restaurant) -> Iterator[Restaurant]:
    """The restaurant that is loaded, in a transaction that is taken back."""
    with standing.connection.transaction(force_rollback=True):
        yield standing


def options(**document: Any) -> MigrationOptions:
    return parse_options(document)


def native_item(restaurant: Restaurant, name: str = "Soda", cents: int = 275) -> int:
    found: int = one(
        restaurant.connection,
        "INSERT INTO aura.menu_items (restaurant_id, name, price_cents) VALUES (%s, %s, %s) RETURNING id",
        restaurant.subject.restaurant_id,
        name,
        cents,
    )
    return found


# Nothing measured is not 100 %


def test_an_empty_restaurant_is_not_measured_and_does_not_fail(restaurant: Restaurant) -> None:
    batch = menu_rows()
    batch.rows = [row for row in batch.rows if row.entity == "locations"]
    restaurant.load(batch)
    verdict = restaurant.verify(Facts(source_item_count=0))
    assert verdict.passed is None
    metrics = dict(verdict.scorecard["metrics"])
    assert metrics.pop("full_export_before_load") is True
    assert set(metrics.values()) == {None}
    assert verdict.gate(ACCOUNTED).passed is None
    assert verdict.gate(PRICES).value is None


def test_an_empty_restaurant_with_a_menu_at_the_pos_fails(restaurant: Restaurant) -> None:
    batch = menu_rows()
    batch.rows = [row for row in batch.rows if row.entity == "locations"]
    restaurant.load(batch)
    verdict = restaurant.verify()
    assert verdict.passed is False
    assert verdict.scorecard["metrics"]["menu_items_accounted_pct"] == 0.0
    assert verdict.scorecard["metrics"]["menu_items_migrated_pct"] == 0.0
    assert verdict.scorecard["metrics"]["active_modifiers_functional_pct"] == 0.0


def test_a_migration_that_was_never_loaded_fails(restaurant: Restaurant) -> None:
    verdict = restaurant.verify()
    assert verdict.passed is False
    assert verdict.gate(MIGRATED).value == "0.00 %"
    assert verdict.gate("full_export_before_load").passed is None


def test_a_load_without_the_recorded_export_fails(loaded: Restaurant) -> None:
    loaded.connection.execute("DELETE FROM migration.gates")
    verdict = loaded.verify()
    assert verdict.gate("full_export_before_load").passed is False
    assert verdict.scorecard["metrics"]["full_export_before_load"] is False
    assert verdict.passed is False


def test_a_menu_without_choices_passes_with_the_modifier_metric_unmeasured(restaurant: Restaurant) -> None:
    batch, facts = menu_rows(), menu_facts()
    batch.rows = [r for r in batch.rows if "modifier" not in r.entity and r.entity not in ("nested_groups",)]
    batch.rows = [r for r in batch.rows if not r.values.get("modifier_key")]
    facts.edges, facts.modifier_prices, facts.unattached, facts.pre_modifiers = {}, {}, set(), {}
    facts.names = {key: name for key, name in facts.names.items() if key[0] == "categories"}
    restaurant.load(batch)
    verdict = restaurant.verify(facts)
    assert list(blocking(verdict)) == []
    assert verdict.scorecard["metrics"]["active_modifiers_functional_pct"] is None
    assert verdict.gate(MODIFIERS).passed is None
    assert verdict.passed is True


def test_a_hundred_percent_is_said_only_of_all_of_them() -> None:
    assert percentage(99_999, 100_000) == 99.99
    assert percentage(100_000, 100_000) == 100.0
    assert percentage(0, 3) == 0.0
    assert percentage(0, 0) is None


# Signed decisions


def test_items_outside_the_approved_menu_are_accepted_by_name(restaurant: Restaurant) -> None:
    restaurant.load(options=options(scope={"excludeItems": ["soda", "burger"]}))
    verdict = restaurant.verify()
    assert verdict.passed is True
    assert verdict.scorecard["metrics"]["menu_items_migrated_pct"] == 100.0
    assert verdict.gate(MIGRATED).evidence["in_scope"] == 6
    accepted = {(one["entity"], one["key"]) for one in verdict.scorecard["accepted"]}
    assert {("items", "soda"), ("items", "burger")} <= accepted
    assert verdict.scorecard["entities"]["items"]["skipped"] == 2


def test_what_an_unapproved_plan_leaves_out_is_not_accepted(restaurant: Restaurant) -> None:
    restaurant.load(options=options(scope={"excludeItems": ["soda"]}), approved=False)
    verdict = restaurant.verify()
    assert (MIGRATED, "items", "soda") in set(blocking(verdict))
    assert verdict.passed is False


def test_an_entity_left_out_by_name_is_null_and_does_not_fail(restaurant: Restaurant) -> None:
    restaurant.load(options=options(excludeEntities=["modifiers", "modifier_groups", "pre_modifiers"]))
    verdict = restaurant.verify()
    assert list(blocking(verdict)) == []
    assert verdict.scorecard["metrics"]["active_modifiers_functional_pct"] is None
    assert verdict.scorecard["metrics"]["menu_items_migrated_pct"] == 100.0
    assert verdict.passed is True


def test_items_left_out_by_name_make_the_item_metrics_null(restaurant: Restaurant) -> None:
    restaurant.load(options=options(excludeEntities=["items"]))
    verdict = restaurant.verify()
    assert verdict.passed is not False
    assert verdict.scorecard["metrics"]["menu_items_accounted_pct"] is None
    assert verdict.scorecard["metrics"]["menu_items_migrated_pct"] is None
    assert verdict.scorecard["metrics"]["price_max_abs_diff_cents"] is None


def test_prices_under_conditions_left_out_by_the_options_are_accepted_and_no_other(restaurant: Restaurant) -> None:
    restaurant.load(options=options(excludeEntities=["price_rules"]))
    verdict = restaurant.verify()
    assert list(blocking(verdict)) == []
    lost = [found for found in verdict.findings_of(PRICES) if not found.is_blocking]
    assert {found.difference_cents for found in lost} == {150, 50, 250, -80}
    assert verdict.gate(PRICES).evidence["largest_accepted_cents"] == 250
    assert verdict.scorecard["metrics"]["price_max_abs_diff_cents"] == 0
    restaurant.connection.execute("UPDATE aura.menu_items SET price_cents = 301 WHERE name = 'Soda'")
    assert restaurant.verify().gate(PRICES).passed is False


def test_a_value_kept_by_decision_is_compared_and_listed_by_name(restaurant: Restaurant) -> None:
    item = native_item(restaurant)
    keep = {"conflicts": {"records": [{"entity": "items", "key": "soda", "strategy": "keep_existing"}]}}
    batch = menu_rows()
    for row in batch.rows:
        if row.entity == "item_locations" and row.values["menu_item_key"] == "soda":
            row.values |= {"price_cents": None, "price_type": None}
    # The location row takes its price from the shared row, which is AuraConnect's own.
    restaurant.load(batch, options(**keep))
    restaurant.connection.execute("UPDATE aura.menu_item_location_overrides SET price_type = NULL, price_cents = NULL")
    verdict = restaurant.verify()
    kept = [f for f in verdict.findings if f.check_name == PRICES and f.source_key.startswith("soda")]
    assert kept
    assert not any(found.is_blocking for found in kept)
    assert all("keep_existing" in found.cause for found in kept)
    assert verdict.scorecard["entities"]["items"]["merged"] == 1
    restaurant.connection.execute("UPDATE aura.menu_items SET price_cents = 276 WHERE id = %s", [item])
    assert verdict.passed is True
    assert restaurant.verify().gate(PRICES).passed is False


def test_what_hung_on_a_linked_record_before_the_approval_stays_and_what_came_later_is_found(
    restaurant: Restaurant,
) -> None:
    connection, number = restaurant.connection, restaurant.subject.restaurant_id
    item = native_item(restaurant, "Soda", 300)
    make_group = "INSERT INTO aura.modifier_groups (restaurant_id, name) VALUES (%s, %s) RETURNING id"
    link = "INSERT INTO aura.menu_item_modifiers (restaurant_id, menu_item_id, modifier_group_id, min_selections, created_at) "
    option = "INSERT INTO aura.modifiers (restaurant_id, modifier_group_id, name, created_at) "
    ice = one(connection, make_group, number, "Ice")
    connection.execute(link + "VALUES (%s, %s, %s, 0, '2020-01-01Z')", [number, item, ice])
    connection.execute(option + "VALUES (%s, %s, 'Crushed', '2020-01-01Z')", [number, ice])
    keep = {"conflicts": {"records": [{"entity": "items", "key": "soda", "strategy": "merge"}]}}
    restaurant.load(options=options(**keep))
    verdict = restaurant.verify()
    assert verdict.passed is True
    extra = [found for found in verdict.findings_of(MODIFIERS) if found.expected is None]
    assert len(extra) == 1
    assert "made in AuraConnect" in extra[0].cause
    later = one(connection, make_group, number, "Straw")
    connection.execute(link + "VALUES (%s, %s, %s, 1, clock_timestamp())", [number, item, later])
    assert restaurant.verify().gate(MODIFIERS).passed is False


def test_a_field_mapped_by_the_options_is_accepted(restaurant: Restaurant) -> None:
    mapping = {"entity": "items", "posField": "code", "auraField": "kitchenName"}
    batch = menu_rows()
    for row in batch.rows:
        if row.entity == "items" and row.key == "burger":
            row.source = {"code": "X9"}
        if row.entity == "item_locations" and row.values["menu_item_key"] == "burger":
            row.values["kitchen_name"] = "X9"
    restaurant.load(batch, options(fieldMapping=[mapping]))
    verdict = restaurant.verify()
    assert verdict.passed is True
    (found,) = verdict.findings
    assert (found.source_key, found.actual, found.is_blocking) == ("burger", {"kitchen_name": "X9"}, False)
    assert "code is mapped" in found.cause


# What is never accepted


def test_a_quarantined_item_is_accounted_for_but_fails_the_verdict(restaurant: Restaurant) -> None:
    batch = menu_rows()
    for row in batch.rows:
        if row.entity == "items" and row.key == "fish":
            row.values["name"] = "x" * 600
    facts = menu_facts()
    facts.items["fish"] = replace(facts.items["fish"], name="x" * 600)
    restaurant.load(batch)
    verdict = restaurant.verify(facts)
    assert verdict.gate(ACCOUNTED).passed is True
    assert verdict.gate(MIGRATED).passed is False
    assert verdict.gate(MIGRATED).value == "87.50 %"
    assert verdict.gate(QUARANTINE).passed is False
    assert verdict.scorecard["entities"]["items"]["quarantined"] == 1
    assert any("in quarantine" in f.cause for f in verdict.findings_of(MIGRATED))


def test_a_correction_in_quarantine_is_somebodys_decision(restaurant: Restaurant) -> None:
    batch = menu_rows()
    for row in batch.rows:
        if row.values.get("menu_item_key", row.key) == "fish" and "name" in row.values:
            row.values["name"] = "x" * 600
    facts = menu_facts()
    facts.items["fish"] = replace(facts.items["fish"], name="x" * 600)
    restaurant.load(batch)
    restaurant.connection.execute(
        "UPDATE migration.quarantine SET correction = %s, corrected_by = 'Ann'", [Jsonb({"name": "Fish"})]
    )
    restaurant.connection.execute("UPDATE migration.plans SET state = 'superseded'")
    restaurant.load(batch)
    verdict = restaurant.verify(facts)
    assert list(blocking(verdict)) == []
    assert verdict.passed is True
    assert any("corrected in quarantine by Ann" in found.cause for found in verdict.findings_of(RECORDS))


def test_an_undecided_conflict_fails_the_verdict(loaded: Restaurant) -> None:
    plan = [loaded.plan_id]
    loaded.connection.execute(
        "UPDATE migration.plan_rows SET action = 'conflict', content = '{}' WHERE plan_id = %s AND source_key = 'soda'",
        plan,
    )
    verdict = loaded.verify()
    assert verdict.gate(DECIDED).passed is False
    assert verdict.gate(MIGRATED).passed is False
    assert verdict.passed is False


def test_an_item_the_plan_forgot_is_not_accounted_for(loaded: Restaurant) -> None:
    facts = menu_facts()
    facts.items["new"] = ItemFact("New")
    facts.prices[PriceKey("new")] = fixed(1)
    facts.source_item_count = 9
    verdict = loaded.verify(facts)
    assert verdict.gate(ACCOUNTED).passed is False
    assert verdict.gate(ACCOUNTED).value == "88.88 %"
    assert verdict.gate(MIGRATED).passed is False


def test_an_item_that_only_the_second_route_counts_is_not_accounted_for(loaded: Restaurant) -> None:
    facts = menu_facts()
    facts.source_item_count = 9
    verdict = loaded.verify(facts)
    assert verdict.gate(ACCOUNTED).passed is False
    assert verdict.scorecard["metrics"]["menu_items_accounted_pct"] == 88.88
    assert verdict.scorecard["metrics"]["menu_items_migrated_pct"] == 88.88


def test_an_item_planned_although_the_pos_does_not_sell_it_is_found(loaded: Restaurant) -> None:
    facts = menu_facts()
    del facts.items["fish"], facts.prices[PriceKey("fish")]
    facts.source_item_count = 7
    verdict = loaded.verify(facts)
    assert (ACCOUNTED, "items", "fish") in set(blocking(verdict))


def test_a_record_of_the_pos_that_cannot_be_read_is_not_passed_over(loaded: Restaurant) -> None:
    facts = menu_facts()
    facts.unreadable = [Unreadable("items", "odd", "no name"), Unreadable("modifiers", "m/odd", "no price")]
    facts.source_item_count = 9
    verdict = loaded.verify(facts)
    assert verdict.gate(ACCOUNTED).passed is False
    assert verdict.gate(MODIFIERS).passed is False


# Completeness


NEEDED = (
    SourceEntity("catalog", "merchant", "R", ("items", "modifiers")),
    SourceEntity("inventory", "location", "R", ("stock",)),
    SourceEntity("extras", "location", "R", (), required=False),
)


def test_without_a_certificate_for_each_required_entity_the_verdict_fails(loaded: Restaurant) -> None:
    whole = (Certificate("catalog", "complete", 1, 3, 3), Certificate("inventory", "complete", 1, 0, 0))
    assert loaded.verify(certificates=whole, entities=NEEDED).gate(COMPLETE).passed is True
    verdict = loaded.verify(certificates=whole[:1], entities=NEEDED)
    assert verdict.gate(COMPLETE).passed is False
    assert verdict.gate(COMPLETE).value == "1 of 2 certified complete"
    assert verdict.passed is False
    doubtful = (Certificate("catalog", "suspicious", 1, 100, 100, reason="stopped at the cap"), whole[1])
    assert loaded.verify(certificates=doubtful, entities=NEEDED).passed is False


def test_an_entity_left_out_by_name_needs_no_certificate(restaurant: Restaurant) -> None:
    restaurant.load(options=options(excludeEntities=["stock"]))
    whole = (Certificate("catalog", "complete", 1, 3, 3),)
    assert restaurant.verify(certificates=whole, entities=NEEDED).passed is True


# Sameness


def test_order_and_case_of_keys_make_no_difference(loaded: Restaurant) -> None:
    facts = menu_facts()
    shuffled = Facts(
        items=dict(reversed(facts.items.items())),
        variations=dict(reversed(facts.variations.items())),
        prices=dict(reversed(facts.prices.items())),
        edges=dict(reversed(facts.edges.items())),
        modifier_prices=dict(reversed(facts.modifier_prices.items())),
        names=dict(reversed(facts.names.items())),
        menus=dict(reversed((facts.menus or {}).items())),
        item_menus=facts.item_menus,
        item_categories=facts.item_categories,
        pre_modifiers=facts.pre_modifiers,
        source_item_count=8,
    )
    assert loaded.verify(shuffled).findings == ()


def test_the_tables_own_order_makes_no_difference(loaded: Restaurant) -> None:
    connection = loaded.connection
    before = loaded.verify()
    for table in ("menu_items", "modifiers", "menu_item_modifiers", "price_rules", "menu_item_categories"):
        rows = connection.execute(f"SELECT id FROM aura.{table} ORDER BY md5(id::text)").fetchall()
        for (number,) in rows:  # a rewritten row moves to the end of the table
            connection.execute(f"UPDATE aura.{table} SET updated_at = updated_at WHERE id = %s", [number])
    after = loaded.verify()
    assert after.findings == before.findings == ()
    assert after.scorecard == before.scorecard


def test_menus_that_say_the_same_hours_otherwise_agree(loaded: Restaurant) -> None:
    days = '"mon", "tue", "wed", "thu", "fri"'
    split = (
        f'[{{"days": [{days}], "from": "11:00", "to": "13:00"}}, {{"days": [{days}], "from": "13:00", "to": "15:00"}}]'
    )
    loaded.connection.execute("UPDATE aura.menus SET availability = %s WHERE name = 'Lunch'", [split])
    assert loaded.verify().passed is True


def test_a_difference_of_a_cent_reads_the_same_however_much_is_shown(
    loaded: Restaurant, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.connection.execute("UPDATE aura.menu_items SET price_cents = price_cents + 1, name = name || '!'")
    full = loaded.verify()
    monkeypatch.setattr(verdicts, "STORED_PER_CHECK", 1)
    monkeypatch.setattr(verdicts, "ACCEPTED_SHOWN", 0)
    cut = loaded.verify()
    assert one(loaded.connection, "SELECT count(*) FROM migration.findings WHERE check_name = %s", PRICES) == 1
    assert [(g.name, g.passed, g.value, g.evidence) for g in cut.gates] == [
        (g.name, g.passed, g.value, g.evidence) for g in full.gates
    ]
    assert cut.findings == full.findings
    assert cut.scorecard["unexplained_total"] == len(full.findings) > 2
    assert cut.passed is full.passed is False


def test_blocking_findings_come_before_accepted_ones_whatever_is_cut(restaurant: Restaurant) -> None:
    restaurant.load(options=options(scope={"excludeItems": ["burger", "fish", "gone", "nuts"]}))
    restaurant.connection.execute("UPDATE aura.menu_items SET deleted_at = now() WHERE name = 'Soda'")
    found = restaurant.verify().findings_of(MIGRATED)
    assert [f.is_blocking for f in found] == [True, False, False, False, False]


# What is stored


def test_gates_and_findings_are_stored_and_replaced_by_the_next_verification(loaded: Restaurant) -> None:
    connection = loaded.connection
    connection.execute("UPDATE aura.menu_items SET price_cents = 302 WHERE name = 'Soda'")
    loaded.verify()
    rows = connection.execute(
        "SELECT check_name, entity, source_key, expected, actual, difference_cents, is_blocking, found_at FROM migration.findings"
    ).fetchall()
    assert {row[:3] for row in rows} == {(PRICES, "items", row[2]) for row in rows}
    assert {(row[3], row[4], row[5], row[6], row[7]) for row in rows} == {("3.00", "3.02", 2, True, NOW)}
    gate = connection.execute(
        "SELECT passed, value, evidence ->> 'unexplained', measured_at FROM migration.gates WHERE name = %s", [PRICES]
    ).fetchone()
    assert gate is not None
    assert gate[0] is False
    assert gate[1].startswith("2 cents over ")
    assert gate[3] == NOW
    connection.execute("UPDATE aura.menu_items SET price_cents = 300 WHERE name = 'Soda'")
    loaded.verify()
    assert one(connection, "SELECT count(*) FROM migration.findings") == 0
    assert one(connection, "SELECT passed FROM migration.gates WHERE name = %s", PRICES) is True


def test_findings_with_texts_no_database_can_hold_are_stored(loaded: Restaurant) -> None:
    facts = menu_facts()
    facts.items["soda"] = replace(facts.items["soda"], name="So\x00da \ud83c")
    verdict = loaded.verify(facts)
    assert verdict.gate(RECORDS).passed is False
    stored = one(loaded.connection, "SELECT expected ->> 'name' FROM migration.findings WHERE source_key = 'soda'")
    assert stored == "So\ufffdda ?"


def test_every_entity_adds_up_and_a_row_without_its_claim_is_found(restaurant: Restaurant) -> None:
    restaurant.load(options=options(scope={"excludeItems": ["soda"]}))
    card = restaurant.verify().scorecard
    assert card["entities"]["items"] == {
        "source": 8,
        "loaded": 7,
        "unchanged": 0,
        "merged": 0,
        "skipped": 1,
        "quarantined": 0,
    }
    for counts in card["entities"].values():
        assert counts["source"] == sum(number for name, number in counts.items() if name != "source")
    restaurant.connection.execute("DELETE FROM migration.claims WHERE aura_table = 'modifiers'")
    verdict = restaurant.verify()
    assert verdict.gate(COUNTS).passed is False
    assert verdict.scorecard["entities"]["modifiers"]["loaded"] == 0


def test_two_restaurants_of_the_same_names_do_not_touch_each_other(restaurant: Restaurant) -> None:
    other = open_restaurant(restaurant.connection, "L7")
    restaurant.load()
    other.load()
    restaurant.connection.execute(
        "UPDATE aura.menu_items SET price_cents = 1 WHERE restaurant_id = %s", [other.subject.restaurant_id]
    )
    assert restaurant.verify().passed is True
    assert other.verify().passed is False


def test_stock_that_auraconnect_has_counted_on_since_is_no_difference(restaurant: Restaurant) -> None:
    restaurant.load()
    restaurant.connection.execute("UPDATE migration.migrations SET load_at = %s", [NOW])
    restaurant.connection.execute("UPDATE aura.inventory SET quantity = quantity - 1")
    assert [(entity, key) for _, entity, key in blocking(restaurant.verify())] == [("stock", "soda")]
    restaurant.connection.execute("UPDATE aura.inventory SET updated_at = now()")
    assert list(blocking(restaurant.verify())) == []


def test_a_second_location_is_judged_by_its_own_values(restaurant: Restaurant) -> None:
    second = open_restaurant(restaurant.connection, "L2", beside=restaurant)
    restaurant.load()
    batch, facts = menu_rows("L2"), menu_facts("L2")
    for row in batch.rows:
        if row.values.get("menu_item_key", row.key) == "soda" and row.entity in ("items", "item_locations"):
            row.values |= {"price_cents": 325, "name": "Pop"}
        if row.entity == "item_modifier_groups" and row.key == "L2/burger/cheese":
            row.values |= {"min_selections": 0, "is_required": False}
    batch.rows = [row for row in batch.rows if "fish" not in row.key]
    facts.items["soda"] = replace(facts.items["soda"], name="Pop")
    facts.prices[PriceKey("soda")] = fixed(325)
    del facts.items["fish"], facts.prices[PriceKey("fish")]
    facts.source_item_count = 7
    for edge, fact in facts.edges.items():
        if edge.item == "burger" and len(edge.path) == 1 and edge.path[0][0] == "cheese":
            facts.edges[edge] = replace(fact, min=0)
    second.load(batch)
    assert list(blocking(second.verify(facts))) == []
    assert second.verify(facts).passed is True
    assert restaurant.verify().passed is True
    assert second.verify().passed is False
    assert second.verify().scorecard["metrics"]["price_max_abs_diff_cents"] == 25


def test_items_of_auraconnect_itself_are_counted_and_left_alone(loaded: Restaurant) -> None:
    native_item(loaded, "House special")
    verdict = loaded.verify()
    assert verdict.passed is True
    assert verdict.scorecard["own_items"] == 1


def test_options_of_no_item_are_counted_apart(loaded: Restaurant) -> None:
    evidence = loaded.verify().gate(MODIFIERS).evidence
    assert (evidence["unattached_in_pos"], evidence["unattached_in_auraconnect"]) == (1, 1)
    assert (evidence["active"], evidence["functional"]) == (10, 10)


def test_nested_groups_in_a_circle_end(restaurant: Restaurant) -> None:
    batch, facts = menu_rows(), menu_facts()
    limits = {"min_selections": 0, "max_selections": 1, "display_order": 0}
    batch.add("nested_groups", "L1/melt/soft/cheese", modifier_key="melt/soft", modifier_group_key="cheese", **limits)
    restaurant.load(batch)
    verdict = restaurant.verify(facts)
    extra = {f.source_key for f in verdict.findings_of(MODIFIERS) if f.expected is None}
    start = "burger > cheese/swiss > melt/soft > cheese/"
    assert {key for key in extra if key.startswith("burger")} == {f"{start}{n}" for n in ("swiss", "brie", "none")}


def test_an_unknown_gate_is_named_with_those_there_are(restaurant: Restaurant) -> None:
    with pytest.raises(KeyError, match=ACCOUNTED):
        restaurant.verify().gate("no such gate")


def test_a_pos_without_a_connector_is_bad_input() -> None:
    with pytest.raises(BadInput, match="nosuch"):
        verdicts.find_witness("nosuch")


@pytest.mark.parametrize("pos", ["square", "toast", "clover"])
def test_every_pos_has_its_witness(pos: str) -> None:
    assert callable(verdicts.find_witness(pos))


def test_five_thousand_items_with_twenty_thousand_options_are_judged(restaurant: Restaurant) -> None:
    items, groups, options_per_group = 5_000, 2_000, 10
    connection, number = restaurant.connection, restaurant.subject.restaurant_id
    batch = menu_rows()
    batch.rows = [row for row in batch.rows if row.entity == "locations"]
    restaurant.load(batch)
    make_huge(connection, restaurant, items, groups, options_per_group)
    connection.execute(
        "UPDATE aura.modifiers SET price_adjustment_cents = 8 WHERE restaurant_id = %s AND name = 'o7-3'", [number]
    )
    verdict = restaurant.verify(huge_facts(items, groups, options_per_group))
    unexplained = [found for found in verdict.findings if found.check_name in (RECORDS, PRICES, MODIFIERS)]
    assert {(found.source_key, found.difference_cents) for found in unexplained} == {
        (f"i{item} > g7/o7-3", 5) for item in (7, 2_007, 4_007)
    }
    assert verdict.scorecard["metrics"]["active_modifiers_functional_pct"] == 99.99
    assert verdict.gate(MODIFIERS).evidence["active"] == items * options_per_group


def make_huge(
    connection: psycopg.Connection[Any], restaurant: Restaurant, items: int, groups: int, per_group: int
) -> None:
    """Rows by plain SQL, every item asks for one of the groups; ids begin at a million."""
    subject = restaurant.subject
    arguments = {"r": subject.restaurant_id, "i": items, "g": groups, "o": per_group}
    arguments |= {"n": subject.integration_id, "m": subject.migration_id}
    for statement in (
        "INSERT INTO aura.menu_items (id, restaurant_id, name, price_cents) "
        "SELECT 1000000 + n, %(r)s, 'i' || n, n FROM generate_series(0, %(i)s - 1) n",
        "INSERT INTO aura.modifier_groups (id, restaurant_id, name) "
        "SELECT 1000000 + n, %(r)s, 'g' || n FROM generate_series(0, %(g)s - 1) n",
        "INSERT INTO aura.modifiers (id, restaurant_id, modifier_group_id, name, price_adjustment_cents) "
        "SELECT 1000000 + n * %(o)s + k, %(r)s, 1000000 + n, 'o' || n || '-' || k, k "
        "FROM generate_series(0, %(g)s - 1) n, generate_series(0, %(o)s - 1) k",
        "INSERT INTO aura.menu_item_modifiers (restaurant_id, menu_item_id, modifier_group_id, min_selections, max_selections) "
        "SELECT %(r)s, 1000000 + n, 1000000 + n %% %(g)s, 0, 2 FROM generate_series(0, %(i)s - 1) n",
        "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
        "first_migration_id, last_migration_id) SELECT %(r)s, %(n)s, x.* , %(m)s, %(m)s FROM ("
        "SELECT 'items', name, 'menu_items', id FROM aura.menu_items WHERE id >= 1000000 UNION ALL "
        "SELECT 'modifier_groups', name, 'modifier_groups', id FROM aura.modifier_groups WHERE id >= 1000000 UNION ALL "
        "SELECT 'modifiers', g.name || '/' || m.name, 'modifiers', m.id FROM aura.modifiers m "
        "JOIN aura.modifier_groups g ON g.id = m.modifier_group_id WHERE m.id >= 1000000) x",
    ):
        connection.execute(statement, arguments)


def huge_facts(items: int, groups: int, per_group: int) -> Facts:
    facts = Facts()
    for n in range(items):
        facts.items[f"i{n}"] = ItemFact(f"i{n}")
        facts.prices[PriceKey(f"i{n}")] = fixed(n)
        group = n % groups
        for option in range(per_group):
            edge = EdgeKey(f"i{n}", ((f"g{group}", f"g{group}/o{group}-{option}"),))
            facts.edges[edge] = EdgeFact(0, 2, False)
            facts.modifier_prices[ModifierPriceKey(edge)] = fixed(option)
    return facts


def test_a_staff_edit_is_unexplained_until_somebody_decides_to_keep_it(loaded: Restaurant) -> None:
    connection = loaded.connection
    connection.execute("UPDATE aura.menu_items SET name = 'House soda' WHERE name = 'Soda'")
    assert loaded.verify().gate(RECORDS).passed is False
    keep = {"conflicts": {"records": [{"entity": "items", "key": "soda", "strategy": "keep_existing"}]}}
    first = (loaded.plan_id, loaded.options)
    try:
        loaded.load(options=options(**keep))
        verdict = loaded.verify()
        assert list(blocking(verdict)) == []
        assert verdict.passed is True
        (found,) = verdict.findings
        assert (found.actual, found.is_blocking) == ({"name": "House soda"}, False)
        connection.execute("UPDATE aura.menu_items SET name = 'Sodaa' WHERE name = 'House soda'")
        assert loaded.verify().gate(RECORDS).passed is False
    finally:
        loaded.plan_id, loaded.options = first
