"""The whole way of a café, walked by two people in browsers of their own while a worker carries out what they ask for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from aura_migration.api.access.roles import Role
from aura_migration_tests.support.browser import Browsing, Visit
from aura_migration_tests.support.console import PATIENCE, RunningConsole, Worker
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.worlds import Started


def test_two_people_walk_the_whole_way_and_live_progress_survives_lost_lines_and_a_killed_server(
    browsing: Browsing, planned: Started, tmp_path: Path
) -> None:
    world, way = planned.world, f"/migrations/{planned.migration}"
    (name,) = world.rows("SELECT label FROM migration.plan_rows WHERE entity = 'items' ORDER BY label LIMIT 1")[0]
    world.rows(
        "INSERT INTO aura.menu_items (restaurant_id, name, price_cents) SELECT id, %s, 123 FROM aura.restaurants RETURNING id",
        name,
    )
    with RunningConsole(world) as console, Worker(world) as worker:

        def walk(opened: Browser) -> None:
            ann, bob = (Visit(opened, console.base_url) for _ in range(2))
            for visit, name in ((ann, "ann"), (bob, "bob")):
                _sign_in(visit, console.token(name, Role.APPROVER))
            _preview_again(ann, way)
            _decide(bob, way)
            _sign_by_two(ann, bob, way)
            _load_under_adversity(ann, bob, console, world, way)
            _look_at_the_result(ann, way, tmp_path)
            _roll_back(ann, way)
            for visit in (ann, bob):
                assert visit.hosts <= {"127.0.0.1", ""}, visit.hosts
                visit.close()

        browsing(walk)
        assert worker.failures == []
    trail = world.rows(
        "SELECT actor, action FROM migration.audit_trail WHERE door = 'console' AND outcome = 'done' AND action IN "
        "('preview', 'decide conflicts', 'approve', 'run', 'rollback') ORDER BY id"
    )
    assert trail == [
        ("ann", "preview"), ("bob", "decide conflicts"), ("ann", "approve"), ("bob", "approve"), ("bob", "run"),
        ("ann", "rollback"), ("ann", "rollback"),
    ]  # fmt: skip
    assert world.menu() == {"menu_items": 1}, "what was loaded has been taken back, what was there before has not"


def _sign_in(visit: Visit, token: str) -> None:
    visit.page.goto(f"{visit.base_url}/console/")
    visit.page.get_by_label("Token from your AuraConnect administrator").fill(token)
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Overview")


def _preview_again(ann: Visit, way: str) -> None:
    page = ann.go(f"{way}?step=preview")
    expect(_chip(page)).to_have_text("waits for approval")
    expect(page.get_by_role("cell", name="items", exact=True)).to_be_visible()
    first = page.locator(".mono").first.inner_text()
    page.get_by_role("spinbutton", name="Months of orders and money").fill("0")
    page.get_by_role("spinbutton", name="Past orders to ring up again").fill("0")
    page.get_by_role("combobox", name="Signatures").click()
    page.get_by_role("option", name="two people").click()
    page.get_by_role("button", name="Preview again").click()
    expect(page.locator(".mono").first).not_to_have_text(first)


def _decide(bob: Visit, way: str) -> None:
    page = bob.go(way)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Decide")
    expect(page.get_by_role("row", name="price cents")).to_contain_text("123")
    page.get_by_role("combobox", name="What to do with all items").click()
    page.get_by_role("option", name="merge: fill in what AuraConnect lacks").click()
    page.get_by_role("button", name="Decide all 1").click()
    expect(page.get_by_text("Nothing has to be decided.")).to_be_visible()


def _sign_by_two(ann: Visit, bob: Visit, way: str) -> None:
    page = ann.go(way)
    page.get_by_label("Reason").fill("looked at it with the owner")
    page.get_by_role("button", name="Sign this plan").press("Enter")
    expect(page.get_by_text("1 still missing")).to_be_visible()
    expect(page.get_by_text("somebody else has to sign it")).to_be_visible()
    page = bob.go(way)
    expect(page.get_by_role("cell", name="looked at it with the owner")).to_be_visible()
    page.get_by_role("button", name="Sign this plan").click()
    expect(page.get_by_role("button", name="Start the load")).to_be_visible()


def _load_under_adversity(ann: Visit, bob: Visit, console: RunningConsole, world: World, way: str) -> None:
    watching = ann.go(f"{way}?step=load")
    page = bob.alive()
    with _held_up(world, "customers") as is_held:
        page.get_by_role("button", name="Start the load").click()
        is_held()
        expect(_chip(watching)).to_have_text("loading")
        held_at = _newest(world)
        _shows(watching, held_at)
        _shows(page, held_at)
        watching.evaluate("window.socket.io.engine.close()")  # her line is lost; the page stays
        watching.wait_for_function("() => window.socket.connected")
        _shows(watching, held_at)
        console.kill()
        console.start()  # both pages come back by themselves, to another process
        _shows(watching, held_at)
        _shows(page, held_at)
        expect(_chip(page)).to_have_text("loading")
    expect(_chip(watching)).to_have_text("verified")
    expect(_chip(page)).to_have_text("verified")
    _shows(watching, _newest(world))
    expect(watching.get_by_text("The load has finished.")).to_be_visible()


def _look_at_the_result(ann: Visit, way: str, folder: Path) -> None:
    page = ann.go(way)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Result")
    expect(page.get_by_role("row", name="prices agree to the cent")).to_contain_text("passed")
    expect(page.get_by_text("menu items migrated pct")).to_be_visible()
    links = page.locator("a[href*=':3000']")
    assert {link.get_attribute("rel") for link in links.all()} == {"noopener noreferrer"}
    page.screenshot(path=folder / "result.png", full_page=True)


def _roll_back(ann: Visit, way: str) -> None:
    page = ann.go(f"{way}?step=rollback")
    page.get_by_role("button", name="Show what would be taken back").click()
    expect(page.get_by_role("row", name="menu items", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Roll back …").click()
    expect(page.get_by_text("A rollback carries a reason.")).to_be_visible()
    page.get_by_label("Reason").fill("a rehearsal")
    page.get_by_role("button", name="Roll back …").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(_chip(page)).to_have_text("rolled back")
    expect(page.get_by_text("What was loaded has been taken back.")).to_be_visible()


def _chip(page: Page) -> Locator:
    return page.locator(".live .title .chip")


def _shows(page: Page, number: int) -> None:
    expect(page.locator(f".live [data-number='{number}']")).to_be_attached()


def _newest(world: World) -> int:
    return int(world.rows("SELECT max(number) FROM migration.progress")[0][0])


@contextmanager
def _held_up(world: World, table: str) -> Iterator[Callable[[], None]]:
    """The load is held up in the middle: where it writes to a table that somebody else has locked."""
    with world.connect() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE aura.{table} IN SHARE ROW EXCLUSIVE MODE")  # type: ignore[arg-type]

        def wait() -> None:
            deadline = time.monotonic() + PATIENCE
            while not world.rows(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass", f"aura.{table}"
            ):
                assert time.monotonic() < deadline, "the load does not come to the table"
                time.sleep(0.05)

        yield wait
