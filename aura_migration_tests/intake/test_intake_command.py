"""`aura-migration import-file` and `handed-files`: what they say, what they refuse, their exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
from psycopg.types.json import Jsonb

from aura_migration.cli.main import run
from aura_migration_tests.conftest import BUSINESS_NOW
from aura_migration_tests.support.handed import CANARIES, GIFT_CARDS, LOYALTY, PAYROLL

FACTS = {
    "timezone": "America/Chicago", "currency": "USD", "closeout": "00:00", "is_active": True, "group_id": "",
    "address": {"country": "US"},
}  # fmt: skip


class Terminal:
    """Runs the command and reads its answer."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.said = ""

    def file(self, name: str, content: str) -> str:
        (self.folder / name).write_text(content)
        return str(self.folder / name)

    def __call__(self, *arguments: str) -> tuple[int, str]:
        self.capsys.readouterr()
        code = 0
        try:
            code = run(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = self.capsys.readouterr()
        self.said += out + err
        return code, out

    def json(self, *arguments: str) -> tuple[int, Any]:
        code, out = self(*arguments, "--json")
        return code, json.loads(out)


@pytest.fixture
def terminal(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    for name, value in (("DATABASE_URL", database), ("DATA_DIR", str(tmp_path / "aura")), ("NOW", BUSINESS_NOW)):
        monkeypatch.setenv(f"AURA_{name}", value)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "insert into aura.restaurants (id, name, timezone, currency) values (7, 'R', 'America/Chicago', 'USD')"
        )
        connection.execute(
            "insert into migration.integrations (id, restaurant_id, pos, base_url, merchant_id, merchant_name) "
            "overriding system value values (3, 7, 'toast', 'https://pos.example.com', 'm', 'M')"
        )
        for source_id, name in (("LOOP-1", "The Loop"), ("HYDE-2", "Hyde Park")):
            connection.execute(
                "insert into migration.locations (key, integration_id, restaurant_id, source_id, name, facts) "
                "values (%s, 3, 7, %s, %s, %s)",
                (f"toast:{source_id}", source_id, name, Jsonb(FACTS)),
            )
    return Terminal(tmp_path, capsys)


def test_a_file_is_checked_then_handed_over_then_known_then_withdrawn(terminal: Terminal) -> None:
    cards = terminal.file("cards.csv", GIFT_CARDS)
    hand = ("import-file", "3", "--kind", "gift_cards", "--file", cards)
    code, report = terminal.json(*hand, "--check")
    assert (code, report["stored"], report["accepted"], len(report["rejected"])) == (0, False, 3, 1)
    assert terminal.json("handed-files", "3")[1]["files"] == []
    code, report = terminal.json(*hand, "--as-of", "2026-03-02T01:00", "--by", "ana")
    assert (code, report["stored"], report["is_known"]) == (0, True, False)
    assert report["file"]["as_of"] == "2026-03-02T07:00:00+00:00"
    assert (report["file"]["handed_by"], report["file"]["file_name"]) == ("ana", "cards.csv")
    assert terminal.json(*hand)[1]["is_known"]
    (listed,) = terminal.json("handed-files", "3")[1]["files"]
    assert (listed["state"], listed["rows"], listed["rejected"]) == ("current", 4, 1)
    (withdrawn,) = terminal.json("handed-files", "3", "--withdraw", str(listed["file_id"]))[1]["files"]
    assert withdrawn["state"] == "withdrawn"


def test_the_report_for_people_shows_how_the_file_was_read_and_no_value_of_it(terminal: Terminal) -> None:
    cards, members = terminal.file("cards.csv", GIFT_CARDS), terminal.file("members.csv", LOYALTY)
    code, shown = terminal("import-file", "3", "--kind", "gift_cards", "--file", cards)
    assert code == 0
    assert "Current Balance" in shown and "balance" in shown
    assert "decimal separator '.'" in shown
    assert "4 gift cards: 3 accepted, 1 rejected" in shown
    assert "agrees with totals in line 7" in shown
    assert "the status is not one of those known" in shown
    assert terminal("import-file", "3", "--kind", "loyalty", "--file", members, "--location", "toast:LOOP-1")[0] == 0
    assert "toast:LOOP-1" in terminal("handed-files", "3")[1]
    terminal("import-file", "3", "--kind", "gift_cards", "--file", members)
    terminal("import-file", "3", "--kind", "loyalty", "--file", terminal.file("bare.csv", LOYALTY.split("\n", 1)[1]))
    assert "headings do not fit" in terminal.said
    assert [canary for canary in CANARIES if canary in terminal.said] == []


def test_a_mapping_file_is_used_and_its_schema_is_published(terminal: Terminal) -> None:
    mapping = {"columns": {"Nummer": "number", "Rest": "balance"}, "expected": {"count": 1, "sum": "1234.50"}}
    code, out = terminal("import-file", "schema")
    jsonschema.validate(mapping, json.loads(out))
    arguments = (
        "import-file",
        "3",
        "--kind",
        "gift_cards",
        "--file",
        terminal.file("k.csv", "Nummer;Rest\n6001;1.234,50\n"),
    )
    given = (*arguments, "--mapping", terminal.file("m.json", json.dumps(mapping)))
    code, report = terminal.json(*given)
    assert (code, report["totals"]["sum"]) == (0, 123450)
    assert report["totals"]["agrees_with"] == ["expected count", "expected sum"]
    assert terminal.json(*arguments)[0] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import-file", "3"), "--kind and --file"),
        (("import-file", "three", "--kind", "loyalty", "--file", "x"), "not an integration"),
        (("import-file", "9", "--kind", "loyalty", "--file", "."), "cannot be read"),
        (("import-file", "3", "--kind", "loyalty", "--file", "none.csv"), "cannot be read"),
        (("handed-files", "3", "--withdraw", "5"), "does not exist"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_remedy(
    terminal: Terminal, arguments: tuple[str, ...], said: str
) -> None:
    code, answer = terminal.json(*arguments)
    assert (code, said in answer["what"]) == (2, True)
    assert answer["remedy"]


def test_places_that_do_not_fit_are_refused(terminal: Terminal) -> None:
    pay = terminal.file("pay.csv", PAYROLL)
    code, answer = terminal.json("import-file", "3", "--kind", "payroll", "--file", pay)
    assert (code, "belongs to a location" in answer["what"]) == (2, True)
    assert terminal.json("import-file", "3", "--kind", "payroll", "--file", pay, "--location", "toast:HYDE-2")[0] == 0
    code, answer = terminal.json("import-file", "9", "--kind", "payroll", "--file", pay)
    assert (code, "Integration 9" in answer["what"]) == (2, True)
    code, answer = terminal.json("import-file", "3", "--kind", "payroll", "--file", pay, "--location", "toast:NOWHERE")
    assert (code, "no location" in answer["what"]) == (2, True)
    code, answer = terminal.json("import-file", "3", "--kind", "payroll", "--file", pay, "--as-of", "yesterday")
    assert code == 2


def test_the_worked_example_of_the_documentation_happens_as_it_says(terminal: Terminal) -> None:
    page = (Path(__file__).parents[2] / "docs" / "handed-files.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"^```(csv|text|json)\n(.*?)^```", page, re.M | re.S))
    hand = ("import-file", "3", "--kind", "gift_cards", "--file", terminal.file("cards.csv", blocks["csv"]))
    code, shown = terminal(*hand, "--check")
    words = " ".join(re.sub(r"[┃│┏━┳┓┡╇┩└─┴┘]", " ", shown).split())
    for line in blocks["text"].splitlines():
        assert " ".join(line.split()) in words
    code, report = terminal.json(*hand, "--mapping", terminal.file("cards.json", blocks["json"]))
    assert (code, report["accepted"], [line["line"] for line in report["rejected"]]) == (0, 3, [6])
    assert report["totals"]["agrees_with"] == ["expected count", "expected sum", "totals in line 7"]
