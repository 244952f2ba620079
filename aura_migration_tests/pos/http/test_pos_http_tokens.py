"""Tokens: renewed once for all, stored before they are used, and never renewed in a loop."""

from __future__ import annotations

import asyncio
import sys
import time as real_time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from aura_migration.core.errors import AuraError, BadInput, EnvironmentFault
from aura_migration.pos.http.client import PosClient
from aura_migration.pos.http.errors import (
    PosError,
    ReconnectNeeded,
    ResponseParts,
    ServerFault,
    TokenRevoked,
    Unauthorized,
    Unreachable,
)
from aura_migration.pos.http.limits import NO_LIMITS, Buckets
from aura_migration.pos.http.tokens import (
    MARKER,
    ON_TRIAL,
    CredentialPart,
    CredentialStore,
    MachineLogin,
    MemoryStore,
    RefreshingToken,
    StaticToken,
    expiry,
)
from aura_migration_tests.pos.http.pos_server import FakeTime, PosServer, Reply, Request
from aura_migration_tests.pos.http.tokens_worker import exchanged, stored

PROJECT = Path(__file__).parents[3]
WORKER = "aura_migration_tests.pos.http.tokens_worker"
HOUR = 3600.0


class Pos:
    """A POS with tokens: ``single_use`` refresh tokens rotate and die with their use."""

    def __init__(self, time: Callable[[], float], *, single_use: bool = True) -> None:
        self.time = time
        self.single_use = single_use
        self.number = 0
        self.exchanges = 0
        self.access: dict[str, float] = {}
        self.refresh: set[str] = set()
        self.faults: list[Reply] = []
        self.give()

    def give(self) -> dict[str, Any]:
        self.number += 1
        access, refresh = f"access-{self.number}", f"refresh-{self.number}"
        self.access[access] = self.time() + HOUR
        self.refresh.add(refresh)
        return {"access_token": access, "refresh_token": refresh, "access_token_expiration": self.access[access]}

    def credentials(self, **more: Any) -> dict[str, Any]:
        first = {"client_id": "app", "access_token": "access-1", "refresh_token": "refresh-1"}
        return {**first, "expires_at": self.access["access-1"], **more}

    def __call__(self, request: Request) -> Reply:
        if request.path == "/oauth/v2/refresh":
            self.exchanges += 1
            if self.faults and self.faults[0].cut_at == -1:
                return self.faults.pop(0)
            token = request.json()["refresh_token"]
            if token not in self.refresh:
                return Reply.json({"message": "invalid refresh token"}, 401)
            if self.single_use:
                self.refresh.discard(token)
            answer = self.give()
            return self.faults.pop(0) if self.faults else Reply.json(answer)
        if self.access.get(request.bearer, 0.0) <= self.time():
            return Reply.json({"message": "401 Unauthorized"}, 401)
        return Reply.json({"ok": True})


class Setting:
    """A server, a store and a token source that stand together on one clock."""

    def __init__(self, time: FakeTime, server: PosServer, pos: Pos, store: CredentialStore, **options: Any) -> None:
        self.lost: list[str] = []
        self.time, self.pos, self.store = time, pos, store
        self.buckets = Buckets.in_memory(clock=time, sleep=time.sleep)
        self.url = server.url
        self.tokens = self.source(**options)

    def source(self, renew: Any = None, **options: Any) -> RefreshingToken:
        return RefreshingToken(
            self.store,
            1,
            renew or (lambda credentials: exchanged(self.url, self.buckets, credentials)),
            exclusive=self.buckets.exclusive,
            pos="clover",
            single_use=self.pos.single_use,
            on_reconnect_needed=self.lost.append,
            wall=self.time,
            sleep=self.time.sleep,
            **options,
        )

    def client(self, classify: Callable[[ResponseParts], PosError | None] | None = None) -> PosClient:
        return PosClient(
            self.url,
            self.tokens,
            NO_LIMITS,
            self.buckets,
            classify,
            pos="clover",
            clock=self.time,
            wall=self.time,
            sleep=self.time.sleep,
        )


def play(
    test: Callable[[Setting], Any],
    *,
    single_use: bool = True,
    store: Callable[[dict[str, Any]], CredentialStore] | None = None,
    more: Mapping[str, Any] | None = None,
    **options: Any,
) -> Setting:
    async def main() -> Setting:
        time = FakeTime(2_000_000.0)
        pos = Pos(time, single_use=single_use)
        credentials = pos.credentials(**(more or {}))
        async with asyncio.timeout(20), PosServer(pos) as server:
            setting = Setting(
                time, server, pos, store(credentials) if store else MemoryStore(1, credentials), **options
            )
            await test(setting)
            return setting

    return asyncio.run(main())


def test_a_token_that_lasts_is_used_without_an_exchange() -> None:
    async def test(here: Setting) -> None:
        async with here.client() as client:
            for _ in range(3):
                assert (await client.request("GET", "/v3/items")).json() == {"ok": True}

    assert play(test).pos.exchanges == 0


def test_an_expired_token_is_renewed_once_for_many_requests_at_once() -> None:
    async def test(here: Setting) -> None:
        here.pos.access["access-1"] = 0.0  # sooner than the POS had said
        async with here.client() as client:
            answers = await asyncio.gather(*(client.request("GET", f"/v3/{n}") for n in range(40)))
            assert all(answer.json() == {"ok": True} for answer in answers)
            assert client.stats.refusals == {"Unauthorized": client.stats.attempts - 40}

    here = play(test)
    assert here.pos.exchanges == 1
    assert here.store.load(1)[0]["access_token"] == "access-2"
    assert here.store.load(1)[0]["client_id"] == "app"


def test_a_token_is_renewed_before_it_runs_out() -> None:
    async def test(here: Setting) -> None:
        here.time.now += HOUR - 200
        assert await here.tokens.token() == "access-2"
        assert await here.tokens.token() == "access-2"

    assert play(test, early=300.0).pos.exchanges == 1


def test_a_renewal_ahead_of_time_that_fails_for_now_does_not_stop_the_work() -> None:
    async def test(here: Setting) -> None:
        here.pos.faults = [Reply(cut_at=-1)] * 2
        here.time.now += HOUR - 200
        assert await here.tokens.token() == "access-1"
        assert await here.tokens.token() == "access-1"
        assert here.pos.exchanges == 1, "not at every request again"
        here.time.now += 60
        assert await here.tokens.token() == "access-1"
        here.time.now += 60
        assert await here.tokens.token() == "access-2"

    assert play(test).lost == []


def test_the_new_token_is_stored_before_it_is_used() -> None:
    async def test(here: Setting) -> None:
        used: list[tuple[str, str]] = []

        def watched(request: Request) -> Reply:
            if not request.path.startswith("/oauth"):
                used.append((request.bearer, here.store.load(1)[0]["access_token"]))
            return here.pos(request)

        here.pos.access["access-1"] = 0.0
        async with PosServer(watched) as server:
            here.url = server.url
            async with here.client() as client:
                await client.request("GET", "/v3/items")
        assert used == [("access-1", "access-1"), ("access-2", "access-2")]

    play(test)


def test_a_request_refused_again_after_the_renewal_fails() -> None:
    async def test(here: Setting) -> None:
        def blind(request: Request) -> Reply:
            return here.pos(request) if request.path.startswith("/oauth") else Reply.json({"message": "401"}, 401)

        async with PosServer(blind) as server:
            here.url = server.url
            async with here.client() as client:
                with pytest.raises(Unauthorized) as caught:
                    await client.request("GET", "/v3/customers")
                assert type(caught.value) is Unauthorized
                assert len([request for request in server.requests if request.path == "/v3/customers"]) == 2
                # a POS that answers 401 where a permission is missing must not cost an exchange for ever
                for _ in range(20):
                    with pytest.raises(Unauthorized):
                        await client.request("GET", "/v3/customers")

    assert play(test).pos.exchanges == 4


def test_a_token_renewed_by_another_process_is_taken_over() -> None:
    async def test(here: Setting) -> None:
        other = here.source()
        assert await here.tokens.token() == "access-1"
        here.pos.access["access-1"] = 0.0
        assert await other.refused("access-1")
        assert await here.tokens.refused("access-1")
        assert await here.tokens.token() == "access-2"

    assert play(test).pos.exchanges == 1


def test_a_reusable_refresh_token_is_simply_used_again_after_a_crash() -> None:
    async def test(here: Setting) -> None:
        here.pos.faults = [Reply(200, b'{"access_token": "acc'), Reply(500), Reply(cut_at=-1)]
        here.time.now += 2 * HOUR
        assert await here.tokens.token() == "access-4"
        assert MARKER not in here.store.load(1)[0]

    here = play(test, single_use=False)
    assert here.lost == []


def test_a_single_use_token_whose_successor_was_lost_ends_in_reconnect_needed_not_in_a_loop() -> None:
    async def test(here: Setting) -> None:
        here.pos.faults = [Reply(200, b'{"access_token": "acc')]  # rotated, but the answer is cut off
        here.time.now += 2 * HOUR
        with pytest.raises(ReconnectNeeded, match="cut off"):
            await here.tokens.token()
        spent = here.pos.exchanges
        assert spent == 2
        for source in (here.tokens, here.source()):
            with pytest.raises(ReconnectNeeded) as caught:
                await source.token()
            assert caught.value.exit_code == 2
            assert "connect" in caught.value.remedy
        assert here.pos.exchanges == spent

    here = play(test)
    assert len(here.lost) == 1


def test_a_process_that_learns_of_the_loss_on_a_refusal_makes_no_exchange() -> None:
    async def test(here: Setting) -> None:
        assert await here.tokens.token() == "access-1"
        here.pos.refresh.clear()
        with pytest.raises(ReconnectNeeded):
            await here.source().refused("access-1")
        assert here.pos.exchanges == 1
        with pytest.raises(ReconnectNeeded):
            await here.tokens.refused("access-1")
        assert here.pos.exchanges == 1

    assert len(play(test).lost) == 1


def test_connecting_the_account_anew_ends_the_lost_state() -> None:
    async def test(here: Setting) -> None:
        here.pos.refresh.clear()
        here.time.now += 2 * HOUR
        with pytest.raises(ReconnectNeeded, match="refused to renew"):
            await here.tokens.token()
        answer = here.pos.give()
        here.store.replace(1, {**answer, "client_id": "app", "expires_at": answer["access_token_expiration"]}, None)
        assert await here.tokens.token() == "access-2"

    play(test)


def test_a_request_that_surely_never_left_leaves_no_marker() -> None:
    async def test(here: Setting) -> None:
        async def offline(_: dict[str, Any]) -> dict[str, Any]:
            assert MARKER in here.store.load(1)[0], "the marker is stored before the exchange"
            raise Unreachable("no network", sent=False)

        here.time.now += 2 * HOUR
        with pytest.raises(Unreachable) as caught:
            await here.source(offline).token()
        assert caught.value.retryable
        assert MARKER not in here.store.load(1)[0]
        assert await here.tokens.token() == "access-2"

    assert play(test).lost == []


@pytest.mark.parametrize(("tried", "waited"), [(1, [1, 2, 4]), (6, [])])
def test_an_exchange_at_an_address_that_never_answered_is_given_up_within_seconds(
    tried: int, waited: list[float]
) -> None:
    async def test(here: Setting) -> None:
        async def refused(_: dict[str, Any]) -> dict[str, Any]:
            raise Unreachable("no connection", sent=False, first_contact=True).tried(tried)

        here.time.now += 2 * HOUR
        here.time.slept.clear()
        with pytest.raises(Unreachable) as caught:
            await here.source(refused).token()
        assert here.time.slept == waited
        assert caught.value.attempts == max(tried, len(waited) + 1)
        assert MARKER not in here.store.load(1)[0]

    play(test)


def test_a_pos_that_is_down_for_a_while_does_not_cost_the_connection() -> None:
    async def test(here: Setting) -> None:
        async def down(_: dict[str, Any]) -> dict[str, Any]:
            raise ServerFault("maintenance")

        here.time.now += 2 * HOUR
        for _ in range(3):
            with pytest.raises(ServerFault):
                await here.source(down).token()
        assert here.store.load(1)[0][MARKER]["tries"] == 15
        assert await here.tokens.token() == "access-2"
        assert MARKER not in here.store.load(1)[0]

    assert play(test).lost == []


def test_a_store_that_fails_for_a_moment_does_not_lose_the_rotated_token() -> None:
    class Shaky(MemoryStore):
        left = 3

        def replace(self, integration_id: int, credentials: Mapping[str, Any], expected_version: int | None) -> int:
            if credentials["access_token"] == "access-2" and self.left:
                self.left -= 1
                raise EnvironmentFault("the database restarts")
            return super().replace(integration_id, credentials, expected_version)

    async def test(here: Setting) -> None:
        here.time.now += 2 * HOUR
        assert await here.tokens.token() == "access-2"
        assert here.store.load(1)[0]["refresh_token"] == "refresh-2"

    play(test, store=lambda credentials: Shaky(1, credentials))


def test_credentials_connected_anew_during_the_exchange_stand() -> None:
    async def test(here: Setting) -> None:
        async def overtaken(credentials: dict[str, Any]) -> dict[str, Any]:
            fresh = await exchanged(here.url, here.buckets, credentials)
            answer = here.pos.give()
            here.store.replace(1, {**answer, "client_id": "new", "expires_at": answer["access_token_expiration"]}, None)
            return fresh

        here.time.now += 2 * HOUR
        assert await here.source(overtaken).token() == "access-3"
        assert here.store.load(1)[0]["client_id"] == "new"

    assert play(test).pos.exchanges == 1


def test_a_cancelled_caller_does_not_cut_an_exchange_in_half() -> None:
    async def test(here: Setting) -> None:
        begun = asyncio.Event()

        async def slow(credentials: dict[str, Any]) -> dict[str, Any]:
            fresh = await exchanged(here.url, here.buckets, credentials)
            begun.set()
            await asyncio.sleep(0.05)
            return fresh

        here.time.now += 2 * HOUR
        caller = asyncio.create_task(here.source(slow).token())
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert here.store.load(1)[0]["refresh_token"] == "refresh-2"
        assert await here.tokens.token() == "access-2"

    assert play(test).pos.exchanges == 1


def test_a_withdrawn_connection_is_told_and_not_renewed() -> None:
    async def test(here: Setting) -> None:
        def classify(parts: ResponseParts) -> PosError | None:
            return parts.error(TokenRevoked, code="ACCESS_TOKEN_REVOKED") if parts.status == 401 else None

        here.pos.access.clear()
        async with here.client(classify) as client:
            for _ in range(2):
                with pytest.raises(ReconnectNeeded):
                    await client.request("GET", "/v3/items")

    here = play(test)
    assert here.pos.exchanges == 0
    assert here.lost == ["the access was withdrawn on the POS's side"]


def test_one_of_several_merchants_has_its_own_token() -> None:
    async def test(here: Setting) -> None:
        document = {
            "client_id": "app",
            "merchants": [
                {"merchant_id": "M1", "access_token": "keep", "refresh_token": "keep"},
                {"merchant_id": "M2", **here.pos.credentials()},
            ],
        }
        whole = MemoryStore(1, document)
        here.store = CredentialPart(whole, "merchants", "merchant_id", "M2")
        here.time.now += 2 * HOUR
        assert await here.source().token() == "access-2"
        stored_now = whole.load(1)[0]
        assert stored_now["client_id"] == "app"
        assert stored_now["merchants"][0] == document["merchants"][0]
        assert stored_now["merchants"][1]["refresh_token"] == "refresh-2"
        assert stored_now["merchants"][1]["merchant_id"] == "M2"
        with pytest.raises(BadInput, match="M3"):
            CredentialPart(whole, "merchants", "merchant_id", "M3").load(1)

    play(test)


def test_an_expiry_is_read_in_every_form() -> None:
    assert expiry(None) == float("inf")
    assert expiry(1767225600) == 1767225600.0
    assert expiry("2026-01-01T00:00:00Z") == 1767225600.0
    assert expiry("2026-01-01T01:00:00+01:00") == 1767225600.0
    assert expiry("2026-01-01T00:00:00") == 1767225600.0


def test_no_token_source_shows_its_secret() -> None:
    assert "secret" not in repr(StaticToken("secret"))


# machine login


class LoginPos:
    """Signing in again gives the same token until its last minute, as the documentation says."""

    def __init__(self, time: FakeTime) -> None:
        self.time = time
        self.logins = 0
        self.minted = 0
        self.expires = 0.0
        self.lifetime = 24 * HOUR
        self.down = 0
        self.secret = "s3cr3t"

    async def login(self, credentials: dict[str, Any]) -> dict[str, Any]:
        if self.down:
            self.down -= 1
            raise ServerFault("maintenance")
        self.logins += 1
        if credentials["client_secret"] != self.secret:
            raise Unauthorized
        if self.time() >= self.expires - 60:
            self.minted += 1
            self.expires = self.time() + self.lifetime
        return {"access_token": f"jwt-{self.minted}", "expires_at": self.expires}


def signing_in(test: Callable[[FakeTime, LoginPos, Callable[[], MachineLogin]], Any]) -> LoginPos:
    async def main() -> LoginPos:
        time = FakeTime(3_000_000.0)
        pos = LoginPos(time)
        store = MemoryStore(1, {"client_id": "c", "client_secret": "s3cr3t"})
        buckets = Buckets.in_memory()

        def source() -> MachineLogin:
            return MachineLogin(
                store, 1, pos.login, exclusive=buckets.exclusive, pos="toast", wall=time, sleep=time.sleep
            )

        await test(time, pos, source)
        return pos

    return asyncio.run(main())


def test_one_sign_in_serves_all_locations_and_processes_for_a_day() -> None:
    async def test(time: FakeTime, pos: LoginPos, source: Callable[[], MachineLogin]) -> None:
        for _ in range(23):
            assert {await source().token() for _ in range(3)} == {"jwt-1"}
            time.now += HOUR
        assert pos.logins == 1
        time.now += HOUR - 30
        assert await source().token() == "jwt-2"

    assert signing_in(test).logins == 2


def test_a_sign_in_too_early_for_a_new_token_is_not_repeated_until_the_old_one_ends() -> None:
    async def test(time: FakeTime, pos: LoginPos, source: Callable[[], MachineLogin]) -> None:
        tokens = source()
        await tokens.token()
        pos.expires += 30  # the POS's clock is half a minute behind ours
        time.now = pos.expires - 85
        for _ in range(20):
            assert await tokens.token() == "jwt-1"
            time.now += 1
        assert pos.logins == 2

    signing_in(test)


def test_the_sign_in_budget_is_shared_and_only_a_refusal_goes_beyond_it() -> None:
    async def test(time: FakeTime, pos: LoginPos, source: Callable[[], MachineLogin]) -> None:
        pos.lifetime = 10 * 60
        for _ in range(50):
            await source().token()
            time.now += 60
        assert pos.logins == 2, "then the token in hand is used, to be refused if it must be"
        tokens = source()
        for number in range(3, 6):
            pos.expires = 0.0  # the POS forgot the token
            held = await tokens.token()
            assert held == f"jwt-{number - 1}"
            assert await tokens.refused(held)
            assert await tokens.token() == f"jwt-{number}"

    signing_in(test)


def test_sign_ins_that_get_no_answer_are_repeated_but_not_for_ever() -> None:
    async def test(time: FakeTime, pos: LoginPos, source: Callable[[], MachineLogin]) -> None:
        pos.down = 3
        assert await source().token() == "jwt-1"
        pos.expires = time.now = time.now + HOUR * 24
        pos.down = 99
        with pytest.raises(ServerFault) as caught:
            await source().token()
        assert caught.value.attempts == 5
        pos.down = 0
        assert await source().token() == "jwt-2"

    signing_in(test)


def test_wrong_sign_in_data_are_not_tried_again_until_connected_anew() -> None:
    async def test(time: FakeTime, pos: LoginPos, source: Callable[[], MachineLogin]) -> None:
        pos.secret = "changed"
        for _ in range(3):
            with pytest.raises(ReconnectNeeded):
                await source().token()
        assert pos.logins == 1

    signing_in(test)


@pytest.mark.parametrize("kind", [MachineLogin, RefreshingToken])
def test_credentials_refused_before_they_were_stored_are_no_lost_connection(kind: type[RefreshingToken]) -> None:
    exchanges: list[str] = []

    async def refuse(credentials: dict[str, Any]) -> dict[str, Any]:
        exchanges.append("once")
        raise Unauthorized("invalid secret", status=401, request_id="req-9")

    async def test() -> None:
        tokens = kind(
            MemoryStore(ON_TRIAL, {"client_secret": "wrong", "refresh_token": "wrong"}),
            ON_TRIAL,
            refuse,
            exclusive=Buckets.in_memory().exclusive,
            pos="toast",
        )
        for _ in range(2):
            with pytest.raises(Unauthorized) as caught:
                await tokens.token()
            assert not isinstance(caught.value, ReconnectNeeded)
            assert "toast: the POS refused these credentials: invalid secret" in caught.value.what
            assert "Nothing was stored" in caught.value.remedy
            assert "integration" not in str(caught.value)
            assert caught.value.exit_code == 2

    asyncio.run(test())
    assert exchanges == ["once"]


def test_a_refused_token_that_the_pos_hands_out_again_is_given_up() -> None:
    async def test(time: FakeTime, pos: LoginPos, source: Callable[[], MachineLogin]) -> None:
        tokens = source()
        assert await tokens.token() == "jwt-1"
        assert not await tokens.refused("jwt-1")

    assert signing_in(test).logins == 2


# several processes, the vault, a real database


async def started(database: str, folder: Path, url: str, verb: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", WORKER, database, str(folder), url, verb, stdin=pipe, stdout=pipe, cwd=PROJECT
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    return child


def test_two_processes_that_renew_at_once_make_one_exchange(database: str, tmp_path: Path) -> None:
    async def test() -> None:
        pos = Pos(real_time.time)
        store = stored(database, str(tmp_path))
        store.replace(1, pos.credentials(expires_at=1.0), 0)
        async with PosServer(pos) as server:
            children = await asyncio.gather(*(started(database, tmp_path, server.url, "renew") for _ in range(2)))
            answers = await asyncio.gather(*(child.communicate(b"go\n") for child in children))
            assert [out.decode().strip() for out, _ in answers] == ["access-2", "access-2"]
        assert pos.exchanges == 1
        credentials, version = store.load(1)
        assert credentials["refresh_token"] == "refresh-2"
        assert version == 3, "marker and result, once each"

    asyncio.run(test())


@pytest.mark.parametrize("verb", ["crash-after", "crash-before"])
def test_a_kill_around_the_rotation_is_told_from_one_before_it(database: str, tmp_path: Path, verb: str) -> None:
    """Killed after the POS rotated: reconnect_needed. Killed before the request left: nothing is lost."""

    async def test() -> None:
        pos = Pos(real_time.time)
        store = stored(database, str(tmp_path))
        store.replace(1, pos.credentials(expires_at=1.0), 0)
        async with PosServer(pos) as server, Buckets.on_postgres(database) as buckets:
            child = await started(database, tmp_path, server.url, verb)
            await child.communicate(b"go\n")
            assert child.returncode == 9
            assert MARKER in store.load(1)[0]
            lost: list[str] = []
            tokens = RefreshingToken(
                store,
                1,
                lambda credentials: exchanged(server.url, buckets, credentials),
                exclusive=buckets.exclusive,
                pos="clover",
                single_use=True,
                on_reconnect_needed=lost.append,
            )
            if verb == "crash-before":
                assert await tokens.token() == "access-2"
                assert lost == []
                return
            with pytest.raises(ReconnectNeeded, match="cut off"):
                await tokens.token()
            assert len(lost) == 1
            assert pos.exchanges == 2
            with pytest.raises(ReconnectNeeded):
                await tokens.token()
            assert pos.exchanges == 2, "not in a loop"
            assert store.load(1)[0]["reconnect_needed"] == lost[0]

    asyncio.run(test())


def test_a_store_with_another_version_refuses() -> None:
    store = MemoryStore(1, {"access_token": "a"})
    with pytest.raises(AuraError, match="replaced meanwhile"):
        store.replace(1, {}, 7)
