"""A guest and an employee of a migrated café are erased: its verdict stands, later runs leave them out, so does a rollback."""

from __future__ import annotations

import httpx

from aura_migration_tests.support.guests import everything
from aura_migration_tests.support.worlds import Started


def test_a_migrated_restaurant_stays_proven_and_never_takes_an_erased_person_in_again(verified: Started) -> None:
    world = verified.world
    (restaurant, guest, key, name, email) = world.rows(
        "SELECT c.restaurant_id, c.id, c.source_id, c.last_name, c.email_normalized FROM aura.customers c "
        "JOIN aura.loyalty_accounts l ON l.customer_id = c.id WHERE c.email_normalized IS NOT NULL AND c.last_name IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM aura.customers o WHERE o.id <> c.id AND (o.email_normalized = c.email_normalized "
        "OR o.phone = c.phone)) ORDER BY l.balance_points DESC, c.id LIMIT 1"
    )[0]
    ((employee, staff_name),) = world.rows(
        "SELECT id, name FROM aura.staff_members WHERE email IS NOT NULL AND NOT is_owner ORDER BY id LIMIT 1"
    )
    points = world.rows("SELECT sum(balance_points) FROM aura.loyalty_accounts")
    done = world.ok("erase", "--restaurant", restaurant, "--customer-id", guest, "--by", "Grace")
    assert done["rows"]["aura.customers"] == 1 and done["plans_to_make_anew"] == []
    world.ok("erase", "--restaurant", restaurant, "--staff-id", employee, "--by", "Grace")

    judged = world.ok("verify", verified.migration)
    assert judged["passed"] is True, judged
    assert world.rows("SELECT sum(balance_points) FROM aura.loyalty_accounts") == points
    assert world.ok("restore-check", verified.migration)["passed"] is True, (
        "the snapshots are a backup of everybody else"
    )

    plan = world.preview(verified.integration)
    for entity in ("customers", "staff"):
        assert plan["entities"][entity]["skip"] >= 1
        assert plan["entities"][entity]["create"] == plan["entities"][entity]["update"] == 0
    assert world.rows(
        "SELECT DISTINCT reason FROM migration.plan_rows WHERE entity = 'customers' AND source_key = %s AND action = 'skip'",
        key,
    ) == [("erased on request",)]
    if plan["state"] == "planned":
        world.approve(plan)
    again = world.ok("run", verified.migration)
    assert again["passed"] is True, again
    _assert_nowhere(verified, email, staff_name)
    ((erased_at, last_name),) = world.rows("SELECT erased_at, last_name FROM aura.customers WHERE id = %s", guest)
    assert erased_at is not None and last_name is None

    undone = world.ok("rollback", verified.migration)
    assert undone["kept"] == [], "nothing of it was anybody's edit"
    assert world.rows("SELECT count(*) FROM aura.customers") == [(0,)]
    _assert_nowhere(verified, email, staff_name)
    still = httpx.get(f"{verified.pos.control_url}/truth").json()
    assert any(one["id"] == key and one["family_name"] == name for one in still["customers"]), "the POS still has them"

    fresh = world.preview(verified.integration)
    assert fresh["entities"]["customers"]["skip"] >= 1, "not a new migration either"
    _assert_nowhere(verified, email, staff_name)


def test_lines_of_handed_files_that_name_an_erased_person_are_left_out_and_the_verdict_stands(
    verified: Started,
) -> None:
    world = verified.world
    (restaurant, guest, email) = world.rows(
        "SELECT c.restaurant_id, c.id, c.email_normalized FROM aura.customers c JOIN aura.loyalty_accounts l ON "
        "l.customer_id = c.id WHERE c.email_normalized IS NOT NULL AND NOT EXISTS (SELECT 1 FROM aura.customers o "
        "WHERE o.id <> c.id AND o.email_normalized = c.email_normalized) ORDER BY c.id LIMIT 1"
    )[0]
    ((employee, staff_email, location),) = world.rows(
        "SELECT s.id, s.email, l.key FROM aura.staff_members s, migration.locations l "
        "WHERE s.email IS NOT NULL AND NOT s.is_owner ORDER BY s.id LIMIT 1"
    )
    exports = {
        "consents": f"Email,Channel,Opted In,Recorded At\n{email},Email,No,2026-02-05T10:00:00-06:00\n",
        "store_credit": f"Email,Store Credit\n{email},12.50\n",
        "payroll": f"Employee Email,Period Start,Period End,Gross Pay\n{staff_email},01/19/2026,02/01/2026,$600.00\n",
    }
    for kind, content in exports.items():
        file = world.folder / f"{kind}.csv"
        file.write_text(content)
        place = ("--location", location) if kind == "payroll" else ()
        assert world.ok("import-file", verified.integration, "--kind", kind, "--file", file, *place)["rejected"] == []
    world.approve(world.preview(verified.integration))
    assert world.ok("run", verified.migration)["passed"] is True
    owed = "SELECT sum(balance_cents)::bigint FROM aura.house_accounts"
    assert world.rows(owed) == [(1250,)]

    world.ok("erase", "--restaurant", restaurant, "--customer-id", guest, "--by", "Grace")
    world.ok("erase", "--restaurant", restaurant, "--staff-id", employee, "--by", "Grace")
    judged = world.ok("verify", verified.migration)
    assert judged["passed"] is True, judged
    plan = world.preview(verified.integration)
    assert {name: count["quarantine"] for name, count in plan["entities"].items() if count["quarantine"]} == {}
    if plan["state"] == "planned":
        world.approve(plan)
    again = world.ok("run", verified.migration)
    assert again["passed"] is True, again
    ((losses,),) = world.rows(
        "SELECT body -> 'losses' FROM migration.reports WHERE kind = 'losses' ORDER BY id DESC LIMIT 1"
    )
    left_out = {one["source_entity"]: one["records"] for one in losses if one["field"] == "(line)"}
    assert left_out == {"file_consents": 1, "file_payroll": 1}
    assert world.rows(owed) == [(1250,)], "what is owed stays, without its holder"
    _assert_nowhere(verified, email, staff_email)


def _assert_nowhere(verified: Started, *texts: str) -> None:
    with verified.world.connect() as connection:
        held = everything(connection)
    assert not [(table, text) for table, rows in held.items() for text in texts if text in rows]
