"""Bad input and forbidden steps: a clear message, a named state, the right exit code, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.journey import World, faults
from aura_migration_tests.support.worlds import Started


def _options(started: Started | World, document: Any) -> Path:
    folder = started.folder if isinstance(started, World) else started.world.folder
    path = folder / "options.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


# -- connect --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pos", ["square", "toast", "clover"])
def test_wrong_credentials_connect_nothing(world: World, open_pos: Callable[..., RunningSandbox], pos: str) -> None:
    sandbox = open_pos(pos, "cafe")
    document: dict[str, Any] = dict(sandbox.pos_app.credentials()["default"])
    secret = "client_secret" if pos == "toast" else "access_token"
    document[secret] = "wrong-" + "x" * 40
    answer = world.fails(
        2, "connect", "--pos", pos, "--base-url", sandbox.base_url, "--restaurant", "Café",
        "--credentials", world.credentials_file(document),
    )  # fmt: skip
    assert answer["what"] and answer["remedy"]
    assert "wrong-x" not in json.dumps(answer)
    assert world.ok("integrations") == {"integrations": []}
    assert world.rows("SELECT count(*) FROM aura.restaurants") == [(0,)]


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "not JSON"), ("[]", "square"), ('{"acces_token": "x"}', "access_token"), ("\udcff", "UTF-8")],
)
def test_malformed_credentials_are_named_without_being_quoted(
    world: World, cafe: RunningSandbox, text: str, says: str
) -> None:
    path = world.folder / "credentials.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    answer = world.fails(
        2, "connect", "--pos", "square", "--base-url", cafe.base_url, "--restaurant", "Café", "--credentials", path
    )
    assert says.lower() in (answer["what"] + answer["remedy"]).lower()


def test_credentials_come_from_stdin_too(world: World, cafe: RunningSandbox) -> None:
    answer = world.ok(
        "connect", "--pos", "square", "--base-url", cafe.base_url, "--restaurant", "Café", "--credentials", "-",
        stdin=json.dumps(cafe.pos_app.credentials()["default"]),
    )  # fmt: skip
    assert answer["locations"]


def test_a_pos_that_does_not_exist_is_bad_input(world: World) -> None:
    path = world.credentials_file({"access_token": "x"})
    answer = world.fails(2, "connect", "--pos", "aloha", "--restaurant", "Café", "--credentials", path)
    assert "square" in answer["remedy"] and "toast" in answer["remedy"] and "clover" in answer["remedy"]


def test_a_missing_option_is_one_json_document_too(world: World) -> None:
    answer = world.fails(2, "connect", "--pos", "square")
    assert "--credentials" in answer["what"]


def test_a_restaurant_that_does_not_exist_is_bad_input(world: World, cafe: RunningSandbox) -> None:
    answer = world.fails(2, *world.connect_arguments(cafe), "--restaurant-id", 99)
    assert "99" in answer["what"]
    assert world.ok("integrations") == {"integrations": []}


def test_an_account_stays_with_the_restaurant_it_was_connected_to(connected: Started) -> None:
    world = connected.world
    other = world.rows(
        "INSERT INTO aura.restaurants (name, timezone, currency) VALUES ('Other', 'UTC', 'USD') RETURNING id"
    )
    answer = world.fails(2, *world.connect_arguments(connected.pos), "--restaurant-id", other[0][0])
    assert answer["error"] == "TakenElsewhere" and "already connected" in answer["what"]


def test_a_location_owned_by_another_restaurant_is_refused(connected: Started) -> None:
    """Another account that reaches the same location (here: the same POS behind another address)."""
    world = connected.world
    arguments = world.connect_arguments(connected.pos, "A thief")
    arguments[arguments.index("--base-url") + 1] = connected.pos.base_url.replace("127.0.0.1", "localhost")
    answer = world.fails(2, *arguments)
    assert "belongs to restaurant" in answer["what"]
    assert world.rows("SELECT name FROM aura.restaurants") == [("Café",)], "the refused restaurant leaves nothing"


def test_reconnecting_returns_the_same_integration_and_replaces_the_credentials(connected: Started) -> None:
    world = connected.world
    before = world.rows("SELECT * FROM migration.credentials")
    again = world.connect_account(connected.pos, "Another name")
    assert again["integration_id"] == connected.integration
    assert world.rows("SELECT name FROM aura.restaurants") == [("Café",)]
    after = world.rows("SELECT * FROM migration.credentials")
    assert len(after) == len(before) == 1 and after != before


# -- preview --------------------------------------------------------------------------------------------------------------


def test_an_integration_or_location_that_does_not_exist_is_bad_input(connected: Started) -> None:
    world = connected.world
    assert "99" in world.fails(2, "preview", 99)["what"]
    answer = world.fails(2, "preview", connected.integration, "--location", "square:NOWHERE")
    assert "square:NOWHERE" in answer["what"] and "square:" in answer["remedy"]
    assert world.ok("migrations") == {"migrations": []}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "not JSON"),
        ({"scopes": {}}, "scopes"),
        ({"excludeEntities": ["itmes"]}, "itmes"),
        ({"excludeEntities": ["locations"]}, "locations"),
        ({"conflicts": {"strategy": "replace"}}, "conflicts.strategy"),
        ({"fieldMapping": [{"posField": "a", "auraField": "nmae"}]}, "nmae"),
        ({"fieldMapping": [{"posField": "a", "auraField": "description", "transform": "shout"}]}, "shout"),
    ],
)
def test_malformed_options_are_refused_with_their_place(connected: Started, document: Any, says: str) -> None:
    path = _options(connected, document)
    for command in (["options", "check", path], ["preview", connected.integration, "--options", path]):
        answer = connected.world.fails(2, *command)
        assert says in answer["what"], answer
    assert connected.world.ok("migrations") == {"migrations": []}


def test_an_options_file_that_does_not_exist_is_bad_input(connected: Started) -> None:
    answer = connected.world.fails(2, "preview", connected.integration, "--options", "/nowhere.json")
    assert "/nowhere.json" in answer["what"]


def test_the_options_schema_is_a_json_schema_that_accepts_what_options_check_accepts(connected: Started) -> None:
    import jsonschema

    schema = json.loads(connected.world.call("options", "schema").out)
    document = {"excludeEntities": ["stock"], "conflicts": {"strategy": "merge"}}
    jsonschema.validate(document, schema)
    assert connected.world.ok("options", "check", _options(connected, document))["ok"] is True
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"conflicts": {"strategy": "replace"}}, schema)


def test_a_transform_that_fails_on_one_record_puts_only_that_one_into_quarantine(connected: Started) -> None:
    world = connected.world
    items = world.preview(connected.integration)["entities"]["items"]["source"]
    some = world.rows(
        "SELECT source_key FROM migration.plan_rows WHERE entity = 'items' AND label = (SELECT min(label) "
        "FROM migration.plan_rows WHERE entity = 'items')"
    )[0][0]
    from aura_migration_tests.support.journey import edit

    edit(connected.pos, op="rename", item=some, name="Not a number")
    for other in world.rows(
        "SELECT source_key FROM migration.plan_rows WHERE entity = 'items' AND source_key <> %s", some
    ):
        edit(connected.pos, op="rename", item=other[0], name="7")
    mapping = {"posField": "item_data.name", "auraField": "displayOrder", "transform": "integer"}
    plan = world.preview(connected.integration, "--options", _options(connected, {"fieldMapping": [mapping]}))
    assert plan["entities"]["items"]["quarantine"] == 1
    assert plan["entities"]["items"]["create"] == items - 1
    (entry,) = [q for q in world.ok("quarantine", "list", plan["migration_id"])["quarantine"] if q["entity"] == "items"]
    assert entry["key"] == some and "integer" in json.dumps(entry["reasons"])


def test_a_pos_that_answers_html_fails_with_a_named_state_and_recovers(connected: Started) -> None:
    world = connected.world
    faults(connected.pos, {"kind": "html", "match": "catalog"})
    answer = world.fails(2, "preview", connected.integration)
    assert answer["error"] == "NotJson" and "web page" in answer["what"].lower()
    (migration,) = world.ok("migrations")["migrations"]
    assert migration["state"] == "failed" and migration["reason"]
    status = world.ok("status", migration["migration_id"])
    assert status["progress"]["data"]["errors"] and "preview" in status["next"]

    faults(connected.pos)
    assert world.preview(connected.integration)["state"] == "planned"


@pytest.mark.parametrize("pos", ["square", "toast", "clover"])
def test_an_empty_restaurant_is_empty_and_not_a_failure(
    world: World, open_pos: Callable[..., RunningSandbox], pos: str
) -> None:
    plan = world.preview(world.connect_account(open_pos(pos, "empty"))["integration_id"])
    migration = plan["migration_id"]
    assert plan["state"] == "empty"
    assert world.ok("approve", migration, "--plan-hash", plan["plan_hash"], "--by", "Ada")["state"] == "empty"
    for command in ("run", "verify"):
        card = world.ok(command, migration)
        assert card["state"] == "empty" and card["passed"] is None
        measured = {k: v for k, v in card["metrics"].items() if k != "full_export_before_load"}
        assert set(measured.values()) == {None}, measured
    assert world.menu() == {}


def test_a_missing_scope_blocks_until_its_entity_is_excluded_by_name(connected: Started) -> None:
    import httpx

    world = connected.world
    httpx.post(
        f"{connected.pos.control_url}/tokens", json={"op": "drop_scope", "scope": "INVENTORY_READ"}
    ).raise_for_status()
    looked = world.fails(1, "preflight", connected.integration)
    assert looked["passed"] is False
    (blocked,) = world.fails(1, "preview", connected.integration)["migrations"]
    assert blocked["state"] == "planned" and len(blocked["blockers"]) == 1
    assert "INVENTORY_READ" in blocked["blockers"][0] and "stock" in blocked["blockers"][0]
    refused = world.fails(2, "approve", blocked["migration_id"], "--plan-hash", blocked["plan_hash"], "--by", "Ada")
    assert "INVENTORY_READ" in refused["what"]
    assert "exclude" in world.ok("status", blocked["migration_id"])["next"]
    assert world.fails(2, "run", blocked["migration_id"])["error"] == "Refused"

    plan = world.preview(connected.integration, "--options", _options(connected, {"excludeEntities": ["stock"]}))
    assert plan["blockers"] == []
    world.approve(plan)
    done = world.ok("run", plan["migration_id"])
    assert done["passed"] is True and world.rows("SELECT count(*) FROM aura.inventory") == [(0,)]


def test_a_preview_says_what_the_options_name_in_vain(planned: Started) -> None:
    (key,) = planned.world.rows("SELECT source_key FROM staging.rows WHERE entity = 'customers' ORDER BY 1 LIMIT 1")[0]
    people = {"samePerson": [[key, "NOBODY-1"]], "staff": {"roles": {"Astronaut": "Pilot"}}}
    answer = planned.world.call("preview", planned.integration, "--options", _options(planned, {"people": people}))
    assert answer.code == 0 and "does not have: NOBODY-1" in answer.err, answer
    assert "jobs that nobody has: Astronaut" in answer.err
    torn = {"people": {**people, "samePerson": [["A", "B"], ["B", "C"]], "differentPersons": [["C", "A"]]}}
    assert "A and C (by A = B = C)" in planned.world.fails(2, "options", "check", _options(planned, torn))["what"]


# -- approve and run ------------------------------------------------------------------------------------------------------


def test_a_wrong_hash_is_not_approved(planned: Started) -> None:
    answer = planned.world.fails(2, "approve", planned.migration, "--plan-hash", "0" * 64, "--by", "Ada")
    assert answer["error"] == "Refused" and planned.plan["plan_hash"] in answer["remedy"]
    assert planned.world.state(planned.migration) == "planned"


def test_an_approval_without_a_name_is_refused(planned: Started) -> None:
    answer = planned.world.fails(2, "approve", planned.migration, "--plan-hash", planned.plan["plan_hash"], "--by", " ")
    assert "--by" in answer["remedy"]


def test_who_approved_and_why_is_kept(planned: Started) -> None:
    world = planned.world
    world.ok(
        "approve", planned.migration, "--plan-hash", planned.plan["plan_hash"], "--by", "Ada", "--reason", "looks right"
    )  # fmt: skip
    newest = world.ok("status", planned.migration)["history"][0]
    assert (newest["state"], newest["by"], newest["reason"]) == ("approved", "Ada", "looks right")


def test_a_run_without_approval_writes_nothing_and_says_what_to_sign(planned: Started) -> None:
    answer = planned.world.fails(2, "run", planned.migration)
    assert answer["error"] == "Refused" and planned.plan["plan_hash"] in answer["remedy"]
    assert planned.world.menu() == {}


def test_nothing_loaded_is_nothing_to_verify_or_roll_back(planned: Started) -> None:
    world = planned.world
    assert "nothing of it is loaded" in world.fails(2, "verify", planned.migration)["what"]
    assert "cancel" in world.fails(2, "rollback", planned.migration)["remedy"]
    assert world.state(planned.migration) == "planned"


@pytest.mark.parametrize("command", ["status", "run", "verify", "rollback", "pause", "cancel", "losses", "resume"])
def test_a_migration_that_does_not_exist_is_bad_input(connected: Started, command: str) -> None:
    assert "Migration 99 does not exist" in connected.world.fails(2, command, 99)["what"]


def test_a_cancelled_migration_makes_room_for_a_new_one(planned: Started) -> None:
    world = planned.world
    world.ok("cancel", planned.migration, "--reason", "not yet")
    assert world.state(planned.migration) == "cancelled"
    for command in (["cancel"], ["run"], ["approve", "--plan-hash", planned.plan["plan_hash"], "--by", "Ada"]):
        assert world.fails(2, command[0], planned.migration, *command[1:])["error"] == "Refused"
    again = world.preview(planned.integration)
    assert again["migration_id"] != planned.migration and again["plan_hash"] == planned.plan["plan_hash"]


def test_what_has_written_cannot_be_cancelled(verified: Started) -> None:
    answer = verified.world.fails(2, "cancel", verified.migration)
    assert "rollback" in answer["remedy"]
    assert verified.world.state(verified.migration) == "verified"


def test_only_a_running_load_can_be_paused(planned: Started) -> None:
    assert "planned" in planned.world.fails(2, "pause", planned.migration)["what"]


def test_a_switch_the_connector_does_not_have_is_named_with_those_it_has(
    world: World, open_pos: Callable[..., RunningSandbox]
) -> None:
    arguments = world.connect_arguments(open_pos("toast", "cafe"))
    refused = world.call(*arguments, "--switch", "orders_every_dya=true", "--json")
    assert refused.code == 2, refused
    assert "orders_every_dya" in refused.json["what"] and "orders_every_day" in refused.json["remedy"]
    answer = world.ok(*arguments, "--switch", "orders_every_day=true", "--switch", "orders_pause_seconds=0")
    with world.connect() as connection:
        row = connection.execute(
            "SELECT switches FROM migration.integrations WHERE id = %s", [answer["integration_id"]]
        ).fetchone()
    assert row is not None and row[0] == {"orders_every_day": True, "orders_pause_seconds": 0}
