"""The walker that counts source fields without a home."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.canonical.losses import MAPPED, TECHNICAL, carries, count_losses, weighed
from aura_migration.canonical.model import Loss
from aura_migration.core.errors import BadInput


def ident(record: Any) -> str:
    return str(record["id"])


KNOWN = {"id": TECHNICAL, "name": MAPPED, "price": MAPPED}


def test_a_field_nobody_declared_is_counted_once_per_record_with_its_id() -> None:
    objects = [
        {"id": "a", "name": "x", "mood": "sour"},
        {"id": "b", "name": "y"},
        {"id": "c", "mood": "sweet"},
    ]
    losses = count_losses(objects, "ITEM", KNOWN, ident)
    assert [(loss.source_entity, loss.field, loss.records, loss.examples) for loss in losses] == [
        ("ITEM", "mood", 2, ("a", "c"))
    ]
    assert "mood" in losses[0].note


@pytest.mark.parametrize("nothing", [None, "", [], {}, [None, ""], {"inner": []}])
def test_a_field_without_a_value_is_no_loss(nothing: Any) -> None:
    assert not carries(nothing)
    assert count_losses([{"id": "a", "mood": nothing}], "ITEM", KNOWN, ident) == []


@pytest.mark.parametrize("value", [False, 0, "0", [0], {"inner": False}])
def test_false_and_zero_say_something(value: Any) -> None:
    assert carries(value)
    assert len(count_losses([{"id": "a", "mood": value}], "ITEM", KNOWN, ident)) == 1


def test_a_value_equal_to_the_declared_default_says_nothing() -> None:
    objects = [{"id": "a", "hidden": False}, {"id": "b", "hidden": True}]
    losses = count_losses(
        objects,
        "ITEM",
        {**KNOWN, "hidden": "Hiding is not carried over."},
        ident,
        defaults={"hidden": False},
    )
    assert losses == [Loss("ITEM", "hidden", 1, "Hiding is not carried over.", ("b",))]


def test_a_disposition_covers_everything_below_it_unless_a_deeper_path_says_otherwise() -> None:
    known = {
        **KNOWN,
        "links[]": MAPPED,
        "links[].colour": "Colours of links are not kept.",
    }
    objects = [
        {
            "id": "a",
            "links": [
                {"to": "x", "colour": "red"},
                {"to": "y", "colour": "blue", "deep": {"er": 1}},
            ],
        }
    ]
    assert count_losses(objects, "ITEM", known, ident) == [
        Loss("ITEM", "links[].colour", 1, "Colours of links are not kept.", ("a",))
    ]


def test_an_undeclared_subtree_is_one_loss_at_its_topmost_step() -> None:
    objects = [{"id": "a", "data": {"name": "x", "seo": {"title": "t", "words": ["w"]}}}]
    losses = count_losses(objects, "ITEM", {"id": TECHNICAL, "data.name": MAPPED}, ident)
    assert [loss.field for loss in losses] == ["data.seo"]


def test_a_star_stands_for_any_key_of_a_mapping() -> None:
    known = {"id": TECHNICAL, "values.*.text": MAPPED}
    objects = [
        {
            "id": "a",
            "values": {"k1": {"text": "t", "origin": "app"}, "k2": {"origin": "app"}},
        }
    ]
    assert [loss.field for loss in count_losses(objects, "ITEM", known, ident)] == ["values.*.origin"]


def test_a_scalar_where_a_structure_was_declared_is_not_lost_silently() -> None:
    losses = count_losses(
        [{"id": "a", "data": "flat"}],
        "ITEM",
        {"id": TECHNICAL, "data.name": MAPPED},
        ident,
    )
    assert [loss.field for loss in losses] == ["data"]


def test_no_more_than_five_examples_are_kept_but_every_record_is_counted() -> None:
    losses = count_losses([{"id": str(n), "mood": "sour"} for n in range(12)], "ITEM", KNOWN, ident)
    assert losses[0].records == 12
    assert losses[0].examples == ("0", "1", "2", "3", "4")


def test_what_went_through_a_rule_is_told_beside_what_is_lost_of_it() -> None:
    discounts = Loss(
        "Discount", "schedule", 7, "Not in the API.", ("Ten (d-1)",), ("Ten (d-1)", "Two off (d-2)", "Never (d-3)")
    )
    charges, colours = (
        Loss("order_fees", "isHidden", 1, "Hidden.", ("F9",), ("F9",)),
        Loss("Menu", "colour", 1, "None.", ("Lunch",), ("Lunch",)),
    )
    moved = {"location/d-1": 1250, "location/d-2": 600, "merchant/F9": 5, "other": 99}
    told = [loss.as_dict().get("money") for loss in weighed([discounts, charges, colours], moved, "USD")]
    assert told == ["18.50 USD", "0.05 USD", None]


def test_a_disposition_that_says_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="empty"):
        count_losses([], "ITEM", {"name": ""}, ident)
    with pytest.raises(BadInput, match="not a field path"):
        count_losses([], "ITEM", {"a..b": MAPPED}, ident)
