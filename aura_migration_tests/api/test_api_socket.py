"""Live progress: every message once and in order, whoever comes when, whatever is killed in between; and who may listen."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from aura_migration.api import listening, socket
from aura_migration.api.heads import PromptProtocol
from aura_migration.migration import progress
from aura_migration.migration.states import transition
from aura_migration.migration.workshop import Workshop
from aura_migration.verify.verdict import record_gate
from aura_migration_tests.support import database as support
from aura_migration_tests.support.api import RunningApi

Connection = psycopg.Connection[Any]
PATIENCE = 60.0


@pytest.fixture(scope="module")
def workshop(databases: support.Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    from aura_migration.settings import load_settings

    with databases.database() as url:
        folder = tmp_path_factory.mktemp("socket")
        yield Workshop.open(load_settings({"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(folder)}))


@pytest.fixture(scope="module")
def api(workshop: Workshop) -> Iterator[RunningApi]:
    with RunningApi(workshop) as running:
        yield running


@pytest.fixture
def connection(workshop: Workshop) -> Iterator[Connection]:
    with workshop.connect() as opened:
        yield opened


@pytest.fixture
def migration(connection: Connection) -> int:
    """A migration of a restaurant of its own."""
    row = connection.execute(
        """
        WITH r AS (INSERT INTO aura.restaurants (name, timezone, currency) VALUES ('Café', 'UTC', 'USD') RETURNING id),
        i AS (INSERT INTO migration.integrations (restaurant_id, pos, base_url, merchant_id, merchant_name)
              SELECT id, 'square', 'http://pos', 'M' || id, 'Café' FROM r RETURNING id, restaurant_id),
        l AS (INSERT INTO migration.locations (key, integration_id, restaurant_id, source_id, name, facts)
              SELECT 'square:L' || id, id, restaurant_id, 'L' || id, 'Harbor', '{}' FROM i RETURNING *)
        INSERT INTO migration.migrations (integration_id, restaurant_id, location_key)
        SELECT integration_id, restaurant_id, key FROM l RETURNING id
        """
    ).fetchone()
    assert row is not None
    return int(row[0])


def follow(
    api: RunningApi, migration: int, after: int | None = None, token: str | None = None, **more: Any
) -> ClientConnection:
    query = "" if after is None else f"?after={after}"
    headers = {"authorization": f"Bearer {token or api.token()}"}
    return connect(
        f"ws://127.0.0.1:{api.port}/pos/migration/ws/{migration}{query}",
        additional_headers=headers,
        open_timeout=PATIENCE,
        **more,
    )


def message(line: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line.recv(timeout=PATIENCE))
    return found


def numbers(line: ClientConnection, until: int) -> list[int]:
    """The numbers of progress messages up to one."""
    found: list[int] = []
    while not found or found[-1] < until:
        one = message(line)
        if one["type"] == "migration_progress":
            found.append(one["sequence"])
    return found


def code_of(line: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            line.recv(timeout=PATIENCE)
    assert closed.value.rcvd is not None
    return int(closed.value.rcvd.code)


def test_a_message_is_the_one_auraconnect_knows_with_number_and_time(
    api: RunningApi, connection: Connection, migration: int
) -> None:
    progress.report(connection, migration, "Exporting", 0, 0)
    with follow(api, migration) as line:
        first = message(line)
        assert (first["type"], first["sequence"]) == ("snapshot", 1)
        assert first["data"]["state"] == "draft" and first["data"]["progress"]["currentStep"] == "Exporting"
        progress.report(connection, migration, "Importing menu items", 450, 1000, 300, ["one item has no name"])
        assert message(line) == {
            "type": "migration_progress",
            "data": {
                "totalItems": 1000,
                "processedItems": 450,
                "currentStep": "Importing menu items",
                "estimatedTimeRemaining": "5 minutes",
                "errors": ["one item has no name"],
            },
            "sequence": 2,
            "at": connection.execute(
                "SELECT at FROM migration.progress WHERE number = 2 AND migration_id = %s", [migration]
            )
            .fetchone()[0]
            .isoformat(),  # type: ignore[index]
        }
        line.send('{"type": "ping"}')
        assert message(line) == {"type": "pong"}
        transition(connection, migration, "extracted", "ada", "as asked")
        assert message(line)["data"] == {"state": "extracted", "by": "ada", "reason": "as asked"}
        now = connection.execute("SELECT now()").fetchone()
        assert now is not None
        record_gate(connection, migration, "prices", False, "1 cent", "Correct it.", {}, now[0])
        assert message(line)["data"] == {"name": "prices", "passed": False, "value": "1 cent", "remedy": "Correct it."}


def test_many_readers_who_come_at_any_time_get_every_number_once_and_in_order(
    api: RunningApi, connection: Connection, migration: int, workshop: Workshop
) -> None:
    total, readers = 300, 25
    for _ in range(40):
        progress.report(connection, migration, "Loading", 0, total)
    seen: dict[int, list[int]] = {}

    def write() -> None:
        with workshop.connect() as mine:
            for done in range(total - 40):
                progress.report(mine, migration, "Loading", done, total)

    def read(number: int) -> None:
        time.sleep(number / 100)
        with follow(api, migration, after=number) as line:
            seen[number] = numbers(line, total)

    reads = api.app.state.api.hub.reads
    threads = [threading.Thread(target=read, args=[number]) for number in range(readers)]
    for thread in threads:
        thread.start()
    write()
    for thread in threads:
        thread.join(PATIENCE)
    assert seen == {number: list(range(number + 1, total + 1)) for number in range(readers)}
    assert api.app.state.api.hub.reads - reads < total + 3 * readers, "what is new is read once for all"


def test_rows_that_become_visible_out_of_turn_are_numbered_as_they_are_seen(
    connection: Connection, migration: int, workshop: Workshop
) -> None:
    with workshop.connect(autocommit=False) as slow:
        progress.report(slow, migration, "first to write, last to be seen", 1, 2)
        other = threading.Thread(target=lambda: _report(workshop, migration))
        other.start()
        other.join(0.5)
        assert other.is_alive(), "a number is given under a lock: nobody overtakes"
        slow.commit()
    other.join(PATIENCE)
    assert [row["sequence"] for row in progress.since(connection, migration)] == [1, 2]


def _report(workshop: Workshop, migration: int) -> None:
    with workshop.connect() as mine:
        progress.report(mine, migration, "second", 2, 2)


def test_whoever_comes_again_says_where_they_were_and_misses_nothing(
    api: RunningApi, connection: Connection, migration: int
) -> None:
    for done in range(1200):  # more than is read at once
        progress.report(connection, migration, "Loading", done, 2000)
    with follow(api, migration, after=3) as line:
        assert numbers(line, 500)[0] == 4
    progress.report(connection, migration, "Loading", 1200, 2000)
    with follow(api, migration, after=500) as line:
        assert numbers(line, 1201) == list(range(501, 1202))
    with follow(api, migration) as line:
        assert message(line)["sequence"] == 1201, "without after: how it stands, and what comes"
        progress.report(connection, migration, "Loaded", 2000, 2000, 0)
        assert numbers(line, 1202) == [1202]
    with follow(api, migration, after=10**30) as line:
        assert message(line)["type"] == "snapshot"


def test_what_was_told_while_the_database_did_not_let_us_listen_is_read_afterwards(
    api: RunningApi, connection: Connection, migration: int
) -> None:
    with follow(api, migration, after=0) as line:
        assert message(line)["type"] == "snapshot"
        progress.report(connection, migration, "before", 1, 9)
        assert numbers(line, 1) == [1]
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'aura-migration api%%' AND datname = current_database()"
        ).fetchone()
        assert ended is not None and ended[0] >= 1
        for done in range(2, 6):
            progress.report(connection, migration, "meanwhile", done, 9)
        assert numbers(line, 5) == [2, 3, 4, 5]
        progress.report(connection, migration, "after", 6, 9)
        assert numbers(line, 6) == [6]


def test_a_reader_who_does_not_read_is_cut_off_and_may_come_again(
    api: RunningApi, connection: Connection, migration: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "MOST_WAITING", 5)
    reader = listening.Reader(migration, 0)
    reader.waiting = type(reader.waiting)(5)
    reader.give(str(number) for number in range(9))
    assert reader.is_cut_off and reader.waiting.qsize() == 5
    big = ["x" * 20_000]
    with follow(api, migration, after=0, max_queue=1) as line:
        assert message(line)["type"] == "snapshot"
        (topic,) = (t for n, t in api.app.state.api.hub._topics.items() if n == migration)
        for one in topic.readers:
            one.is_cut_off = True
        progress.report(connection, migration, "Loading", 1, 9, None, big)
        assert code_of(line) == socket.TOO_SLOW
    with follow(api, migration, after=0) as line:
        assert numbers(line, 1) == [1], "nothing is lost"


def test_a_heartbeat_shows_that_the_line_stands(
    api: RunningApi, migration: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "HEARTBEAT_SECONDS", 0.05)
    with follow(api, migration) as line:
        assert [message(line)["type"] for _ in range(3)] == ["snapshot", "heartbeat", "heartbeat"]


def test_a_line_outlives_the_time_a_request_may_take_to_be_made(
    api: RunningApi, migration: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PromptProtocol, "seconds", 0.3)
    monkeypatch.setattr(socket, "HEARTBEAT_SECONDS", 0.2)
    with follow(api, migration) as line:
        assert [message(line)["type"] for _ in range(5)] == ["snapshot"] + ["heartbeat"] * 4


def test_a_token_that_ends_closes_the_line(api: RunningApi, migration: int, monkeypatch: pytest.MonkeyPatch) -> None:
    token = api.token(life=timedelta(minutes=5))
    monkeypatch.setattr(socket.time, "time", lambda: time.monotonic() + 10**10)
    with follow(api, migration, token=token) as line:
        assert message(line)["type"] == "snapshot"
        assert code_of(line) == socket.SIGN_IN


def test_who_may_listen_is_asked_like_everywhere(api: RunningApi, connection: Connection, migration: int) -> None:
    (restaurant,) = connection.execute(
        "SELECT restaurant_id FROM migration.migrations WHERE id = %s", [migration]
    ).fetchone() or (0,)
    with follow(api, migration, token=api.token("vera", "viewer", [restaurant])) as line:
        assert message(line)["type"] == "snapshot"
    for token, number, code in (
        ("no.such.token", migration, socket.SIGN_IN),
        (api.token(life=timedelta(seconds=-60)), migration, socket.SIGN_IN),
        (api.token("vera", "viewer", [restaurant + 1]), migration, socket.UNKNOWN),
        (api.token("vera", "viewer", [restaurant]), migration + 1000, socket.UNKNOWN),
    ):
        with follow(api, number, token=token) as line:
            assert code_of(line) == code
    address = f"ws://127.0.0.1:{api.port}/pos/migration/ws/{migration}"
    with connect(address) as line:
        assert code_of(line) == socket.SIGN_IN
    with connect(f"{address}?token={api.token()}") as line:
        assert code_of(line) == socket.SIGN_IN, "never by the address"
    with connect(address, subprotocols=["aura-migration", f"bearer.{api.token()}"]) as line:  # type: ignore[list-item]
        assert line.subprotocol == "aura-migration"
        assert message(line)["type"] == "snapshot", "as browsers do"
    with pytest.raises(InvalidStatus) as refused:
        follow(api, migration, origin="https://evil.example.com")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403
    with follow(api, migration, origin=api.app.state.api.settings.public_url) as line:
        assert message(line)["type"] == "snapshot"
    noted = connection.execute(
        "SELECT actor, outcome FROM migration.audit_trail WHERE action = 'follow' AND actor = 'vera'"
    ).fetchall()
    assert noted == [("vera", "refused"), ("vera", "refused")]
