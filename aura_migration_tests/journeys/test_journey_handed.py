"""A restaurant whose POS has no balances: its exports are handed over, planned, loaded, proven, and renewed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.handed import GIFT_CARDS
from aura_migration_tests.support.journey import World


def test_exports_go_the_whole_way_and_a_newer_one_changes_only_what_moved(
    world: World, open_pos: Callable[..., RunningSandbox]
) -> None:
    pos = open_pos("clover", "cafe")
    integration = world.connect_account(pos)["integration_id"]

    def hand(name: str, kind: str, content: bytes) -> dict[str, Any]:
        file: Path = world.folder / name
        file.write_bytes(content)
        return world.ok("import-file", integration, "--kind", kind, "--file", file)

    hand("cards.csv", "gift_cards", GIFT_CARDS.encode())
    with httpx.Client(base_url=pos.base_url) as exports:
        truth = exports.get("/_control/truth").json()
        for name, kind in (("loyalty.csv", "loyalty"), ("house-accounts.csv", "house_accounts")):
            assert hand(name, kind, exports.get(f"/_control/exports/{name}").content)["rejected"] == []

    plan = world.preview(integration)
    assert plan["entities"]["gift_cards"]["create"] == 3
    assert plan["entities"]["gift_cards"]["quarantine"] == 1
    world.approve(plan)
    ran = world.call("run", plan["migration_id"], "--json").json
    assert ran["scorecard"]["entities"]["gift_cards"]["quarantined"] == 1
    assert world.rows("select last4, balance_cents, status from aura.gift_cards order by last4") == [
        ("1111", 0, "redeemed"),
        ("2222", 1525, "blocked"),
        ("4417", 123450, "pending"),
    ]
    points = sum(row["points"] for row in truth["export_loyalty"])
    assert world.rows("select sum(balance_points)::bigint from aura.loyalty_accounts") == [(points,)]
    linked = world.rows(
        "select a.balance_points, c.external_id from aura.loyalty_accounts a join aura.customers c on c.id = a.customer_id"
    )
    true = {(row["points"], row["customer"]) for row in truth["export_loyalty"] if row["customer"] is not None}
    assert len(linked) > 0.9 * len(true)  # a contact that two guests share names neither
    assert set(linked) <= true
    owed = sum(row["cents"] for row in truth["export_house_accounts"])
    assert world.rows("select -sum(balance_cents)::bigint from aura.house_accounts") == [(owed,)]
    failed = {gate["name"] for gate in ran["scorecard"]["gates"] if gate["passed"] is False}
    assert failed == {"nothing_is_in_quarantine", "gift_cards_conserved"}  # the rejected card is still owed

    number = plan["migration_id"]
    (held,) = world.ok("quarantine", "list", number)["quarantine"]
    corrections, given = world.folder / "corrections.json", {"status": "pending", "balance_cents": 1990}
    corrections.write_text(json.dumps([{"entity": held["entity"], "key": held["key"], "values": given}]))
    world.ok("quarantine", "rerun", number, "--corrections", corrections, "--by", "Ana")
    world.approve(world.ok("status", number))
    corrected = world.ok("run", number)["scorecard"]
    assert {gate["name"] for gate in corrected["gates"] if gate["passed"] is False} == set()
    assert world.rows(
        "select t.amount_cents, g.balance_cents from aura.gift_card_transactions t join aura.gift_cards g on g.id = t.gift_card_id "
        "where g.last4 = '9925'"
    ) == [(1990, 1990)], "what somebody let in has an opening movement like every other card"

    mended = GIFT_CARDS.replace("Redeemed? no", "Active")
    newer = mended.replace("$1,234.50", "$1,200.00").replace("$1,269.75", "$1,235.25")
    assert hand("cards.csv", "gift_cards", newer.encode())["rejected"] == []
    again = world.preview(integration)["entities"]
    assert {action: again["gift_cards"][action] for action in ("create", "update", "unchanged", "quarantine")} == {
        "create": 0,
        "update": 2,
        "unchanged": 2,
        "quarantine": 0,
    }
    told = "select content ->> 'balance_cents' from staging.rows where entity = 'gift_cards' and content ->> 'last4' = '9925'"
    assert world.rows(told) == [("2000",)], "a correction is for its line; a newer file stands as it is"
    assert again["loyalty_accounts"]["unchanged"] == len(truth["export_loyalty"])
