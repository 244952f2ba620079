"""The way back: paid orders where the POS may be written to, elsewhere files, made when something happened and tried before the switch."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from aura_migration.canonical.window import ReversePolicy, WindowPolicy
from aura_migration.cli.cutover import cutover
from aura_migration.core.errors import BadInput
from aura_migration.cutover.reverse_entries import entries_of, note_entries
from aura_migration.cutover.reversing import last_rehearsal
from aura_migration.migration import inspect, stages
from aura_migration.migration.window import back_files
from aura_migration.migration.window.import_files import import_files
from aura_migration.migration.window.opening import set_policy
from aura_migration.migration.window.switching import keep_way_back, rehearse_way_back
from aura_migration.migration.window.way_back import level_of, settle
from aura_migration_tests.support.journeys import control
from aura_migration_tests.support.live import FIRST_DAY, LiveWorld, open_live

__all__ = ["open_live"]


@pytest.fixture
def world(open_live: Callable[..., LiveWorld]) -> LiveWorld:
    """A café of Square that may only be read: level B."""
    made = open_live("square")
    made.connect_as("read_only")
    inspect.preflight(made.at(), made.migration.integration_id, made.location_key)
    assert level_of(made.connection, made.migration) == "B"
    return made


def table(world: LiveWorld, name: str) -> list[dict[str, str]]:
    """A file of the way back as rows."""
    text = back_files.read(world.workshop, world.migration_id, name).decode()
    return list(csv.DictReader(io.StringIO(text)))


def image(world: LiveWorld) -> list[Any]:
    """What a rehearsal must not change."""
    tables = ("orders", "payments", "refunds", "menu_items", "menu_item_variations")
    counted = [world.one(f"SELECT count(*), coalesce(sum(hashtext(t::text)), 0) FROM aura.{name} t") for name in tables]
    return [*counted, entries_of(world.connection, world.migration_id)]


def test_a_rehearsal_makes_the_files_with_what_was_changed_and_leaves_none(
    world: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = image(world)
    found = rehearse_way_back(world.at(), world.migration_id, "ana")
    assert found["passed"], found["evidence"]
    assert found["evidence"]["entries"]["menu"] == 2 and found["evidence"]["entries"]["order"] == 5
    assert {"order", "menu", "import files", "journal"} <= set(found["evidence"]["files"])
    assert image(world) == before and back_files.listed(world.workshop, world.migration_id) == []

    # Files with the prices of before, and a journal that lacks a check, do not pass.
    stale = import_files(world.connection, world.migration_id)
    monkeypatch.setattr(back_files, "import_files", lambda *_: stale)
    found = rehearse_way_back(world.at(), world.migration_id, "ana")
    assert not found["passed"] and "is not in the import files" in found["evidence"]["problems"][0]
    monkeypatch.undo()
    made = back_files.make_journal
    monkeypatch.setattr(
        back_files, "make_journal", lambda connection, days, accounts: made(connection, _none(days), accounts)
    )
    found = rehearse_way_back(world.at(), world.migration_id, "ana")
    assert not found["passed"] and "the journal has checks of 0" in found["evidence"]["problems"][0]
    last = last_rehearsal(world.connection, world.migration_id)
    assert last is not None and not last.passed


def _none(days: Any) -> Any:
    """Days without a location."""
    return type(days)(days.restaurant_id, 0, days.since, days.until, days.own)


def test_what_happened_in_auraconnect_is_in_files_that_say_what_is_done_with_them(
    world: LiveWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _takes_online(world)
    world.day(FIRST_DAY, 10, online=0.5)
    size, cents = world.one(
        "UPDATE aura.menu_item_variations SET price_cents = price_cents + 25 WHERE id = (SELECT min(id) FROM "
        "aura.menu_item_variations WHERE deleted_at IS NULL AND price_cents IS NOT NULL) RETURNING source_id, price_cents"
    )
    told = keep_way_back(world.at(), world.migration_id)
    assert told is not None and told["waiting"] == 0 and told["written"] == 0 and told["filed"] > 1

    files = {one["name"]: one for one in back_files.listed(world.workshop, world.migration_id)}
    assert {one["kind"] for one in files.values()} == {"entries", "import", "journal"} and all(
        f["how"] for f in files.values()
    )
    assert "Import library" in files["square-catalog.csv"]["how"]
    assert {row["Price"] for row in table(world, "square-catalog.csv") if row["Token"] == size} == {
        f"{cents / 100:.2f}"
    }

    # The journal has what AuraConnect took, balanced by day, and nothing of what the POS took.
    rows = table(world, "journal.csv")
    for column in ("debit", "credit"):
        assert sum(_cents(row[column]) for row in rows) > 0
    assert sum(_cents(row["debit"]) - _cents(row["credit"]) for row in rows) == 0
    checks = sum(
        _cents(row["debit"])
        for row in rows
        if row["description"].startswith("open checks") and "(checks)" in row["description"]
    )
    own, everything = world.one(
        "SELECT sum(final_amount_cents) FILTER (WHERE origin = 'aura_native'), sum(final_amount_cents) FROM aura.orders "
        "WHERE status = 'completed' AND NOT is_voided AND deleted_at IS NULL AND business_date = %s",
        FIRST_DAY,
    )
    assert checks == own < everything

    # Every order that was noted stands in a file of entries, once.
    orders = [row["AuraConnect id"] for name in files if name.startswith("order-") for row in table(world, name)]
    natives = [str(n) for (n,) in world.rows("SELECT id FROM aura.orders WHERE origin = 'aura_native' ORDER BY id")]
    assert sorted(orders, key=int) == natives

    monkeypatch.setenv("AURA_DATABASE_URL", str(world.workshop.settings.database_url))
    monkeypatch.setenv("AURA_DATA_DIR", str(world.workshop.settings.data_dir))
    said = CliRunner().invoke(cutover, ["files", str(world.migration_id), "--output", str(tmp_path / "out")])
    assert said.exit_code == 0 and "square-catalog.csv" in said.output, said.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(files)
    with pytest.raises(BadInput, match="no file"):
        back_files.read(world.workshop, world.migration_id, "../../vault")


def test_files_that_a_killed_process_did_not_make_are_made_by_the_next(
    world: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    _takes_online(world)
    world.day(FIRST_DAY, 4, online=1.0)

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(back_files, "renew", die)
    note_entries(world.connection, world.migration_id)
    with pytest.raises(Killed):
        settle(world.workshop, world.connection, world.migration_id)
    monkeypatch.undo()
    assert settle(world.workshop, world.connection, world.migration_id).counts["filed"] == 0, "it was filed before"
    kinds = [one["kind"] for one in back_files.listed(world.workshop, world.migration_id)]
    assert "entries" in kinds and "journal" in kinds

    # Also where an index of before is there;.
    world.day(FIRST_DAY + timedelta(days=1), 4, online=1.0)
    monkeypatch.setattr(back_files, "renew", die)
    note_entries(world.connection, world.migration_id)
    with pytest.raises(Killed):
        settle(world.workshop, world.connection, world.migration_id)
    monkeypatch.undo()
    settle(world.workshop, world.connection, world.migration_id)
    filed = {Path(str(e.file_name)).name for e in entries_of(world.connection, world.migration_id, ("filed",))}
    assert {f["name"] for f in back_files.listed(world.workshop, world.migration_id) if f["kind"] == "entries"} == filed


@pytest.mark.parametrize(("tender", "state"), [("House account", "paid"), ("AuraConnect", "open")])
def test_an_order_goes_back_paid_where_the_pos_has_a_tender_for_it_and_is_never_counted_twice(
    open_live: Callable[..., LiveWorld], tender: str, state: str
) -> None:
    world = open_live("clover")
    world.connect_as("read_write")
    inspect.preflight(world.at(), world.migration.integration_id, world.location_key)
    policy = WindowPolicy(reverse=ReversePolicy(tender=tender))
    set_policy(world.connection, world.migration_id, policy, "ana", "the tender of this merchant")
    _takes_online(world)
    world.day(FIRST_DAY, 8, online=0.5)
    for _ in range(2):
        told = keep_way_back(world.at(), world.migration_id)
        assert told is not None and (told["waiting"], told["failed"]) == (0, 0)
    entries = [
        e for e in entries_of(world.connection, world.migration_id) if e.kind == "order" and e.state == "written"
    ]
    assert entries and all(("no tender called" in entry.problem) is (state == "open") for entry in entries)
    assert {_at_clover(world, str(entry.pos_key)) for entry in entries} == {state}

    # Read again, the POS's copies are no second sales, paid or not; the day stays clean.
    world.wait_until(world.final_at(FIRST_DAY))
    world.follow(setup=True)
    assert world.one("SELECT count(*) FROM aura.orders WHERE source_id LIKE '%%' || %s", entries[0].pos_key) == 0
    judged = world.judge(FIRST_DAY)
    assert judged.verdict == "clean", (judged.reasons, judged.findings)
    assert stages.verify(world.at(), world.migration_id, "ana").passed


def _at_clover(world: LiveWorld, key: str) -> str:
    """Whether an order is paid at the POS: with one payment of all of it."""
    token = control(world.sandbox.base_url, "GET", "credentials")["variants"]["read_write"]["access_token"]
    place = world.migration.subject.location_source_id
    answer = httpx.get(
        f"{world.sandbox.base_url}/v3/merchants/{place}/orders/{key}",
        params={"expand": "payments"},
        headers={"authorization": f"Bearer {token}"},
    ).json()
    payments = (answer.get("payments") or {}).get("elements", [])
    assert sum(one["amount"] for one in payments) in (0, answer["total"]) and len(payments) < 2
    return "paid" if payments else "open"


def _takes_online(world: LiveWorld) -> None:
    """AuraConnect has the channel, as after a switch."""
    world.wait_until(world.restaurant.hours.opens(FIRST_DAY) - timedelta(hours=1))
    world.connection.execute(
        "INSERT INTO migration.switches (migration_id, channel, direction, state, step, asked_by, effective_at, ended_at, evidence) "
        "VALUES (%s, 'online', 'forward', 'done', 'done', 'ana', %s, clock_timestamp(), jsonb_build_object('xid', "
        "pg_snapshot_xmin(pg_current_snapshot())::text::bigint))",
        [world.migration_id, world.now],
    )
    world.own("online", "auraconnect", world.now)


def _cents(text: str) -> int:
    return round(float(text) * 100) if text else 0
