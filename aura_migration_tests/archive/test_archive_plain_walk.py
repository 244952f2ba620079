"""A page that is taken apart record by record is stored exactly as one that is walked token by token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aura_migration.archive import redaction
from aura_migration.archive.redaction import Redaction, redact

RULES = Redaction(
    drop={
        "orders": (
            "orders[].tenders[].card.pin",
            "orders[].tenders[].card.bin",
            "orders[].lists[][]",
            "orders[].*.secret",
            "orders[].tips[]",
        )
    },
    personal={
        "orders": (
            ("orders[].who.*.name", "orders[].id | orders[].who.*.mail"),
            ("orders[].note", "orders[].id"),
            ("orders[].lines[].note", "orders[].id"),
            ("orders[].lines[].guests[].name", "orders[].lines[].guests[].mail"),
        )
    },
    free_text={"orders": ("orders[].note",)},
)
KEYS = [
    "id",
    "tenders",
    "card",
    "pin",
    "bin",
    "lists",
    "secret",
    "tips",
    "who",
    "name",
    "mail",
    "note",
    "lines",
    "guests",
]


class Keys:
    """Tokens that show what they stand for."""

    def prepare(self, integration_id: int, person_ids: Any) -> None:
        list(person_ids)

    def encrypt(self, integration_id: int, person_id: str, text: str) -> str:
        return f"<{person_id}|{text}>"

    def know(self, integration_id: int, tokens: Any) -> None:
        list(tokens)

    def decrypt(self, integration_id: int, token: str) -> str:
        raise NotImplementedError

    def erase(self, integration_id: int, person_id: str) -> bool:
        raise NotImplementedError


@contextmanager
def large(size: int) -> Iterator[None]:
    """Pages from so many bytes on are taken apart."""
    before, redaction.LARGE = redaction.LARGE, size
    try:
        yield
    finally:
        redaction.LARGE = before


def both_ways(body: bytes) -> tuple[bytes, bytes]:
    with large(0):
        apart = redact(body, "orders", RULES, 1, Keys())
    with large(10**9):
        return apart, redact(body, "orders", RULES, 1, Keys())


LEAF: st.SearchStrategy[Any] = st.sampled_from(
    ["", "x", "é🍔", 'a"b', "it's \\u0027", "back\\slash", "a,b:{}", 1, -2.5, True, None, [], {}]
)


def tree(depth: int) -> st.SearchStrategy[Any]:
    if depth == 0:
        return LEAF
    below = tree(depth - 1)
    return st.one_of(
        LEAF, st.lists(below, max_size=3), st.lists(st.tuples(st.sampled_from(KEYS), below), max_size=5).map(Pairs)
    )


class Pairs(list[Any]):
    """Members of an object as written; a key may stand there twice."""


@st.composite
def pages(draw: st.DrawFn) -> bytes:
    """A page as a POS writes it, now and then with a blank or an escape where nobody expects it."""
    rarely = st.sampled_from([False] * 12 + [True])

    def written(node: Any) -> str:
        gap = " " if draw(rarely) else ""
        if isinstance(node, Pairs):
            return "{" + ",".join(f"{name(key)}{gap}:{written(value)}" for key, value in node) + gap + "}"
        if isinstance(node, list):
            return "[" + f",{gap}".join(map(written, node)) + "]"
        return json.dumps(node, ensure_ascii=draw(rarely))

    def name(key: str) -> str:
        return '"' + (f"\\u{ord(key[0]):04x}{key[1:]}" if draw(rarely) else key) + '"'

    member = st.tuples(st.sampled_from(KEYS), tree(3))
    records = draw(st.lists(st.lists(member, max_size=6).map(Pairs), max_size=4))
    return ('{"orders":' + written(records) + ',"cursor":"abc"}').encode()


@given(pages())
def test_a_page_is_stored_the_same_whichever_way_it_is_walked(body: bytes) -> None:
    apart, whole = both_ways(body)
    assert apart == whole


def test_what_is_dropped_and_encrypted_leaves_everything_around_it_as_it_was() -> None:
    body = (
        '{"orders":[{"id":"C1","t":"é","tenders":[{"card":{"pin":1,"brand":"V","bin":"2"}}],"note":"für Ann"},{"id":"C2",'
        '"lines":[{"note":null,"guests":[{"mail":"a@x.org","name":"Al"}]}]}],"cursor":"x"}'
    ).encode()
    with large(0):
        stored = redact(body, "orders", RULES, 1, Keys()).decode()
    assert json.loads(stored)["orders"][0]["note"] == 'enc:v1:<C1|"für Ann">'
    assert stored.startswith('{"orders":[{"id":"C1","t":"é","tenders":[{"card":{"brand":"V"}}],"note":"enc:')
    assert stored.endswith(
        r'{"id":"C2","lines":[{"note":null,"guests":[{"mail":"a@x.org","name":"enc:v1:<a@x.org|\"Al\">"}]}]}],"cursor":"x"}'
    )


def test_a_key_that_stands_twice_hides_nothing() -> None:
    body = b'{"orders":[{"id":"C1","tenders":[{"card":{"pin":"first"},"card":{}}]},{"note":"a","note":null}]}'
    apart, whole = both_ways(body)
    assert apart == whole
    assert b"first" not in apart and b'"a"' not in apart
