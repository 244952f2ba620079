"""Coverage: what the year before had and the window did not show is listed, however clean its days were."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.window import WindowPolicy, parse_policy
from aura_migration.core.errors import Refused
from aura_migration.reconcile.coverage import (
    Covered,
    coverage_pct,
    lacking,
    measure_coverage,
    never_exercised,
    read_coverage,
)
from aura_migration_tests.support.sales import Charge, Line, Tax, Till

FIRST = date(2026, 3, 6)
NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
POLICY = WindowPolicy()
"""Three times each; what 30 days of the year before had less than five times is not asked for."""
NOON, NIGHT = "17:00Z", "05:30Z"


def test_what_the_window_did_not_show_is_listed(connection: psycopg.Connection[Any]) -> None:
    till = _location(connection)
    for n in range(100):  # a history of 100 days
        day = FIRST - timedelta(days=100 - n)
        _sale(till, day, "card")
        if n % 2:
            _sale(till, day, "cash", channel="online", order_type="takeout", discount=50)
        if n % 20 == 0:
            _sale(till, day, "house_account", hour=NIGHT)
        if n % 50 == 0:
            _sale(till, day, "card", charge=Charge(300, "auto_gratuity", name="Large party"))
    _sale(till, FIRST - timedelta(days=400), "check")  # too long ago
    _sale(till, FIRST - timedelta(days=1), "wallet", status="cancelled")
    for n, verdict in enumerate(("clean", "different", "clean", "clean", "pending", "closed")):
        day = FIRST + timedelta(days=n)
        _judged(till, day, verdict)
        _sale(till, day, "card")
        _sale(till, day, "cash", origin="aura_native", source_id=None, external_id=f"P{n}", channel="online")
        _sale(till, day, "cash", source_id=f"P{n}", channel="online")  # its twin is no second one
    _sale(till, FIRST + timedelta(days=20), "house_account")  # no day that was compared
    till.flush()

    found = {(one.dimension, one.name): one for one in _measure(till)}

    assert found["tender", "Card"] == Covered("tender", "Card", 31, 4, True, FIRST + timedelta(days=3))
    assert found["tender", "Cash"] == Covered("tender", "Cash", 15, 4, True, FIRST + timedelta(days=3))
    assert found["channel", "online"].seen == 4
    house = found["tender", "House account"]
    assert (house.expected, house.seen, house.is_required, house.last_on) == (2, 0, False, None), "rare: not asked for"
    assert found["discount", "Happy hour"] == Covered("discount", "Happy hour", 15, 0, True, None)
    assert found["order_type", "takeout"].seen == 0
    assert found["tax", "Sales tax 8.875 %"].seen == 8
    assert found["daypart", "lunch"].is_required and not found["daypart", "late night"].is_required
    assert not {("tender", "Check"), ("tender", "Wallet"), ("order_type", "unknown")} & set(found)

    every = list(found.values())
    assert {one.name for one in lacking(every, POLICY)} == {"Happy hour", "takeout"}
    assert {one.name for one in never_exercised(every)} == {
        "Happy hour",
        "takeout",
        "House account",
        "Large party",
        "late night",
    }
    required = sum(one.is_required for one in every)
    assert coverage_pct(every, POLICY) == pytest.approx(100 * (required - 2) / required)
    assert read_coverage(connection, till.subject.migration_id) == every

    often = parse_policy({"gates": {"coverageTimes": 5, "coverageRare": 0}})
    assert found["tender", "Card"] in lacking(_measure(till, often), often), "so often nothing was seen"
    assert any(
        one.name == "Large party" and one.is_required for one in read_coverage(connection, till.subject.migration_id)
    )


def test_without_a_past_nothing_says_what_there_is_to_see(connection: psycopg.Connection[Any]) -> None:
    till = _location(connection)
    _judged(till, FIRST, "clean")
    _sale(till, FIRST, "card")
    till.flush()

    assert _measure(till) == [] == read_coverage(connection, till.subject.migration_id)
    assert coverage_pct([], POLICY) is None, "not provable, never passed"
    connection.execute("DELETE FROM migration.windows")
    with pytest.raises(Refused, match="no parallel window"):
        _measure(till)


def _location(connection: psycopg.Connection[Any]) -> Till:
    till = Till(connection)
    connection.execute(
        "INSERT INTO migration.windows (migration_id, location_key, opened_at, first_day, opened_by) VALUES (%s, %s, %s, %s, 'op')",
        [till.subject.migration_id, till.subject.location_key, NOW, FIRST],
    )
    return till


def _sale(
    till: Till,
    day: date,
    tender: str,
    *,
    hour: str = NOON,
    discount: int = 0,
    charge: Charge | None = None,
    **head: Any,
) -> None:
    opened = f"{day} {hour}"
    values = {"channel": "in_house", "order_type": "dine_in", "opened_at": opened, "closed_at": opened, **head}
    order = till.check(
        str(day), [Line(1000, taxes=(Tax(89),), discount=discount)], [charge] if charge else [], **values
    )
    till.pay(str(day), order, till.payable(order), tender)


def _judged(till: Till, day: date, verdict: str) -> None:
    till.connection.execute(
        "INSERT INTO migration.parallel_days (migration_id, business_date, verdict, closes_at, final_at, judged_at) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        [till.subject.migration_id, day, verdict, NOW, NOW, NOW],
    )


def _measure(till: Till, policy: WindowPolicy = POLICY) -> list[Covered]:
    return measure_coverage(till.connection, till.subject.migration_id, till.location, FIRST, NOW, policy)
