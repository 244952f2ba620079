"""Every page in a real browser: readable, operable by keyboard, asking nobody outside, showing what the person may do."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect
from psycopg.types.json import Jsonb

from aura_migration.api.access.roles import Role
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.browser import Browsing, Visit
from aura_migration_tests.support.consent import application
from aura_migration_tests.support.console import RunningConsole
from aura_migration_tests.support.readable import require_readable
from aura_migration_tests.support.worlds import Stages


def _arrive(opened: Browser, console: RunningConsole, role: Role) -> Visit:
    visit = Visit(opened, console.base_url)
    visit.page.goto(f"{console.base_url}/console/sign-in")
    visit.page.get_by_label("Token from your AuraConnect administrator").fill(console.token(f"a {role}", role))
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Overview")
    return visit


def test_every_page_is_readable_named_and_asks_nobody_outside(
    browsing: Browsing, console: RunningConsole, cafe_stages: Stages
) -> None:
    way = f"/migrations/{cafe_stages.plan['migration_id']}"
    steps = ("connect", "audit", "preview", "decide", "approve", "load", "result", "rollback")
    pages = ["/", "/connect", "/connect?pos=square", "/connect?pos=toast", f"/integrations/{cafe_stages.integration}"]
    pages += [f"{way}?step={step}" for step in steps]

    def look(opened: Browser) -> None:
        visit = _arrive(opened, console, Role.ADMIN)
        for path in pages:
            page = visit.go(path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            require_readable(visit, path)
        assert visit.hosts <= {"127.0.0.1", ""}, visit.hosts
        assert visit.faults == []
        visit.close()

    browsing(look)


def test_people_see_the_buttons_of_their_role_and_get_along_with_the_keyboard_alone(
    browsing: Browsing, console: RunningConsole, cafe_stages: Stages
) -> None:
    way = f"/migrations/{cafe_stages.plan['migration_id']}"

    def look(opened: Browser) -> None:
        viewer = _arrive(opened, console, Role.VIEWER)
        expect(viewer.page.get_by_role("link", name="Connect a POS")).to_have_count(0)
        for path in (f"/integrations/{cafe_stages.integration}", way, f"{way}?step=preview", f"{way}?step=load"):
            page = viewer.go(path)
            expect(page.locator(".page button:visible")).to_have_count(0)
        expect(page.get_by_role("heading", name="The load")).to_be_visible()
        viewer.close()

        operator = _arrive(opened, console, Role.OPERATOR)
        page = operator.go(way)
        expect(page.get_by_text("Signing takes the role approver.")).to_be_visible()
        expect(page.get_by_role("button", name="Sign this plan")).to_have_count(0)
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        expect(focused).to_have_text("Skip to the content")
        assert focused.bounding_box()["x"] >= 0, "the skip link shows itself when it is reached"  # type: ignore[index]
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        nowhere = operator.go("/migrations/999999")
        expect(nowhere.get_by_role("heading", level=1)).to_have_text("There is no such page")
        expect(nowhere.get_by_role("alert")).to_contain_text("Migration 999999 does not exist.")
        page = operator.go(way)
        page.get_by_role("link", name="3. Preview").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="The plan")).to_be_visible()
        operator.alive()
        page.get_by_role("spinbutton", name="Months of orders and money").fill("6")
        page.get_by_role("button", name="All options as JSON").press("Enter")
        document = page.get_by_role("textbox", name="Options as JSON")
        expect(document).to_have_value('{\n  "history": {\n    "months": 6\n  }\n}')
        document.fill('{"history": {"monts": 6}}')
        page.keyboard.press("Tab")
        button = page.locator(":focus")
        tag, ring = button.evaluate("e => [e.tagName, getComputedStyle(e).boxShadow]")
        assert tag == "BUTTON" and "rgb(179, 92, 0)" in ring, "one sees where one is"
        page.get_by_role("button", name="Preview again").press("Enter")
        expect(page.get_by_text("history.monts")).to_be_visible()
        assert operator.faults == []
        page.get_by_role("button", name="Sign out").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        operator.close()

    browsing(look)
    assert console.world.rows("SELECT count(*) FROM migration.requests WHERE state = 'pending'") == [(0,)]


def test_rules_concluded_from_orders_are_not_confirmed_by_whoever_does_not_say_so(
    browsing: Browsing, console: RunningConsole, cafe_stages: Stages
) -> None:
    way, world = f"/migrations/{cafe_stages.plan['migration_id']}", console.world
    shown = {"orders": 28, "cents": 1907, "from": "2026-01-02", "to": "2026-02-26", "examples": ["101", "128"]}
    (row,) = world.rows(
        "SELECT plan_id, seq, content, source_image FROM migration.plan_rows WHERE entity = ANY(%s) AND action = 'create' "
        "ORDER BY plan_id DESC, seq LIMIT 1",
        [entity.name for entity in RULE_ENTITIES],
    )
    concluded = Jsonb({**row[2], "is_inferred": True, "evidence": shown})
    change = (
        "UPDATE migration.plan_rows SET content = %s, source_image = %s WHERE plan_id = %s AND seq = %s RETURNING seq"
    )
    world.rows(change, concluded, concluded, *row[:2])

    def look(opened: Browser) -> None:
        visit = _arrive(opened, console, Role.APPROVER)
        page = visit.go(f"{way}?step=approve")
        told = "28 orders; from 2026-01-02 to 2026-02-26; cents: 1,907; such as 101, 128"
        expect(page.get_by_role("cell", name=told)).to_be_visible()
        expect(page.get_by_role("checkbox", name="rules concluded from orders")).not_to_be_checked()
        page.get_by_role("button", name="Sign this plan").press("Enter")
        expect(page.get_by_text("The rules concluded from orders are not confirmed.")).to_be_visible()
        visit.close()

    browsing(look)
    assert world.rows("SELECT 1 FROM migration.approvals") == []
    world.rows(change, Jsonb(row[2]), Jsonb(row[3]) if row[3] else None, *row[:2])


@pytest.mark.parametrize(("name", "agree"), [("square", "Allow"), ("clover", "Connect")])
def test_the_owner_of_an_account_agrees_on_the_pos_s_own_page_and_comes_back(
    browsing: Browsing, console: RunningConsole, open_pos: Callable[..., RunningSandbox], name: str, agree: str
) -> None:
    pos = open_pos(name, "cafe")
    known = application(pos)
    begun = "SELECT count(*) FROM migration.audit_trail WHERE (door, actor, outcome, action) = ('console', 'a admin', 'done', 'begin sign-in')"
    before = console.world.rows(begun)[0][0]

    def look(opened: Browser) -> None:
        visit = _arrive(opened, console, Role.ADMIN)
        page = visit.go(f"/connect?pos={name}")
        expect(page.get_by_text("Nothing is written to the POS")).to_be_visible()
        page.get_by_role("button", name=f"Go on to {name.capitalize()}").click()
        expect(page.get_by_text("This is needed.").first).to_be_visible()
        page.get_by_label("Restaurant", exact=True).fill("Harbor")
        page.get_by_label("Application ID").fill(known["client_id"])
        page.get_by_label("Application secret").fill(known["client_secret"])
        page.get_by_label("Address of the POS", exact=True).fill(pos.base_url)
        page.get_by_role("button", name=f"Go on to {name.capitalize()}").click()
        # The page that is left has a button "Connect", too: it must not be pressed in place of the POS's.
        expect(page).to_have_url(re.compile(re.escape(pos.base_url)))
        page.get_by_role("button", name=agree, exact=True).click()
        expect(page.get_by_text("The account is connected.")).to_be_visible()
        page.get_by_role("link", name="Look at its locations").click()
        expect(page.get_by_role("heading", level=2).first).to_have_text("Account")
        visit.close()

    browsing(look)
    assert console.world.rows(begun) == [(before + 1,)]


def test_credentials_that_the_pos_refuses_are_told_and_the_right_ones_connect_the_account(
    browsing: Browsing, console: RunningConsole, open_pos: Callable[..., RunningSandbox]
) -> None:
    pos = open_pos("toast", "cafe")
    known = pos.pos_app.credentials()["variants"]["standard"]

    def look(opened: Browser) -> None:
        visit = _arrive(opened, console, Role.ADMIN)
        page = visit.go("/connect?pos=toast")
        connect = page.get_by_role("button", name="Connect", exact=True)
        connect.click()
        expect(page.get_by_text("This is needed.")).to_have_count(4)
        page.get_by_label("Restaurant (credentials)").fill("Lark")
        page.get_by_label("Client ID").fill(known["client_id"])
        page.get_by_label("Client secret").fill("not the secret")
        page.get_by_label("Restaurant GUIDs").fill(known["restaurant_guids"][0])
        page.get_by_label("Address (credentials)").fill(pos.base_url)
        connect.click()
        expect(page.locator(".q-notification").first).to_contain_text("the client secret is wrong")
        close = page.locator(".q-notification button")
        assert close.evaluate("e => getComputedStyle(e).color") == "rgb(255, 255, 255)", "read on red"
        assert "not the secret" not in page.locator("body").inner_text()
        page.get_by_label("Client secret").fill(known["client_secret"])
        connect.click()
        page.wait_for_url("**/console/integrations/*")
        expect(page.get_by_role("heading", level=2).first).to_have_text("Account")
        visit.close()

    browsing(look)
    assert console.world.rows("SELECT status FROM migration.integrations WHERE pos = 'toast'") == [("connected",)]
