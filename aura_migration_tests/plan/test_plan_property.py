"""For any menu, any records AuraConnect has and any strategies: preview is run, twice is once, undone is never."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aura_migration.database.connections import connect
from aura_migration.plan.planner import StoredPlan, Subject
from aura_migration_tests.support.menus import (
    Menu,
    aura_image,
    load,
    make_chain,
    make_integration,
    make_restaurant,
    migrate,
    one,
    plan,
    preview,
    rows,
    stage,
    totals,
    undo,
)

Connection = psycopg.Connection[Any]
NAMES = ("Burger", "burger ", "Tea", "Soup", "Été")
KEYS = ("A", "B", "C", "D")
ITEMS = st.dictionaries(st.sampled_from(KEYS), st.tuples(st.sampled_from(NAMES), st.integers(0, 3)), max_size=4)
STRATEGY = st.sampled_from(["keep_existing", "overwrite", "merge", "duplicate"])
CASE = st.fixed_dictionaries(
    {
        "items": ITEMS,
        "parents": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(KEYS), max_size=4),
        "groups": st.dictionaries(
            st.sampled_from(KEYS), st.lists(st.sampled_from(NAMES), max_size=3, unique=True), max_size=2
        ),
        "spoilt": st.sets(st.sampled_from(KEYS), max_size=1),
        "natives": st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 3)), max_size=3),
        "general": st.none() | STRATEGY,
        "records": st.dictionaries(st.sampled_from(KEYS), STRATEGY, max_size=2),
        "dearer": st.booleans(),
        "elsewhere": ITEMS,
    }
)
SETTINGS = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def build(case: dict[str, Any], location: str, items: dict[str, tuple[str, int]], raised: int = 0) -> Menu:
    menu = Menu(location)
    for key, (name, price) in items.items():
        menu.item(key, "x" * 600 if key in case["spoilt"] else name, 100 * price + raised)
    for key in sorted({*case["parents"], *case["parents"].values()}):
        menu.category(
            f"CAT-{key}", [k for k in items if k == key], name=f"Category {key}", parent_category_key=_parent(case, key)
        )
    for key, options in case["groups"].items():
        menu.group(
            f"GRP-{key}", [(name, 10 * n) for n, name in enumerate(options)], items=[k for k in items if k <= key]
        )
    return menu


def _parent(case: dict[str, Any], key: str) -> str | None:
    parent = case["parents"].get(key)
    return f"CAT-{parent}" if parent is not None else None


def options_of(case: dict[str, Any]) -> dict[str, Any]:
    records = [{"entity": "items", "key": k, "strategy": s} for k, s in case["records"].items()]
    return {"conflicts": {"strategy": case["general"], "records": records}}


def make_natives(connection: Connection, restaurant_id: int, case: dict[str, Any]) -> None:
    for name, price in case["natives"]:
        connection.execute(
            "INSERT INTO aura.menu_items (restaurant_id, name, price_cents) VALUES (%s, %s, %s)",
            [restaurant_id, name, 100 * price],
        )


def decide_the_rest(connection: Connection, subject: Subject, stored: StoredPlan) -> None:
    """Somebody decides every conflict: kept apart where that can be, else as AuraConnect has it."""
    for entity, key, candidates in rows(
        connection,
        "SELECT entity, source_key, candidates FROM migration.plan_rows WHERE plan_id = %s AND action = 'conflict'",
        [stored.plan_id],
    ):
        connection.execute(
            "INSERT INTO migration.decisions (migration_id, entity, source_key, strategy, decided_by) VALUES (%s, %s, %s, %s, 'Ada') "
            "ON CONFLICT (migration_id, entity, source_key) DO UPDATE SET strategy = excluded.strategy",
            [subject.migration_id, entity, key, "duplicate" if candidates else "keep_existing"],
        )


def settle(connection: Connection, subject: Subject, menu: Menu, options: dict[str, Any]) -> StoredPlan:
    """Preview and decide until nothing is open."""
    stored = preview(connection, subject, menu, options)
    for _ in range(6):
        if not totals(stored).get("conflict"):
            return stored
        decide_the_rest(connection, subject, stored)
        stored = plan(connection, subject, options)
    raise AssertionError("conflicts that cannot be decided")


def accounted(stored: StoredPlan, connection: Connection, subject: Subject) -> None:
    staged = dict(
        rows(
            connection,
            "SELECT entity, count(*) FROM staging.rows WHERE migration_id = %s GROUP BY 1",
            [subject.migration_id],
        )
    )
    assert {entity: counts["source"] for entity, counts in stored.counts.items()} == staged
    for counts in stored.counts.values():
        assert counts["source"] == sum(n for action, n in counts.items() if action != "source")


def executed(connection: Connection, subject: Subject, stored: StoredPlan) -> None:
    """What the plan announced is what was done, by entity and action."""
    load(connection, subject, stored.plan_id, batch_rows=7)
    done = Counter(
        (table, op)
        for table, op in rows(
            connection, "SELECT aura_table, op FROM migration.journal WHERE plan_id = %s", [stored.plan_id]
        )
    )
    announced = Counter(
        (table, "insert" if action == "create" else "update")
        for table, action in rows(
            connection,
            "SELECT aura_table, action FROM migration.plan_rows WHERE plan_id = %s AND (action = 'create' OR action IN ('update', 'merge') AND image <> '{}')",
            [stored.plan_id],
        )
    )
    assert done == announced
    created = one(
        connection, "SELECT count(*) FROM migration.journal WHERE plan_id = %s AND op = 'insert'", [stored.plan_id]
    )
    assert created == totals(stored).get("create", 0)


@pytest.fixture
def twin(make_database: Callable[[], str]) -> Any:
    """A second database whose ids are all different."""
    with connect(make_database(), autocommit=True) as connection:
        for number in range(7):
            make_integration(connection, make_restaurant(connection, f"Other {number}"), merchant=f"other {number}")
        connection.execute(
            "DO $$ DECLARE s regclass; BEGIN FOR s IN SELECT pg_get_serial_sequence('aura.' || table_name, 'id')::regclass "
            "FROM information_schema.columns WHERE table_schema = 'aura' AND column_name = 'id' AND is_identity = 'YES' LOOP PERFORM setval(s, 5000); END LOOP; END $$"
        )
        yield connection


def fresh(connection: Connection) -> list[Subject]:
    """Nothing of the example before is left: a new restaurant, and no migrations that hold the location keys."""
    connection.execute(
        "TRUNCATE aura.restaurants, migration.integrations, migration.locations, migration.migrations, migration.plans, "
        "migration.plan_rows, migration.decisions, migration.crosswalk, migration.journal, migration.claims, "
        "migration.quarantine, staging.rows CASCADE"
    )
    return make_chain(connection, "L1", "L2")


@SETTINGS
@given(case=CASE, seed=st.integers(0, 999))
def test_preview_is_run_twice_is_once_and_undone_is_never(
    connection: Connection, twin: Connection, case: dict[str, Any], seed: int
) -> None:
    holds(connection, twin, case, seed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(SETTINGS, max_examples=300, derandomize=False)
@given(case=CASE, seed=st.integers(0, 999))
def test_preview_is_run_twice_is_once_and_undone_is_never_for_many_menus(
    connection: Connection, twin: Connection, case: dict[str, Any], seed: int
) -> None:
    holds(connection, twin, case, seed)


def holds(connection: Connection, twin: Connection, case: dict[str, Any], seed: int) -> None:
    """The property for one case."""
    first, second = fresh(connection)
    make_natives(connection, first.restaurant_id, case)
    before = aura_image(connection)
    options = options_of(case)
    menu = build(case, "L1", case["items"])
    stored = settle(connection, first, menu, options)
    accounted(stored, connection, first)
    the_same_hash_elsewhere(connection, twin, first, case, menu, options, stored, seed)
    executed(connection, first, stored)

    # Again: nothing changes, in AuraConnect or in the plan.
    loaded = aura_image(connection)
    again = preview(connection, first, menu, options)
    assert set(totals(again)) - {a for a, n in totals(again).items() if not n} <= {
        "source",
        "unchanged",
        "skip",
        "quarantine",
    }
    load(connection, first, again.plan_id)
    assert aura_image(connection) == loaded

    # A second location, and then the first with dearer prices: each is exactly what its preview said.
    other = settle(connection, second, build(case, "L2", case["elsewhere"]), options)
    accounted(other, connection, second)
    executed(connection, second, other)
    if case["dearer"]:
        executed(connection, first, settle(connection, first, build(case, "L1", case["items"], raised=7), options))

    for subject in (first, second) if seed % 2 else (second, first):
        assert undo(connection, subject).kept == []
    assert aura_image(connection) == before


def the_same_hash_elsewhere(
    connection: Connection,
    twin: Connection,
    subject: Subject,
    case: dict[str, Any],
    menu: Menu,
    options: dict[str, Any],
    stored: StoredPlan,
    seed: int,
) -> None:
    """The hash covers content: other ids, another order of rows and another time make no difference."""
    there, _ = fresh(twin)
    make_natives(twin, there.restaurant_id, case)
    decisions = rows(connection, "SELECT entity, source_key, strategy, decided_by FROM migration.decisions")
    for decision in decisions:
        twin.execute(
            "INSERT INTO migration.decisions (migration_id, entity, source_key, strategy, decided_by) VALUES (%s, %s, %s, %s, %s)",
            [there.migration_id, *decision],
        )
    shuffled = build(case, "L1", case["items"])
    random.Random(seed).shuffle(shuffled.batch.rows)
    assert preview(twin, there, shuffled, options).hash == stored.hash


def test_a_difference_in_any_part_makes_another_hash(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = Menu()
    menu.item("A", "Burger")
    hashes = [preview(connection, subject, menu).hash]
    hashes.append(preview(connection, subject, menu, {"conflicts": {"strategy": "merge"}}).hash)
    hashes.append(plan(connection, subject, blockers=["menus: not complete"]).hash)
    hashes.append(plan(connection, subject, losses=[{"field": "x"}]).hash)
    other = Menu()
    other.item("A", "Burger", 501)
    hashes.append(preview(connection, subject, other).hash)
    connection.execute(
        "INSERT INTO aura.menu_items (restaurant_id, name) VALUES (%s, 'Burger')", [subject.restaurant_id]
    )
    hashes.append(plan(connection, subject).hash)
    connection.execute("UPDATE aura.menu_items SET description = 'edited'")
    hashes.append(plan(connection, subject).hash)
    assert len(set(hashes)) == len(hashes)


def test_a_plan_of_the_same_content_about_other_records_replaces_the_one_before(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    connection.execute(
        "INSERT INTO aura.menu_items (restaurant_id, name) VALUES (%s, 'Burger')", [subject.restaurant_id]
    )
    menu = Menu()
    menu.item("A", "Burger")
    options = {"conflicts": {"strategy": "overwrite"}}
    stored = preview(connection, subject, menu, options)
    assert preview(connection, subject, menu, options).is_new is False
    connection.execute("DELETE FROM aura.menu_items")
    connection.execute(
        "INSERT INTO aura.menu_items (restaurant_id, name) VALUES (%s, 'Burger')", [subject.restaurant_id]
    )
    anew = preview(connection, subject, menu, options)
    assert (anew.hash, anew.is_new) == (stored.hash, True)
    assert one(connection, "SELECT state FROM migration.plans WHERE id = %s", [stored.plan_id]) == "superseded"
    load(connection, subject, anew.plan_id)


def test_a_delta_never_takes_the_place_of_the_approved_plan(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = Menu()
    menu.item("A", "Burger")
    approved = preview(connection, subject, menu)
    same = plan(connection, subject, kind="delta", delta_of=approved.plan_id)
    assert (same.plan_id, same.is_new) == (approved.plan_id, False)
    menu.item("B", "Tea")
    stage(connection, subject, menu)
    delta = plan(connection, subject, kind="delta", delta_of=approved.plan_id)
    assert delta.hash != approved.hash
    assert one(connection, "SELECT plan_id FROM migration.migrations") == approved.plan_id


def test_ids_are_reserved_in_the_order_of_the_plan(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = Menu()
    for number in range(30):
        menu.item(f"I{29 - number}", f"Item {number}")
    stored = migrate(connection, subject, menu)
    ids = [
        i
        for (i,) in rows(
            connection,
            "SELECT aura_id FROM migration.plan_rows WHERE plan_id = %s AND entity = 'items' ORDER BY seq",
            [stored.plan_id],
        )
    ]
    assert ids == list(range(ids[0], ids[0] + 30))
