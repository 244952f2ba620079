"""Sales in the report of a migration: every day in the CSV, sums and charts on the page, staff masked; charts by themselves."""

from __future__ import annotations

import csv
import struct
import warnings
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aura_migration.core.errors import Refused
from aura_migration.database.connections import Connection, connect
from aura_migration.migration.records import get_migration
from aura_migration.migration.reports import plots, write_report
from aura_migration.migration.reports.sales import refresh_reports
from aura_migration.migration.reports.sales.charts import CHARTS, draw_chart, draw_charts, spoken
from aura_migration.migration.reports.sales.place import require_place
from aura_migration.migration.reports.sales.sections import NOTHING, SALES_KINDS
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import Settings, load_settings
from aura_migration_tests.support.database import Pool
from aura_migration_tests.support.sales import Line, Tax, Till

JAN, FEB = "2026-01-31", "2026-02-01"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def till(databases: Pool) -> Iterator[Till]:
    with databases.database() as url, connect(url, autocommit=True) as connection:
        till = Till(connection)
        staff = till.row("staff_members", name="Samantha Reyes", status="active")
        for day, cents in ((JAN, 1000), (JAN, 3000), (FEB, 2500)):
            line = Line(cents, "=Soup of the $ day", "<b>Food</b>", taxes=[Tax(cents // 10)], comp=100)
            order = till.check(day, [line], staff_id=staff, guest_count=2)
            till.pay(day, order, cents + cents // 10 - 100, "cash", tip=50)
        till.flush()
        refresh_reports(connection, till.restaurant, till.location)
        yield till


@pytest.fixture
def workshop(till: Till, tmp_path: Path) -> Workshop:
    info = till.connection.info
    url = f"postgresql://{info.user}@/{info.dbname}?host={info.host}&port={info.port}"
    return Workshop(load_settings({"AURA_DATA_DIR": str(tmp_path / "aura")}), url)


def size(image: bytes) -> tuple[int, int]:
    assert image.startswith(PNG)
    width, height = struct.unpack(">II", image[16:24])
    return width, height


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs))


def test_the_report_tells_sales_by_day_and_sums_and_charts_on_its_page(
    till: Till, workshop: Workshop, tmp_path: Path
) -> None:
    answer = write_report(workshop, till.subject.migration_id, tmp_path / "out", SALES_KINDS)
    assert {one["kind"]: one["rows"] for one in answer["files"]} == {
        "daily-sales": 2, "hourly-sales": 2, "product-mix": 2, "category-sales": 2, "tenders": 2, "taxes": 2, "channels": 2,
        "discounts": 2, "staff-performance": 2,
    }  # fmt: skip

    def table(kind: str) -> list[dict[str, str]]:
        with (tmp_path / "out" / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    first, second = table("daily-sales")
    assert (first["business date"], first["gross sales"], first["comps"], first["net sales"]) == (
        JAN,
        "40.00",
        "2.00",
        "38.00",
    )
    assert (first["guests"], first["average check"], second["tips"], second["labour hours"]) == (
        "4",
        "19.00",
        "0.50",
        "",
    )
    (item, _) = table("product-mix")
    assert (item["item"], item["category"], item["quantity"], item["net"]) == (
        "'=Soup of the $ day",
        "<b>Food</b>",
        "2",
        "38.00",
    )
    (rate, _) = table("taxes")
    assert (rate["tax name"], rate["rate %"], rate["inside price"]) == ("Sales tax", "8.875", "no")
    assert (rate["taxable"], rate["tax"]) == ("38.00", "4.00")
    assert table("staff-performance")[0]["staff"].startswith("S… R… (")
    page = Path(answer["page"]).read_text(encoding="utf-8")
    assert "Reyes" not in page and "<td>2026-01</td>" in page and "<td>2026-02</td>" in page
    seen = Seen()
    seen.feed(page)
    assert [image["alt"] for image in seen.images] == list(CHARTS.values())
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in seen.images)
    assert not {"b", "script", "link"} & seen.tags


def test_without_orders_the_sections_say_so_and_draw_nothing(
    till: Till, workshop: Workshop, tmp_path: Path, settings: Settings
) -> None:
    bare = Workshop(settings, str(settings.database_url))
    with bare.connect() as connection:
        other = Till(connection)
        answer = write_report(bare, other.subject.migration_id, tmp_path, ["daily-sales", "tenders"])
        assert draw_charts(connection, other.location, "USD") == {}
    assert [one["rows"] for one in answer["files"]] == [0, 0]
    page = Path(answer["page"]).read_text(encoding="utf-8")
    assert page.count(NOTHING) == 2 and "<img" not in page


def test_charts_are_images_the_same_for_the_same_data_and_take_any_name(till: Till) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = draw_charts(till.connection, till.location, "USD")
        assert list(drawn) == list(CHARTS)
        assert all(size(image) > (900, 100) for image in drawn.values())
        assert draw_chart(till.connection, till.location, "USD", "tenders") == drawn["tenders"]
        odd = plots.product_mix([("寿司 $x_1^", 500), ("Refunded", -200), ("N" * 90, 0)], "JPY")
        assert size(odd)[0] == size(drawn["product_mix"])[0]
        assert plots.product_mix([("Nothing", 0)], "USD") != odd


@pytest.mark.parametrize("days", [1, 14, 60, 365, 1500])
def test_the_axis_of_days_stays_readable(days: int) -> None:
    span = [date(2025, 10, 1) + timedelta(n) for n in range(days)]
    marks = plots._marks(span)
    assert 1 <= len(marks) <= 20
    assert all(span[0] <= day <= span[-1] for day, _ in marks)


def test_the_hours_of_a_heat_map_are_those_of_the_business_day() -> None:
    assert plots._business_hours({11, 12, 17, 23, 1}) == [*range(11, 24), 0, 1]
    assert plots._business_hours({7}) == [7]
    assert plots._business_hours(set(range(24))) == [*range(5, 24), *range(5)]


def test_codes_of_tenders_are_words_for_people_and_names_of_the_restaurant_stay() -> None:
    told = [spoken(name) for name in ("CASH_APP", "BANK_ACCOUNT", "WALLET", "gift_card", "VIP", "Ana's_tab", None)]
    assert told == ["Cash App", "Bank account", "Wallet", "gift card", "VIP", "Ana's_tab", "Unknown"]


def test_after_a_rollback_the_accountants_files_name_the_way_that_begins_again(connection: Connection) -> None:
    other = Till(connection)
    connection.execute("UPDATE migration.crosswalk SET is_active = false")
    with pytest.raises(Refused, match="yet: migration 1 is ") as refused:
        require_place(connection, get_migration(connection, other.subject.migration_id))
    assert "status 1" in refused.value.remedy
    connection.execute("UPDATE migration.migrations SET state = 'rolled_back'")
    with pytest.raises(Refused, match="migration 1 is rolled back") as refused:
        require_place(connection, get_migration(connection, other.subject.migration_id))
    assert "preview 1 --location square:L1" in refused.value.remedy and "run" not in refused.value.remedy
