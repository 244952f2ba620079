"""Configuration, kitchen and stock of the Toast sandbox, and what menu edits do to what a reader sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

NEXT = "Toast-Next-Page-Token"
STATIONS = "/kitchen/v1/published/prepStations"
LISTS = (
    "alternatePaymentTypes", "breakTypes", "cashDrawers", "diningOptions", "discounts", "menuGroups", "menuItems",
    "menuOptionGroups", "menus", "preModifiers", "preModifierGroups", "noSaleReasons", "payoutReasons", "priceGroups",
    "printers", "salesCategories", "serviceAreas", "serviceCharges", "revenueCenters", "restaurantServices", "tables",
    "taxRates", "voidReasons",
)  # fmt: skip


class Site:
    """A running sandbox with a signed-in client for its first location."""

    def __init__(self, running: RunningSandbox, variant: str) -> None:
        self.running = running
        self.places = list(running.pos_app.world.places)
        self.guid = self.places[0]
        self.http = httpx.Client(base_url=running.base_url)
        given = running.pos_app.credentials()["variants"][variant]
        body = {"clientId": given["client_id"], "clientSecret": given["client_secret"]}
        login = self.http.post(
            "/authentication/v1/authentication/login", json={**body, "userAccessType": "TOAST_MACHINE_CLIENT"}
        )
        self.http.headers["Authorization"] = "Bearer " + login.json()["token"]["accessToken"]
        self.http.headers["Toast-Restaurant-External-ID"] = self.guid

    def get(self, path: str, location: str | None = None, **params: Any) -> httpx.Response:
        headers = {} if location is None else {"Toast-Restaurant-External-ID": location}
        return self.http.get(path, params=params, headers=headers)

    def pages(self, path: str, **params: Any) -> list[list[Any]]:
        made: list[list[Any]] = []
        token: str | None = None
        while token is not None or not made:
            answer = self.get(path, **params, **({} if token is None else {"pageToken": token}))
            assert answer.status_code == 200, answer.text
            made.append(answer.json())
            token = answer.headers.get(NEXT)
        return made

    def control(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(f"/_control/{path}", json=body)

    def edit(self, **op: Any) -> list[str]:
        answer = self.control("edit", op)
        assert answer.status_code == 200, answer.text
        changed: list[str] = answer.json()["changed"]
        return changed

    def truth(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.http.get("/_control/truth").json()[name]
        return rows

    def item(self, name: str, location: str | None = None) -> dict[str, Any]:
        return next(r for r in self.truth("items") if r["name"] == name and r["location"] == (location or self.guid))

    def cents(self, item: str) -> Any:
        return next(row["cents"] for row in self.truth("prices") if row["item"] == item and row["window"] is None)

    def wire_price(self, item: str, location: str | None = None) -> Any:
        found = [
            entry["price"]
            for menu in self.get("/menus/v2/menus", location).json()["menus"]
            for group in menu["menuGroups"]
            for entry in group["menuItems"]
            if entry["guid"] == item
        ]
        return found[0] if found else None

    def last_updated(self, location: str | None = None) -> str:
        return str(self.get("/menus/v2/metadata", location).json()["lastUpdated"])


Start = Callable[..., Site]


@pytest.fixture
def sites() -> Iterator[Start]:
    """Starts sandboxes of a test's own: ``sites("cafe", variant="standard", **options)``."""
    opened: list[Site] = []

    def start(scenario: str, variant: str = "standard", **options: Any) -> Site:
        opened.append(Site(serve("toast", scenario, limits="off", **options), variant))
        return opened[-1]

    yield start
    for site in opened:
        site.http.close()
        site.running.close()


@pytest.fixture(scope="module")
def cafe() -> Iterator[Site]:
    """A cafe left as it was found."""
    site = Site(serve("toast", "cafe", limits="off"), "standard")
    yield site
    site.http.close()
    site.running.close()


# ---- configuration and kitchen


def test_every_documented_list_is_there_and_each_object_by_its_guid(sites: Start) -> None:
    site = sites("diner")
    for name in LISTS:
        rows = [row for page in site.pages(f"/config/v2/{name}") for row in page]
        assert rows, name
        assert len({row["guid"] for row in rows}) == len(rows)
        assert site.get(f"/config/v2/{name}/{rows[-1]['guid']}").json() == rows[-1]
        assert site.get(f"/config/v2/{name}/{site.guid}").status_code == 404
    assert site.get("/config/v2/tipWithholding").json()["percentage"] == 2.5
    assert site.get("/config/v2/houseAccounts").status_code == 404


def test_configuration_pages_are_sized_by_bytes_and_end_without_a_token(sites: Start) -> None:
    site = sites("diner")
    pages = site.pages("/config/v2/menuItems")
    assert len(pages) > 10
    assert len({row["guid"] for page in pages for row in page}) == sum(map(len, pages))
    for page in pages:
        assert len(site.http.build_request("POST", "/", json=page).content) <= 2_100 or len(page) == 1
    site.control("switches", {"config_page_bytes": 10_000_000, "config_page_objects": 7})
    assert [len(page) for page in site.pages("/config/v2/tables")] == [7, 7, 7, 7, 2]


def test_a_publication_between_two_pages_is_a_409_and_a_restart_succeeds(sites: Start) -> None:
    site = sites("diner")
    token = site.get("/config/v2/tables").headers[NEXT]
    assert site.get("/config/v2/tables", pageToken=token).status_code == 200
    site.edit(op="publish")
    refused = site.get("/config/v2/tables", pageToken=token)
    assert (refused.status_code, refused.json()["status"]) == (409, 409)
    assert sum(map(len, site.pages("/config/v2/tables"))) == 30


def test_a_token_of_another_list_or_of_nobody_is_a_400(sites: Start) -> None:
    site = sites("diner")
    token = site.get("/config/v2/tables").headers[NEXT]
    assert site.get("/config/v2/menuItems", pageToken=token).status_code == 400
    assert site.get("/config/v2/tables", pageToken="rubbish").status_code == 400


def test_last_modified_filters_lists_and_wants_its_plus_sign_encoded(sites: Start) -> None:
    site = sites("chain", locations=2)
    before = "2025-01-01T00:00:00.000+0000"
    assert site.pages("/config/v2/menuItems", lastModified=before) == [[]]
    item = site.item("Slaw")["id"]
    site.edit(op="rename", item=item, name="Red slaw")
    site.edit(op="publish")
    assert [row["name"] for row in site.pages("/config/v2/menuItems", lastModified=before)[0]] == ["Red slaw"]
    for form in ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00.000+00:00"):
        assert len(site.pages("/config/v2/menuItems", lastModified=form)[0]) == 1
    assert site.http.get(f"/config/v2/menuItems?lastModified={before}").status_code == 400
    assert site.get("/config/v2/menuItems", lastModified="yesterday").status_code == 400


def test_faults_on_paged_lists_are_refused_or_lie_the_way_they_say(sites: Start) -> None:
    site = sites("diner")
    token = site.get("/config/v2/tables").headers[NEXT]
    site.control("faults", {"kind": "stale_cursor", "match": "pageToken", "times": 1})
    assert site.get("/config/v2/tables", pageToken=token).status_code == 409
    site.control("faults", {"kind": "conflict", "match": "/config/v2/tables", "times": 1})
    assert site.get("/config/v2/tables").status_code == 409
    site.control("faults", {"kind": "lying_cap", "match": "/config/v2/tables", "mode": "ignore_cursor", "times": 1})
    assert site.get("/config/v2/tables", pageToken=token).json()[0]["name"] == "T1"
    site.control("faults", {"kind": "lying_cap", "match": "/config/v2/tables", "mode": "cut", "cap": 5, "times": 1})
    cut = site.get("/config/v2/tables")
    assert (len(cut.json()), NEXT in cut.headers) == (5, False)
    assert sum(map(len, site.pages("/config/v2/tables"))) == 30


def test_prep_stations_page_like_configuration_and_menu_things_point_to_them(sites: Start) -> None:
    site = sites("diner")
    site.control("switches", {"config_page_bytes": 1})
    pages = site.pages(STATIONS)
    assert [len(page) for page in pages] == [1] * 5
    stations = {page[0]["guid"]: page[0] for page in pages}
    assert site.get(f"{STATIONS}/{pages[0][0]['guid']}").json() == pages[0][0]
    assert {row["name"]: row["expoRouting"] for row in stations.values()} == {
        "Grill": "SEND_TO_EXPO", "Bar": "SKIP_EXPO", "Pantry": "SEND_TO_EXPO", "Fryer 🔥": "SEND_TO_EXPO", "Expo": "EXPO_ONLY"
    }  # fmt: skip
    document = site.get("/menus/v2/menus").json()
    on_options = {guid for option in document["modifierOptionReferences"].values() for guid in option["prepStations"]}
    assert {stations[guid]["name"] for guid in on_options} == {"Grill", "Pantry", "Fryer 🔥", "Bar"}


def test_availability_and_ordering_schedule_answer_for_the_location(cafe: Site) -> None:
    status = cafe.get("/restaurant-availability/v1/availability").json()
    assert (status["restaurantGuid"], status["status"], status["reasonKey"]) == (
        cafe.guid,
        "ONLINE",
        "AVAILABILITY_ONLINE",
    )
    schedule = cafe.get("/ordermgmt-config/v1/published/orderingSchedule").json()
    assert {period["diningOptionBehavior"] for period in schedule["servicePeriods"]} == {"TAKE_OUT", "DELIVERY"}


# ---- stock


def test_the_stock_list_holds_only_what_is_not_simply_in_stock(cafe: Site) -> None:
    rows = cafe.get("/stock/v1/inventory").json()
    assert {(row["status"], row["quantity"]) for row in rows} == {("OUT_OF_STOCK", None), ("QUANTITY", 6.0)}
    assert {row["guid"] for row in rows} == {row["item"] for row in cafe.truth("stock")}
    assert all(row["itemGuidValidity"] == "VALID" and row["versionId"] == row["guid"] for row in rows)
    counted = cafe.get("/stock/v1/inventory", status="QUANTITY").json()
    assert [row["quantity"] for row in counted] == [6.0]
    assert cafe.get("/stock/v1/inventory", status="PLENTY").status_code == 400


def test_a_stock_search_answers_every_id_and_calls_the_unknown_invalid(cafe: Site) -> None:
    latte, scone = cafe.item("Latte"), cafe.item("Blueberry scone")
    body = {"guids": [latte["id"], cafe.guid], "multiLocationIds": [scone["multi_location_id"], "123"]}
    rows = cafe.http.post("/stock/v1/inventory/search", json=body).json()
    assert [(row["itemGuidValidity"], row["status"], row["quantity"]) for row in rows] == [
        ("VALID", "IN_STOCK", None), ("INVALID", "OUT_OF_STOCK", None), ("VALID", "OUT_OF_STOCK", None),
        ("INVALID", "OUT_OF_STOCK", None),
    ]  # fmt: skip
    assert cafe.http.post("/stock/v1/inventory/search", content="{}").status_code == 415
    assert cafe.http.post("/stock/v1/inventory/search", json={"guids": "x"}).status_code == 400


def test_stock_is_changed_by_clients_that_may_write_and_by_no_other(sites: Start) -> None:
    change = [{"status": "QUANTITY", "quantity": 3}]
    reader = sites("cafe")
    change[0]["guid"] = reader.item("Latte")["id"]
    assert reader.http.put("/stock/v1/inventory/update", json=change).status_code == 403
    site = sites("cafe", variant="custom")
    assert site.http.put("/stock/v1/inventory/update", json=change).status_code == 200
    assert change[0]["guid"] in [row["guid"] for row in site.get("/stock/v1/inventory").json()]
    change[0].update(status="QUANTITY", quantity=0)
    assert site.http.put("/stock/v1/inventory/update", json=change).status_code == 400
    back = [{"guid": change[0]["guid"], "status": "IN_STOCK"}]
    assert site.http.put("/stock/v1/inventory/update", json=back).status_code == 200
    assert change[0]["guid"] not in [row["guid"] for row in site.get("/stock/v1/inventory").json()]


def test_an_item_that_is_also_an_option_is_out_of_stock_once_for_both(sites: Start) -> None:
    site = sites("diner")
    salad = site.item("Side Salad")
    assert salad["available"] is False
    assert [row["guid"] for row in site.get("/stock/v1/inventory").json()].count(salad["id"]) == 1
    assert not any(row["available"] for row in site.truth("edges") if row["path"][-1][1] == salad["id"])


# ---- edits


def test_an_edit_waits_for_the_publication_which_moves_last_updated(sites: Start) -> None:
    site = sites("cafe")
    item, before, stamp = site.item("BLT")["id"], site.cents(site.item("BLT")["id"]), site.last_updated()
    assert site.edit(op="set_price", item=item, cents=4321) == [item]
    assert (site.wire_price(item), site.cents(item)) == (before / 100, before)
    assert site.last_updated() == stamp
    assert site.edit(op="publish") == [item]
    assert (site.wire_price(item), site.cents(item)) == (43.21, 4321)
    assert site.last_updated() > stamp


def test_two_publications_at_the_same_fixed_instant_still_move_last_updated(sites: Start) -> None:
    site = sites("cafe", now="2025-03-01T12:00:00Z")
    site.edit(op="publish")
    first = site.last_updated()
    assert first == "2025-03-01T12:00:00.000+0000"
    site.edit(op="publish")
    assert site.last_updated() == "2025-03-01T12:00:00.001+0000"


def test_with_the_switch_an_edit_is_seen_at_once_and_only_that_location_is_published(sites: Start) -> None:
    site = sites("chain", locations=2)
    site.control("switches", {"edits_visible": "at_once"})
    stamps = [site.last_updated(place) for place in site.places]
    item = site.item("Fries")["id"]
    site.edit(op="set_price", item=item, cents=999)
    assert site.wire_price(item) == 9.99
    assert site.last_updated(site.places[0]) > stamps[0]
    assert site.last_updated(site.places[1]) == stamps[1]


def test_a_touchless_price_changes_without_a_sign(sites: Start) -> None:
    site = sites("cafe")
    item, stamp = site.item("BLT")["id"], site.last_updated()
    document = site.get("/menus/v2/menus").json()
    site.edit(op="touchless_price", item=item, cents=777)
    assert (site.wire_price(item), site.cents(item)) == (7.77, 777)
    assert site.last_updated() == stamp
    after = site.get("/menus/v2/menus").json()
    assert after["modifierGroupReferences"] == document["modifierGroupReferences"]


def test_a_multi_location_id_edits_every_location_and_a_location_narrows_it(sites: Start) -> None:
    site = sites("chain", locations=3)
    mlid = site.item("Slaw")["multi_location_id"]
    assert len(site.edit(op="set_price", item=mlid, cents=111)) == 3
    assert len(site.edit(op="set_price", item=mlid, cents=222, location=site.places[2])) == 1
    site.edit(op="publish")
    prices = [site.wire_price(site.item("Slaw", place)["id"], place) for place in site.places]
    assert prices == [1.11, 1.11, 2.22]


def test_modifiers_and_sizes_have_prices_to_set_and_rules_want_their_step_named(sites: Start) -> None:
    site = sites("diner")
    rows = {row["name"]: row for row in site.truth("edges")}
    bacon = rows["Bacon"]["path"][-1][1]
    beans = rows["Beans"]["path"][-1][1]
    size = site.truth("size_groups")[0]["options"][0]["id"]
    site.edit(op="set_price", modifier=bacon, cents=260)
    site.edit(op="set_price", modifier=beans, cents=66, sequence=2)
    site.edit(op="set_price", variation=size, cents=123)
    site.edit(op="publish")
    options = site.get("/menus/v2/menus").json()["modifierOptionReferences"].values()
    assert {option["price"] for option in options if option["guid"] == bacon} == {2.6}
    assert {option["price"] for option in options if option["guid"] == size} == {1.23}
    second = {
        row["cents"] for row in site.truth("modifier_prices") if row["sequence"] == 2 and row["path"][-1][1] == beans
    }
    assert second == {66}
    assert site.control("edit", {"op": "set_price", "modifier": beans, "cents": 1, "sequence": 9}).status_code == 400
    open_priced = site.item("Custom cake")["id"]
    refused = site.control("edit", {"op": "set_price", "item": open_priced, "cents": 1})
    assert "OPEN_PRICE" in refused.json()["error"]


def test_items_come_and_go_with_a_publication(sites: Start) -> None:
    site = sites("cafe")
    added = site.edit(op="add_item", name="Fig tart", cents=650)[0]
    gone = site.item("BLT")["id"]
    site.edit(op="delete_item", item=gone)
    assert (site.wire_price(added), site.wire_price(gone) is None) == (None, False)
    site.edit(op="publish")
    assert (site.wire_price(added), site.wire_price(gone)) == (6.5, None)
    names = [row["name"] for row in site.truth("items")]
    assert ("Fig tart" in names, "BLT" in names, len(names)) == (True, False, 25)


def test_out_of_stock_needs_no_publication(sites: Start) -> None:
    site = sites("cafe")
    item, stamp = site.item("BLT")["id"], site.last_updated()
    site.edit(op="set_available", item=item, available=False)
    assert item in [row["guid"] for row in site.get("/stock/v1/inventory").json()]
    assert site.item("BLT")["available"] is False
    assert site.last_updated() == stamp
    site.edit(op="set_available", item=item, available=True)
    assert site.item("BLT")["available"] is True


def test_names_limits_visibility_and_options_can_be_edited(sites: Start) -> None:
    site = sites("cafe")
    group = next(row for row in site.truth("groups") if row["name"] == "Syrups")
    site.edit(op="rename", group=group["id"], name="Sirops")
    site.edit(op="set_limits", group=group["id"], min=1, max=2)
    site.edit(op="delete_modifier", modifier=group["options"][0])
    site.edit(op="set_visibility", item=site.item("Latte")["id"], visibility=[])
    site.edit(op="publish")
    now = next(row for row in site.truth("groups") if row["id"] == group["id"])
    assert (now["name"], now["min_sent"], now["max_sent"]) == ("Sirops", 1, 2)
    assert now["options"] == group["options"][1:]
    assert site.item("Latte")["active"] is False
    wire = site.get("/menus/v2/menus").json()["modifierGroupReferences"].values()
    assert {(row["name"], row["minSelections"]) for row in wire if row["guid"] == group["id"]} == {("Sirops", 1)}


@pytest.mark.parametrize(
    ("op", "said"),
    [
        ({"op": "polish"}, "known edits"),
        ({"op": "set_price", "item": "nothing", "cents": 1}, "no item has the id"),
        ({"op": "set_price", "cents": 1}, "exactly one of"),
        ({"op": "set_price", "item": "x", "cents": -1}, "not negative"),
        ({"op": "publish", "location": "nowhere"}, "no location"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_with_the_reason(cafe: Site, op: dict[str, Any], said: str) -> None:
    answer = cafe.control("edit", op)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
