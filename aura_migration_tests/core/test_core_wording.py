"""What is wrong with a file somebody wrote is said in plain words, with its place."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.canonical.options import parse_options
from aura_migration.core.errors import BadInput


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"histry": {}}, "histry: there is no such field"),
        ({"history": {"months": -1}}, "history.months: it must be at least 0"),
        ({"history": {"months": "many"}}, "history.months: it must be a whole number"),
        ({"history": {"until": "2026-01-01T00:00:00"}}, "history.until: it must say its time zone, as in"),
        ({"history": {"until": "soon"}}, "history.until: it must be a date and time with its zone, as in"),
        ({"history": {"closeout": "4 am"}}, "history.closeout: it must be a time of day, as in 04:00"),
        ({"history": {"basis": "sold"}}, "history.basis: it must be one of 'closed', 'created' or 'paid'"),
        ({"history": []}, "history: it must be an object in braces"),
        ({"conflicts": {"records": [{"entity": "items"}]}}, "conflicts.records.0.key: it is missing"),
        ({"excludeEntities": ["nothing"]}, "'nothing' is not an entity; there are"),
    ],
)
def test_options_that_are_wrong_are_told_in_plain_words(document: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_options(document)
    assert told in refused.value.what
    for foreign in ("Input should", "Extra inputs", "Value error", "pydantic", "valid dictionary", "Field required"):
        assert foreign not in refused.value.what
