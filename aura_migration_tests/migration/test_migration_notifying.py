"""Notifications: each fact told once per target whatever happens, without a word of anybody's data, to nobody but the targets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput, EnvironmentFault, Refused
from aura_migration.database.connections import Connection
from aura_migration.migration import notifying
from aura_migration.migration.notifying import Told, add_target, gather, send_due
from aura_migration.migration.notifying.sending import MOST_ATTEMPTS
from aura_migration.migration.states import transition
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings
from aura_migration_tests.conftest import BUSINESS_NOW
from aura_migration_tests.support import database as support
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.journey import World

PUBLIC = "https://migration.example.com"
GUEST = "Wilhelmina Quux"


class Receiver:
    """A service that takes JSON: what it was told, and with which status it answers next."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if receiver.status == 200:
                    receiver.told.append((self.path, json.loads(body)))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def url(self, path: str = "hook/s3cret-token") -> str:
        return f"json://127.0.0.1:{self.server.server_port}/{path}"

    @property
    def titles(self) -> list[str]:
        return [body["title"] for _, body in self.told]


@pytest.fixture(scope="module")
def running() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


@pytest.fixture
def receiver(running: Receiver) -> Receiver:
    running.told.clear()
    running.status = 200
    return running


@pytest.fixture(scope="module")
def workshop(databases: support.Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Two restaurants with a location each, and a migration of each."""
    with databases.database() as url:
        environ = {
            "AURA_DATABASE_URL": url,
            "AURA_DATA_DIR": str(tmp_path_factory.mktemp("notifying")),
            "AURA_NOW": BUSINESS_NOW,
            "AURA_PUBLIC_URL": PUBLIC,
        }
        workshop = Workshop.open(load_settings(environ))
        with workshop.connect() as connection:
            for n, name in ((1, "Café Eins"), (2, "Café Zwei")):
                connection.execute(
                    "INSERT INTO aura.restaurants (id, name, timezone, currency) OVERRIDING SYSTEM VALUE VALUES (%s, %s, 'UTC', 'USD')",
                    [n, name],
                )
                connection.execute(
                    "INSERT INTO migration.integrations (id, restaurant_id, pos, base_url, merchant_id, merchant_name) "
                    "VALUES (%s, %s, 'square', 'https://pos.example.com', %s, 'M')",
                    [n, n, f"M{n}"],
                )
                connection.execute(
                    "INSERT INTO migration.locations (key, integration_id, restaurant_id, source_id, name, facts) "
                    "VALUES (%s, %s, %s, %s, %s, '{}')",
                    [f"square:L{n}", n, n, f"L{n}", name],
                )
                connection.execute(
                    "INSERT INTO migration.migrations (id, integration_id, restaurant_id, location_key) VALUES (%s, %s, %s, %s)",
                    [n, n, n, f"square:L{n}"],
                )
        yield workshop


@pytest.fixture
def connection(workshop: Workshop) -> Iterator[Connection]:
    """Both migrations at their beginning, nobody told of anything."""
    with workshop.connect() as opened:
        for table in (
            "notification_targets", "transitions", "gate_changes", "gates", "requests", "approvals", "credentials",
        ):  # fmt: skip
            opened.execute(f"DELETE FROM migration.{table}".encode())
        opened.execute("UPDATE migration.migrations SET state = 'draft', plan_id = NULL, resume_state = NULL")
        opened.execute("DELETE FROM migration.plans")
        opened.execute("UPDATE migration.integrations SET status = 'connected'")
        yield opened


def tell(workshop: Workshop, connection: Connection) -> Told:
    gather(connection, workshop.settings.public_url)
    return send_due(workshop)


def gate(connection: Connection, name: str, passed: bool | None, migration: int = 1) -> None:
    connection.execute(
        "INSERT INTO migration.gates (migration_id, name, passed, measured_at) VALUES (%s, %s, %s, now()) "
        "ON CONFLICT (migration_id, name) DO UPDATE SET passed = excluded.passed",
        [migration, name, passed],
    )


def failed_request(connection: Connection, kind: str = "run", migration: int = 1) -> None:
    connection.execute(
        "INSERT INTO migration.requests (kind, integration_id, location_key, migration_id, state, requested_by, finished_at, result) "
        "VALUES (%s, %s, %s, %s, 'failed', %s, clock_timestamp(), %s)",
        [
            kind,
            migration,
            f"square:L{migration}",
            migration,
            GUEST,
            Jsonb({"error": "NotJson", "what": f"the answer names {GUEST}", "remedy": GUEST}),
        ],
    )


def plan(connection: Connection, migration: int = 1, blockers: tuple[str, ...] = ()) -> int:
    row = connection.execute(
        "INSERT INTO migration.plans (migration_id, kind, state, hash, blockers, counts, created_at) "
        "VALUES (%s, 'preview', 'planned', 'h', %s, %s, clock_timestamp()) RETURNING id",
        [migration, Jsonb(list(blockers)), Jsonb({"items": {"create": 9, "conflict": 2}, "tags": {"conflict": 1}})],
    ).fetchone()
    assert row is not None
    connection.execute("UPDATE migration.migrations SET plan_id = %s WHERE id = %s", [row[0], migration])
    for state in ("extracted", "planned"):
        transition(connection, migration, state, GUEST, GUEST)
    return int(row[0])


# -- what is told ---------------------------------------------------------------------------------------------------------------


def test_each_fact_is_told_once_with_a_link_and_nobody_s_data(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    add_target(workshop, connection, "ops", receiver.url(), "ada")
    plan(connection)
    failed_request(connection)
    gate(connection, "prices_match", True)
    gate(connection, "prices_match", None)
    gate(connection, "prices_match", False)
    connection.execute(
        "UPDATE migration.integrations SET status = 'reconnect_needed', status_reason = %s, updated_at = clock_timestamp() WHERE id = 2",
        [GUEST],
    )
    assert tell(workshop, connection) == Told(sent=4)
    assert sorted(receiver.titles) == [
        "A plan waits for approval: Café Eins (square:L1)",
        "An account has to be connected again: square account 2",
        "Gate prices_match no longer passes: Café Eins (square:L1)",
        "Load failed: Café Eins (square:L1)",
    ]
    texts = {body["title"]: body["message"] for _, body in receiver.told}
    links = sorted(text.rpartition("\n")[2] for text in texts.values())
    assert links == [f"{PUBLIC}/console/integrations/2", *[f"{PUBLIC}/console/migrations/1"] * 3]
    assert "NotJson" in texts["Load failed: Café Eins (square:L1)"]
    assert "3 conflicts are to be decided first" in texts["A plan waits for approval: Café Eins (square:L1)"]
    assert "Wilhelmina" not in json.dumps(receiver.told)

    gate(connection, "prices_match", True)
    assert tell(workshop, connection) == Told(sent=1) and "passes again" in receiver.titles[-1]
    restarted = Workshop(workshop.settings, workshop.url)
    assert tell(restarted, connection) == Told()


def test_two_senders_at_once_tell_each_fact_once(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    for name in ("ops", "owner"):
        add_target(workshop, connection, name, receiver.url(name), "ada")
    for name in "abcdef":
        gate(connection, name, True)
        gate(connection, name, False)
    barrier = threading.Barrier(3)

    def sender() -> Told:
        with workshop.connect() as own:
            barrier.wait()
            return tell(workshop, own)

    with ThreadPoolExecutor(3) as pool:
        told = [future.result() for future in [pool.submit(sender) for _ in range(3)]]
    tell(workshop, connection)
    assert sum(each.sent for each in told) <= 12
    paths = [(path, body["title"]) for path, body in receiver.told]
    assert len(paths) == len(set(paths)) == 12


def test_what_is_no_news_is_not_told(workshop: Workshop, connection: Connection, receiver: Receiver) -> None:
    failed_request(connection)
    gate(connection, "old", True)
    gate(connection, "old", False)
    add_target(workshop, connection, "ops", receiver.url(), "ada")
    gate(connection, "measured_first", False)
    gate(connection, "measured_first", False)
    gate(connection, "measured_first", None)
    gate(connection, "measured_first", False)
    plan(connection, blockers=("mend the menu",))
    assert tell(workshop, connection) == Told()
    # A failed run leaves a failed request and a failed migration: one thing happened.
    connection.execute("UPDATE migration.migrations SET state = 'loading'")
    transition(connection, 1, "failed", "sweep", GUEST)
    failed_request(connection)
    # Where nobody asked for a run, the state tells.
    transition(connection, 2, "failed", "sweep", GUEST)
    assert tell(workshop, connection) == Told(sent=2)
    assert receiver.titles == ["Migration failed: Café Zwei (square:L2)", "Load failed: Café Eins (square:L1)"] or (
        receiver.titles == ["Load failed: Café Eins (square:L1)", "Migration failed: Café Zwei (square:L2)"]
    )


def test_a_plan_that_needs_two_signatures_is_told_for_each(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    add_target(workshop, connection, "ops", receiver.url(), "ada", ["approval_waiting"])
    plan_id = plan(connection)
    assert tell(workshop, connection) == Told(sent=1)
    connection.execute(
        "INSERT INTO migration.approvals (plan_id, plan_hash, signed_by) VALUES (%s, 'h', 'ada')", [plan_id]
    )
    assert tell(workshop, connection) == Told(sent=1)
    assert [title.partition(":")[0] for title in receiver.titles] == [
        "A plan waits for approval",
        "A plan waits for a second signature",
    ]
    transition(connection, 1, "approved", "grace")
    connection.execute("UPDATE migration.plans SET state = 'approved'")
    assert tell(workshop, connection) == Told()


def test_a_day_that_differs_and_days_nobody_judged_or_that_are_not_final_are_told(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    add_target(workshop, connection, "ops", receiver.url(), "ada", ["day_different", "day_overdue"])
    # Set up three days ago, so that what became overdue since is news.
    connection.execute("UPDATE migration.notification_targets SET created_at = now() - interval '3 days'")
    connection.execute("UPDATE migration.locations SET facts = '{\"timezone\": \"UTC\"}' WHERE key = 'square:L1'")
    connection.execute(
        "INSERT INTO migration.windows (migration_id, location_key, opened_at, first_day, planned_days, policy, contact, opened_by) "
        "VALUES (1, 'square:L1', now(), (now() AT TIME ZONE 'UTC')::date - 5, 30, '{}', '{}', 't')"
    )

    def day(ago: int, verdict: str, final_in: str, *, is_final: bool = False) -> str:
        connection.execute(
            "INSERT INTO migration.parallel_days (migration_id, business_date, verdict, is_final, closes_at, final_at, judged_at, "
            "missing, unexplained_pct) VALUES (1, (now() AT TIME ZONE 'UTC')::date - %s, %s, %s, now(), now() + %s::interval, "
            "clock_timestamp(), 2, 1.5) ON CONFLICT (migration_id, business_date) DO UPDATE SET is_final = excluded.is_final",
            [ago, verdict, is_final, final_in],
        )
        row = connection.execute("SELECT ((now() AT TIME ZONE 'UTC')::date - %s)::text", [ago]).fetchone()
        assert row is not None
        return str(row[0])

    try:
        clean = day(5, "clean", "-1 day", is_final=True)
        stuck = day(4, "pending", "-2 hours")
        differs = day(3, "different", "1 day")
        day(1, "pending", "2 days")
        (missing,) = connection.execute("SELECT ((now() AT TIME ZONE 'UTC')::date - 2)::text").fetchone() or ("",)
        assert tell(workshop, connection) == Told(sent=3)
        assert sorted(title.partition(":")[0] for title in receiver.titles) == sorted(
            [
                f"{stuck} is not final though its grace time is over",
                f"{differs} is different",
                f"{missing} was never judged",
            ]
        ), "yesterday may still settle, today is not over"
        (text,) = [body["message"] for _, body in receiver.told if "is different" in body["title"]]
        assert "2 orders missing, 0 extra, 1.5 % of the day unexplained; it may still change" in text
        assert clean not in json.dumps(receiver.told)
        assert tell(workshop, connection) == Told(), "once"
        day(3, "different", "1 day", is_final=True)
        assert tell(workshop, connection) == Told(sent=1) and "; final." in receiver.told[-1][1]["message"]
    finally:
        connection.execute("DELETE FROM migration.windows")
        connection.execute("DELETE FROM migration.parallel_days")


def test_an_account_is_told_once_until_it_is_connected_again(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    add_target(workshop, connection, "ops", receiver.url(), "ada")
    broken = (
        "UPDATE migration.integrations SET status = 'reconnect_needed', updated_at = clock_timestamp() WHERE id = 1"
    )
    workshop.credentials.replace(1, {"access_token": "x"}, None)
    for _ in range(3):  # each attempt to read marks it anew
        connection.execute(broken)
        tell(workshop, connection)
    transition(connection, 1, "reconnect_needed", "webhook")
    assert len(receiver.told) == 1
    workshop.credentials.replace(1, {"access_token": "y"}, None)
    connection.execute("UPDATE migration.integrations SET status = 'connected'")
    transition(connection, 1, "draft", "connect")
    assert tell(workshop, connection) == Told()
    connection.execute(broken)
    assert tell(workshop, connection) == Told(sent=1)
    # One location of several: the account itself stays connected.
    connection.execute("UPDATE migration.integrations SET status = 'connected'")
    transition(connection, 2, "reconnect_needed", "webhook")
    assert tell(workshop, connection) == Told(sent=1) and receiver.titles[-1].endswith("Café Zwei (square:L2)")


# -- who is told ------------------------------------------------------------------------------------------------------------------


def test_a_target_is_told_its_own_events_of_its_own_restaurant(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    add_target(workshop, connection, "all", receiver.url("all"), "ada")
    add_target(workshop, connection, "two", receiver.url("two"), "ada", restaurant_id=2)
    add_target(workshop, connection, "gates", receiver.url("gates"), "ada", ["gate_changed"])
    failed_request(connection, migration=1)
    failed_request(connection, migration=2)
    gate(connection, "g", True, migration=2)
    gate(connection, "g", False, migration=2)
    tell(workshop, connection)
    told: dict[str, list[str]] = {}
    for path, body in receiver.told:
        told.setdefault(path.strip("/"), []).append(body["title"].partition(":")[0])
    assert {name: sorted(titles) for name, titles in told.items()} == {
        "all": ["Gate g no longer passes", "Load failed", "Load failed"],
        "two": ["Gate g no longer passes", "Load failed"],
        "gates": ["Gate g no longer passes"],
    }


def test_no_address_from_migrated_data_can_be_reached(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    """Everything is gathered and found by a role that may read neither AuraConnect's tables nor staged, planned or journalled rows."""
    connection.execute("DELETE FROM aura.customers")
    connection.execute(
        "INSERT INTO aura.customers (restaurant_id, first_name, email, phone) VALUES (1, %s, 'json@example.com', '+14155550100')",
        [GUEST],
    )
    add_target(workshop, connection, "ops", receiver.url(), "ada")
    plan(connection)
    failed_request(connection)
    gate(connection, "g", True)
    gate(connection, "g", False)
    connection.execute("UPDATE migration.integrations SET status = 'reconnect_needed', updated_at = clock_timestamp()")
    read = (
        "notification_targets", "notifications", "requests", "transitions", "migrations", "integrations", "locations", "plans",
        "approvals", "gate_changes", "parallel_days",
    )  # fmt: skip
    with workshop.connect(autocommit=False) as own:
        own.execute("CREATE ROLE nothing_of_guests")
        own.execute("GRANT USAGE ON SCHEMA migration TO nothing_of_guests")
        for table in read:
            own.execute(f"GRANT SELECT ON migration.{table} TO nothing_of_guests".encode())
        # Of credentials the number of their version, and not what they are.
        own.execute("GRANT SELECT (integration_id, version) ON migration.credentials TO nothing_of_guests")
        # Of a window its dates, and not whom to call.
        own.execute(
            "GRANT SELECT (migration_id, location_key, first_day, planned_days, policy, ended_at) ON migration.windows TO nothing_of_guests"
        )
        own.execute("GRANT INSERT, UPDATE ON migration.notifications TO nothing_of_guests")
        own.execute("SET LOCAL ROLE nothing_of_guests")
        assert gather(own, PUBLIC) == 5
        with pytest.raises(psycopg.errors.InsufficientPrivilege), own.transaction():
            own.execute("SELECT email FROM aura.customers")
        own.rollback()
    assert tell(workshop, connection) == Told(sent=5)
    assert {path for path, _ in receiver.told} == {"/hook/s3cret-token"}
    assert not {"Wilhelmina", "json@example.com", "5550100"} & set(json.dumps(receiver.told).split())


# -- services that do not answer -----------------------------------------------------------------------------------------------------


def test_what_is_not_accepted_is_sent_again_later_each_time_and_given_up_in_the_end(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    add_target(workshop, connection, "ops", receiver.url(), "ada")
    for name in "ab":
        gate(connection, name, True)
        gate(connection, name, False)
    receiver.status = 503
    assert tell(workshop, connection) == Told(waiting=1), "the others of a silent target are not tried"
    ((state, attempts, problem, wait),) = connection.execute(
        "SELECT state, attempts, problem, extract(epoch FROM due_at - clock_timestamp()) FROM migration.notifications WHERE attempts > 0"
    ).fetchall()
    assert (state, attempts, problem) == ("pending", 1, "it answered with status 503") and 20 < wait <= 30
    assert send_due(workshop) == Told(waiting=1) and send_due(workshop) == Told(), "both wait now"
    receiver.status = 200
    connection.execute("UPDATE migration.notifications SET due_at = now()")
    assert send_due(workshop) == Told(sent=2) and len(receiver.told) == 2

    gate(connection, "a", True)
    receiver.status = 500
    gather(connection, PUBLIC)
    waits = []
    for _ in range(MOST_ATTEMPTS):
        connection.execute("UPDATE migration.notifications SET due_at = now() WHERE state = 'pending'")
        told = send_due(workshop)
        waits += [
            round(row[0] / 30)
            for row in connection.execute(
                "SELECT extract(epoch FROM due_at - clock_timestamp())::float8 FROM migration.notifications WHERE state = 'pending'"
            )
        ]
    assert told == Told(failed=1) and waits == [1, 2, 4, 8, 16, 32, 64, 128, 240]
    assert send_due(workshop) == Told()


def test_addresses_are_sealed_and_what_is_wrong_with_them_is_told_without_them(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    made = add_target(workshop, connection, "ops", receiver.url(), "ada")
    assert made.url == "json://***" and "s3cret" not in repr(made)
    ((sealed,),) = connection.execute("SELECT sealed_url FROM migration.notification_targets").fetchall()
    assert b"s3cret" not in bytes(sealed) and b"json" not in bytes(sealed)
    notifying.send_test(workshop, connection, made.id)
    assert receiver.titles == ["Test of a notification target"]
    receiver.status = 404
    with pytest.raises(EnvironmentFault, match="status 404") as refused:
        notifying.send_test(workshop, connection, made.id)
    assert "s3cret" not in str(refused.value) and "127.0.0.1" not in str(refused.value)
    nobody = add_target(workshop, connection, "away", "json://127.0.0.1:1/s3cret", "ada")
    with pytest.raises(EnvironmentFault, match="could not be reached"):
        notifying.send_test(workshop, connection, nobody.id)
    with pytest.raises(Refused, match="already"):
        add_target(workshop, connection, "ops", receiver.url(), "ada")
    for url, events in (("nonsense", ()), ("nonsense://x", ()), (receiver.url(), ("everything",))):
        with pytest.raises(BadInput) as bad:
            add_target(workshop, connection, "bad", url, "ada", events)
        assert "s3cret" not in str(bad.value)
    with pytest.raises(BadInput, match="Restaurant 9"):
        add_target(workshop, connection, "bad", receiver.url(), "ada", restaurant_id=9)


# -- over HTTP and on the command line --------------------------------------------------------------------------------------------------


def test_targets_are_set_up_by_administrators_in_their_scope(
    workshop: Workshop, connection: Connection, receiver: Receiver
) -> None:
    with RunningApi(workshop) as api:
        for role, status in (("approver", 403), ("operator", 403)):
            with api.client(role=role) as caller:
                for path in ("/pos/notification-targets", "/pos/notifications"):
                    assert caller.get(path).status_code == status
                new = {"name": "x", "url": receiver.url()}
                assert caller.post("/pos/notification-targets", json=new).status_code == status
        with api.client("ada", restaurants=[2]) as scoped, api.client("grace") as admin:
            whole = admin.post("/pos/notification-targets", json={"name": "all", "url": receiver.url("all")})
            assert whole.status_code == 201 and whole.json()["url"] == "json://***"
            for restaurant in (None, 1):
                wide = {"name": "mine", "url": receiver.url(), "restaurant_id": restaurant}
                assert scoped.post("/pos/notification-targets", json=wide).status_code == 403
            narrow = {"name": "mine", "url": receiver.url(), "restaurant_id": 2, "events": ["run_failed"]}
            mine = scoped.post("/pos/notification-targets", json=narrow).json()
            assert mine["events"] == ["run_failed"] and mine["created_by"] == "ada"
            assert [t["name"] for t in scoped.get("/pos/notification-targets").json()["items"]] == ["mine"]
            assert scoped.delete(f"/pos/notification-targets/{whole.json()['id']}").status_code == 404
            assert scoped.post(f"/pos/notification-targets/{mine['id']}/test").status_code == 200
            receiver.status = 500
            answer = scoped.post(f"/pos/notification-targets/{mine['id']}/test")
            assert answer.status_code == 503 and "s3cret" not in answer.text
            receiver.status = 200
            failed_request(connection, migration=2)
            tell(workshop, connection)
            (line,) = scoped.get("/pos/notifications").json()["items"]
            assert (line["target"], line["state"], line["event"]) == ("mine", "sent", "run_failed")
            assert len(admin.get("/pos/notifications").json()["items"]) == 2
            assert admin.post("/pos/notification-targets", json={"name": "bad", "url": "s3cret"}).status_code == 400
            for event in notifying.EVENTS:
                one = {"name": event, "url": receiver.url(event), "events": [event]}
                assert admin.post("/pos/notification-targets", json=one).json()["events"] == [event], (
                    "each can be chosen"
                )
            assert scoped.delete(f"/pos/notification-targets/{mine['id']}").json() == {"done": True}
            assert len(admin.get("/pos/notifications").json()["items"]) == 1, "what it was told went with it"
    audited = connection.execute("SELECT detail::text FROM migration.audit_trail").fetchall()
    assert audited and "s3cret" not in str(audited)


def test_the_command_sets_targets_up_and_sends(world: World, receiver: Receiver, tmp_path: Any) -> None:
    file = tmp_path / "url"
    file.write_text(f"{receiver.url()}\n")
    made = world.ok("notify", "targets", "add", "ops", "--url-file", file, "--event", "run_failed")
    assert made["url"] == "json://***" and made["events"] == ["run_failed"]
    world.ok("notify", "targets", "add", "other", "--url-file", "-", stdin=receiver.url())
    assert "s3cret" not in json.dumps(world.ok("notify", "targets", "list"))
    shown = world.call("notify", "targets", "list").out
    assert "run_failed" in shown and "json://***" in shown
    world.ok("notify", "targets", "test", "ops")
    assert world.ok("notify", "targets", "remove", made["id"]) == {"removed": made["id"]}
    assert world.ok("notify", "send") == {"queued": 0, "sent": 0, "waiting": 0, "failed": 0}
    assert "no target" in world.fails(2, "notify", "targets", "test", "ops")["what"]
    assert receiver.titles == ["Test of a notification target"]
    assert {row[0] for row in world.rows("SELECT action FROM migration.audit_trail")} == {
        "notify targets add",
        "notify targets remove",
        "notify targets test",
    }
