"""The way from POS to plan when the POS misbehaves: same plan, or a named refusal; never a smaller menu."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.core.errors import AuraError, Refused
from aura_migration.migration import decide
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import Settings
from aura_migration_tests.support.journeys import A_MONTH, connected, control, previewed

STORM: list[dict[str, Any]] = [
    {"kind": "reset", "match": "/(v1|v2|v3)/", "probability": 0.05},
    {"kind": "truncate", "match": "/(v1|v2|v3)/", "probability": 0.05},
    {"kind": "rate_limit", "match": "/(v1|v2|v3)/", "advice": True, "retry_after": 1, "after": 2, "times": 1},
    {"kind": "rate_limit", "match": "/(v1|v2|v3)/", "advice": False, "after": 5, "times": 1},
    {"kind": "error", "match": "/(v1|v2|v3)/", "status": 503, "body": "html", "after": 4, "times": 2},
    {"kind": "slow", "match": "/(v1|v2|v3)/", "seconds": 0.2, "where": "mid_body", "probability": 0.2},
    {"kind": "expire_token", "match": "/(v1|v2|v3)/", "after": 6, "times": 1},
]


SHORT = [
    "square",
    pytest.param("toast", marks=pytest.mark.soak),
    pytest.param("clover", marks=pytest.mark.soak),
]
"""One POS in the suite, all in the soak."""


@pytest.mark.parametrize("pos", SHORT)
def test_a_pos_that_drops_cuts_slows_and_refuses_yields_the_same_plan_as_a_calm_one(
    pos: str, settings: Settings
) -> None:
    with serve(pos, "cafe", seed=3, limits="off") as sandbox:
        at = connected(settings, pos, sandbox.base_url)
        _, calm = previewed(at, options=A_MONTH)
        for fault in STORM:
            if fault["kind"] == "expire_token" and pos != "toast":
                continue  # the default account of the others is a token that cannot be renewed
            control(sandbox.base_url, "POST", "faults", fault)
        _, stormy = previewed(at, options=A_MONTH)
        fired = control(sandbox.base_url, "GET", "faults")
        assert sum(f["fired"] for f in fired["faults"]) >= 3, fired
    assert stormy.hash == calm.hash
    assert stormy.counts == calm.counts


@pytest.mark.parametrize(
    ("pos", "match"), [("square", "catalog/search"), ("clover", "/items"), ("toast", "config/v2/")]
)
def test_a_list_that_stops_at_a_cap_blocks_the_approval(pos: str, match: str, settings: Settings) -> None:
    with serve(pos, "diner", seed=3, limits="off") as sandbox:
        control(sandbox.base_url, "POST", "faults", {"kind": "lying_cap", "mode": "cut", "cap": 100, "match": match})
        at = connected(settings, pos, sandbox.base_url)
        try:
            migration_id, plan = previewed(at, options=A_MONTH)
        except AuraError as error:
            assert error.what  # refusing at once is as good as blocking
            return
        with pytest.raises(Refused, match=r"cannot be approved"):
            decide.approve(at.workshop, migration_id, plan.hash, "test")


@pytest.mark.parametrize(
    ("pos", "match", "path"),
    [
        ("square", "catalog", "objects[].item_data.name"),
        ("toast", "menus/v2/menus", "menus[].menuGroups[].menuItems[].name"),
        ("clover", "/items", "elements[].name"),
    ],
)
def test_a_field_the_pos_stops_sending_is_quarantined_or_refused_and_no_item_is_lost(
    pos: str, match: str, path: str, settings: Settings
) -> None:
    with serve(pos, "cafe", seed=3, limits="off") as sandbox:
        truth = control(sandbox.base_url, "GET", "truth")
        control(sandbox.base_url, "POST", "faults", {"kind": "drop_field", "match": match, "path": path})
        at = connected(settings, pos, sandbox.base_url)
        try:
            _, plan = previewed(at, options=A_MONTH)
        except AuraError as error:
            assert error.remedy
            return
        items = plan.counts["items"]
        assert items["source"] == len({item["id"] for item in truth["items"]})
        assert items["quarantine"] > 0


@pytest.mark.parametrize("pos", SHORT)
def test_secrets_of_the_pos_are_nowhere_in_database_or_snapshot(pos: str, settings: Settings) -> None:
    with serve(pos, "diner", seed=3, limits="off") as sandbox:
        secrets = [
            str(s).encode() for s in control(sandbox.base_url, "GET", "truth").get("secrets", []) if len(str(s)) > 3
        ]
        at = connected(settings, pos, sandbox.base_url)
        previewed(at, options=A_MONTH)
    assert secrets or pos == "square"
    stored = bytearray()
    for blob in at.workshop.store.blobs():
        stored += at.workshop.store.get(blob)
    with at.workshop.connect() as connection:
        tables = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables "
            "WHERE table_schema IN ('aura', 'migration', 'staging') AND table_type = 'BASE TABLE'"
        ).fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t".replace('"', "")):
                stored += row.encode()
    assert [s for s in secrets if s in stored] == []
