"""Signing in to a POS over real HTTP: a browser at the sandbox's consent page, and whoever tries to misuse it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import pytest

from aura_migration.api.access.limits import RateLimit
from aura_migration.api.access.roles import Role
from aura_migration.api.access.tokens import TokenIssuer
from aura_migration.migration import signing_in
from aura_migration.migration.integrations import connect_account, mark_reconnect_needed
from aura_migration.migration.workshop import Workshop
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration.settings import JwtSettings, load_settings
from aura_migration_tests.conftest import BUSINESS_NOW
from aura_migration_tests.support import database as support
from aura_migration_tests.support.api import RunningApi
from aura_migration_tests.support.consent import Browser, application

PUBLIC = "http://127.0.0.1:8400"


@pytest.fixture(scope="module")
def workshop(databases: support.Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A database and keys of this module's own."""
    folder = tmp_path_factory.mktemp("sign-in")
    with databases.database() as url:
        environ = {"AURA_DATABASE_URL": url, "AURA_DATA_DIR": str(folder), "AURA_NOW": BUSINESS_NOW}
        yield Workshop.open(load_settings(environ))


@pytest.fixture(scope="module")
def api(workshop: Workshop) -> Iterator[RunningApi]:
    """An API that lets these tests come as often as they like."""
    with RunningApi(workshop) as running:
        running.app.state.api.open_limit = RateLimit(rate=1_000.0, burst=1_000.0)
        yield running


@pytest.fixture(scope="module")
def square() -> Iterator[RunningSandbox]:
    """A café on Square."""
    with serve("square", "cafe", 901, limits="off") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def clover() -> Iterator[RunningSandbox]:
    """Two cafés on Clover, which are two merchants."""
    with serve("clover", "chain", 902, limits="off", locations=2) as sandbox:
        yield sandbox


@pytest.fixture
def browser(api: RunningApi) -> Iterator[Browser]:
    """Somebody's browser."""
    with Browser(api) as opened:
        yield opened


def stored(workshop: Workshop) -> dict[str, Any]:
    """Everything a sign-in could have left behind."""
    with workshop.connect() as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("aura.restaurants", "migration.integrations", "migration.credentials", "migration.locations")
        }


def credentials(workshop: Workshop, integration_id: int) -> dict[str, Any]:
    """What is sealed for an integration."""
    return workshop.credentials.load(integration_id)[0]


def integration_of(api: RunningApi, sandbox: RunningSandbox) -> dict[str, Any]:
    """The integration of a sandbox's account, as the API lists it."""
    listed = api.get("/pos/integrations").json()["items"]
    (found,) = [line for line in listed if line["base_url"] == sandbox.base_url]
    return dict(found)


def works_with_renewed_tokens(api: RunningApi, sandbox: RunningSandbox, integration_id: int) -> None:
    """Every access token has expired: the next request renews it, and what came with it is stored."""
    sandbox.pos_app.expire_tokens()
    tested = api.post(f"/pos/integrations/{integration_id}/test").json()
    assert tested["is_working"], tested


def test_square_is_connected_by_consent_and_nothing_secret_is_left_lying_about(
    api: RunningApi, workshop: Workshop, square: RunningSandbox, browser: Browser
) -> None:
    begun = browser.begin(square, return_to="/console/connected?from=square")
    assert begun.status_code == 201 and begun.headers["cache-control"] == "no-store"
    asked = parse_qs(urlsplit(begun.json()["authorize_url"]).query)
    assert asked["redirect_uri"] == [f"{PUBLIC}/pos/oauth/callback/square"] == [begun.json()["redirect_uri"]]
    assert asked["scope"] == [" ".join(right["scope"] for right in begun.json()["scopes"])]
    assert "code_challenge" not in asked and asked["session"] == ["false"]
    cookie = begun.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and "Path=/pos/oauth/callback" in cookie

    address = browser.consent(begun.json()["authorize_url"], "allow")
    done = browser.back(address)
    line = integration_of(api, square)
    assert done.status_code == 303 and "code=" not in done.headers["location"]
    assert done.headers["location"] == f"{PUBLIC}/console/connected?from=square&integration_id={line['integration_id']}"
    assert line["status"] == "connected" and line["health"]["is_working"] is True and line["locations"]

    kept = credentials(workshop, line["integration_id"])
    app = application(square)
    assert kept["client_id"] == app["client_id"] and kept["refresh_token"] and kept["expires_at"]
    with workshop.connect() as connection:
        rows = connection.execute(
            "SELECT to_jsonb(s) - 'state_hash' FROM migration.sign_ins s WHERE sealed = '' AND integration_id = %s",
            [line["integration_id"]],
        ).fetchall()
        trail = connection.execute("SELECT actor, action, outcome, detail FROM migration.audit_trail").fetchall()
    assert len(rows) == 1
    assert ("nobody", "sign-in callback", "done") in [row[:3] for row in trail]
    told = json.dumps([begun.json(), done.text, dict(done.headers), rows, trail, api.get("/pos/integrations").json()])
    told += api.get(f"/pos/integrations/{line['integration_id']}").text
    code = parse_qs(urlsplit(address).query)["code"][0]
    for secret in (app["client_secret"], kept["access_token"], kept["refresh_token"], code):
        assert secret not in told

    # With a secret the refresh token stays; the access token is another one.
    works_with_renewed_tokens(api, square, line["integration_id"])
    renewed = credentials(workshop, line["integration_id"])
    assert renewed["refresh_token"] == kept["refresh_token"] and renewed["access_token"] != kept["access_token"]


def test_square_without_a_secret_proves_the_code_and_its_single_use_tokens_are_kept(
    api: RunningApi, workshop: Workshop, square: RunningSandbox, browser: Browser
) -> None:
    done = browser.sign_in(square, secret=False)
    assert done.status_code == 200 and "is connected" in done.text and "default-src 'none'" in str(done.headers)
    number = integration_of(api, square)["integration_id"]
    first = credentials(workshop, number)
    assert "client_secret" not in first
    works_with_renewed_tokens(api, square, number)
    second = credentials(workshop, number)
    works_with_renewed_tokens(api, square, number)
    assert len({first["refresh_token"], second["refresh_token"], credentials(workshop, number)["refresh_token"]}) == 3


@pytest.mark.parametrize("secret", [True, False], ids=["secret", "pkce"])
def test_clover_is_connected_by_consent_and_its_single_use_tokens_are_kept(
    api: RunningApi, workshop: Workshop, clover: RunningSandbox, browser: Browser, secret: bool
) -> None:
    done = browser.sign_in(clover, secret=secret)
    assert done.status_code == 200, done.text
    line = integration_of(api, clover)
    (first,) = credentials(workshop, line["integration_id"])["merchants"]
    assert [site["location"] for site in line["locations"]] == [f"clover:{first['merchant_id']}"]
    assert "client_secret" not in json.dumps(first)
    works_with_renewed_tokens(api, clover, line["integration_id"])
    (second,) = credentials(workshop, line["integration_id"])["merchants"]
    works_with_renewed_tokens(api, clover, line["integration_id"])
    (third,) = credentials(workshop, line["integration_id"])["merchants"]
    assert len({each["refresh_token"] for each in (first, second, third)}) == 3


def test_one_merchant_that_agrees_anew_leaves_the_tokens_of_the_others_of_its_integration(
    api: RunningApi, workshop: Workshop, browser: Browser
) -> None:
    with serve("clover", "chain", 903, limits="off", locations=2) as chain:
        document = chain.pos_app.credentials()["default"]
        asked = {"pos": "clover", "base_url": chain.base_url, "restaurant": "Chain", "credentials": document}
        number = api.post("/pos/integrations", json=asked).json()["integration_id"]
        before = {entry["merchant_id"]: entry for entry in credentials(workshop, number)["merchants"]}
        first, last = sorted(before)
        begun = browser.begin(chain).json()
        done = browser.back(browser.consent(begun["authorize_url"], "approve", merchant_id=last))
        assert done.status_code == 200, done.text
        line = integration_of(api, chain)
        after = {entry["merchant_id"]: entry for entry in credentials(workshop, number)["merchants"]}
        assert line["integration_id"] == number and len(line["locations"]) == 2
        assert after[first] == before[first] and "refresh_token" in after[last]
        assert api.post(f"/pos/integrations/{number}/test").json()["is_working"]


def test_an_account_is_connected_again_by_the_application_it_knows_and_no_other_account_in_its_place(
    api: RunningApi, workshop: Workshop, square: RunningSandbox, browser: Browser
) -> None:
    assert browser.sign_in(square).status_code == 200
    number = integration_of(api, square)["integration_id"]
    again, headers = f"{api.base_url}/pos/integrations/{number}/sign-in", {"authorization": f"Bearer {api.token()}"}
    with workshop.connect() as connection:
        mark_reconnect_needed(connection, number, "the restaurant withdrew the access")
    page = browser.http.post(again, json={}, headers=headers)
    assert page.status_code == 201, page.text
    address = browser.consent(page.json()["authorize_url"], "allow")
    assert browser.back(address).status_code == 200
    assert integration_of(api, square)["status"] == "connected"

    # As if the integration had been of another account all the time: the one that is agreed to now is not it.
    with workshop.connect() as connection:
        merchant = connection.execute(
            "SELECT merchant_id FROM migration.integrations WHERE id = %s", [number]
        ).fetchone()
        assert merchant is not None
        connection.execute("UPDATE migration.integrations SET merchant_id = 'ANOTHER' WHERE id = %s", [number])
        connection.execute("UPDATE migration.locations SET key = 'square:ANOTHER' WHERE integration_id = %s", [number])
        before = stored(workshop)
        page = browser.http.post(again, json={"application": application(square)}, headers=headers)
        refused = browser.back(browser.consent(page.json()["authorize_url"], "allow"))
        assert refused.status_code == 409 and "connected for another restaurant" not in refused.text
        assert "owner of another account agreed" in refused.text and stored(workshop) == before
        connection.execute("UPDATE migration.integrations SET merchant_id = %s WHERE id = %s", [merchant[0], number])
        connection.execute("DELETE FROM migration.locations WHERE integration_id = %s", [number])
        connection.execute("DELETE FROM migration.credentials WHERE integration_id = %s", [number])
    unknown = browser.http.post(again, json={}, headers=headers)
    assert unknown.status_code == 400 and "does not know the application" in unknown.json()["detail"]
    assert browser.sign_in(square).status_code == 200


def forged(address: str, **changes: str | None) -> str:
    """An address with other parameters."""
    parts = urlsplit(address)
    given: dict[str, str] = {name: values[0] for name, values in parse_qs(parts.query).items()}
    changed = {name: value for name, value in {**given, **changes}.items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(changed)))


Attack = Callable[[Browser, RunningSandbox, str, Workshop], httpx.Response]


def _denied(browser: Browser, square: RunningSandbox, page: str, _: Workshop) -> httpx.Response:
    return browser.back(browser.consent(page, "deny"))


def _forged_state(browser: Browser, square: RunningSandbox, page: str, _: Workshop) -> httpx.Response:
    return browser.back(forged(browser.consent(page, "allow"), state="A" * 43))


def _no_state(browser: Browser, square: RunningSandbox, page: str, _: Workshop) -> httpx.Response:
    return browser.back(forged(browser.consent(page, "allow"), state=None))


def _other_pos(browser: Browser, square: RunningSandbox, page: str, _: Workshop) -> httpx.Response:
    return browser.back(browser.consent(page, "allow").replace("callback/square", "callback/clover"))


def _used(browser: Browser, square: RunningSandbox, page: str, _: Workshop) -> httpx.Response:
    browser.back(browser.consent(page, "deny"))
    return browser.back(browser.consent(page, "allow"))


def _over(browser: Browser, square: RunningSandbox, page: str, workshop: Workshop) -> httpx.Response:
    with workshop.connect() as connection:
        connection.execute("UPDATE migration.sign_ins SET expires_at = clock_timestamp() WHERE used_at IS NULL")
    return browser.back(browser.consent(page, "allow"))


def _code_expired(browser: Browser, square: RunningSandbox, page: str, _: Workshop) -> httpx.Response:
    address = browser.consent(page, "allow")
    square.pos_app.clock.skip(301)
    return browser.back(address)


def _other_code(browser: Browser, square: RunningSandbox, page: str, _: Workshop) -> httpx.Response:
    return browser.back(forged(browser.consent(page, "allow"), code="sq0cgb-of-somebody-else"))


def _no_code(browser: Browser, square: RunningSandbox, page: str, _: Workshop) -> httpx.Response:
    return browser.back(forged(browser.consent(page, "allow"), code=None))


@pytest.mark.parametrize(
    ("attack", "status", "says"),
    [
        (_denied, 409, "access was not granted"),
        (_forged_state, 409, "no sign-in that was begun here"),
        (_no_state, 409, "no sign-in that was begun here"),
        (_other_pos, 409, "another POS"),
        (_used, 409, "used already"),
        (_over, 409, "older than 10 minutes"),
        (_code_expired, 409, "does not accept the answer of its own page"),
        (_other_code, 409, "does not accept the answer of its own page"),
        (_no_code, 409, "sent back no code"),
    ],
)
def test_what_does_not_fit_the_sign_in_is_refused_and_nothing_is_stored(
    workshop: Workshop, square: RunningSandbox, browser: Browser, attack: Attack, status: int, says: str
) -> None:
    before = stored(workshop)
    begun = browser.begin(square, return_to="/somewhere")
    answer = attack(browser, square, begun.json()["authorize_url"], workshop)
    assert answer.status_code == status and says in answer.text and "was not connected" in answer.text
    assert answer.headers["content-type"].startswith("text/html") and answer.headers["cache-control"] == "no-store"
    assert stored(workshop) == before


def test_a_browser_in_which_the_sign_in_was_not_begun_finishes_nothing_and_spoils_nothing(
    api: RunningApi, workshop: Workshop, square: RunningSandbox, browser: Browser
) -> None:
    before = stored(workshop)
    address = browser.consent(browser.begin(square).json()["authorize_url"], "allow")
    with Browser(api) as victim:
        assert victim.begin(square).status_code == 201  # a sign-in of their own does not help
        refused = victim.back(address, accept="application/json")
    assert refused.status_code == 409 and "not begun in this browser, but by ada" in refused.json()["detail"]
    assert stored(workshop) == before
    with workshop.connect() as connection:
        row = connection.execute(
            "SELECT outcome, detail FROM migration.audit_trail ORDER BY id DESC LIMIT 1"
        ).fetchone()
    assert row is not None and row[0] == "refused" and row[1]["started_by"] == "ada"
    assert browser.back(address).status_code == 200


def test_of_two_answers_at_once_one_connects_the_account(
    workshop: Workshop, square: RunningSandbox, browser: Browser
) -> None:
    address = browser.consent(browser.begin(square).json()["authorize_url"], "allow")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: browser.back(address), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert "finished already" in browser.back(address).text


def test_of_an_account_with_several_locations_each_has_its_migration_and_none_stands_for_all(
    api: RunningApi, browser: Browser
) -> None:
    with serve("square", "chain", 903, limits="off", locations=2) as chain:
        assert browser.sign_in(chain).status_code == 200
        line = integration_of(api, chain)
    preview = f"/pos/migration/preview/{line['integration_id']}"
    both = api.post(preview)
    assert both.status_code == 202 and both.json().keys() == {"migrations"} and "location" not in both.headers
    first, second = both.json()["migrations"]
    assert first["migration_id"] != second["migration_id"] and first["location"] != second["location"]
    one = api.post(preview, json={"locations": [second["location"]]}).json()
    assert one["migration_id"] == second["migration_id"] and len(one["migrations"]) == 1
    unwritten = api.get(f"/pos/migrations/{one['migration_id']}/report")
    assert (unwritten.status_code, unwritten.json()["items"]) == (200, []), "no report was written yet"


def test_a_callback_is_under_way_only_while_a_proven_one_connects_the_account(
    api: RunningApi, workshop: Workshop, square: RunningSandbox, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def under_way() -> list[Any]:
        with workshop.connect() as connection:
            return connection.execute("SELECT actor, request FROM migration.deeds_under_way").fetchall()

    def looked(*given: Any, **named: Any) -> Any:
        seen.append(under_way())
        return connect_account(*given, **named)

    monkeypatch.setattr(signing_in, "connect_account", looked)
    address = browser.consent(browser.begin(square).json()["authorize_url"], "allow")
    with Browser(api) as stranger:
        assert stranger.back(address).status_code == 409
    assert seen == under_way() == []
    assert browser.back(address).status_code == 200
    assert seen == [[("nobody", "GET /pos/oauth/callback/square")]]
    assert under_way() == []


class Killed(BaseException):
    """The process is gone: nothing that catches errors sees it."""


def test_a_process_that_dies_between_exchange_and_storage_leaves_no_half_integration(
    api: RunningApi, workshop: Workshop, square: RunningSandbox, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(workshop)
    address = browser.consent(browser.begin(square).json()["authorize_url"], "allow")
    answer = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(signing_in, "connect_account", dies)
        with pytest.raises(Killed):
            signing_in.finish(workshop, signing_in.find(workshop, answer["state"]), answer)
    assert stored(workshop) == before
    left = browser.back(address)
    assert left.status_code == 409 and "cut off before the account was stored" in left.text
    assert "Begin the sign-in again" in left.text
    assert browser.sign_in(square).status_code == 200


def test_an_account_of_another_restaurant_is_refused_without_naming_it(
    api: RunningApi, workshop: Workshop, square: RunningSandbox, browser: Browser
) -> None:
    assert browser.sign_in(square).status_code == 200
    with workshop.connect() as connection:
        row = connection.execute(
            "INSERT INTO aura.restaurants (name, timezone, currency) VALUES ('Other', 'UTC', 'USD') RETURNING id"
        ).fetchone()
    assert row is not None
    before = stored(workshop)
    token = api.token("otto", Role.OPERATOR, [row[0]])
    refused = browser.sign_in(square, restaurant_id=row[0], token=token)
    assert refused.status_code == 409 and "connected for another restaurant" in refused.text
    document = square.pos_app.credentials()["variants"]["refresh_token"]
    asked = {
        "pos": "square",
        "base_url": square.base_url,
        "restaurant": "Other",
        "restaurant_id": row[0],
        "credentials": document,
    }
    with api.client("otto", Role.OPERATOR, [row[0]]) as otto:
        by_form = otto.post("/pos/integrations", json=asked)
    assert by_form.status_code == 409 and "connected for another restaurant" in by_form.json()["detail"]
    assert "restaurant_id" not in by_form.json()
    owner = integration_of(api, square)["restaurant_id"]
    seen = api.post("/pos/integrations", json=asked)
    assert seen.status_code == 409 and seen.json()["restaurant_id"] == owner
    assert stored(workshop) == before


def test_whoever_began_a_sign_in_with_a_program_finishes_it_there_and_nobody_else(
    api: RunningApi, workshop: Workshop, square: RunningSandbox, browser: Browser
) -> None:
    address = browser.consent(
        browser.begin(square, token=api.token("olga", Role.OPERATOR)).json()["authorize_url"], "allow"
    )
    sent = {"pos": "square", "address": address}
    before = stored(workshop)
    for name, role, status in (("otto", Role.OPERATOR, 409), ("olga", Role.VIEWER, 403)):
        with api.client(name, role) as caller:
            assert caller.post("/pos/integrations/sign-in/finish", json=sent).status_code == status
    with api.client("olga", Role.OPERATOR, [1]) as caller:  # her token no longer reaches what she asked for
        assert caller.post("/pos/integrations/sign-in/finish", json=sent).status_code == 403
    assert stored(workshop) == before
    with api.client("olga", Role.OPERATOR) as caller:
        done = caller.post("/pos/integrations/sign-in/finish", json=sent)
        again = caller.post("/pos/integrations/sign-in/finish", json=sent)
    assert done.status_code == 201 and done.json()["integration_id"] == integration_of(api, square)["integration_id"]
    assert again.status_code == 409


@pytest.mark.parametrize(
    "more",
    [
        {"return_to": "https://elsewhere.example/"},
        {"return_to": "//elsewhere.example"},
        {"return_to": "/\\elsewhere.example"},
        {"return_to": "http://127.0.0.1:8400.elsewhere.example/"},
        {"return_to": "/a\r\nset-cookie: a=b"},
        {"return_to": "javascript:alert(1)"},
        {"base_url": "http://pos.example"},
        {"base_url": "https://user:secret@pos.example"},
        {"pos": "nopos"},
        {"restaurant_id": 10**9},
    ],
)
def test_a_sign_in_that_leads_elsewhere_is_not_begun(
    workshop: Workshop, square: RunningSandbox, browser: Browser, more: dict[str, Any]
) -> None:
    refused = browser.begin(square, **more)
    assert refused.status_code == 400 and "set-cookie" not in refused.headers, refused.text
    with workshop.connect() as connection:
        open_ = connection.execute(
            "SELECT count(*) FROM migration.sign_ins WHERE return_to LIKE '%elsewhere%' OR base_url LIKE '%pos.example%'"
        ).fetchone()
    assert open_ == (0,)


def test_toast_has_no_consent_page_and_says_what_to_do_instead(api: RunningApi) -> None:
    asked = {"pos": "toast", "restaurant": "Diner", "application": {"client_id": "x"}}
    refused = api.post("/pos/integrations/sign-in", json=asked)
    assert refused.status_code == 409 and "Toast Web" in refused.json()["remedy"]
    known = {line["pos"]: line for line in api.get("/pos/connectors").json()}
    assert known["toast"]["has_consent_page"] is False and known["toast"]["redirect_uri"] is None
    assert known["square"]["redirect_uri"] == f"{PUBLIC}/pos/oauth/callback/square"
    for line in known.values():
        assert line["by_hand"] and all(right["why"] and right["without"] for right in line["scopes"])


def test_who_connects_accounts_may_not_thereby_send_requests_anywhere(
    workshop: Workshop, square: RunningSandbox
) -> None:
    secret = "of-an-issuer-elsewhere-0123456789abcdef"
    settings = replace(workshop.settings, jwt=JwtSettings(secret=secret.encode()), public_url="https://aura.example")
    issuer = TokenIssuer(secret.encode(), settings.jwt.audience)
    body = {
        "pos": "square",
        "restaurant": "Café",
        "application": application(square),
        "base_url": "https://inside.example",
    }
    with RunningApi(replace(workshop, settings=settings)) as api:
        answers = {}
        for role in (Role.OPERATOR, Role.ADMIN):
            token = issuer.mint("olga", [role], None, timedelta(minutes=5))
            headers = {"authorization": f"Bearer {token}"}
            for address in ("https://inside.example", "https://connect.squareup.com"):
                answers[role, address] = httpx.post(
                    f"{api.base_url}/pos/integrations/sign-in", json={**body, "base_url": address}, headers=headers
                )
            by_form = {**body, "credentials": {"access_token": "x"}}
            del by_form["application"]
            if role is Role.OPERATOR:
                assert httpx.post(f"{api.base_url}/pos/integrations", json=by_form, headers=headers).status_code == 403
    assert {key: answer.status_code for key, answer in answers.items()} == {
        (Role.OPERATOR, "https://inside.example"): 403,
        (Role.OPERATOR, "https://connect.squareup.com"): 201,
        (Role.ADMIN, "https://inside.example"): 201,
        (Role.ADMIN, "https://connect.squareup.com"): 201,
    }
    cookie = answers[Role.ADMIN, "https://connect.squareup.com"].headers["set-cookie"]
    assert "Secure" in cookie and "HttpOnly" in cookie


@pytest.mark.parametrize(
    "odd",
    [
        {"restaurant": "Caf\x00é"},
        {"restaurant": "   "},
        {"restaurant": "\ud800"},
        {"base_url": "https://pos\x00.example"},
        {"pos": "../square"},
        {"application": {"client_id": "a", "client_secret": "of two\r\nheaders: hush"}},
        {"application": {"client_id": "\ud800", "client_secret": "hush"}},
        {"application": {"client_id": "a", "client_secret": "hush", "more": 1}},
        {"restaurant_id": 2**63},
    ],
)
def test_what_no_account_could_have_is_refused_without_repeating_it(
    api: RunningApi, square: RunningSandbox, odd: dict[str, Any]
) -> None:
    body = {"pos": "square", "restaurant": "Café", "application": application(square), **odd}
    refused = api.post(
        "/pos/integrations/sign-in", content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert refused.status_code == 422 and "hush" not in refused.text, refused.text
    del body["application"]
    body["restaurant"] = "Café"
    body["credentials"] = {"access_token": "of two\r\nheaders: hush", "more": [{"deep": "\x00"}]}
    by_form = api.post("/pos/integrations", content=json.dumps(body), headers={"content-type": "application/json"})
    assert by_form.status_code == 422 and "hush" not in by_form.text
