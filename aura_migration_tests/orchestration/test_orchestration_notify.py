"""The sensor that tells what needs somebody, by direct call: once, and harmless where there is nothing or nobody."""

from __future__ import annotations

import dagster as dg
import pytest
from psycopg.types.json import Jsonb

from aura_migration.migration import notifying
from aura_migration.orchestration.notify import messages
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration_tests.support.journey import World


def tick() -> str:
    with dg.build_sensor_context(resources={"workshop": WorkshopResource()}) as context:
        found = messages(context)
    assert isinstance(found, dg.SkipReason), "it never launches a run"
    return str(found.skip_message)


def test_a_round_tells_what_waits_and_settles_what_came(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in world.environ.items():
        monkeypatch.setenv(name, value)
    told: list[tuple[str, ...]] = []

    def accept(*message: str) -> str:
        told.append(message)
        return ""

    monkeypatch.setattr(notifying.sending, "deliver", accept)
    assert tick() == "told 0, 0 wait, 0 given up; queued 0; webhooks settled 0, cleared 0"
    with world.connect() as connection:
        notifying.add_target(world.workshop, connection, "ops", "json://127.0.0.1:1/x", "ada")
        connection.execute(
            "INSERT INTO aura.restaurants (id, name, timezone, currency) OVERRIDING SYSTEM VALUE VALUES (1, 'R', 'UTC', 'USD')"
        )
        connection.execute(
            "INSERT INTO migration.integrations (id, restaurant_id, pos, base_url, merchant_id, merchant_name) "
            "VALUES (1, 1, 'square', 'https://pos.example.com', 'M1', 'M')"
        )
        # A withdrawal that was stored by a process that died before it acted on it.
        connection.execute(
            "INSERT INTO migration.webhook_events (pos, event_key, kind, integration_id, is_genuine, sealed_body, body_sha256, touches, "
            "occurred_at) VALUES ('square', 'k', 'oauth.authorization.revoked', 1, true, '', '', %s, clock_timestamp())",
            [Jsonb([{"entity": "access", "id": "", "deleted": True}])],
        )
    assert tick() == "told 1, 0 wait, 0 given up; queued 1; webhooks settled 1, cleared 0"
    ((url, title, body),) = told
    assert url == "json://127.0.0.1:1/x" and title.startswith("An account has to be connected again")
    assert body.endswith("/console/integrations/1")
    assert world.rows("SELECT status FROM migration.integrations") == [("reconnect_needed",)]
    assert tick().startswith("told 0") and len(told) == 1

    monkeypatch.setenv("AURA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    assert "nowhere" in tick()
