"""The sensor that tells what needs somebody, by direct call: once, and harmless where there is nothing or nobody."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
from psycopg.types.json import Jsonb

from aura_migration.migration import notifying
from aura_migration.orchestration.notify import messages
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration_tests.support.worlds import Started


def tick() -> str:
    with dg.build_sensor_context(resources={"workshop": WorkshopResource()}) as context:
        found = messages(context)
    assert isinstance(found, dg.SkipReason), "it never launches a run"
    return str(found.skip_message)


def test_a_round_tells_what_waits_and_settles_what_came(planned: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    world = planned.world
    for name, value in world.environ.items():
        monkeypatch.setenv(name, value)
    told: list[Any] = []

    def accept(*message: str) -> str:
        told.append(message)
        return ""

    monkeypatch.setattr(notifying.sending, "deliver", accept)
    assert tick() == "told 0, 0 wait, 0 given up; queued 0; webhooks settled 0, cleared 0"
    with world.connect() as connection:
        notifying.add_target(world.workshop, connection, "ops", "json://127.0.0.1:1/x", "ada")
        # A withdrawal that was stored by a process that died before it acted on it.
        connection.execute(
            "INSERT INTO migration.webhook_events (pos, event_key, kind, integration_id, is_genuine, sealed_body, body_sha256, touches, "
            "occurred_at) VALUES ('square', 'k', 'oauth.authorization.revoked', %s, true, '', '', %s, clock_timestamp())",
            [planned.integration, Jsonb([{"entity": "access", "id": "", "deleted": True}])],
        )
    assert tick() == "told 1, 0 wait, 0 given up; queued 1; webhooks settled 1, cleared 0"
    ((url, title, body),) = told
    assert url == "json://127.0.0.1:1/x" and title.startswith("An account has to be connected again")
    assert body.endswith(f"/console/integrations/{planned.integration}")
    assert world.ok("status", planned.migration)["state"] == "reconnect_needed"
    assert tick().startswith("told 0") and len(told) == 1

    monkeypatch.setenv("AURA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    assert "nowhere" in tick()
