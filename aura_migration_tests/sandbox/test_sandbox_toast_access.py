"""Who gets in at the Toast sandbox and how often: machine sign-in, scopes, restaurants, partners, rate limits."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

LOGIN = "/authentication/v1/authentication/login"
HEADER = "Toast-Restaurant-External-ID"
CONNECTED = "/partners/v1/connectedRestaurants"


class Account:
    """A running sandbox seen by one of its clients."""

    opened: ClassVar[list[httpx.Client]] = []

    def __init__(self, running: RunningSandbox, variant: str = "standard") -> None:
        self.running = running
        self.http = httpx.Client(base_url=running.base_url)
        self.opened.append(self.http)
        self.credentials = running.pos_app.credentials()["variants"][variant]
        self.token = ""

    def login(self, **changes: Any) -> httpx.Response:
        body = {
            "clientId": self.credentials["client_id"],
            "clientSecret": self.credentials["client_secret"],
            "userAccessType": "TOAST_MACHINE_CLIENT",
            **changes,
        }
        answer = self.http.post(LOGIN, json=body)
        if answer.status_code == 200:
            self.token = answer.json()["token"]["accessToken"]
        return answer

    def get(self, path: str, restaurant: str | None = "first", **more: Any) -> httpx.Response:
        if not self.token:
            self.login()
        headers = {"Authorization": f"Bearer {self.token}"}
        if restaurant is not None:
            first = next(iter(self.running.pos_app.world.places))
            headers[HEADER] = first if restaurant == "first" else restaurant
        return self.http.get(path, headers=headers, **more)

    def control(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.http.post(f"/_control/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(autouse=True)
def close_connections() -> Iterator[None]:
    """No connection of a test outlives it."""
    yield
    while Account.opened:
        Account.opened.pop().close()


@pytest.fixture
def cafe() -> Iterator[RunningSandbox]:
    with serve("toast", "cafe", limits="off") as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSandbox]:
    """A cafe left as it was found."""
    with serve("toast", "cafe", limits="off") as running:
        yield running


@pytest.fixture(scope="module")
def chain() -> Iterator[RunningSandbox]:
    """Thirty-five locations, left as they were found."""
    with serve("toast", "chain", limits="off") as running:
        yield running


def payload(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return decoded


def test_sign_in_answers_a_token_whose_payload_names_client_and_scopes(cafe: RunningSandbox) -> None:
    account = Account(cafe)
    answer = account.login()
    body = answer.json()
    assert (body["@class"], body["status"]) == (".SuccessfulResponse", "SUCCESS")
    token = body["token"]
    assert (token["tokenType"], token["scope"], token["idToken"], token["refreshToken"]) == ("Bearer", None, None, None)
    claims = payload(token["accessToken"])
    assert claims["sub"] == f"{account.credentials['client_id']}@clients"
    assert {"menus:read", "config:read", "stock:read", "kitchen:read"} <= set(claims["scope"].split(" "))
    assert claims["exp"] - claims["iat"] == 86_400
    assert claims["gty"] == "client-credentials"
    assert claims["https://toasttab.com/access_type"] == "TOAST_MACHINE_CLIENT"
    assert "https://toasttab.com/partner_guid" not in claims
    assert not [name for name in answer.headers if name.startswith("x-toast-ratelimit")]


def test_signing_in_again_answers_the_same_token_with_less_time_left(cafe: RunningSandbox) -> None:
    account = Account(cafe)
    first = account.login().json()["token"]
    account.control("clock", {"skip": 3600})
    second = account.login().json()["token"]
    assert second["accessToken"] == first["accessToken"]
    assert 3599 <= first["expiresIn"] - second["expiresIn"] <= 3602


def test_the_last_minute_of_a_token_mints_a_new_one_while_the_old_still_works(cafe: RunningSandbox) -> None:
    account = Account(cafe)
    old = account.login().json()["token"]["accessToken"]
    account.control("clock", {"skip": 86_400 - 55})
    new = account.login().json()["token"]
    assert new["accessToken"] != old
    assert new["expiresIn"] >= 86_398
    account.token = old
    assert account.get("/menus/v2/metadata").status_code == 200
    account.control("clock", {"skip": 60})
    refused = account.get("/menus/v2/metadata")
    assert refused.status_code == 401
    account.token = new["accessToken"]
    assert account.get("/menus/v2/metadata").status_code == 200


def test_wrong_credentials_are_401_with_an_error_message(cafe: RunningSandbox) -> None:
    answer = Account(cafe, "wrong").login()
    assert answer.status_code == 401
    body = answer.json()
    assert set(body) == {
        "status", "code", "message", "messageKey", "fieldName", "link", "requestId", "developerMessage", "errors",
        "canRetry",
    }  # fmt: skip
    assert body["status"] == 401
    Account(cafe).control("switches", {"auth_status_as_text": True})
    assert Account(cafe, "wrong").login().json()["status"] == "401"


def test_a_login_that_is_not_json_is_415_and_one_without_access_type_is_400(shared: RunningSandbox) -> None:
    account = Account(shared)
    assert account.http.post(LOGIN, content="clientId=x").status_code == 415
    assert account.http.post(LOGIN, content="{", headers={"Content-Type": "application/json"}).status_code == 400
    assert account.login(userAccessType="SOMETHING").status_code == 400


def test_no_token_an_unknown_token_and_an_expired_token_are_401(cafe: RunningSandbox) -> None:
    account = Account(cafe)
    assert account.http.get("/menus/v2/metadata").status_code == 401
    account.token = "made-up"
    assert account.get("/menus/v2/metadata").status_code == 401
    account.login()
    assert account.get("/menus/v2/metadata").status_code == 200
    assert account.control("tokens", {"op": "expire"})["tokens"] == 1
    assert account.get("/menus/v2/metadata").status_code == 401
    old = account.token
    account.login()
    assert account.token != old
    assert account.get("/menus/v2/metadata").status_code == 200


def test_revoked_credentials_end_the_token_and_refuse_the_next_sign_in(cafe: RunningSandbox) -> None:
    account = Account(cafe)
    account.login()
    account.control("tokens", {"op": "revoke"})
    assert account.get("/menus/v2/metadata").status_code == 401
    assert account.login().status_code == 401


def test_the_expire_token_fault_ends_exactly_the_presented_token(cafe: RunningSandbox) -> None:
    account = Account(cafe)
    account.login()
    account.control("faults", {"kind": "expire_token", "match": "/config/v2/taxRates", "times": 1})
    assert account.get("/config/v2/taxRates").status_code == 401
    account.login()
    assert account.get("/config/v2/taxRates").status_code == 200


@pytest.mark.parametrize(
    ("variant", "path"),
    [
        ("missing_menus", "/menus/v2/menus"),
        ("missing_config", "/config/v2/taxRates"),
        ("missing_kitchen", "/kitchen/v1/published/prepStations"),
        ("missing_scope", "/stock/v1/inventory"),
        ("ordering", "/menus/v2/menus"),
        ("standard", "/menus/v3/menus"),
        ("analytics", "/restaurants/v1/restaurants/{first}"),
    ],
)
def test_a_missing_scope_is_403_and_names_what_is_forbidden(shared: RunningSandbox, variant: str, path: str) -> None:
    answer = Account(shared, variant).get(path.replace("{first}", next(iter(shared.pos_app.world.places))))
    assert answer.status_code == 403
    assert "scope" in answer.json()["message"]


def test_a_scope_taken_away_closes_the_door_for_a_token_already_given(cafe: RunningSandbox) -> None:
    account = Account(cafe)
    assert account.get("/stock/v1/inventory").status_code == 200
    account.control("tokens", {"op": "drop_scope", "scope": "stock:read"})
    assert account.get("/stock/v1/inventory").status_code == 403
    account.control("tokens", {"op": "add_scope", "scope": "stock:read"})
    assert account.get("/stock/v1/inventory").status_code == 200


def test_the_restaurant_header_must_name_a_location_the_client_may_see(chain: RunningSandbox) -> None:
    account = Account(chain)
    restaurant = chain.pos_app.world.restaurant
    assert account.get("/menus/v2/metadata").status_code == 200
    assert account.get("/menus/v2/metadata", None).status_code == 403
    assert account.get("/menus/v2/metadata", restaurant.group_guid).status_code == 403
    assert account.get("/menus/v2/metadata", "no-guid").status_code == 403
    foreign = Account(chain, "not_connected").credentials["restaurant_guids"][0]
    assert account.get("/menus/v2/metadata", foreign).status_code == 403
    one = Account(chain, "one_location")
    second = list(chain.pos_app.world.places)[1]
    assert one.get("/menus/v2/metadata").status_code == 200
    assert one.get("/menus/v2/metadata", second).status_code == 403
    assert one.get(f"/restaurants/v1/restaurants/{second}").status_code == 403
    assert account.get("/menus/v2/metadata", second.upper()).status_code == 200


def test_a_restaurant_still_connecting_is_403_except_in_the_partners_list() -> None:
    with serve("toast", "chain", locations=3, limits="off", switches={"connecting_restaurants": 1}) as running:
        partner = Account(running, "partner")
        last = list(running.pos_app.world.places)[-1]
        assert len(partner.get("/partners/v1/restaurants", None).json()) == 3
        assert partner.get("/menus/v2/metadata").status_code == 200
        assert partner.get("/menus/v2/metadata", last).status_code == 403


def test_the_partners_api_is_closed_to_clients_that_are_no_partners(chain: RunningSandbox) -> None:
    for variant in ("standard", "custom"):
        assert Account(chain, variant).get("/partners/v1/restaurants", None).status_code == 403
        assert Account(chain, variant).get(CONNECTED, None).status_code == 403


def test_connected_restaurants_page_by_a_token_in_the_body(chain: RunningSandbox) -> None:
    partner = Account(chain, "partner")
    whole = partner.get(CONNECTED, None).json()
    assert (whole["totalCount"], whole["nextPageToken"], whole["nextPageNum"], whole["pageSize"]) == (
        35,
        None,
        None,
        100,
    )
    found: list[str] = []
    token: str | None = None
    pages = 0
    while pages == 0 or token is not None:
        answer = partner.get(CONNECTED, None, params={"pageSize": 10, **({"pageToken": token} if token else {})})
        body = answer.json()
        pages += 1
        assert body["currentPageNum"] == pages
        assert body["lastPageNum"] == 4
        found += [record["restaurantGuid"] for record in body["results"]]
        token = body["nextPageToken"]
        assert ('rel="next"' in answer.headers["link"]) == (token is not None)
    assert pages == 4
    assert found == list(chain.pos_app.world.places)
    assert whole["results"][0]["managementGroupGuid"] == chain.pos_app.world.restaurant.group_guid
    assert whole["results"][0]["createdByEmailAddress"] in chain.pos_app.truth()["secrets"]


@pytest.mark.parametrize("query", [{"pageSize": 0}, {"pageSize": 201}, {"pageSize": "x"}, {"pageToken": "!"}])
def test_a_page_the_partners_list_does_not_have_is_400(chain: RunningSandbox, query: dict[str, Any]) -> None:
    assert Account(chain, "partner").get(CONNECTED, None, params=query).status_code == 400


def test_a_disconnected_restaurant_just_disappears() -> None:
    with serve("toast", "chain", locations=3, limits="off") as running:
        partner = Account(running, "partner")
        gone = list(running.pos_app.world.places)[1]
        partner.control("edit", {"op": "disconnect_location", "location": gone})
        assert gone not in [row["restaurantGuid"] for row in partner.get("/partners/v1/restaurants", None).json()]
        assert partner.get("/menus/v2/metadata", gone).status_code == 403
        assert partner.get(f"/restaurants/v1/restaurants/{gone}").status_code == 404
        assert gone not in [row["id"] for row in running.pos_app.truth()["locations"]]


def test_an_archived_restaurant_is_404_unless_asked_for() -> None:
    with serve("toast", "chain", locations=2, limits="off") as running:
        account = Account(running)
        closed = list(running.pos_app.world.places)[1]
        account.control("edit", {"op": "archive_location", "location": closed})
        path = f"/restaurants/v1/restaurants/{closed}"
        assert account.get(path).status_code == 404
        info = account.get(path, params={"includeArchived": "true"})
        assert info.json()["general"]["archived"] is True


def test_a_management_group_lists_all_its_restaurants(chain: RunningSandbox) -> None:
    account = Account(chain, "custom")
    group = chain.pos_app.world.restaurant.group_guid
    listed = account.get(f"/restaurants/v1/groups/{group}/restaurants")
    assert listed.json() == [{"guid": guid} for guid in chain.pos_app.world.places]
    other = account.get("/restaurants/v1/groups/00000000-0000-4000-8000-000000000000/restaurants")
    assert other.status_code == 403


def test_restaurant_info_has_what_the_api_always_fills(chain: RunningSandbox) -> None:
    account = Account(chain)
    guid, place = list(chain.pos_app.world.places.items())[1]
    info = account.get(f"/restaurants/v1/restaurants/{guid}").json()
    assert info["guid"] == guid
    assert info["general"]["timeZone"] == place.location.timezone
    assert info["general"]["closeoutHour"] == 4
    assert info["general"]["currencyCode"] == "USD"
    days = info["schedules"]["weekSchedule"]
    assert days["wednesday"] is None
    assert set(filter(None, days.values())) == set(info["schedules"]["daySchedules"])
    assert account.get("/restaurants/v1/restaurants/00000000-0000-4000-8000-000000000000").status_code == 404


def test_an_unknown_path_and_a_wrong_method_answer_an_error_message(shared: RunningSandbox) -> None:
    account = Account(shared)
    unknown = account.get("/menus/v9/menus")
    assert (unknown.status_code, unknown.json()["status"]) == (404, 404)
    wrong = account.http.post("/menus/v2/menus")
    assert (wrong.status_code, wrong.json()["status"]) == (405, 405)


# ---- rate limits. The clock stands still, so that no test falls on the edge of a slice.


class Stopped(Account):
    """A client of a sandbox whose real clock only moves when told to."""

    def __init__(self, running: RunningSandbox, variant: str = "standard") -> None:
        super().__init__(running, variant)
        self.now = 1_800_000_000.25
        running.pos_app.clock.epoch = lambda: self.now  # type: ignore[method-assign]


@pytest.fixture
def limited() -> Iterator[RunningSandbox]:
    with serve("toast", "chain", locations=3) as running:
        yield running


def test_menus_may_be_asked_for_once_a_second_and_location(limited: RunningSandbox) -> None:
    account = Stopped(limited)
    first = account.get("/menus/v2/menus")
    assert first.status_code == 200
    assert first.headers["X-Toast-RateLimit-By"] == "ENDPOINT"
    assert first.headers["X-Toast-RateLimit-Remaining"] == "0"
    assert first.headers["X-Toast-RateLimit-Reset"] == "1800000001"
    assert "Retry-After" not in first.headers
    refused = account.get("/menus/v2/menus")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.json()["status"] == 429
    assert account.get("/menus/v2/metadata").status_code == 200
    assert account.get("/menus/v2/menus", list(limited.pos_app.world.places)[1]).status_code == 200
    account.now = 1_800_000_001.0
    assert account.get("/menus/v2/menus").status_code == 200


def test_twenty_calls_a_second_pass_and_the_slice_starts_afresh(limited: RunningSandbox) -> None:
    account = Stopped(limited)
    answers = [account.get("/menus/v2/metadata") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert answers[0].headers["X-Toast-RateLimit-Remaining"] == "19"
    assert answers[-1].headers["X-Toast-RateLimit-By"] == "GLOBAL"
    assert account.get("/config/v2/taxRates").status_code == 429  # global: all APIs together
    assert account.get("/config/v2/taxRates", list(limited.pos_app.world.places)[2]).status_code == 200
    account.now = 1_800_000_001.0
    assert account.get("/menus/v2/metadata").status_code == 200


def test_two_clients_of_one_restaurant_have_limits_of_their_own(limited: RunningSandbox) -> None:
    account, other = Stopped(limited), Stopped(limited, "custom")
    for _ in range(20):
        assert account.get("/menus/v2/metadata").status_code == 200
    assert account.get("/menus/v2/metadata").status_code == 429
    assert other.get("/menus/v2/metadata").status_code == 200


def test_the_quarter_hour_has_a_limit_of_its_own(limited: RunningSandbox) -> None:
    account = Stopped(limited)
    account.login()
    account.control("switches", {"limit_scale": 0.001})  # ten calls a quarter of an hour, one a second
    for second in range(10):
        account.now = 1_800_000_000.0 + second
        assert account.get("/menus/v2/metadata").status_code == 200
    account.now = 1_800_000_030.0
    refused = account.get("/menus/v2/metadata")
    assert refused.status_code == 429
    assert refused.headers["X-Toast-RateLimit-Reset"] == str(1_800_000_000 + 900)
    assert refused.headers["Retry-After"] == "870"


def test_sign_ins_are_limited_by_address_and_say_nothing_about_it(limited: RunningSandbox) -> None:
    account = Stopped(limited)
    answers = [account.login() for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert not [name for answer in answers for name in answer.headers if name.startswith("x-toast-ratelimit")]


def test_the_sandbox_counts_sign_ins_so_that_a_budget_can_be_checked(cafe: RunningSandbox) -> None:
    account = Account(cafe)
    account.login()
    account.login()
    clients = {row["name"]: row for row in account.http.get("/_control/clients").json()["clients"]}
    assert (clients["standard"]["logins"], clients["standard"]["tokens_minted"]) == (2, 1)
    account.http.post("/_control/clients", json={"name": "standard", "restaurants": []})
    assert account.get("/menus/v2/metadata").status_code == 403


@pytest.mark.parametrize("advice", [True, False])
def test_a_rate_limit_fault_speaks_toast_with_advice_and_plain_text_without(cafe: RunningSandbox, advice: bool) -> None:
    account = Account(cafe)
    account.login()
    account.control(
        "faults", {"kind": "rate_limit", "match": "/menus/", "times": 1, "advice": advice, "retry_after": 7}
    )
    refused = account.get("/menus/v2/metadata")
    assert refused.status_code == 429
    assert ("X-Toast-RateLimit-Reset" in refused.headers) == advice
    assert refused.headers.get("Retry-After") == ("7" if advice else None)
    assert refused.headers["content-type"].startswith("application/json" if advice else "text/plain")
    assert account.get("/menus/v2/metadata").status_code == 200


def test_an_outage_of_the_menus_is_a_503_with_an_error_message(cafe: RunningSandbox) -> None:
    account = Account(cafe)
    account.login()
    account.control("faults", {"kind": "error", "match": "/menus/v2/menus", "status": 503, "times": 1})
    answer = account.get("/menus/v2/menus")
    assert (answer.status_code, answer.json()["status"]) == (503, 503)
