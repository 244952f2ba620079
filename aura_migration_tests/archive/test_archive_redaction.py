"""Redaction: what is declared never reaches the store, and everything else reaches it byte for byte."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.archive.redaction import (
    ENCRYPTED,
    ERASED,
    Redaction,
    person_of_value,
    redact,
    redact_values,
    reveal_body,
    split_path,
)
from aura_migration.core.errors import BadInput
from aura_migration.database.vault import PersonErased

CUSTOMERS = Redaction(
    drop={"customers": ("customers[].cards[].fingerprint", "trace")},
    drop_everywhere=frozenset({"access_token"}),
    personal={"customers": (("customers[].email", "customers[].id"), ("customers[].phones[]", "customers[].id"))},
)


class Keys:
    """Reversible and readable, so that a test sees which person a value was filed under."""

    def __init__(self) -> None:
        self.erased: set[str] = set()
        self.prepared: list[str] = []

    def prepare(self, integration_id: int, person_ids: Iterable[str]) -> None:
        self.prepared += person_ids

    def know(self, integration_id: int, tokens: Iterable[str]) -> None:
        for _ in tokens:
            continue

    def encrypt(self, integration_id: int, person_id: str, text: str) -> str:
        if person_id in self.erased:
            raise PersonErased("erased")
        return base64.urlsafe_b64encode(json.dumps([integration_id, person_id, text]).encode()).decode()

    def decrypt(self, integration_id: int, token: str) -> str:
        owner, person, text = json.loads(base64.urlsafe_b64decode(token))
        assert owner == integration_id
        if person in self.erased:
            raise PersonErased("erased")
        return str(text)

    def erase(self, integration_id: int, person_id: str) -> bool:
        new = person_id not in self.erased
        self.erased.add(person_id)
        return new


def filed(value: str) -> tuple[str, str]:
    """The person and the JSON text behind a value encrypted by :class:`Keys`."""
    _, person, text = json.loads(base64.urlsafe_b64decode(value.removeprefix(ENCRYPTED)))
    return person, text


# -- byte for byte -----------------------------------------------------------------------------------------------------


def test_a_body_under_no_rule_is_the_same_object() -> None:
    body = b"<html>not even JSON</html>"
    assert redact(body, "menus", Redaction(drop={"orders": ("a",)}), 1) is body


def test_a_body_in_which_no_rule_applies_keeps_every_byte() -> None:
    body = b' {"price" : 8.990,\n "n":-0, "e": 1E5 , "big": 123456789012345678901234567890.10} '
    assert redact(body, "customers", CUSTOMERS, 1) is body


def test_cutting_leaves_number_notation_white_space_order_and_escapes_alone() -> None:
    body = (
        b'{"access_token": "s3cret",\n  "price" : 8.990, "zero":-0, "e":1E5,"u":"caf\\u00e9 \\/",'
        b' "big":123456789012345678901234567890.10 , "b": [1.0, {"access_token":"x","k":2.50}] }'
    )
    assert redact(body, "menus", CUSTOMERS, 1) == (
        b'{"price" : 8.990, "zero":-0, "e":1E5,"u":"caf\\u00e9 \\/",'
        b' "big":123456789012345678901234567890.10 , "b": [1.0, {"k":2.50}] }'
    )


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ('{"x":1}', "{}"),
        ('{ "x" : 1 , "x":2 }', "{}"),
        ('{"x":1,"a":2}', '{"a":2}'),
        ('{"a":2,"x":1}', '{"a":2}'),
        ('{"a":2 , "x":[{"x":1}] , "b":3}', '{"a":2 , "b":3}'),
        ('{"x":0,"a":2,"x":1,"x":{},"b":3,"x":1}', '{"a":2,"b":3}'),
        ('[{"x":1},{"a":{"x":"}"}}]', '[{},{"a":{}}]'),
    ],
)
def test_cutting_a_member_takes_exactly_its_comma(body: str, stored: str) -> None:
    assert redact(body.encode(), "menus", Redaction(drop_everywhere=frozenset({"x"})), 1) == stored.encode()


def test_a_key_written_with_escapes_is_recognised() -> None:
    body = b'{"acc\\u0065ss_token":"s3cret","a":1}'
    assert redact(body, "menus", CUSTOMERS, 1) == b'{"a":1}'


def test_a_text_that_merely_contains_a_key_name_is_kept() -> None:
    body = b'{"a":"\\"access_token\\": no","access_token":"s3cret","b":"access_token"}'
    assert redact(body, "menus", CUSTOMERS, 1) == b'{"a":"\\"access_token\\": no","b":"access_token"}'


def test_half_a_surrogate_pair_and_a_byte_order_mark_survive() -> None:
    body = b'\xef\xbb\xbf{"name":"Burger \\ud83c","access_token":1}'
    assert redact(body, "menus", CUSTOMERS, 1) == b'\xef\xbb\xbf{"name":"Burger \\ud83c"}'


def test_a_path_goes_through_lists_maps_of_any_key_and_stops_at_its_own_level() -> None:
    rules = Redaction(drop={"menus": ("menus[].groups[][].code", "options.*.secret", "tags[]", "[].top")})
    body = (
        b'{"menus":[{"groups":[[{"code":1,"a":2}],[]],"code":9}],"options":{"7":{"secret":1},"8":{"b":2}},"tags":["x"]}'
    )
    assert redact(body, "menus", rules, 1) == (
        b'{"menus":[{"groups":[[{"a":2}],[]],"code":9}],"options":{"7":{},"8":{"b":2}},"tags":[]}'
    )
    assert redact(b'[{"top":1,"low":{"top":2}}]', "menus", rules, 1) == b'[{"low":{"top":2}}]'


def test_an_empty_body_is_stored_as_it_is() -> None:
    assert redact(b"", "customers", CUSTOMERS, 1) == b""


@pytest.mark.parametrize(
    "body", [b"<html>access_token</html>", b'{"a":1', b'{"a":NaN}', b"\xff\xfe{}", b'{"a":1}{"b":2}', b"[" * 50_000]
)
def test_a_body_that_needs_redaction_and_is_not_json_is_refused_without_showing_it(body: bytes) -> None:
    with pytest.raises(BadInput, match="GET /v2/customers: the body is not JSON") as refused:
        redact(body, "customers", CUSTOMERS, 1, Keys(), "GET /v2/customers")
    assert "html" not in str(refused.value)


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a]b", "a[0]", "a[]b"])
def test_a_malformed_path_is_refused_where_it_is_declared(path: str) -> None:
    with pytest.raises(BadInput, match="is not a field path"):
        Redaction(drop={"menus": (path,)})


@pytest.mark.parametrize(
    ("value", "person"),
    [
        ("orders[].email", "orders[].guests[].id"),
        ("email", "people.*.id"),
        ("orders[].email.id.x", "orders[].email.id"),
    ],
)
def test_a_person_id_that_is_not_one_per_value_is_refused_where_it_is_declared(value: str, person: str) -> None:
    with pytest.raises(BadInput, match="does not name one person"):
        Redaction(personal={"orders": ((value, person),)})


def test_parameters_and_request_bodies_lose_the_keys_dropped_everywhere() -> None:
    sent = {"cursor": "c", "access_token": "s3cret", "filter": [{"access_token": "s3cret", "limit": 5}]}
    assert redact_values(sent, CUSTOMERS) == {"cursor": "c", "filter": [{"limit": 5}]}


# -- persons -----------------------------------------------------------------------------------------------------------


def test_personal_values_are_filed_under_the_person_of_their_own_record() -> None:
    body = b'{"customers":[{"email":"ann@x.org","id":"C1","phones":["1","2"]},{"id":7,"email":"bob@x.org"}]}'
    keys = Keys()
    stored = json.loads(redact(body, "customers", CUSTOMERS, 1, keys))
    ann, bob = stored["customers"]
    assert filed(ann["email"]) == ("C1", '"ann@x.org"')
    assert [filed(phone) for phone in ann["phones"]] == [("C1", '"1"'), ("C1", '"2"')]
    assert filed(bob["email"]) == ("7", '"bob@x.org"')
    assert keys.prepared == ["7", "C1"], "keys are made in one go"


def test_a_value_without_a_person_id_is_a_person_of_its_own() -> None:
    body = b'{"customers":[{"email":"a@x.org"},{"email":"b@x.org","id":null},{"email":"c@x.org","id":""}]}'
    stored = json.loads(redact(body, "customers", CUSTOMERS, 1, Keys()))
    assert [filed(customer["email"])[0] for customer in stored["customers"]] == [
        person_of_value('"a@x.org"'),
        person_of_value('"b@x.org"'),
        person_of_value('"c@x.org"'),
    ]


def test_a_whole_object_is_encrypted_without_what_is_dropped_inside_it() -> None:
    rules = Redaction(
        drop={"orders": ("guest.card",)},
        drop_everywhere=frozenset({"pin"}),
        personal={"orders": (("guest", "guest.id"), ("guest.name", "guest.id"))},
    )
    body = b'{"guest":{"card":"4111","id":"G1","name":"Ann","pin":"1234","spent":12.50},"total":8.990}'
    keys = Keys()
    redacted = redact(body, "orders", rules, 1, keys)
    stored = json.loads(redacted)
    assert filed(stored["guest"]) == ("G1", '{"id":"G1","name":"Ann","spent":12.50}')
    assert redacted.endswith(b',"total":8.990}')
    assert reveal_body(redacted, 1, keys) == b'{"guest":{"id":"G1","name":"Ann","spent":12.50},"total":8.990}'


def test_a_value_may_be_its_own_person() -> None:
    rules = Redaction(personal={"orders": (("email", "email"),)})
    stored = json.loads(redact(b'{"email":"ann@x.org"}', "orders", rules, 1, Keys()))
    assert filed(stored["email"]) == ("ann@x.org", '"ann@x.org"')


def test_nothing_is_encrypted_where_there_is_nothing_personal() -> None:
    body = b'{"customers":[{"id":"C1","email":null,"phones":[]},{"id":"C2","email":""}]}'
    assert redact(body, "customers", CUSTOMERS, 1, Keys()) == body


def test_personal_fields_without_keys_are_refused() -> None:
    with pytest.raises(BadInput, match="no key store"):
        redact(b'{"customers":[{"id":"C1","email":"ann@x.org"}]}', "customers", CUSTOMERS, 1)


def test_a_person_already_erased_is_not_taken_in_again() -> None:
    keys = Keys()
    keys.erase(1, "C1")
    body = b'{"customers":[{"id":"C1","email":"ann@x.org"},{"id":"C2","email":"bob@x.org"}]}'
    stored = redact(body, "customers", CUSTOMERS, 1, keys)
    assert json.loads(stored)["customers"][0]["email"] == ERASED
    assert b"ann" not in stored
    assert json.loads(reveal_body(stored, 1, keys))["customers"] == [
        {"id": "C1", "email": None},
        {"id": "C2", "email": "bob@x.org"},
    ]


# -- properties --------------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c", "id", "pin", "card", "email")
RULES = st.lists(
    st.sampled_from(["a", "b.c", "a[]", "a[].b", "[].c", "*.a", "b.*.card", "a[].a[].email", "b.pin", "[][]", "id.id"]),
    max_size=4,
    unique=True,
)
EVERYWHERE = st.frozensets(st.sampled_from(["pin", "card"]))
NUMBERS = st.sampled_from(["0", "-0", "8.990", "1E5", "1e-7", "12.50", "100000000000000000000.10", "-3"])


class Notation(str):
    """A number as written."""


@st.composite
def documents(draw: st.DrawFn) -> tuple[Any, str]:
    """A JSON document and a notation of it with free white space; every text in it is different from every other."""
    counter = iter(range(100_000))

    def leaf() -> Any:
        kind = draw(st.sampled_from(["text", "text", "number", "word"]))
        if kind == "text":
            return f"~{next(counter)}~" + draw(st.sampled_from(["", "é🍔", '"', "\\", "{[,:]}", "\n", '","pin":"']))
        return Notation(draw(NUMBERS)) if kind == "number" else draw(st.sampled_from([True, False, None]))

    def value(depth: int) -> Any:
        kind = draw(st.sampled_from(["leaf", "list", "dict"])) if depth < 4 else "leaf"
        if kind == "leaf":
            return leaf()
        if kind == "list":
            return [value(depth + 1) for _ in range(draw(st.integers(0, 3)))]
        keys = draw(st.lists(st.sampled_from(NAMES), max_size=4, unique=True))
        return {key: value(depth + 1) for key in keys}

    document = value(0)

    def blank() -> str:
        return draw(st.sampled_from(["", "", "", " ", "\n\t"]))

    def written(node: Any) -> str:
        if isinstance(node, Notation):
            return str(node)
        if isinstance(node, dict):
            members = [f"{blank()}{name(key)}{blank()}:{blank()}{written(item)}{blank()}" for key, item in node.items()]
            return "{" + (",".join(members) or blank()) + "}"
        if isinstance(node, list):
            return "[" + (",".join(f"{blank()}{written(item)}{blank()}" for item in node) or blank()) + "]"
        return json.dumps(node, ensure_ascii=draw(st.booleans()))

    def name(key: str) -> str:
        if draw(st.integers(0, 9)) == 0:
            return '"' + "".join(f"\\u{ord(letter):04x}" for letter in key) + '"'
        return f'"{key}"'

    return document, blank() + written(document) + blank()


def parsed(data: bytes) -> Any:
    """The document with numbers as written."""
    return json.loads(data, parse_float=Notation, parse_int=Notation)


def without(node: Any, paths: list[tuple[str, ...]], everywhere: frozenset[str]) -> Any:
    """What must be left, worked out on the decoded tree."""
    if isinstance(node, dict):
        kept = {}
        for key, item in node.items():
            below = [path[1:] for path in paths if path and path[0] in (key, "*")]
            if key not in everywhere and () not in below:
                kept[key] = without(item, below, everywhere)
        return kept
    if isinstance(node, list):
        below = [path[1:] for path in paths if path and path[0] == "[]"]
        return [] if () in below else [without(item, below, everywhere) for item in node]
    return node


def texts(node: Any) -> set[str]:
    if isinstance(node, dict):
        return set().union(*(texts(item) for item in node.values()))
    if isinstance(node, list):
        return set().union(*(texts(item) for item in node))
    return {node} if isinstance(node, str) and not isinstance(node, Notation) else set()


@given(documents(), RULES, EVERYWHERE)
def test_no_dropped_value_survives_in_the_stored_bytes_and_everything_else_is_unchanged(
    made: tuple[Any, str], paths: list[str], everywhere: frozenset[str]
) -> None:
    document, notation = made
    rules = Redaction(drop={"menus": tuple(paths)}, drop_everywhere=everywhere)
    stored = redact(notation.encode(), "menus", rules, 1)
    expected = without(document, [split_path(path) for path in paths], everywhere)
    assert parsed(stored) == expected
    for text in texts(document) - texts(expected):
        assert text[: text.index("~", 1) + 1].encode() not in stored
    assert redact(stored, "menus", rules, 1) == stored, "redacting twice changes nothing"
    if expected == document:
        assert stored == notation.encode()


@given(documents(), st.sampled_from([("a", "b"), ("a[].b", "a[].id"), ("[].email", "[].id"), ("*.a[]", "*.id")]))
def test_revealing_gives_back_every_byte_while_the_store_holds_no_personal_text(
    made: tuple[Any, str], rule: tuple[str, str]
) -> None:
    document, notation = made
    keys = Keys()
    stored = redact(notation.encode(), "menus", Redaction(personal={"menus": (rule,)}), 1, keys)
    assert reveal_body(stored, 1, keys) == notation.encode()
    for text in texts(document) - texts(without(document, [split_path(rule[0])], frozenset())):
        assert text[: text.index("~", 1) + 1].encode() not in stored


def test_revealed_numbers_are_exact() -> None:
    rules = Redaction(personal={"loyalty": (("balance", "id"),)})
    keys = Keys()
    stored = redact(b'{"id":"C1","balance":8.990}', "loyalty", rules, 1, keys)
    revealed = json.loads(reveal_body(stored, 1, keys), parse_float=Decimal)
    assert str(revealed["balance"]) == "8.990"
