"""Whatever a stranger posts, reading it ends in texts that can be stored, or in one refusal that quotes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aura_migration.pos.clover.webhooks import WEBHOOKS as CLOVER
from aura_migration.pos.registry import BUILT_IN, connector
from aura_migration.pos.square.webhooks import ENTITIES
from aura_migration.pos.square.webhooks import WEBHOOKS as SQUARE
from aura_migration.pos.toast.webhooks import WEBHOOKS as TOAST
from aura_migration.pos.webhooks import MOST_TOUCHED, Delivery, Unreadable, instant, touched

NAMES = (
    "merchant_id", "type", "event_id", "created_at", "data", "object", "id", "deleted", "payment", "order_id", "customer",
    "event_context", "merge", "from_customer_ids", "inventory_counts", "guid", "eventCategory", "eventType", "details",
    "restaurantGuid", "timestamp", "order", "merchants", "objectId", "ts", "verificationCode", "location_id",
)  # fmt: skip
WORDS = (
    "payment.updated", "customer.created", "inventory.count.updated", "order_updated", "stock", "UPDATE", "O:1", "A:1", ":",
    "2026-10-01T00:04:03.1Z", "2026-10-01", "", "\0", "\ud800", "x" * 300, "é", "line\nbreak",
)  # fmt: skip
leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from(WORDS)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES + WORDS), inner, max_size=8),
    max_leaves=25,
)


def delivery(body: bytes) -> Delivery:
    return Delivery("https://x", {"x-clover-auth": "é", "toast-signature": "é"}, body, datetime.now(UTC))


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(NAMES), documents, min_size=4), st.binary(max_size=20))
def test_what_a_stranger_posts_is_read_or_refused(document: dict[str, Any], noise: bytes) -> None:
    for read in (SQUARE, TOAST, CLOVER):
        for body in (json.dumps(document).encode(), noise):
            sent = delivery(body)
            try:
                found = read.events(sent)
            except Unreadable as error:
                assert "body" in str(error) and len(str(error)) < 80
                found = ()
            else:
                assert found and read.why_not_genuine(sent, "key"), "nobody has signed it"
            texts = [read.verification_code(sent)]
            for event in found:
                texts += [event.event_id, event.kind, event.merchant_id, event.location_id]
                texts += [part for each in event.touches for part in (each.entity, each.id)]
                assert event.event_id and event.kind
                assert all(each.entity in known_entities for each in event.touches)
            for text in texts:
                text.encode("utf-8")
                assert text == "" or (text.isprintable() and len(text) <= 200)


known_entities = {entity.name for pos in BUILT_IN for entity in connector(pos).source_entities}


def test_every_entity_that_an_event_touches_is_one_the_connector_reads() -> None:
    square = {entity.name for entity in connector("square").source_entities}
    assert {entity for _, entity in ENTITIES} <= square
    for pos in BUILT_IN:
        assert not {"authorization", "cookie", "x-clover-auth"} & connector(pos).webhooks.kept_headers
        assert not any("signature" in name for name in connector(pos).webhooks.kept_headers)


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        (1_765_000_000_000, datetime(2025, 12, 6, 5, 46, 40, tzinfo=UTC)),
        ("2026-10-01T02:04:03.123456789+02:00", datetime(2026, 10, 1, 0, 4, 3, 123456, tzinfo=UTC)),
        ("2026-10-01T00:04:03", None),  # of no zone
        (True, None),
        (10**30, None),
        ("0001-01-01T00:00:00+14:00", None),  # before there were instants
        (["2026-10-01T00:04:03Z"], None),
    ],
)
def test_instants_are_read_with_their_offset_or_not_at_all(given_: Any, read: datetime | None) -> None:
    assert instant(given_) == read


def test_an_event_that_names_too_many_records_touches_the_whole_entity() -> None:
    updates = [{"objectId": f"I:{n}", "type": "UPDATE", "ts": n} for n in range(MOST_TOUCHED + 1)]
    body = json.dumps({"merchants": {"M": [*updates, {"objectId": "O:1", "type": "UPDATE", "ts": 1}]}}).encode()
    (event,) = CLOVER.events(delivery(body))
    assert [each.as_dict() for each in event.touches] == [
        {"entity": "items", "id": "", "deleted": False},
        {"entity": "orders", "id": "", "deleted": False},
    ]
    assert touched() == ()
