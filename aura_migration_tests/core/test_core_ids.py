"""Keys and hashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.core.errors import BadInput
from aura_migration.core.ids import canonical_json, content_hash, location_key, path, split_location_key

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def test_a_location_key_names_pos_and_id() -> None:
    assert location_key("square", "LAURA00000001") == "square:LAURA00000001"
    assert split_location_key("toast:5d0b-11") == ("toast", "5d0b-11")


@pytest.mark.parametrize("key", ["square", "Square:L1", "square:", ":L1", "square:L|1", "square:a b", "square:L1\n"])
def test_what_is_not_a_location_key_is_refused(key: str) -> None:
    with pytest.raises(BadInput, match="not a location key"):
        split_location_key(key)


def test_a_path_joins_ids_and_refuses_what_would_make_it_ambiguous() -> None:
    assert path("L1", "ITEM", "VAR") == "L1/ITEM/VAR"
    for parts in (("a/b",), ("", "b")):
        with pytest.raises(BadInput):
            path(*parts)


@given(st.dictionaries(st.text(max_size=5), JSON, min_size=2, max_size=5))
def test_the_order_of_keys_does_not_change_a_content_hash(value: dict[str, object]) -> None:
    turned = dict(reversed(list(value.items())))
    assert canonical_json(turned) == canonical_json(value)
    assert content_hash(turned) == content_hash(value)


@given(JSON, JSON)
def test_different_contents_have_different_bytes(one: object, other: object) -> None:
    # True and 1 are equal in Python and different in JSON: compared by their types too.
    assert (canonical_json(one) == canonical_json(other)) == (repr(one) == repr(other) or _same(one, other))


def _same(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(v, other[k]) for k, v in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and one == other
