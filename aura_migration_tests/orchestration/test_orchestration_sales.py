"""The sales reports as the page of an asset shows them: charts by what they show, tables no wider than the page."""

from __future__ import annotations

from aura_migration.migration.reports.base import Section
from aura_migration.migration.reports.plots import _share
from aura_migration.orchestration.sales import WIDEST, _shown


def test_a_table_that_is_too_wide_has_its_figures_down_and_the_months_across() -> None:
    headings = ("month", *(f"figure {n}" for n in range(30)))
    rows = [[f"2026-{month:02}", *range(month * 100, month * 100 + 30)] for month in range(1, 4)]
    found = _shown(Section("daily-sales", "Sales", headings, (), "A note.", (headings, rows), {"Net sales": b"png"}))
    table = found["by month"].md_str.splitlines()
    assert table[0] == "| figure | 2026-01 | 2026-02 | 2026-03 |"
    assert len(table) == 32 and table[-1] == "| figure 29 | 129 | 229 | 329 |"
    assert all(line.count("|") <= WIDEST for line in table)
    assert found["chart: Net sales"].md_str.startswith("![Net sales](data:image/png;base64,")
    assert found["note"] == "A note."


def test_a_narrow_table_stays_as_it_is_and_a_small_share_is_not_nothing() -> None:
    section = Section("tenders", "Tenders", (), (), "", (("tender", "amount"), [["Card", "10.00"]]))
    assert "| Card | 10.00 |" in _shown(section)["over all days"].md_str
    assert [_share(part) for part in (0.724, 0.006, 0.0001)] == ["72%", "1%", "<1%"]
