"""Certificates: what only looks complete is called suspicious, and nothing suspicious is loaded."""

from __future__ import annotations

import pytest

from aura_migration.archive.certificates import (
    Caps,
    Certificate,
    NestedSeen,
    PageSeen,
    SecondRoute,
    Trail,
    contradictions,
    judge,
    require,
    worst,
)
from aura_migration.core.errors import BadInput

HUNDREDS = Caps(page_size=100)


def test_a_list_that_ends_inside_a_page_is_complete() -> None:
    found = judge("items", [PageSeen(100, 100, True), PageSeen(37, 37)], caps=HUNDREDS)
    assert (found.status, found.pages, found.rows, found.distinct) == ("complete", 2, 137, 137)
    assert found.explain() == "items: 137 records read in 2 pages; the list ended by itself."


@pytest.mark.parametrize("pages", [1, 10])
def test_a_list_that_stops_exactly_at_a_multiple_of_the_page_size_is_suspicious(pages: int) -> None:
    trail = [PageSeen(100, 100, number < pages) for number in range(1, pages + 1)]
    found = judge("items", trail, caps=HUNDREDS)
    assert found.status == "suspicious"
    assert f"exactly {pages * 100:,} rows" in found.explain()


def test_an_empty_last_page_does_not_clear_the_cap() -> None:
    assert judge("items", [PageSeen(100, 100, True), PageSeen(0, 0)], caps=HUNDREDS).status == "suspicious"


def test_a_second_route_that_agrees_clears_the_cap() -> None:
    found = judge("items", [PageSeen(100, 100)], SecondRoute("the count per category", 100), HUNDREDS)
    assert found.status == "complete"
    assert found.explain() == ("items: 100 records read in 1 page, and the count per category also counts 100.")


def test_a_second_route_that_disagrees_is_suspicious_and_shows_both_numbers() -> None:
    found = judge("items", [PageSeen(37, 37)], SecondRoute("the search", 41), HUNDREDS)
    assert found.status == "suspicious"
    assert "the list has 37 records, the search counts 41" in found.explain()


def test_a_pos_that_ignores_the_cursor_is_suspicious() -> None:
    trail = Trail("items", HUNDREDS)
    ids = [f"I{number}" for number in range(99)]
    assert trail.page(ids, has_next=True) == 99
    assert trail.page(ids) == 0
    found = trail.certificate()
    assert (found.status, found.rows, found.distinct, found.duplicates_dropped) == ("suspicious", 198, 99, 99)
    assert "cursor was ignored" in found.explain()


def test_a_cursor_ignored_is_suspicious_even_when_a_second_count_by_the_same_liar_agrees() -> None:
    found = judge("items", [PageSeen(50, 50, True), PageSeen(50, 0)], SecondRoute("the search", 50), HUNDREDS)
    assert found.status == "suspicious"


def test_an_announced_page_that_was_not_read_is_suspicious() -> None:
    assert "announced more" in judge("items", [PageSeen(5, 5, True)], SecondRoute("search", 5)).explain()


def test_a_documented_total_cap_is_suspicious_unless_a_second_route_agrees() -> None:
    capped = Caps(page_size=1000, total=1500)
    trail = [PageSeen(1000, 1000, True), PageSeen(500, 500)]
    assert "never longer than 1,500" in judge("orders", trail, caps=capped).explain()
    assert judge("orders", trail, SecondRoute("the count", 1500), capped).status == "complete"


def test_a_nested_list_of_exactly_a_hundred_is_suspicious_until_it_is_read_by_its_own_endpoint() -> None:
    caps = Caps(page_size=100, nested=100)
    pages = [PageSeen(3, 3)]
    cut = judge("items", pages, SecondRoute("the count", 3), caps, [NestedSeen("item I1", 100)])
    assert cut.status == "suspicious"
    assert "item I1 shows 100 entries, where nested lists are cut at 100" in cut.explain()
    whole = judge("items", pages, None, caps, [NestedSeen("item I1", 100, refetched=137), NestedSeen("item I2", 99)])
    assert (whole.status, whole.nested_refetches) == ("complete", 1)
    assert "1 cut list read again in full" in whole.explain()
    shrunk = judge("items", pages, None, caps, [NestedSeen("item I1", 100, refetched=80)])
    assert shrunk.status == "suspicious"


def test_nothing_read_is_not_a_complete_list_and_an_empty_list_is() -> None:
    assert judge("items", []).status == "not_extracted"
    assert judge("items", [PageSeen(0, 0)], caps=HUNDREDS).status == "complete"


def test_a_trail_counts_rows_seen_twice_on_different_pages_once() -> None:
    trail = Trail("items", HUNDREDS)
    trail.page(["a", "b", "b"], has_next=True)
    trail.page(["b", "c"])
    found = trail.certificate(SecondRoute("the search", 3))
    assert (found.status, found.rows, found.distinct, found.duplicates_dropped) == ("complete", 5, 3, 2)
    assert trail.distinct == 3
    assert "2 repeated rows left out" in found.explain()


def test_every_required_entity_without_a_complete_certificate_blocks_with_its_reason() -> None:
    given = [
        Certificate("menus", "complete", pages=1, rows=1, distinct=1),
        Certificate("items", "suspicious", pages=1, rows=100, distinct=100, suspicious_caps=("it ended at 100 rows",)),
        Certificate("stock", "not_extracted", reason="The permission inventory:read is missing."),
    ]
    assert require(given, ["menus"]) == []
    assert require(given, ["stock", "menus", "taxes", "items"]) == [
        "stock: not read from the POS. The permission inventory:read is missing.",
        "taxes: the snapshot has no certificate; extract it again.",
        "items: 100 records read in 1 page, but it may not be all: it ended at 100 rows.",
    ]


def test_of_several_certificates_of_one_entity_the_worst_counts() -> None:
    good, bad = Certificate("items", "complete"), Certificate("items", "suspicious", reason="cut")
    assert worst([good, bad]) is bad
    assert require([good, bad], ["items"]) == [bad.explain()]
    assert worst([]) is None


@pytest.mark.parametrize(
    ("claimed", "words"),
    [
        (Certificate("items", "complete", 1, 9, 9, SecondRoute("the search", 8)), "the search counts 8"),
        (Certificate("items", "complete", 1, 9, 9, suspicious_caps=("cut at 9",)), "cut at 9"),
        (Certificate("items", "complete", 1, 8, 9), "cannot come from 8 rows"),
        (Certificate("items", "complete", 2, 9, 9), "2 pages are certified, 1 are recorded"),
        (Certificate("items", "complete", 1, 10, 9), "10 rows are certified, 9 are recorded"),
    ],
)
def test_a_certificate_that_contradicts_itself_or_the_recording_is_found_out(claimed: Certificate, words: str) -> None:
    assert words in "; ".join(contradictions(claimed, recorded_pages=1, recorded_rows=9))


def test_an_honest_certificate_contradicts_nothing() -> None:
    assert contradictions(Certificate("items", "complete", 1, 9, 9, SecondRoute("the search", 9)), 1, 9) == ()


def test_a_certificate_survives_its_own_notation() -> None:
    full = Certificate("items", "suspicious", 2, 9, 8, SecondRoute("the search", 7), ("cut",), 1, 1, "why")
    assert Certificate.from_dict(full.as_dict()) == full


def test_a_certificate_needs_an_entity_and_a_known_status() -> None:
    with pytest.raises(BadInput, match="is not a status"):
        Certificate("items", "fine")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="names no entity"):
        Certificate("", "complete")
