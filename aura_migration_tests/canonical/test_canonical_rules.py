"""The rules of canonical rows without a database: validators, options, transforms, limited menus, references."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aura_migration.canonical import references, validate
from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.canonical.model import Field, Row
from aura_migration.canonical.options import MigrationOptions, load_options, options_schema, parse_options
from aura_migration.canonical.scope import left_out
from aura_migration.canonical.transforms import BUILT_IN, misuse, transform
from aura_migration.core.errors import BadInput
from aura_migration_tests.support.menus import cafe

# -- two validators, one rule -------------------------------------------------------------------------------------------

FIELDS = sorted({(e.name, f.name) for e in MENU_ENTITIES for f in e.fields})
ODD_TEXT = st.sampled_from(
    ["", "\x00", "\ud800", "x" * 256, "x" * 513, "8.875", "-0.5", "1e5", "９", " 1", "1_0", "fixed", "0" * 40]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31 - 1, 2**31, -(2**31), 10**15, 10**15 + 1, 10**30]),
    st.floats(),
    st.text(max_size=5),
    ODD_TEXT,
    st.lists(st.one_of(st.text(max_size=2), st.floats(), st.integers(), ODD_TEXT), max_size=2),
    st.dictionaries(
        st.text(max_size=2), st.one_of(st.none(), ODD_TEXT, st.sampled_from([Decimal("1"), b"x"])), max_size=2
    ),
    st.decimals(allow_nan=True),
    st.binary(max_size=2),
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(where=st.sampled_from(FIELDS), value=VALUES)
def test_the_schema_accepts_a_value_exactly_when_there_is_no_reason_against_it(
    where: tuple[str, str], value: Any
) -> None:
    field = ENTITIES[where[0]].field(where[1])
    assert validate.accepts(field)([value]) == [validate.acceptable(field, value) is None]


ROWS = {
    "items": {
        "name": "Pie",
        "price_type": "fixed",
        "item_type": "item",
        "is_available": True,
        "is_active": True,
        "display_order": 0,
    },
    "tax_rates": {"name": "T", "tax_type": "percent", "is_inclusive": False, "is_default": False, "is_active": True},
    "modifier_groups": {
        "name": "G",
        "selection_type": "single",
        "min_selections": 0,
        "is_required": False,
        "allow_quantities": False,
        "is_active": True,
        "display_order": 0,
    },
}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    entity=st.sampled_from(sorted(ROWS)),
    changes=st.lists(st.dictionaries(st.integers(0, 40), VALUES, max_size=3), min_size=1, max_size=6),
)
def test_the_pandera_schema_rejects_exactly_the_rows_that_the_rule_rejects(
    entity: str, changes: list[dict[int, Any]]
) -> None:
    fields = ENTITIES[entity].fields
    rows = []
    for number, change in enumerate(changes):
        values = {**ROWS[entity], **{fields[n % len(fields)].name: v for n, v in change.items()}}
        rows.append(Row(entity, str(number), values))
    found = validate.invalid(entity, rows)
    for position, row in enumerate(rows):
        problems = [p for f in fields if (p := validate.acceptable(f, row.values.get(f.name))) is not None]
        assert sorted(found.get(position, [])) == sorted(problems)


def test_what_is_accepted_fits_into_auraconnect_s_columns(connection: psycopg.Connection[Any]) -> None:
    columns = {
        (table, column): (kind, is_nullable == "YES", precision, scale)
        for table, column, kind, is_nullable, precision, scale in connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, numeric_precision, numeric_scale "
            "FROM information_schema.columns WHERE table_schema = 'aura'"
        ).fetchall()
    }
    kinds = {
        "text": "text",
        "int": "integer",
        "cents": "bigint",
        "bool": "boolean",
        "numeric": "numeric",
        "json": "jsonb",
    }
    for entity in MENU_ENTITIES:
        for field in entity.fields:
            kind, is_nullable, precision, scale = columns[entity.table, field.target]
            assert kind == ("bigint" if field.ref else kinds[field.kind]), (entity.name, field.name)
            assert field.required or is_nullable, f"{entity.name}.{field.name} may be null, but its column may not"
            if field.kind == "numeric":
                digits, decimals = validate.PRECISION[field.name]
                assert digits + decimals <= precision and decimals <= scale, (entity.name, field.name)


def test_a_number_is_exact_or_refused() -> None:
    rate = ENTITIES["tax_rates"].field("rate_percent")
    for good in ("8.875", "0", "-1.5", "9999.99999999", "0008.50000000000", 7):
        assert validate.acceptable(rate, good) is None, good
    for bad in ("10000", "1.123456789", "1e2", " 8", "NaN", "٣", "", 8.875, Decimal("8.875"), True):
        assert validate.acceptable(rate, bad) is not None, bad


def test_a_field_s_choices_length_and_minimum_hold() -> None:
    field = Field("x", choices=("a", "bb"), max_length=1)
    assert validate.accepts(field)(["a", "bb", "c", None]) == [True, False, False, True]
    lowest = Field("n", "int", minimum=1, required=True)
    assert validate.accepts(lowest)([0, 1, None, True]) == [False, True, False, False]


# -- options ------------------------------------------------------------------------------------------------------------

EXAMPLE = {
    "scope": {"categories": ["C1"], "excludeItems": ["I1"]},
    "excludeEntities": ["stock"],
    "conflicts": {
        "strategy": "merge",
        "entities": {"items": "overwrite"},
        "records": [{"entity": "items", "key": "I2", "strategy": "duplicate"}],
    },
    "fieldMapping": [
        {"posField": "a.b", "auraField": "prepTimeMinutes", "transform": "seconds_to_minutes"},
        {"entity": "modifiers", "posField": "c", "auraField": "customFields.note"},
    ],
}


def test_a_file_of_options_follows_the_published_schema_and_comes_back_the_same(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(options_schema())
    jsonschema.validate(EXAMPLE, options_schema())
    file = tmp_path / "options.json"
    file.write_text(json.dumps(EXAMPLE), encoding="utf-8")
    options = load_options(file)
    assert parse_options(json.loads(options.model_dump_json(by_alias=True))) == options
    assert options.strategy_for("items") == "overwrite"
    assert options.strategy_for("menus") == "merge"
    assert load_options(None) == MigrationOptions()


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"scop": {}}, "scop"),
        ({"excludeEntities": ["dishes"]}, "'dishes' is not an entity"),
        ({"excludeEntities": ["locations"]}, "locations cannot be left out"),
        ({"conflicts": {"strategy": "guess"}}, "conflicts.strategy"),
        ({"conflicts": {"entities": {"dishes": "merge"}}}, "'dishes' is not an entity"),
        (
            {"conflicts": {"records": [{"entity": "dishes", "key": "1", "strategy": "merge"}]}},
            "'dishes' is not an entity",
        ),
        (
            {
                "conflicts": {
                    "records": [{"entity": "items", "key": "1", "strategy": s} for s in ("merge", "overwrite")]
                }
            },
            "items '1' is decided more than once",
        ),
        ({"fieldMapping": [{"posField": "a", "auraField": "colour"}]}, "auraField 'colour' is unknown"),
        ({"fieldMapping": [{"posField": "a", "auraField": "categoryKey"}]}, "auraField 'categoryKey' is unknown"),
        (
            {"fieldMapping": [{"entity": "menus", "posField": "a", "auraField": "customFields.x"}]},
            "menus has no custom fields",
        ),
        (
            {"fieldMapping": [{"posField": "a", "auraField": "name", "transform": "eval"}]},
            "there is no transform 'eval'",
        ),
        ({"fieldMapping": [{"posField": "a", "auraField": "name", "transform": "prefix"}]}, "transform prefix"),
        (
            {"fieldMapping": [{"posField": "a", "auraField": "name", "arguments": {"x": 1}}]},
            "no transform to take them",
        ),
        ([], "(top)"),
    ],
)
def test_options_that_cannot_be_meant_are_bad_input_with_their_place(document: Any, problem: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_options(document)
    assert problem in str(refused.value)


@pytest.mark.parametrize(("text", "problem"), [(None, "cannot be read"), ("{", "is not JSON"), ("\xff", "is not JSON")])
def test_a_file_that_cannot_be_read_is_bad_input(tmp_path: Path, text: str | None, problem: str) -> None:
    file = tmp_path / "options.json"
    if text is not None:
        file.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=problem):
        load_options(file)


# -- transforms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "arguments", "expected"),
    [
        ("trim", "  a b ", {}, "a b"),
        ("upper", "straße", {}, "STRASSE"),
        ("lower", "ÀB", {}, "àb"),
        ("truncate", "abcdef", {"length": 3}, "abc"),
        ("prefix", 7, {"text": "No. "}, "No. 7"),
        ("default", "", {"value_if_missing": 1}, 1),
        ("default", 0, {"value_if_missing": 1}, 0),
        ("lookup", "HOT", {"table": {"HOT": "grill"}}, "grill"),
        ("integer", "12.0", {}, 12),
        ("cents", "12.34", {}, 1234),
        ("cents", "1.234", {"scale": 3}, 1234),
        ("multiply", "0.1", {"factor": "3"}, "0.3"),
        ("multiply", "100", {"factor": "10"}, "1000"),
        ("extract", "SKU-0042", {"pattern": r"(\d+)$", "group": 1}, "0042"),
        ("split", "a, b,,c", {}, ["a", "b", "c"]),
        ("seconds_to_minutes", 61, {}, 2),
        ("seconds_to_minutes", "60", {}, 1),
    ],
)
def test_a_transform_gives(name: str, value: Any, arguments: dict[str, Any], expected: Any) -> None:
    assert transform(name)(value, **arguments) == expected


@pytest.mark.parametrize(
    ("name", "value", "arguments"),
    [
        ("trim", None, {}),
        ("upper", ["a"], {}),
        ("lookup", "COLD", {"table": {}}),
        ("integer", "1.5", {}),
        ("integer", "ten", {}),
        ("integer", "Infinity", {}),
        ("cents", "1.234", {}),
        ("cents", "NaN", {}),
        ("multiply", "x", {"factor": "2"}),
        ("extract", "abc", {"pattern": r"\d"}),
        ("extract", "abc", {"pattern": "("}),
        ("extract", "abc", {"pattern": "a", "group": 2}),
    ],
)
def test_a_transform_that_cannot_raises_an_error_that_becomes_the_reason(
    name: str, value: Any, arguments: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        transform(name)(value, **arguments)


def test_an_unknown_transform_names_what_there_is() -> None:
    with pytest.raises(BadInput, match="eval") as refused:
        transform("eval")
    assert all(name in refused.value.remedy for name in BUILT_IN)
    assert misuse("trim", {}) is None
    assert "length" in str(misuse("truncate", {}))


# -- limited menus ------------------------------------------------------------------------------------------------------


def outside(**scope: Any) -> dict[str, set[str]]:
    rows: dict[str, list[Row]] = {}
    for row in cafe().batch.rows:
        rows.setdefault(row.entity, []).append(row)
    return left_out(rows, parse_options({"scope": scope}).scope)


def test_no_selection_leaves_nothing_out() -> None:
    assert outside() == {}


def test_a_category_selects_what_stands_in_it_or_below_it() -> None:
    found = outside(categories=["FOOD"])
    assert found == {"items": {"COF"}, "categories": set(), "menus": set(), "modifier_groups": {"MILK", "FOAM"}}


def test_an_item_selects_its_groups_nested_ones_too() -> None:
    found = outside(items=["COF"])
    assert found == {
        "items": {"AVO", "EGG"},
        "categories": {"FOOD", "TOAST"},
        "menus": {"ALL"},
        "modifier_groups": set(),
    }


def test_an_excluded_category_takes_along_what_stands_only_there() -> None:
    assert outside(excludeCategories=["TOAST"]) == {"items": {"AVO", "EGG"}, "categories": {"TOAST"}}


def test_an_excluded_item_leaves_its_category_in_use() -> None:
    assert outside(excludeItems=["AVO"]) == {"items": {"AVO"}, "categories": set()}


@pytest.mark.parametrize(
    "scope", [{"items": ["X"]}, {"excludeItems": ["X"]}, {"categories": ["X"]}, {"excludeCategories": ["X"]}]
)
def test_an_id_the_pos_does_not_have_is_bad_input(scope: dict[str, list[str]]) -> None:
    with pytest.raises(BadInput, match="X"):
        outside(**scope)


def test_the_last_id_of_a_path_is_enough() -> None:
    rows = {"items": [Row("items", "M1/A", {}), Row("items", "M2/A", {}), Row("items", "M1/B", {})]}
    assert left_out(rows, parse_options({"scope": {"items": ["A"]}}).scope)["items"] == {"M1/B"}


# -- references ---------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdefx") | st.none(), max_size=6))
def test_after_cutting_circles_every_row_stands_in_a_later_wave_than_its_parent(parents: dict[str, str | None]) -> None:
    rows = [Row("categories", key, {"parent_category_key": parent}) for key, parent in parents.items()]
    losses = references.break_circles({"categories": rows})
    cut = [row.key for row in rows if row.values["parent_category_key"] != parents[row.key]]
    assert sum(loss.records for loss in losses) == len(cut)
    waves = references.waves(ENTITIES["categories"], rows)
    for row in rows:
        parent = row.values["parent_category_key"]
        assert waves[row.key] == (waves[parent] + 1 if parent in parents else 0)


def test_a_link_cannot_do_without_its_ends_but_a_named_thing_can() -> None:
    assert references.is_binding(ENTITIES["price_rules"], ENTITIES["price_rules"].field("menu_item_key"))
    assert references.is_binding(ENTITIES["item_locations"], ENTITIES["item_locations"].field("variation_key"))
    assert references.is_binding(ENTITIES["variations"], ENTITIES["variations"].field("menu_item_key"))
    assert not references.is_binding(ENTITIES["categories"], ENTITIES["categories"].field("parent_category_key"))
    assert not references.is_binding(ENTITIES["items"], ENTITIES["items"].field("category_key"))
