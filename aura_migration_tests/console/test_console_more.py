"""The pages besides the guided way, in a real browser: differences, sales, quarantine, look-up, training, evidence, administration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from aura_migration.api.access.roles import Role
from aura_migration_tests.support.browser import Browsing, Visit
from aura_migration_tests.support.console import RunningConsole
from aura_migration_tests.support.planted import DAYS, DIFFERS, plant
from aura_migration_tests.support.ports import free_port
from aura_migration_tests.support.readable import require_readable
from aura_migration_tests.support.worlds import Stages


@pytest.fixture
def planted(cafe_stages: Stages) -> Iterator[RunningConsole]:
    """The console of a verified café in whose rows all that can differ has been planted."""
    with cafe_stages.without_pos("verified") as world:
        with world.connect() as connection:
            plant(connection, cafe_stages.plan["migration_id"])
        with RunningConsole(world) as running:
            yield running


def test_what_differs_is_found_corrected_looked_up_and_trained(
    browsing: Browsing, planted: RunningConsole, cafe_stages: Stages
) -> None:
    migration = cafe_stages.plan["migration_id"]
    way, world = f"/migrations/{migration}", planted.world
    item = world.rows("SELECT source_key FROM migration.plan_rows WHERE entity = 'items' AND label = 'Cinnamon Roll'")[
        0
    ][0]

    def walk(opened: Browser) -> None:
        visit = _arrive(opened, planted, Role.ADMIN)
        _changes(visit, way)
        _losses_and_replay(visit, way)
        _sales(visit, way)
        _evidence(visit, way)
        _report(visit, way)
        _look_up(visit, item)
        _train(visit, way, planted, migration)
        _correct(visit, way)
        expect(_open(visit, "/").get_by_text("replan is asked for or under way")).to_be_visible()
        expect(visit.page.get_by_text("Nothing waits for anybody.")).to_be_visible()
        _administer(visit, f"/integrations/{cafe_stages.integration}")
        assert visit.hosts <= {"127.0.0.1", ""}, visit.hosts
        assert visit.faults == []
        visit.close()

    browsing(walk)
    assert world.rows(
        "SELECT source_key, correction, corrected_by FROM migration.quarantine WHERE correction IS NOT NULL"
    ) == [(item, {"price_cents": 425}, "a admin")]
    assert world.rows("SELECT kind FROM migration.requests WHERE state = 'pending'") == [("replan",)]
    done = world.rows(
        "SELECT action FROM migration.audit_trail WHERE door = 'console' AND outcome = 'done' AND action <> 'sign in' ORDER BY id"
    )
    assert [action for (action,) in done] == [
        "write report", "look-up", "look-up", "start training", "finish training", "correct quarantine", "set webhook key",
        "add notification target", "remove notification target",
    ]  # fmt: skip


def test_pages_that_have_nothing_to_show_to_somebody_say_how_it_comes_to_be(
    browsing: Browsing, console: RunningConsole, cafe_stages: Stages
) -> None:
    way = f"/migrations/{cafe_stages.plan['migration_id']}"
    said = {
        "replay": "No past order has been rung up again yet.",
        "sales": "No business day has been compared yet.",
        "quarantine": "Nothing is in quarantine.",
        "evidence": "Verifying measures them.",
        "training": "Nothing is loaded that staff could learn.",
    }

    def look(opened: Browser) -> None:
        visit = _arrive(opened, console, Role.VIEWER)
        for name in ("Look-up", "Notifications", "Audit trail"):
            expect(visit.page.get_by_role("link", name=name)).to_have_count(0)
        for name, text in said.items():
            page = visit.go(f"{way}/{name}")
            expect(page.get_by_text(text)).to_be_visible()
        expect(visit.go(f"{way}/changes?text=no+such+thing").get_by_text("No planned change fits.")).to_be_visible()
        expect(visit.go("/webhooks").get_by_text("Webhooks of no account take the role admin.")).to_be_visible()
        expect(visit.go("/audit").get_by_text("The audit trail takes the role admin.")).to_be_visible()
        expect(visit.go("/lookup").get_by_text("Looking up takes the role operator.")).to_be_visible()
        expect(visit.page.locator(".page button:visible")).to_have_count(0)
        assert visit.faults == []
        visit.close()

    browsing(look)


def _arrive(opened: Browser, console: RunningConsole, role: Role) -> Visit:
    visit = Visit(opened, console.base_url)
    visit.page.goto(f"{console.base_url}/console/sign-in")
    visit.page.get_by_label("Token from your AuraConnect administrator").fill(console.token(f"a {role}", role))
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Overview")
    return visit


def _open(visit: Visit, path: str) -> Page:
    page = visit.go(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    require_readable(visit, path)
    return page


def _changes(visit: Visit, way: str) -> None:
    page = _open(visit, f"{way}/changes")
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("link", name="To the beginning")).to_be_visible()
    page = visit.alive()
    search = page.get_by_role("textbox", name="Name or key of the POS")
    search.fill("earl")
    search.press("Enter")  # by the keyboard alone
    row = page.get_by_role("row", name="Earl Grey").first
    expect(row).to_contain_text("to decide")
    expect(row.locator("del")).to_have_text("1.23 USD")
    expect(row.locator("mark")).to_have_text("3.00 USD")
    row.locator("summary").press("Enter")
    expect(row.get_by_text("display order")).to_be_visible()
    assert "text=earl" in page.url


def _losses_and_replay(visit: Visit, way: str) -> None:
    page = _open(visit, f"{way}/losses")
    expect(page.get_by_role("row", name="tax_data.tax_type_id")).to_contain_text("stay in the snapshot")
    page = _open(visit, f"{way}/replay")
    expect(page.get_by_role("heading", name="Sales tax is not on Muffin")).to_be_visible()
    expect(page.get_by_text("Attach the tax.")).to_be_visible()
    assert page.get_by_role("link", name="1042 (2026-01-04)").get_attribute("href") == (
        "/console/lookup?number=1042&date=2026-01-04"
    )


def _sales(visit: Visit, way: str) -> None:
    page = _open(visit, f"{way}/sales")
    expect(page.get_by_text(f"1 of {DAYS} days differ without a cause, by 12.99 USD in all.")).to_be_visible()
    expect(page.get_by_role("row", name=DIFFERS.isoformat())).to_contain_text("-12.99 USD")
    expect(page.get_by_role("img", name="net, POS beside AuraConnect").locator("canvas")).to_be_visible()
    page.get_by_role("combobox", name="Figure").click()
    page.get_by_role("option", name="orders").click()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text(f"All {DAYS} days agree.")).to_be_visible()
    visit.alive()


def _evidence(visit: Visit, way: str) -> None:
    page = _open(visit, f"{way}/evidence")
    expect(page.get_by_role("row", name="prices agree to the cent")).to_contain_text("within the hour")
    expect(page.get_by_role("row", name="ITEM1")).to_contain_text("-0.50 USD")
    expect(page.get_by_text("16 of 16 certified complete").first).to_be_visible()
    page = visit.go(f"{way}/evidence?blocking=no")
    expect(page.get_by_role("row", name="ITEM0")).to_be_visible()
    expect(page.get_by_role("row", name="ITEM1")).to_have_count(0)


def _report(visit: Visit, way: str) -> None:
    page = _open(visit, f"{way}?step=result")
    visit.alive()
    page.get_by_role("button", name="Write the report").press("Enter")
    with page.expect_download() as found:
        page.get_by_role("button", name="The page (HTML)").press("Enter")
    assert Path(found.value.path()).read_text().startswith("<!doctype html>")
    with page.expect_download() as found:
        page.get_by_role("button", name="quarantine (CSV)").click()
    assert found.value.suggested_filename.endswith("-quarantine.csv")
    assert Path(found.value.path()).read_text().splitlines()[1:], "what is planted is in the file"
    require_readable(visit, f"{way}?step=result")


def _strangers_webhooks(visit: Visit) -> None:
    expect(_open(visit, "/webhooks").get_by_text("Nothing came that belongs to no account")).to_be_visible()
    body = {"merchant_id": "STRANGER", "type": "order.updated", "event_id": "e", "data": {"type": "order", "id": "O"}}
    refused = httpx.post(
        f"{visit.base_url}/pos/webhooks/square", json=body, headers={"x-square-hmacsha256-signature": "bm9uZQ=="}
    )
    assert refused.status_code == 401
    row = _open(visit, "/webhooks").get_by_role("row", name="STRANGER")
    expect(row).to_contain_text("rejected")
    expect(row).to_contain_text("nobody has connected this merchant")


def _look_up(visit: Visit, item: str) -> None:
    page = _open(visit, "/lookup")
    page.get_by_role("textbox", name="Check or receipt number").fill("77")
    page.get_by_role("textbox", name="Check or receipt number").press("Enter")
    expect(page.get_by_role("heading", name="Nothing was found")).to_be_visible()
    page.get_by_role("combobox", name="By").click()
    page.get_by_role("option", name="id of the POS").click()
    page.get_by_role("textbox", name="Id of the POS").fill(item)
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("heading", name="Item Cinnamon Roll")).to_be_visible()
    expect(page.get_by_text("price_cents: -5 is less than 0").first).to_be_visible()
    page.get_by_text("Show the record as it was stored").first.click()
    expect(page.locator("pre").first).to_contain_text(item)
    require_readable(visit, "/lookup with hits")
    assert item not in page.url, "what is looked for is not part of the address"


def _train(visit: Visit, way: str, console: RunningConsole, migration: int) -> None:
    page = _open(visit, f"{way}/training")
    expect(page.get_by_text("Turkey Club → Turkey Sandwich")).to_be_visible()
    page.get_by_role("textbox", name="Who").fill("M. K.")
    page.get_by_role("button", name="Start the time").click()
    expect(page.get_by_role("timer")).to_be_visible()
    require_readable(visit, "a timed run")
    page.get_by_role("button", name="Send the answers").click()
    expect(page.get_by_text("Answer every question first.")).to_be_visible()
    tasks = console.world.rows("SELECT tasks FROM migration.trainings WHERE migration_id = %s", migration)[0][0]
    for number, task in enumerate(tasks, 1):
        group = page.get_by_role("radiogroup", name=f"Answer {number}")
        group.get_by_role("radio", name=task["choices"][task["right"]], exact=True).press("Space")
    page.get_by_role("button", name="Send the answers").click()
    expect(page.get_by_text("Everything is right.")).to_be_visible()
    expect(page.get_by_text("Median: 0")).to_be_visible()
    expect(page.get_by_role("row", name="M. K.")).to_contain_text("yes")


def _correct(visit: Visit, way: str) -> None:
    page = _open(visit, f"{way}/quarantine")
    expect(page.get_by_text("2 records are not loaded until corrected")).to_be_visible()
    expect(page.get_by_text("Orders and money are not corrected here")).to_be_visible()
    price = page.get_by_role("textbox", name="price of").first
    expect(price).to_have_value("-5")
    price.fill("four")
    page.get_by_role("button", name="Send corrections and plan again").click()
    expect(page.get_by_text("A whole number is expected, such as 450.")).to_be_visible()
    price.fill("425")
    page.get_by_role("button", name="Send corrections and plan again").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Preview")


def _administer(visit: Visit, account: str) -> None:
    page = _open(visit, f"{account}/webhooks")
    page.get_by_label("Key", exact=True).fill("a signature key")
    page.get_by_role("button", name="Store the key").click()
    expect(page.get_by_role("button", name="Forget the key …")).to_be_visible()
    _strangers_webhooks(visit)
    page = _open(visit, "/notifications")
    page.get_by_role("textbox", name="Name").fill("operations")
    page.get_by_label("Address", exact=True).fill(f"json://127.0.0.1:{free_port()}/hook")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_text("json://***")).to_be_visible()
    visit.alive()
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator(".q-notification")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Forget it …").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget it").click()
    expect(page.get_by_text("Nobody is told anything yet.")).to_be_visible()
    page = _open(visit, "/audit?action=look-up")
    expect(page.get_by_role("row", name="look-up")).to_have_count(2)
    expect(page.get_by_role("row", name="look-up").first).to_contain_text("console")
