"""Days of a window: judged when due, made up for when a run was missed, told every morning, and none is ever missing."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from aura_migration.canonical.window import WindowPolicy
from aura_migration.core.errors import BadInput, Refused
from aura_migration.migration import stages
from aura_migration.migration.window import days as window_days
from aura_migration.migration.window.checkin import check_in_facts, get_check_in, make_check_in
from aura_migration.migration.window.days import Bench, days_due, reconcile_due, standing_check
from aura_migration.migration.window.measures import METRICS, window_drift, window_metrics
from aura_migration.migration.window.opening import get_window
from aura_migration.migration.window.papers import Bar, Bars, Facts, Lines, Paper, Table, page, pdf
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.order_facts import DayRule
from aura_migration.reconcile.schedule import closes_at, due_at, final_at
from aura_migration.reconcile.sheet import Figures, daily_sheet
from aura_migration.settings import load_settings
from aura_migration_tests.support.live import FIRST_DAY, LiveWorld, open_live
from aura_migration_tests.support.sales import Line
from aura_migration_tests.support.windows import Planted, plant_window

__all__ = ["open_live"]

RULE = DayRule("America/New_York", timedelta(hours=4))
POLICY = WindowPolicy()
FIRST = date(2026, 3, 6)  # the clocks go forward on the 8th
CAUSES = [
    {"cause": "rounding", "orders": 3, "cents": -3, "is_explained": True, "rule_id": None},
    {"cause": "price_changed", "orders": 1, "cents": 250, "is_explained": False, "rule_id": None},
]
FIGURES = {
    "orders": {"pos": 41, "aura": 41, "difference": 0},
    "net": {"pos": 100_000, "aura": 100_247, "difference": 247},
}


class FakeJudge:
    """Says of each day what it is told to, and writes it down as the real one does."""

    def __init__(self, **verdicts: str) -> None:
        self.verdicts = verdicts
        self.judged: list[str] = []
        self.broken: set[str] = set()

    def __call__(self, connection: psycopg.Connection[Any], bench: Bench, day: date, now: datetime) -> Any:
        if str(day) in self.broken:
            raise Refused(f"{day} cannot be judged.", "Mend it.")
        self.judged.append(str(day))
        read, due = bench.reading.until, due_at(RULE, day, POLICY)
        known = read is not None and read >= due
        verdict = self.verdicts.get(f"d{day.day}", "clean") if known else "pending"
        ends = final_at(RULE, day, POLICY)
        figures = {"gross_cents": 100_000, "causes": Jsonb([]), "figures": Jsonb({}), "unexplained_pct": 0}
        if verdict == "different":
            figures |= {
                "unexplained_cents": 250,
                "unexplained_pct": 0.25,
                "causes": Jsonb(CAUSES),
                "figures": Jsonb(FIGURES),
            }
        store(
            connection,
            bench.subject.migration_id,
            day,
            verdict,
            is_final=known and now >= ends,
            judged_at=now,
            read_until=read,
            **figures,
        )
        return SimpleNamespace(business_date=day, verdict=verdict)


def store(connection: psycopg.Connection[Any], migration: int, day: date, verdict: str, **values: Any) -> None:
    """A stored day."""
    values = {
        "closes_at": closes_at(RULE, day),
        "final_at": final_at(RULE, day, POLICY),
        "judged_at": due_at(RULE, day, POLICY),
        "orders_pos": 41,
        "orders_aura": 41,
        **values,
    }
    names = ", ".join(values)
    places = ", ".join(["%s"] * (len(values) + 3))
    updates = ", ".join(f"{name} = excluded.{name}" for name in ("verdict", *values))
    connection.execute(
        f"INSERT INTO migration.parallel_days (migration_id, business_date, verdict, {names}) VALUES ({places}) "
        f"ON CONFLICT (migration_id, business_date) DO UPDATE SET {updates}, attempts = parallel_days.attempts + 1",
        [migration, day, verdict, *values.values()],
    )


@pytest.fixture
def planted(connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> Planted:
    """A window whose days nobody has judged yet."""
    made = plant_window(connection)
    made.run("DELETE FROM migration.parallel_days")
    made.run("DELETE FROM migration.follows")
    made.run("UPDATE migration.windows SET first_day = %s, planned_days = 30", FIRST)
    made.run(
        "UPDATE migration.locations SET facts = %s",
        Jsonb(
            {
                "timezone": "America/New_York",
                "currency": "USD",
                "closeout": "04:00",
                "is_active": True,
                "group_id": "",
                "address": {},
            }
        ),
    )
    # What was read of the POS is the real judge's business.
    monkeypatch.setattr(window_days, "pinned", lambda *_: [])
    monkeypatch.setattr(window_days, "SnapshotReader", lambda *_, **__: None)
    return made


@pytest.fixture
def workshop(database: str, tmp_path: Path) -> Workshop:
    settings = load_settings({"AURA_DATABASE_URL": database, "AURA_DATA_DIR": str(tmp_path)})
    return Workshop(settings, database)


def at(day: int, hours: float = 0) -> datetime:
    """So long after the instant at which a day of March may be judged."""
    return due_at(RULE, date(2026, 3, day), POLICY) + timedelta(hours=hours)


def days_of(planted: Planted) -> dict[str, tuple[str, bool]]:
    rows = planted.run("SELECT business_date, verdict, is_final FROM migration.parallel_days ORDER BY 1").fetchall()
    return {str(day): (verdict, is_final) for day, verdict, is_final in rows}


def test_a_day_is_judged_when_it_is_due_and_again_until_it_is_final(planted: Planted, workshop: Workshop) -> None:
    judge, number = FakeJudge(), planted.migration
    planted.followed("all", "waiting", at(6))

    assert reconcile_due(workshop, number, at(6, -0.1), "t", judge=judge) == []
    assert [one.verdict for one in reconcile_due(workshop, number, at(6), "t", judge=judge)] == ["clean"]
    # Nothing ran on the 8th and 9th, and the POS is not read any more: nothing is lost, nothing is clean.
    assert [str(one.business_date) for one in reconcile_due(workshop, number, at(9), "t", judge=judge)] == [
        f"2026-03-0{day}" for day in (6, 7, 8, 9)
    ]
    assert [one[0] for one in days_of(planted).values()] == ["clean", "pending", "pending", "pending"]
    planted.followed("orders", "applied", at(9, 1))
    reconcile_due(workshop, number, at(9, 1), "t", judge=judge)
    assert list(days_of(planted).values()) == [("clean", True), ("clean", False), ("clean", False), ("clean", False)]
    judge.judged.clear()
    reconcile_due(workshop, number, at(10, 1), "t", judge=judge)
    assert judge.judged == ["2026-03-07", "2026-03-08", "2026-03-09", "2026-03-10"], "what is final stays"
    assert standing_check(workshop, number, at(10, 1)) == {}
    papers = planted.run("SELECT business_date FROM migration.check_ins WHERE kind = 'daily' ORDER BY 1").fetchall()
    assert {str(day) for (day,) in papers} == set(days_of(planted))
    page_of_today = get_check_in(planted.connection, number, kind="go_no_go")
    assert (str(page_of_today.business_date), page_of_today.facts["channel"]) == ("2026-03-11", "online")


def test_the_schedule_asks_only_for_days_that_have_news(planted: Planted, workshop: Workshop) -> None:
    number, connection = planted.migration, planted.connection
    window = get_window(connection, number)

    def news(now: datetime) -> list[int]:
        return [day.day for day in days_due(workshop, connection, window, now)]

    assert news(at(6, -0.1)) == []
    assert news(at(6)) == [6], "judged once though the POS was not read: pending, not missing"
    store(connection, number, FIRST, "pending", judged_at=at(6), read_until=None)
    assert news(at(6, 0.5)) == []
    planted.followed("menu", at=at(6, 0.6))
    assert news(at(6, 0.7)) == [], "the menu alone says nothing of orders"
    planted.followed("orders", "failed", at(6, 0.7))
    planted.followed("orders", at=at(6, -2))
    assert news(at(6, 2)) == [6], "read, though not past its close-out"
    store(connection, number, FIRST, "pending", judged_at=at(6, 2), read_until=at(6, -2))
    planted.followed("orders", at=at(6, 2.1))
    assert news(at(6, 2.1)) == [6], "now everything of it is known: at once"
    store(connection, number, FIRST, "clean", judged_at=at(6, 2.1), read_until=at(6, 2.1))
    planted.followed("orders", at=at(6, 2.4))
    assert news(at(6, 2.4)) == []
    assert news(at(6, 3.2)) == [6], "it may still settle: every hour"
    store(connection, number, FIRST, "clean", judged_at=at(6, 3.2), read_until=at(6, 2.4))
    assert news(at(9, -0.1)) == [7, 8]
    assert news(at(9)) == [6, 7, 8, 9], "the 6th can be final"
    store(connection, number, FIRST, "clean", judged_at=at(9), is_final=True)
    assert news(at(9)) == [7, 8, 9]


def test_a_day_that_cannot_be_judged_keeps_no_other_from_it_and_is_found_missing(
    planted: Planted, workshop: Workshop
) -> None:
    judge, number = FakeJudge(), planted.migration
    judge.broken.add("2026-03-07")
    planted.followed("all", at=at(8))

    with pytest.raises(Refused, match="2026-03-07 cannot be judged"):
        reconcile_due(workshop, number, at(8), "t", judge=judge)
    assert list(days_of(planted)) == ["2026-03-06", "2026-03-08"]
    assert standing_check(workshop, number, at(8)) == {date(2026, 3, 7): "was never judged"}
    facts = get_check_in(planted.connection, number).facts
    assert facts["business_date"] == "2026-03-08"
    assert any("Never judged: 2026-03-07" in one for one in facts["to_do"])
    assert facts["in_a_row"]["clean"] == 1, "a day nobody judged ends the row"

    judge.broken.clear()
    assert len(reconcile_due(workshop, number, at(8, 1), "t", judge=judge)) == 3
    assert standing_check(workshop, number, at(8, 1)) == {}
    late = final_at(RULE, date(2026, 3, 8), POLICY) + timedelta(hours=2)
    found = standing_check(workshop, number, late)
    assert found[date(2026, 3, 8)] == "is not final though its grace time is over"
    assert found[date(2026, 3, 10)] == "was never judged"


def test_somebody_who_works_on_the_location_is_waited_for_and_not_judged_half_way(
    planted: Planted, workshop: Workshop
) -> None:
    with (
        stages.locked(workshop, planted.till.subject.location_key),
        pytest.raises(Refused, match="Somebody else is working"),
    ):
        reconcile_due(workshop, planted.migration, at(6), "t", judge=FakeJudge(), patience=0)
    assert days_of(planted) == {}


def test_the_check_in_tells_the_day_the_window_and_whom_to_call(planted: Planted, workshop: Workshop) -> None:
    number, connection = planted.migration, planted.connection
    planted.run("UPDATE migration.integrations SET merchant_name = 'Café <b>Łódź</b>'")
    planted.run(
        "UPDATE migration.windows SET contact = %s",
        Jsonb({"name": "Mira Voss", "phone": "+1 555 0100", "second": {"name": "Jo Lind", "email": "jo@example.com"}}),
    )
    till = planted.till
    order = till.check("2026-03-07", [Line(4000)], opened_at="2026-03-07 18:00Z", channel="online")
    till.pay("2026-03-07", order, 4000, "cash", tip=100)
    till.flush()
    planted.followed("all", at=at(7))
    judge = FakeJudge(d7="different")
    reconcile_due(workshop, number, at(7), "ana", judge=judge)
    for cents, status in ((250, "unexplained"), (-3, "explained")):
        planted.run(
            "INSERT INTO migration.parallel_findings (migration_id, business_date, order_key, cause, part, status, cents) "
            "VALUES (%s, '2026-03-07', %s, 'price_changed', 'net', %s, %s)",
            *(number, f"O{cents}", status, cents),
        )
    planted.run(
        "INSERT INTO migration.drift (migration_id, entity, source_key, action, state, seen_at) VALUES (%s, 'items', 'I1', 'update', 'waiting', %s)",
        *(number, at(6)),
    )
    planted.run("INSERT INTO migration.future_orders (migration_id, order_id) VALUES (%s, 77)", number)
    planted.run(
        "INSERT INTO migration.coverage (migration_id, dimension, name, expected, seen, measured_at) VALUES (%s, 'tender', 'Diners', 12, 1, %s)",
        *(number, at(7)),
    )
    first = get_check_in(connection, number, date(2026, 3, 7))
    made = make_check_in(connection, number, date(2026, 3, 7), at(7, 2), "ana")

    facts = made.facts
    assert facts["day"]["causes"] == CAUSES and facts["day"]["figures"] == FIGURES
    assert [one["order_key"] for one in facts["findings"]] == ["O250"], "what is explained is not looked at"
    assert facts["sheet"]["total"]["gross_cents"] == 4000
    assert [one["state"] for one in facts["days"]][:4] == ["due", "due", "pending", "future"] and len(
        facts["days"]
    ) == 30
    assert facts["coverage"]["lacking"][0]["name"] == "Diners"
    assert {one["name"] for one in facts["gates"]} >= {"clean_days", "freshness", "liability_conserved", "two_people"}
    assert facts["waits"]["menu_changes"] == 1 and facts["waits"]["future_orders"] == 1
    assert facts["first_made_at"] == first.facts["made_at"] < facts["made_at"]
    text = " ".join(facts["to_do"])
    for said in ("makes the day different", "1 changes of the setup", "1 scheduled orders", "tender Diners"):
        assert said in text

    html = made.html.decode()
    for said in (
        "Different: something is unexplained. 2.50 USD unexplained (0.25 %)",
        "Mira Voss, +1 555 0100",
        "Jo Lind",
        "price changed",
        "tender</td><td>Diners",
        "40.00",
        "collected Cash",
        "Day 2 of 30",
        "2026-03-08 04:00 EDT",
        "<svg",
    ):
        assert said in html, said
    assert "Café &lt;b&gt;Łódź" in html and "<b>" not in html
    assert not re.search(r"<script|<link|src=|https?://|@import|url\(", html), "it asks nobody for anything"
    assert made.sha256 == hashlib.sha256(made.html).hexdigest()
    assert made.pdf is not None and made.pdf.startswith(b"%PDF") and b"DejaVu" in made.pdf
    assert get_check_in(connection, number).sha256 == made.sha256
    with pytest.raises(BadInput, match="was not judged"):
        check_in_facts(connection, number, date(2026, 3, 9), at(9))
    with pytest.raises(BadInput, match="has no go_no_go paper of 2026-03-01"):
        get_check_in(connection, number, date(2026, 3, 1), kind="go_no_go")


def test_a_paper_is_the_same_on_the_page_and_in_pdf() -> None:
    wide = Table(
        "Rows",
        ("name", "amount"),
        [["x" * 150, "1.00"], *[[f"row {n}", f"{n}.00"] for n in range(120)]],
        tones=["bad"] * 121,
        numbers=frozenset({1}),
    )
    paper = Paper(
        "A title – with a dash", "who & when", "No.", "bad",
        [Facts("Facts", [("name", "a <value>")]), Lines("To do", ["first “this”"]), wide, Table("Nothing", ("a", "b"), []),
         Bars("Bars", [Bar(f"03-{n:02}", n / 10 if n % 3 else None, "good", "clean") for n in range(1, 31)], " %", 0.1)],
        "the end",
    )  # fmt: skip
    html = page(paper).decode()
    drawn = pdf(paper, datetime(2026, 3, 7, 9, tzinfo=UTC))
    text = b"".join(zlib.decompress(one) for one in re.findall(rb"stream\n(.*?)\nendstream", drawn, re.S)).decode(
        "latin-1"
    )

    assert drawn == pdf(paper, datetime(2026, 3, 7, 9, tzinfo=UTC))
    for said in ("row 0", "row 119", "119.00", "the end", "None."):
        assert said in html and f"({said}" in text, said
    assert '(- first "this")' in text and "first “this”" in html
    assert "(a <value>)" in text and "a &lt;value&gt;" in html
    assert [n for n in range(9) if f"A title - with a dash, page {n} of" in text] == [1, 2, 3, 4]
    assert text.count("(amount)") == 3, "the headings stand on every page that the rows are on"
    assert html.count("<rect") == 30 + 20 and "stroke-dasharray" in html


def test_the_scorecard_says_what_the_window_came_to_and_null_where_nothing_was_measured(
    planted: Planted, workshop: Workshop
) -> None:
    number, connection = planted.migration, planted.connection
    planted.run("DELETE FROM migration.coverage")
    planted.run("DELETE FROM migration.rehearsals")
    planted.run("DELETE FROM migration.gates")
    assert window_metrics(connection, number) == dict.fromkeys(METRICS)

    planted.followed("all", at=at(8, 1))
    reconcile_due(workshop, number, at(8, 1), "t", judge=FakeJudge(d7="different"))
    planted.run("DELETE FROM migration.coverage")
    planted.run(
        "INSERT INTO migration.coverage (migration_id, dimension, name, expected, seen, measured_at) VALUES "
        "(%(m)s, 'tender', 'Card', 50, 9, now()), (%(m)s, 'tender', 'Diners', 12, 1, now())".replace(
            "%(m)s", str(number)
        )
    )
    planted.run(
        "INSERT INTO migration.rehearsals (migration_id, level, passed, rehearsed_at, rehearsed_by) VALUES (%s, 'A', false, now(), 't'), (%s, 'B', true, now(), 't')",
        *(number, number),
    )
    begin = datetime(2026, 3, 9, 12, tzinfo=UTC)
    for n, served in enumerate((True, False, False, True)):
        planted.run(
            "INSERT INTO migration.probes (migration_id, at, is_served, by_book, milliseconds, pos_budget_left) "
            "VALUES (%s, %s, %s, 'pos', 4, %s)",
            *(number, begin + timedelta(seconds=10 * n), served, 90 - n),
        )
    metrics = window_metrics(connection, number)

    assert metrics["days_clean"] == 2
    assert metrics["unexplained_max_pct"] == 0.25
    assert metrics["coverage_pct"] == 50.0
    assert metrics["reverse_level"] == "B"
    assert (metrics["interruption_seconds"], metrics["interruption_unseen_seconds"]) == (20.0, 0.0)
    assert metrics["pos_budget_left_least"] == 87
    assert metrics["report_ready_minutes_after_closeout"] == 48 * 60 - 60 + 90, (
        "the slowest: of the 6th, made on the 9th"
    )
    assert metrics["gates"]["failed"] > 0 and metrics["gates"]["passed"] > 0, "measured with the check-in"


def test_a_cafe_whose_online_orders_move_in_the_middle_of_a_day_is_told_rightly(
    open_live: Callable[..., LiveWorld],
) -> None:
    """The whole way: a POS over HTTP, AuraConnect's tills, the real judge, sheet, coverage and papers."""
    world = open_live("square")
    number, connection = world.migration_id, world.connection
    first, second, third = (FIRST_DAY + timedelta(days=n) for n in range(3))
    world.day(first, 10, late_refunds=1, late_voids=1, after_midnight=3, follows=False)
    world.own("online", "auraconnect", world.restaurant.hours.at(second, "15:00"))
    world.day(second, 14, online=0.5, pushes=True, late_refunds=2, after_midnight=3)
    judged = {one.business_date: one for one in reconcile_due(world.at(), number, world.now, "t")}
    assert {day: one.verdict for day, one in judged.items()} == {first: "clean", second: "clean"}
    world.day(third, 8, online=0.5, inject=["missing_order"], follows=False)
    world.wait_until(world.judged_at(third))
    blind = {one.business_date: one.verdict for one in reconcile_due(world.at(), number, world.now, "t")}
    assert blind[third] == "pending", "the POS was not read since: never falsely clean"
    world.wait_until(world.final_at(third))
    world.follow()
    last = reconcile_due(world.at(), number, world.now, "t")
    assert {one.business_date: one.verdict for one in last}[third] == "different"

    row = world.migration
    sheet = daily_sheet(connection, row.restaurant_id, world.location_id, row.location_key, first, third)
    for day in sheet[:2]:
        truth = world.restaurant.ledger.day(day.business_date)
        for name, figures in (("pos", day.pos), ("auraconnect", day.auraconnect)):
            assert told(figures) == {key: truth["by_book"][name][key] for key in told(figures)}, (
                day.business_date,
                name,
            )
        assert told(day.total) == {key: truth[key] for key in told(day.total)}
    assert sheet[1].auraconnect.orders > 0 < sheet[1].pos.orders

    facts = get_check_in(connection, number, third).facts
    assert (facts["day"]["verdict"], facts["day"]["missing"], facts["day"]["is_final"]) == ("different", 1, True)
    assert get_check_in(connection, number).facts["day"]["verdict"] == "closed", "nobody traded since"
    assert facts["findings"][0]["cause"] == "missing_order"
    assert facts["coverage"]["pct"] is not None and facts["contact"]["name"] == "Ada"
    assert standing_check(world.at(), number, world.now) == {}
    metrics = window_metrics(connection, number)
    assert metrics["days_clean"] >= 2 and metrics["unexplained_max_pct"] > 0.1


def told(figures: Figures) -> dict[str, int]:
    """The sheet's figures by the names of the known truth."""
    return {
        "orders": figures.orders,
        "gross_cents": figures.gross,
        "discount_cents": figures.discounts,
        "charge_cents": figures.charges + figures.gratuity,
        "tax_cents": figures.tax,
        "tip_cents": figures.tips,
        "payable_cents": figures.total,
        "paid_cents": figures.paid,
        "refund_cents": figures.refunded,
    }


def test_small_differences_that_lean_one_way_are_a_drift(planted: Planted) -> None:
    number = planted.migration
    for n, (cents, verdict) in enumerate(((30, "clean"), (30, "clean"), (-5, "different"), (9_999, "pending"))):
        store(planted.connection, number, FIRST + timedelta(days=n), verdict, gross_cents=36_000, signed_cents=cents)

    drift = window_drift(planted.connection, number, POLICY)
    assert (drift.signed_cents, drift.gross_cents, drift.days, drift.is_drift) == (55, 108_000, 3, True)
    store(planted.connection, number, FIRST, "clean", gross_cents=36_000, signed_cents=-25)
    drift = window_drift(planted.connection, number, POLICY)
    assert (drift.signed_cents, drift.is_drift) == (0, False)
    planted.run("UPDATE migration.parallel_days SET gross_cents = 0, signed_cents = 1")
    assert window_drift(planted.connection, number, POLICY).is_drift, "no gross: no cent"
