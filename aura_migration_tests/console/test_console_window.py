"""Parallel run and cutover in a real browser: the days, one day's causes, the sheet, gates that are waived and signed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from aura_migration.api.access.roles import Role
from aura_migration.migration.window.works import carry_out_work
from aura_migration_tests.support.browser import Browsing, Visit
from aura_migration_tests.support.console import RunningConsole
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.live import FIRST_DAY, LiveWorld, open_live
from aura_migration_tests.support.readable import require_readable

__all__ = ["open_live"]


def test_days_gates_and_signatures_are_seen_and_given(
    browsing: Browsing, open_live: Callable[..., LiveWorld], tmp_path: Path
) -> None:
    live = open_live("square")
    live.open_doors()
    live.days(FIRST_DAY, 2, 5, inject={FIRST_DAY: ["tax_rule"]}, follow_every=2)
    for kind in ("follow", "reconcile"):
        carry_out_work(live.at(), kind, live.migration_id, "test", {})
    settings = live.workshop.settings
    world = World(
        {
            "AURA_DATABASE_URL": live.workshop.url,
            "AURA_DATA_DIR": str(settings.data_dir),
            "AURA_NOW": live.now.isoformat(),
        },
        tmp_path,
    )
    way = f"/migrations/{live.migration_id}"

    def walk(opened: Browser) -> None:
        visit = _arrive(opened, running, Role.APPROVER)
        page = _open(visit, f"{way}/parallel")
        expect(page.get_by_text("1 of 2 judged dates are clean, 1 differ.")).to_be_visible()
        expect(page.get_by_role("heading", name="Consolidated daily sheet")).to_be_visible()
        with page.expect_download() as downloaded:
            page.get_by_role("button", name="Download as CSV").click()
        assert "2026-10-02" in downloaded.value.path().read_text()
        page.get_by_role("link", name=FIRST_DAY.isoformat()).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Business date {FIRST_DAY}")
        expect(page.get_by_text("tax rule").first).to_be_visible()
        page = _open(visit, f"{way}/cutover?channel=online")
        expect(page.get_by_text("gates do not hold.").first).to_be_visible()
        page.get_by_role("button", name="Sign for the switch").click()
        expect(page.get_by_text("online cannot be signed for: gate")).to_be_visible()
        page.get_by_label("Why").fill("a small café")
        page.get_by_label("Amount at stake, in minor units").fill("100")
        page.get_by_role("button", name="Waive", exact=True).click()
        expect(page.get_by_text("waived", exact=True).first).to_be_visible()
        assert visit.hosts <= {"127.0.0.1", ""}, visit.hosts
        assert visit.faults == []
        visit.close()

    with RunningConsole(world) as running:
        browsing(walk)
    assert live.rows("SELECT approved_by, reason FROM migration.waivers") == [("a approver", "a small café")]


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
