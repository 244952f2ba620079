"""The commands of webhooks: keys in, never out; what came; and keys that seal the vault rotated under them."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.fernet import Fernet

from aura_migration.migration import webhooks
from aura_migration.migration.notifying import add_target, list_targets
from aura_migration.pos.webhooks import Delivery
from aura_migration_tests.support.journey import World

SECRET = "0f8fad5b-d9cb-469f-a165-70867728950e"


def _delivery(body: bytes, secret: str = SECRET) -> Delivery:
    return Delivery("", {"x-clover-auth": secret}, body, datetime.now(UTC))


def test_a_key_goes_in_what_came_is_listed_and_rotating_the_vault_s_keys_reaches_all_of_it(world: World) -> None:
    with world.connect() as connection:
        connection.execute(
            "INSERT INTO aura.restaurants (id, name, timezone, currency) OVERRIDING SYSTEM VALUE VALUES (1, 'R', 'UTC', 'USD')"
        )
        connection.execute(
            "INSERT INTO migration.integrations (id, restaurant_id, pos, base_url, merchant_id, merchant_name) "
            "VALUES (1, 1, 'clover', 'https://pos.example.com', 'MERCHANT', 'M')"
        )
    told = world.ok("webhooks", "key", 1)
    assert told["has_key"] is False and told["url"].endswith("/pos/webhooks/clover/1")
    answer = world.call("webhooks", "key", 1, "--from", "-", stdin=f"{SECRET}\n")
    assert answer.code == 0 and SECRET not in answer.out and "has_key: True" in answer.out
    assert "exclude each other" in world.fails(2, "webhooks", "key", 1, "--from", "-", "--remove")["what"]
    assert "Integration 9" in world.fails(2, "webhooks", "key", 9, "--from", "-", stdin=SECRET)["what"]

    body = b'{"appId":"A","merchants":{"MERCHANT":[{"objectId":"O:1","type":"UPDATE","ts":1765000000000}]}}'
    workshop = world.workshop
    with world.connect() as connection:
        webhooks.receive(workshop, connection, "clover", _delivery(b'{"verificationCode":"c0de-1"}'), 1)
        webhooks.receive(workshop, connection, "clover", _delivery(body))
        add_target(workshop, connection, "ops", "json://127.0.0.1:1/x", "ada")
        webhooks.receive(workshop, connection, "clover", _delivery(body.replace(b"MERCHANT", b"STRANGER"), "of nobody"))
    (unknown,) = world.ok("webhooks", "list")["events"]
    assert (unknown["merchant_id"], unknown["state"]) == ("STRANGER", "rejected")
    told = world.call("webhooks", "list").out
    assert "STRANGER" in told and unknown["why_not"][:20] in told
    events = world.ok("webhooks", "list", 1)["events"]
    assert [event["kind"] for event in events] == ["O UPDATE", "verification"]
    shown = world.call("webhooks", "list", 1).out
    assert "verification code c0de-1" in shown and "waiting for the next delta: orders 1" in shown

    # A new key seals, the old one goes: keys, bodies and addresses still open.
    old, new = workshop.vault.keys.texts[0], Fernet.generate_key().decode()
    world.environ["AURA_SECRET_KEYS"] = f"{new},{old}"
    world.ok("keys", "rotate")
    world.environ["AURA_SECRET_KEYS"] = new
    assert "verification code c0de-1" in world.call("webhooks", "list", 1).out
    with world.connect() as connection:
        receipt = webhooks.receive(world.workshop, connection, "clover", _delivery(body))
        assert receipt.why_not == "" and [t.url for t in list_targets(world.workshop, connection)] == ["json://***"]
    assert world.ok("webhooks", "list", 1)["events"][0]["deliveries"] == 2
    assert world.ok("webhooks", "key", 1, "--remove")["has_key"] is False
    assert [row[0] for row in world.rows("SELECT outcome FROM migration.audit_trail WHERE action = 'webhooks key' ORDER BY id")] == [
        "done", "done", "refused", "refused", "done",
    ]  # fmt: skip
