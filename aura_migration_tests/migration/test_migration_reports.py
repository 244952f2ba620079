"""Reports for people outside the tool: everything is told, persons are masked, spreadsheets and browsers stay safe."""

from __future__ import annotations

import csv
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput, EnvironmentFault
from aura_migration.migration.records import store_report
from aura_migration.migration.reports import KINDS, files, write_report
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.planner import Subject
from aura_migration.settings import Settings
from aura_migration_tests.support.guests import ADA_TEXTS, ada, grace, migrate, preview, stage, worker
from aura_migration_tests.support.menus import make_chain

Connection = psycopg.Connection[Any]
PEOPLE = {
    "merged": [{"keys": ["ADA", "GRACE"], "why": "confirmed in the options"}],
    "merged_persons": 1,
    "merged_profiles": 2,
    "near_ties": [
        {"keys": ["ADA", "NOBODY"], "profiles": 2, "shares": ["email"], "differs": ["first_name"], "lacks": ["phone"]}
    ],
    "near_ties_total": 7,
    "consent": {"policy": "marketing"},
    "loyalty": {
        "losing": 1,
        "points_lost": {"total": 20},
        "accounts_losing": [{"key": "ADA-LOY", "before": 120, "after": 100, "lost": 20, "causes": ["cap"]}],
    },
    "staff": {"roles_to_review": [{"key": "J1", "name": "=Pizzaiolo"}], "roles_to_review_total": 1},
}


@pytest.fixture
def workshop(settings: Settings) -> Workshop:
    return Workshop(settings, str(settings.database_url))


@pytest.fixture
def subject(connection: Connection) -> Subject:
    (found,) = make_chain(connection)
    migrate(connection, found, [*ada(), *grace(), *worker()])
    for kind, body in (
        ("people", PEOPLE),
        ("losses", {"losses": [{"source_entity": "catalog", "field": "x", "records": 3, "note": "no <place>"}]}),
    ):
        connection.execute(
            "INSERT INTO migration.reports (integration_id, location_key, kind, body) VALUES (%s, %s, %s, %s)",
            [found.integration_id, found.location_key, kind, Jsonb(body)],
        )
    connection.execute(
        'INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values", record) '
        "VALUES (%s, 'customers', 'ADA', '[\"status is no status\"]', %s, 'customers#ADA')",
        [found.migration_id, Jsonb({**ada()[0][2], "surprise": "analytical"})],
    )
    connection.execute(
        "INSERT INTO migration.findings (migration_id, check_name, entity, source_key, expected, actual, difference_cents) "
        "VALUES (%s, 'customers_accounted', 'customers', 'ADA', %s, NULL, 125)",
        [found.migration_id, Jsonb({"last_name": "Lovelace"})],
    )
    connection.execute(
        "INSERT INTO migration.liability_ledger (integration_id, class, subject_key, unit, source_opening, source_activity, "
        "source_closing, aura_opening, aura_activity, aura_closing, difference, migration_id, measured_at) VALUES "
        "(%(i)s, 'gift_cards', 'ADA-GC', 'USD', 0, 2500, 2500, 0, 2500, 2500, 0, %(m)s, now()), "
        "(%(i)s, 'loyalty', 'ADA-LOY', 'points', 0, 120, 120, 0, 100, 100, -20, %(m)s, now())",
        {"i": found.integration_id, "m": found.migration_id},
    )
    connection.execute(
        "INSERT INTO migration.gates (migration_id, name, passed, value, remedy, measured_at) "
        "VALUES (%s, 'loyalty_conserved', false, '-20 points', 'Run again.', now())",
        [found.migration_id],
    )
    connection.execute(
        "INSERT INTO migration.requests (kind, integration_id, location_key, migration_id, state, requested_by, result) "
        "VALUES ('run', %s, %s, %s, 'done', 'Grace', %s)",
        [
            found.integration_id,
            found.location_key,
            found.migration_id,
            Jsonb(
                {
                    "scorecard": {
                        "passed": False,
                        "metrics": {"loyalty_points_diff": -20, "menu": None, "payments_unreconciled": LEVELS},
                    }
                }
            ),
        ],
    )
    connection.execute(
        'UPDATE migration.plans SET counts = counts || \'{"orders": {"source": 3, "create": 3}}\' WHERE migration_id = %s',
        [found.migration_id],
    )
    return found


LEVELS = {"order_payment": {"count": 2, "cents": 120_550}, "payment_fee": None}


def table(answer: dict[str, Any], kind: str) -> list[list[str]]:
    (path,) = [one["file"] for one in answer["files"] if one["kind"] == kind]
    with Path(path).open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    return rows


def test_a_report_tells_everything_and_names_nobody(workshop: Workshop, subject: Subject) -> None:
    answer = write_report(workshop, subject.migration_id)
    assert [one["kind"] for one in answer["files"]] == list(KINDS)
    unreconciled = ["payments_unreconciled", "order payment: 2 (1205.50 USD); payment fee: not measured"]
    assert table(answer, "scorecard") == [
        ["passed", "NO"],
        ["menu", "not measured"],
        ["loyalty_points_diff", "-20"],
        unreconciled,
    ]
    assert table(answer, "gates")[0][:4] == ["loyalty_conserved", "NO", "-20 points", "Run again."]
    assert ["customers", "2", "2", "0", "0", "0", "0", "0", "0"] in table(answer, "entities")
    assert ["orders", "3", "3", "0", "0", "0", "0", "0", "0"] in table(answer, "entities")
    assert table(answer, "findings") == [
        ["customers_accounted", "customers", "ADA", "last_name L…", "", "1.25", "USD", "unexplained"]
    ]
    ((entity, key, why, values, record),) = table(answer, "quarantine")
    assert (entity, key, why, record) == ("customers", "ADA", "status is no status", "customers#ADA")
    assert "first_name A…" in values and "email A…@C…" in values and "phone …43" in values
    assert table(answer, "losses") == [["catalog", "x", "3", "", "no <place>"]]
    assert table(answer, "merges") == [
        ["1", "ADA", "A… L… A…@C… …43", "confirmed in the options"],
        ["1", "GRACE", "G… H… g…@n… …99", "confirmed in the options"],
    ]
    assert table(answer, "near-ties")[1] == ["1", "NOBODY", "", "email", "first name", "phone"]
    assert table(answer, "points-lost") == [["ADA-LOY", "120", "100", "20", "cap"]]
    first, second = table(answer, "liabilities")
    assert first[:2] == ["loyalty", "ADA-LOY"] and first[-2] == "-20", "what does not agree comes first"
    assert second[:7] == ["gift_cards", "ADA-GC", "…1234", "USD", "0.00", "25.00", "25.00"]
    assert table(answer, "consents") == [["marketing_email", "denied", "pos_flag", "1"]]
    assert table(answer, "roles") == [["J1", "'=Pizzaiolo"]], "no cell is a formula"
    for one in (answer["page"], *(f["file"] for f in answer["files"])):
        text = Path(one).read_text(encoding="utf-8")
        assert not [word for word in (*ADA_TEXTS, "Hopper", "navy.test") if word in text], one
        assert stat.S_IMODE(Path(one).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("check", "currency", "difference", "shown"),
    [
        ("loyalty_conserved", "USD", -401, ["-401", "points"]),
        ("house_accounts_conserved", "USD", -401, ["-4.01", "USD"]),
        ("gift_cards_conserved", "JPY", -401, ["-401", "JPY"]),
        ("staff_accounted", "USD", None, ["", ""]),
    ],
)
def test_a_difference_is_shown_in_its_unit(
    workshop: Workshop,
    connection: Connection,
    check: str,
    currency: str,
    difference: int | None,
    shown: list[str],
) -> None:
    (found,) = make_chain(connection)
    connection.execute("UPDATE aura.restaurants SET currency = %s", [currency])
    connection.execute(
        "INSERT INTO migration.findings (migration_id, check_name, entity, source_key, difference_cents) "
        "VALUES (%s, %s, 'x', 'KEY', %s)",
        [found.migration_id, check, difference],
    )
    ((*_, amount, unit, cause),) = table(write_report(workshop, found.migration_id, kinds=["findings"]), "findings")
    assert [amount, unit, cause] == [*shown, "unexplained"]


def test_profiles_are_masked_also_when_the_plan_changes_nothing(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    def profiles() -> list[str]:
        answer = write_report(workshop, subject.migration_id, kinds=["merges", "near-ties"])
        return [row[2] for kind in ("merges", "near-ties") for row in table(answer, kind)]

    masked = ["A… L… A…@C… …43", "G… H… g…@n… …99", "A… L… A…@C… …43", ""]
    connection.execute("DELETE FROM staging.rows")
    assert profiles() == masked, "from the plan that made them"
    people = [*ada(), *grace(), *worker()]
    again = preview(connection, subject, people)
    connection.execute("UPDATE migration.migrations SET plan_id = %s", [again.plan_id])
    kept = (
        "SELECT count(*) FROM migration.plan_rows WHERE plan_id = %s AND entity = 'customers' AND content IS NOT NULL"
    )
    assert connection.execute(kept, [again.plan_id]).fetchall() == [(0,)]
    assert profiles() == masked, "from what is staged"
    connection.execute("DELETE FROM staging.rows")
    assert profiles() == masked, "from AuraConnect"
    connection.execute(
        "UPDATE migration.plan_rows SET action = 'update', content = '{\"notes\": \"x\"}' WHERE plan_id = %s AND entity = 'customers'",
        [again.plan_id],
    )
    assert profiles() == masked, "an update has only what changes"
    connection.execute("UPDATE aura.customers SET erased_at = now() WHERE first_name = 'Ada'")
    assert profiles() == ["", masked[1], "", ""]
    stage(connection, subject, people)
    connection.execute("UPDATE staging.rows SET verdict = 'skip' WHERE entity = 'customers'")
    assert profiles() == ["", "", "", ""], "who is left out is not shown"


def test_who_is_left_out_is_counted_by_cause_and_not_listed_one_by_one(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    connection.execute(
        "UPDATE migration.plan_rows SET action = 'skip', reason = 'goes with the skipped customers ' || source_key "
        "WHERE plan_id = (SELECT plan_id FROM migration.migrations) AND entity = 'customers'"
    )
    told = table(write_report(workshop, subject.migration_id, kinds=["consents"]), "consents")
    assert [row for row in told if row[0] == "left out"] == [
        ["left out", "customers", "goes with the skipped customers", "2"]
    ]


def test_the_page_is_whole_by_itself_and_escapes_what_it_shows(workshop: Workshop, subject: Subject) -> None:
    page = Path(write_report(workshop, subject.migration_id)["page"]).read_text(encoding="utf-8")

    class Seen(HTMLParser):
        opened: list[str]
        links: list[str]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.opened.append(tag)
            self.links += [str(value) for name, value in attrs if name in ("href", "src")]

    seen = Seen()
    seen.opened, seen.links = [], []
    seen.feed(page)
    assert not {"script", "link", "img", "iframe", "place"} & set(seen.opened)
    assert all(link.startswith("#") or (link.endswith(".csv") and "/" not in link) for link in seen.links)
    assert "no &lt;place&gt;" in page and "7 groups share a contact" in page


def test_chosen_parts_go_to_a_chosen_folder_and_again_replaces_them(
    workshop: Workshop, subject: Subject, tmp_path: Path
) -> None:
    for _ in range(2):
        answer = write_report(workshop, subject.migration_id, tmp_path / "out", ["roles", "gates"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["gates.csv", "index.html", "roles.csv"]
    assert [one["rows"] for one in answer["files"]] == [1, 1]


def test_a_long_table_is_whole_in_its_csv_and_cut_on_the_page(
    workshop: Workshop, connection: Connection, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PAGE_ROWS", 5)
    connection.execute(
        "INSERT INTO migration.findings (migration_id, check_name, entity, source_key) "
        "SELECT %s, 'x', 'items', n::text FROM generate_series(1, 4000) n",
        [subject.migration_id],
    )
    answer = write_report(workshop, subject.migration_id, kinds=["findings"])
    assert len(table(answer, "findings")) == 4001 == answer["files"][0]["rows"]
    assert "The first 5 of 4001." in Path(answer["page"]).read_text(encoding="utf-8")


def test_nothing_to_tell_is_said(workshop: Workshop, connection: Connection) -> None:
    (bare,) = make_chain(connection)
    answer = write_report(workshop, bare.migration_id)
    assert {one["rows"] for one in answer["files"]} == {0}
    assert "Nothing has been verified yet." in Path(answer["page"]).read_text(encoding="utf-8")


def test_a_report_that_cannot_be_is_refused(workshop: Workshop, subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no kind gossip"):
        write_report(workshop, subject.migration_id, kinds=["gossip"])
    with pytest.raises(BadInput, match="Migration 99 does not exist"):
        write_report(workshop, 99)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        write_report(workshop, subject.migration_id, tmp_path / "file")


def test_the_replay_is_told_with_its_causes_and_what_to_do(
    workshop: Workshop, subject: Subject, connection: Connection, tmp_path: Path
) -> None:
    nothing = write_report(workshop, subject.migration_id, tmp_path, ["replay"])
    assert table(nothing, "replay") == []
    figures = {
        "orders": 12,
        "from": "2026-02-01",
        "to": "2026-02-27",
        "classes": {"identical": 9, "explained": 1, "different": 2},
        "explained": [{"cause": "tax_holiday", "orders": 1, "cents": 80, "proof": "no tax on that day"}],
        "not_comparable": [],
    }
    (replay,) = connection.execute(
        "INSERT INTO migration.replays (migration_id, span, is_default, passed, figures, measured_at) "
        "VALUES (%s, 'the last 12 orders', true, false, %s, now()) RETURNING id",
        [subject.migration_id, Jsonb(figures)],
    ).fetchone() or (0,)
    connection.execute(
        "INSERT INTO migration.replay_clusters (replay_id, place, cause, title, orders, cents, net_cents, first_day, last_day, examples, remedy) "
        "VALUES (%s, 1, 'tax_rate', 'Sales tax is 1 %% less', 2, 31, -31, '2026-02-03', '2026-02-09', %s, 'Correct the rate.')",
        [replay, Jsonb([{"order": "41", "day": "2026-02-03"}])],
    )
    rows = table(write_report(workshop, subject.migration_id, tmp_path, ["replay"]), "replay")
    assert [row[2] for row in rows] == ["9", "1", "2", "1", "2"]
    assert rows[3] == ["explained", "tax holiday", "1", "0.80", "no tax on that day", ""]
    assert rows[4] == ["different", "Sales tax is 1 % less", "2", "0.31", "41 (2026-02-03)", "Correct the rate."]


def test_the_pages_of_the_acceptance_suite_are_linked(
    workshop: Workshop, subject: Subject, connection: Connection, tmp_path: Path
) -> None:
    there = tmp_path / "data docs & more" / "index.html"
    body = {
        "migration_id": subject.migration_id,
        "page": str(there),
        "results": [
            {"table": "orders", "expectation": "every order has a day", "passed": True, "rows": 12, "unexpected": 0}
        ],
    }
    store_report(connection, subject.integration_id, subject.location_key, "acceptance", body)
    answer = write_report(workshop, subject.migration_id, tmp_path / "out", ["acceptance"])
    assert table(answer, "acceptance") == [["orders", "every order has a day", "yes", "12", "0"]]
    assert f'<a href="{there.as_uri()}">' in Path(answer["page"]).read_text(encoding="utf-8").replace("&amp;", "&")
