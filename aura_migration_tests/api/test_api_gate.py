"""What every request passes: what is unexpected says nothing, what no database takes is refused, what is forgotten stays so."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from aura_migration.api.gate import Gate
from aura_migration.api.routes import journey, migrations
from aura_migration.migration import audit, webhooks
from aura_migration.migration.disconnecting import disconnect
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.worlds import Started

SECRET = "ada.lovelace@example.com"


@pytest.fixture
def api(verified: Started) -> Iterator[RunningApi]:
    with RunningApi(verified.world.workshop) as running:
        yield running


def test_an_unexpected_error_says_nothing_of_itself_anywhere(
    api: RunningApi, verified: Started, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(*_: object) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr(migrations, "describe_migration", defect)
    with caplog.at_level(logging.DEBUG):
        answer = api.get(f"/pos/migration/status/{verified.migration}")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Defect"
    logged = "\n".join(record.getMessage() + str(record.exc_text or record.exc_info or "") for record in caplog.records)
    assert SECRET not in answer.text and SECRET not in logged
    assert "KeyError" in logged, "whoever mends it is told what and where"


def test_what_a_killed_process_was_asked_for_is_in_the_trail_with_who_asked(
    api: RunningApi, verified: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/pos/migration/cancel/{verified.migration}"
    trail = "SELECT actor, action, outcome, detail ->> 'interrupted' FROM migration.audit_trail WHERE actor = 'olga'"
    under_way = "SELECT door, actor, roles, request FROM migration.deeds_under_way"
    seen = []

    def looked(*_: object) -> None:
        with verified.world.connect() as connection:
            seen.extend(connection.execute(under_way).fetchall())
        raise SystemExit  # as when the process ends here: nothing that would have come after it happens

    monkeypatch.setattr(journey.decide, "cancel", looked)
    monkeypatch.setattr(Gate, "_noted", no_more)
    with api.client("olga", "operator") as client, contextlib.suppress(httpx.TransportError):
        client.post(path, json={})
    monkeypatch.undo()
    with verified.world.connect() as connection:
        assert seen == connection.execute(under_way).fetchall() == [("api", "olga", ["operator"], f"POST {path}")]
        assert audit.tell_interrupted(connection) == 0, "it may still be under way"
        assert audit.tell_interrupted(connection, timedelta(0)) == 1
        assert connection.execute(trail).fetchall() == [("olga", f"POST {path}", "failed", "true")]
    with api.client("olga", "operator") as client:
        assert client.post(path, json={}).status_code == 409
        assert client.get("/pos/migrations").status_code == 200
    with verified.world.connect() as connection:
        assert connection.execute(trail).fetchall()[1:] == [("olga", "cancel", "refused", None)]
        assert connection.execute(under_way).fetchall() == []


async def no_more(*_: object) -> None:
    """What a process that is killed comes to."""


def test_what_no_database_takes_is_refused_with_a_reason(api: RunningApi, verified: Started) -> None:
    number = verified.migration
    assert api.get(f"/pos/migrations/{number}/plan-rows?text=a%00b").status_code == 400
    for text in ('"a\\u0000b"', '"\\ud800"'):
        body = f'{{"reason": {text}}}'.encode()
        sent = api.post(f"/pos/migration/cancel/{number}", content=body, headers={"content-type": "application/json"})
        assert sent.status_code == 422 and "NUL or half a surrogate" in sent.json()["detail"], sent.text


def test_erasing_a_person_empties_what_webhooks_said_and_disconnecting_forgets_their_key(verified: Started) -> None:
    workshop, integration = verified.world.workshop, verified.integration
    with verified.world.connect() as connection:
        webhooks.set_key(workshop, connection, integration, "a-signature-key-of-square")
        connection.execute(
            "INSERT INTO migration.webhook_events (pos, event_key, integration_id, is_genuine, sealed_body, body_sha256) "
            "VALUES ('square', 'e1', %s, true, 'sealed', 'x')",
            [integration],
        )
        (email,) = connection.execute(
            "SELECT email FROM aura.customers WHERE email IS NOT NULL LIMIT 1"
        ).fetchone() or ("",)
        assert webhooks.subscription(workshop, connection, integration)["has_key"]
    verified.world.ok("erase", "--restaurant", 1, "--email", email, "--by", "ada", "--reason", "asked for it")
    with verified.world.connect() as connection:
        kept = connection.execute("SELECT sealed_body FROM migration.webhook_events").fetchall()
    assert kept == [(b"",)]
    disconnect(workshop, integration, "ada")
    with verified.world.connect() as connection:
        assert not webhooks.subscription(workshop, connection, integration)["has_key"]


def test_a_load_that_did_not_pass_says_so_in_the_list(api: RunningApi, verified: Started) -> None:
    def failed() -> list[str]:
        (line,) = api.get("/pos/migrations").json()["items"]
        return list(line["failed_gates"])

    with verified.world.connect() as connection:
        connection.execute("UPDATE migration.gates SET passed = false WHERE name IN ('tax_match', 'completeness')")
        assert failed() == [], "what is verified was proven; a later look is told by its gates"
        connection.execute("UPDATE migration.migrations SET state = 'loaded'")
        assert failed() == ["completeness", "tax_match"]
