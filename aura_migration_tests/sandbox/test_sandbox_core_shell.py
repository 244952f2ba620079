"""The sandbox framework over real sockets, with the smallest POS there can be."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aura_migration.sandbox.core.app import BasePosApp
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.faults import fault_of
from aura_migration.sandbox.core.ids import BASE32, Ids
from aura_migration.sandbox.core.limits import Concurrency, FixedSlice, Rolling
from aura_migration.sandbox.core.server import RunningSandbox, UnknownSandboxError, build


class TinyPos(BasePosApp):
    """One list of three rows."""

    pos = "tiny"
    log_headers: Sequence[str] = ("X-Place",)

    def __init__(self) -> None:
        super().__init__("cafe", 1, Clock(datetime(2026, 10, 1, 9, tzinfo=UTC)))
        self.routes = [Route("/rows", self.rows)]
        self.switches = {"limits": "real", "page": 3}
        self.expired = 0
        self.scopes: dict[str, bool] = {}

    async def rows(self, request: Request) -> Response:
        """Three rows, fewer under a lying cap."""
        cap = fault_of(request, "lying_cap")
        count = int(cap["cap"]) if cap else 3
        rows = [{"id": number, "data": {"name": f"row {number}"}} for number in range(count)]
        return JSONResponse({"rows": rows})

    def truth(self) -> dict[str, Any]:
        return {"rows": 3}

    def credentials(self) -> dict[str, Any]:
        return {"default": {"access_token": "t"}, "variants": {}}

    def edit(self, op: dict[str, Any]) -> list[str]:
        return [op["item"]]

    def on_fault(self, kind: str, fault: dict[str, Any], request: Request) -> Response | None:
        return JSONResponse({"own": True}, 429) if kind == "rate_limit" and fault.get("advice") else None

    def expire_tokens(self) -> int:
        self.expired += 1
        return 2

    def set_scope(self, scope: str, granted: bool) -> None:
        self.scopes[scope] = granted


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    with RunningSandbox(TinyPos()) as sandbox:
        yield sandbox


@pytest.fixture
def client(running: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.base_url) as http:
        http.delete("/_control/faults")
        http.delete("/_control/requests")
        yield http


def set_fault(client: httpx.Client, **spec: Any) -> None:
    client.post("/_control/faults", json={"match": "^/rows", "times": 1, **spec}).raise_for_status()


def raw_answer(port: int) -> bytes:
    """Every byte the server sends for one GET before it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /rows HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_a_reset_promises_the_whole_body_and_sends_only_a_part(client: httpx.Client, running: RunningSandbox) -> None:
    whole = client.get("/rows").content
    set_fault(client, kind="reset", fraction=0.5)
    head, _, body = raw_answer(running.port).partition(b"\r\n\r\n")
    assert f"content-length: {len(whole)}".encode() in head.lower()
    assert body == whole[: len(whole) // 2]
    set_fault(client, kind="reset")
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/rows")
    assert client.get("/rows").content == whole


def test_a_reset_before_headers_sends_nothing_at_all(client: httpx.Client, running: RunningSandbox) -> None:
    set_fault(client, kind="reset", where="before_headers")
    assert raw_answer(running.port) == b""


def test_a_hard_reset_reaches_the_client_as_a_connection_reset(client: httpx.Client, running: RunningSandbox) -> None:
    set_fault(client, kind="reset", where="before_headers", how="rst")
    with pytest.raises(ConnectionResetError):
        raw_answer(running.port)


def test_a_truncated_answer_is_sound_http_with_broken_json(client: httpx.Client) -> None:
    set_fault(client, kind="truncate")
    answer = client.get("/rows")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content)
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(
    ("body", "kind"), [("json", "application/json"), ("text", "text/plain"), ("html", "text/html")]
)
def test_an_error_comes_with_the_body_asked_for(client: httpx.Client, body: str, kind: str) -> None:
    set_fault(client, kind="error", status=502, body=body)
    answer = client.get("/rows")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (502, kind)


def test_a_rate_limit_fault_is_answered_in_the_pos_own_way_first(client: httpx.Client) -> None:
    set_fault(client, kind="rate_limit", advice=True)
    assert client.get("/rows").json() == {"own": True}
    set_fault(client, kind="rate_limit")
    plain = client.get("/rows")
    assert plain.status_code == 429 and "retry-after" not in plain.headers


def test_after_and_times_bound_which_requests_are_hit(client: httpx.Client) -> None:
    set_fault(client, kind="error", after=1, times=2)
    assert [client.get("/rows").status_code for _ in range(5)] == [200, 503, 503, 200, 200]
    [fault] = client.get("/_control/faults").json()["faults"]
    assert (fault["seen"], fault["fired"]) == (5, 2)


def test_a_probability_is_seeded_and_lets_some_requests_pass(client: httpx.Client) -> None:
    set_fault(client, kind="error", times=None, probability=0.5)
    statuses = {client.get("/rows").status_code for _ in range(40)}
    assert statuses == {200, 503}


def test_fields_are_dropped_and_renamed_inside_lists(client: httpx.Client) -> None:
    set_fault(client, kind="drop_field", path="rows[].data.name")
    assert client.get("/rows").json()["rows"][0] == {"id": 0, "data": {}}
    set_fault(client, kind="rename_field", path="rows[].data.name", to="label")
    assert client.get("/rows").json()["rows"][1] == {"id": 1, "data": {"label": "row 1"}}


def test_a_slow_answer_takes_as_long_as_asked_before_or_in_the_middle(client: httpx.Client) -> None:
    for where in ("before", "mid_body"):
        set_fault(client, kind="slow", seconds=0.2, where=where)
        answer = client.get("/rows")
        assert answer.elapsed.total_seconds() >= 0.2 and len(answer.json()["rows"]) == 3


def test_a_hooked_fault_reaches_the_handler(client: httpx.Client) -> None:
    set_fault(client, kind="lying_cap", mode="cut", cap=1)
    assert len(client.get("/rows").json()["rows"]) == 1
    assert len(client.get("/rows").json()["rows"]) == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "flood"},
        {"kind": "error", "status": 418},
        {"kind": "reset", "match": "("},
        {"kind": "truncate", "seconds": 1},
        {"kind": "drop_field"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_reason(client: httpx.Client, fault: dict[str, Any]) -> None:
    answer = client.post("/_control/faults", json=fault)
    assert answer.status_code == 400 and answer.json()["error"]


def test_the_request_log_tells_path_status_and_token_tail_only(client: httpx.Client) -> None:
    set_fault(client, kind="error", status=504)
    client.get("/rows?x=1", headers={"Authorization": "Bearer secret-token-123456", "X-Place": "harbor"})
    client.get("/_control/truth")
    [entry] = client.get("/_control/requests").json()["requests"]
    assert (entry["method"], entry["path"], entry["query"], entry["status"]) == ("GET", "/rows", "x=1", 504)
    assert entry["token"] == "123456" and entry["headers"] == {"x-place": "harbor"} and entry["faults"] == ["error"]
    assert "secret-token" not in json.dumps(entry)


def test_switches_refuse_unknown_names_and_other_types(client: httpx.Client) -> None:
    assert client.post("/_control/switches", json={"page": 2}).json()["page"] == 2
    assert client.post("/_control/switches", json={"pages": 2}).status_code == 400
    assert client.post("/_control/switches", json={"limits": True}).status_code == 400
    assert client.post("/_control/switches", json={"page": True}).status_code == 400


def test_the_clock_is_fixed_freed_and_skipped_by_the_control_surface(client: httpx.Client) -> None:
    assert client.get("/_control/clock").json() == {"now": "2026-10-01T09:00:00Z", "fixed": True}
    assert client.post("/_control/clock", json={"now": None}).json()["fixed"] is False
    assert client.post("/_control/clock", json={"now": "yesterday"}).status_code == 400
    client.post("/_control/clock", json={"now": "2026-10-01T09:00:00Z"}).raise_for_status()


def test_tokens_and_edits_reach_the_pos(client: httpx.Client, running: RunningSandbox) -> None:
    assert client.post("/_control/tokens", json={"op": "expire"}).json() == {"ok": True, "tokens": 2}
    assert client.post("/_control/tokens", json={"op": "drop_scope", "scope": "read"}).json()["ok"]
    assert running.pos_app.scopes == {"read": False}  # type: ignore[attr-defined]
    assert client.post("/_control/tokens", json={"op": "lose"}).status_code == 400
    edits = [{"op": "rename", "item": "a"}, {"op": "rename", "item": "a"}]
    assert client.post("/_control/edit", json=edits).json() == {"ok": True, "changed": ["a"]}
    assert client.post("/_control/edit", json={"item": "a"}).status_code == 400


def test_ids_follow_scenario_and_seed_and_nothing_else() -> None:
    one, same, other = Ids("cafe", 1, "square"), Ids("cafe", 1, "square"), Ids("cafe", 2, "square")
    same.token("item", "something else")
    assert one.token("item", "latte", BASE32, 24) == same.token("item", "latte", BASE32, 24)
    assert one.token("item", "latte", BASE32, 24) != other.token("item", "latte", BASE32, 24)
    assert set(one.token("item", "latte", BASE32, 24)) <= set(BASE32)
    assert one.uuid("item", "latte") != Ids("diner", 1, "square").uuid("item", "latte")
    assert one.rng("prices").random() == same.rng("prices").random()


def test_a_fixed_slice_resets_at_once_and_a_rolling_window_bit_by_bit() -> None:
    clock = Clock()
    fixed, rolling = FixedSlice(2, 60, clock), Rolling(2, 60, clock)
    assert [fixed.take("a").allowed for _ in range(3)] == [True, True, False]
    refused = fixed.take("a")
    assert refused.reset_epoch % 60 == 0 and 1 <= refused.retry_after <= 60
    assert fixed.take("b").allowed
    clock.skip(refused.retry_after)
    assert fixed.take("a").remaining == 1
    assert rolling.take("a").allowed
    clock.skip(40)
    assert rolling.take("a").allowed and not rolling.take("a").allowed
    clock.skip(21)
    assert rolling.take("a").allowed and not rolling.take("a").allowed


def test_a_concurrency_limit_frees_a_place_only_on_release() -> None:
    limit = Concurrency(1)
    assert limit.take("a").allowed and not limit.take("a").allowed
    limit.release("a")
    assert limit.take("a").allowed
    with pytest.raises(RuntimeError):
        limit.release("never taken")


def test_an_unknown_pos_is_named() -> None:
    with pytest.raises(UnknownSandboxError, match="'lightspeed'"):
        build("lightspeed")
