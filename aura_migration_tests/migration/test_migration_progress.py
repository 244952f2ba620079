"""Progress: ordered rows, totals known before loading, and an estimate that says nothing rather than something wrong."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.load.apply import apply_plan
from aura_migration.migration import loading, progress, stages
from aura_migration_tests.support.worlds import Started


@pytest.mark.parametrize(
    ("processed", "total", "elapsed", "before", "says"),
    [
        (0, 0, 100.0, 0, None),  # nothing to measure
        (0, 1000, 100.0, 0, None),  # nothing done yet
        (9, 1000, 100.0, 0, None),  # less than one percent
        (500, 1000, 9.9, 0, None),  # less than ten seconds
        (500, 1000, 10.0, 0, 10),
        (250, 1000, 20.0, 0, 60),
        (1000, 1000, 0.1, 0, 0),  # done is done, however quick
        (600, 1000, 20.0, 500, 80),  # resumed: only the rows of this run tell its speed
        (505, 1000, 20.0, 500, None),
    ],
)
def test_the_estimate(processed: int, total: int, elapsed: float, before: int, says: int | None) -> None:
    assert progress.estimate(processed, total, elapsed, before) == says


@given(
    total=st.integers(1, 10**7),
    share=st.floats(0.02, 0.99),
    rate=st.floats(0.5, 10_000),
    resumed=st.floats(0, 0.9),
)
def test_at_a_steady_rate_the_estimate_is_the_time_that_is_left(
    total: int, share: float, rate: float, resumed: float
) -> None:
    before = int(total * share * resumed)
    processed = int(total * share)
    elapsed = (processed - before) / rate
    told = progress.estimate(processed, total, elapsed, before)
    if told is not None:
        assert told == pytest.approx((total - processed) / rate, abs=0.51, rel=0.01)


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (None, None),
        (0, "0 seconds"),
        (1, "1 second"),
        (89, "89 seconds"),
        (300, "5 minutes"),
        (90, "2 minutes"),
        (7200, "2 hours"),
    ],
)
def test_the_estimate_is_said_as_people_say_it(seconds: int | None, says: str | None) -> None:
    assert progress.spoken(seconds) == says


def test_a_journey_leaves_ordered_rows_with_the_total_known_before_the_first_row_is_written(
    approved: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, migration = approved.world, approved.migration
    monkeypatch.setattr(loading, "apply_plan", partial(apply_plan, batch_rows=40))
    assert world.ok("run", migration)["passed"] is True
    with world.connect() as connection:
        rows = progress.since(connection, migration)
    assert [r["sequence"] for r in rows] == sorted({r["sequence"] for r in rows})
    loads = [r for r in rows if r["currentStep"].startswith(("Loading", "Loaded"))]
    assert loads[0]["processedItems"] == 0
    assert {r["totalItems"] for r in loads} == {loads[-1]["processedItems"]}
    counts = [r["processedItems"] for r in loads]
    assert counts == sorted(counts) and len(set(counts)) > 3
    assert all(r["errors"] == [] for r in rows)
    steps = [r["currentStep"] for r in rows]
    order = ["Exporting from the POS", "Mapped and checked", "Loading", "Loaded", "Verifying", "Verified"]
    at = [steps.index(step) for step in order]
    assert at == sorted(at)
    assert set(rows[0]) == {
        "sequence", "totalItems", "processedItems", "currentStep", "estimatedTimeRemaining", "errors", "at",
    }  # fmt: skip


def test_a_reader_that_was_away_gets_exactly_what_it_missed(approved: Started) -> None:
    with approved.world.connect() as connection:
        everything = progress.since(connection, approved.migration)
        missed = progress.since(connection, approved.migration, after=everything[1]["sequence"])
        assert missed == everything[2:]
        assert progress.latest(connection, approved.migration) == everything[-1]
        assert progress.since(connection, approved.migration, after=everything[-1]["sequence"]) == []


def test_a_resumed_load_goes_on_counting_where_the_work_stands(
    approved: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, migration = approved.world, approved.migration
    workshop = world.workshop
    seen: list[int] = []

    def pausing(*arguments: Any, on_batch: Any, **named: Any) -> Any:
        def then_pause(cursor: Any, at: Any) -> None:
            on_batch(cursor, at)
            seen.append(at.processed)
            if len(seen) == 2:
                cursor.execute("UPDATE migration.migrations SET pause_requested = true")

        return apply_plan(*arguments, batch_rows=40, on_batch=then_pause, **named)

    monkeypatch.setattr(loading, "apply_plan", pausing)
    with pytest.raises(loading.VerdictFailed):
        stages.load(workshop, migration, "test")
    assert world.state(migration) == "paused" and len(seen) == 2
    stages.load(workshop, migration, "test")
    with world.connect() as connection:
        loads = [r for r in progress.since(connection, migration) if r["currentStep"] == "Loading"]
    assert [r["processedItems"] for r in loads] == [0, seen[1]]
    assert world.ok("verify", migration)["passed"] is True
