"""The go/no-go page: what it says, in both forms, kept with its hash."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from aura_migration.cutover.waivers import waive
from aura_migration.migration.window.checkin import get_check_in
from aura_migration.migration.window.go_no_go import make_go_no_go
from aura_migration_tests.support.sales import Line
from aura_migration_tests.support.windows import NOW, Planted


def test_the_page_says_every_gate_with_number_age_and_owner_and_is_kept(planted: Planted) -> None:
    planted.run("UPDATE aura.restaurants SET name = 'Trattoria <b>Rosa</b>'")
    planted.till.check("2026-03-01", [Line(4_200)], status="pending", closed_at=None, channel="in_house")
    planted.till.flush()
    waive(
        planted.connection,
        planted.migration,
        "open_checks",
        "ben",
        "a table stays late",
        5_000,
        NOW + timedelta(days=1),
        NOW,
    )
    made = make_go_no_go(planted.connection, planted.migration, "in_house", NOW, "ana")
    page = made.html.decode()
    for said in (
        "NO-GO: 1 of 24 gates do not hold: two_people",
        "Trattoria &lt;b&gt;Rosa&lt;/b&gt;",
        "1 open check, 42.00 USD; waived by ben",
        "Waivers</dt><dd>1, up to 50.00 USD",
        "a table stays late",
        "20 min",
        "accountant",
        "Mira Voss",
        "0 of 2 people signed the gates as they stand",
        made.facts["gates_hash"],
    ):
        assert said in page, said
    assert all(one["name"].replace("_", " ") in page for one in made.facts["gates"])
    assert made.pdf is not None and made.pdf.startswith(b"%PDF-")
    assert made.sha256 == hashlib.sha256(made.html).hexdigest()
    assert get_check_in(planted.connection, planted.migration, kind="go_no_go").html == made.html

    for name in ("ana", "ben"):
        planted.sign("in_house", name, made.facts["gates_hash"])
    again = make_go_no_go(planted.connection, planted.migration, "in_house", NOW, "ana")
    assert "GO: every gate holds." in again.html.decode() and again.facts["decision"] == "go"
    assert again.first_made_at == made.made_at
