"""Exports as providers write them: the sandboxes' own files, sound and broken, against what is true about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.core.errors import BadInput
from aura_migration.intake.checking import CheckedFile, Place, check_file
from aura_migration.intake.mapping_file import parse_mapping
from aura_migration.intake.rows import consents, read_row
from aura_migration.sandbox.core.server import serve

QUIET = {"limits": "off"}
SPANISH = {
    "Número": "number", "Saldo": "balance", "Estado": "status", "Emisión": "issued_at", "Expiración": "expires_at",
    "Último uso": "last_activity_at", "Cuenta": "name", "Correo electrónico": "email", "Saldo pendiente": "balance",
    "Límite": "credit_limit",
}  # fmt: skip
REFUSED = {
    "clover": {
        "gift-cards-wrong-columns.csv": "headings",
        "gift-cards-wrong-total.csv": "totals",
        "house-accounts-wrong-total.csv": "totals",
    },
    "toast": {
        "gift-cards-bad-total.csv": "totals",
        "loyalty-wrong-columns.csv": "headings",
        "payroll-bad-total.csv": "totals",
    },
}
REJECTED = {
    "clover": {
        "gift-cards-duplicates.csv": 3,  # the repetition, and both lines that contradict each other
        "gift-cards-negative.csv": 1,
        "gift-cards-malformed.csv": 3,
        "loyalty-dirty.csv": 6,  # both lines of the two members who are in it twice
        "marketing-consents-dirty.csv": 4,
    },
    "toast": {
        "gift-cards-duplicates.csv": 3,
        "gift-cards-negative.csv": 2,
        "gift-cards-malformed.csv": 5,
        "loyalty-malformed.csv": 3,
        "house-accounts-malformed.csv": 2,
        "marketing-consents-contradicting.csv": 3,  # two answers at once are both taken: the more restrictive will hold
    },
}


class Shelf:
    """The exports of one sandbox."""

    def __init__(self, pos: str, http: httpx.Client) -> None:
        self.pos = pos
        self.http = http
        self.truth: dict[str, Any] = http.get("/_control/truth").json()
        self.listed: dict[str, dict[str, Any]] = {
            file["name"]: file for file in http.get("/_control/exports").json()["exports"]
        }
        about = {file.get("name", file.get("file")): file for file in self.truth["exports"]}
        self.sound = [name for name in self.listed if about[name].get("sound", about[name].get("clean"))]

    def check(self, name: str, **mapping: Any) -> CheckedFile:
        kind = self.listed[name]["kind"]
        content = self.http.get(f"/_control/exports/{name}").content
        sites = {f"L{n}": place for n, place in enumerate(sorted(self.workplaces()))}
        place = Place(1, self.pos, None, "USD", "America/New_York", "US", sites)
        return check_file(content, kind, parse_mapping(mapping, kind), place)

    def workplaces(self) -> set[str]:
        return {row["place"] for row in self.truth.get("export_payroll", [])}


@pytest.fixture(scope="module", params=["clover", "toast"])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    with (
        serve(request.param, "diner", now="2026-10-01T09:00:00Z", switches=QUIET) as running,
        httpx.Client(base_url=running.base_url, timeout=60) as http,
    ):
        yield Shelf(request.param, http)


def test_sound_exports_are_read_whole_without_a_mapping_file_and_to_the_cent(shelf: Shelf) -> None:
    expected: dict[str, list[Any]] = defaultdict(list)
    for part in ("gift_cards", "loyalty", "house_accounts", "store_credit", "payroll"):
        for row in shelf.truth.get(f"export_{part}", []):
            if row.get("file") in (None, *shelf.sound):
                expected[part].append(row.get("points", row.get("cents")))
    assert len(shelf.sound) == 5
    for name in shelf.sound:
        checked = shelf.check(name)
        assert checked.as_dict()["rejected"] == [], name
        kind = checked.conventions.kind
        if kind != "consents":
            assert [line.amount for line in checked.accepted] == expected[kind], name


def test_consents_of_sound_exports_say_what_is_true(shelf: Shelf) -> None:
    checked = shelf.check("marketing-consents.csv")
    said = [consents(read_row(line.raw, checked.conventions).values, checked.conventions) for line in checked.accepted]
    purposes = {"email": "marketing_email", "sms": "marketing_sms"}
    answers = {"yes": "granted", "no": "denied"}
    true = [
        [(purposes[row["channel"].lower()], answers[row["answer"]])]
        for row in shelf.truth["export_consents"]
        if row.get("file") in (None, "marketing-consents.csv")
    ]
    assert said == true


def test_files_that_are_not_what_they_say_are_refused_whole(shelf: Shelf) -> None:
    for name, why in REFUSED[shelf.pos].items():
        with pytest.raises(BadInput, match=why):
            shelf.check(name)


def test_broken_lines_are_rejected_where_they_are_broken_and_all_others_accepted(shelf: Shelf) -> None:
    for name, count in REJECTED[shelf.pos].items():
        checked = shelf.check(name)
        assert len(checked.rejected) == count, (name, checked.as_dict()["rejected"])
        assert len(checked.accepted) + count == checked.totals["count"]


def test_foreign_spreadsheets_are_read_with_or_without_a_mapping(shelf: Shelf) -> None:
    for name in shelf.listed:
        if "semicolon" not in name:
            continue
        kind = shelf.listed[name]["kind"]
        if shelf.pos == "toast":
            checked = shelf.check(name)
        else:
            first = shelf.http.get(f"/_control/exports/{name}").content.decode("latin-1").splitlines()[0].split(";")
            checked = shelf.check(name, columns={h: SPANISH[h] for h in first}, statuses={})
        assert (checked.conventions.kind, checked.table.delimiter, checked.conventions.decimal) == (kind, ";", ",")
        assert checked.rejected == ()
