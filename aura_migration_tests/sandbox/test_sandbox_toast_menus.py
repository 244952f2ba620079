"""The menus document of the Toast sandbox, read by an independent reader and held against the known truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

Pairs = tuple[tuple[str, str], ...]
Row = dict[str, Any]
MAPS = ("modifierGroupReferences", "modifierOptionReferences", "preModifierGroupReferences")
ITEM_FIELDS = {
    "name", "kitchenName", "guid", "multiLocationId", "masterId", "description", "posName", "posButtonColorLight",
    "posButtonColorDark", "image", "images", "visibility", "price", "pricingStrategy", "pricingRules", "isDeferred",
    "isDiscountable", "salesCategory", "taxInfo", "taxInclusion", "itemTags", "plu", "sku", "calories",
    "contentAdvisories", "unitOfMeasure", "portions", "prepTime", "prepStations", "modifierGroupReferences",
    "eligiblePaymentAssistancePrograms", "allergens", "length", "height", "width", "dimensionUnitOfMeasure", "weight",
    "weightUnitOfMeasure", "guestCount", "sortOrder", "catalogProductInfo", "isComboParent",
}  # fmt: skip
OPTION_FIELDS = {
    "referenceId", "name", "kitchenName", "guid", "multiLocationId", "masterId", "description", "posName",
    "posButtonColorLight", "posButtonColorDark", "prepStations", "image", "images", "visibility", "price",
    "pricingStrategy", "pricingRules", "salesCategory", "taxInfo", "modifierOptionTaxInfo", "itemTags", "plu", "sku",
    "calories", "contentAdvisories", "unitOfMeasure", "isDefault", "allowsDuplicates", "portions", "prepTime",
    "modifierGroupReferences", "sortOrder",
}  # fmt: skip
GROUP_FIELDS = {
    "referenceId", "name", "guid", "multiLocationId", "masterId", "posName", "posButtonColorLight",
    "posButtonColorDark", "visibility", "pricingStrategy", "pricingRules", "defaultOptionsChargePrice",
    "defaultOptionsSubstitutionPricing", "minSelections", "maxSelections", "requiredMode", "isMultiSelect",
    "preModifierGroupReference", "modifierOptionReferences",
}  # fmt: skip


class Site:
    """A running sandbox with a signed-in client for one location."""

    def __init__(self, running: RunningSandbox, number: int = 0, variant: str = "standard") -> None:
        self.running = running
        self.guid = list(running.pos_app.world.places)[number]
        self.http = httpx.Client(base_url=running.base_url, timeout=30)
        given = running.pos_app.credentials()["variants"][variant]
        body = {"clientId": given["client_id"], "clientSecret": given["client_secret"]}
        login = self.http.post(
            "/authentication/v1/authentication/login", json={**body, "userAccessType": "TOAST_MACHINE_CLIENT"}
        )
        self.http.headers["Authorization"] = "Bearer " + login.json()["token"]["accessToken"]
        self.http.headers["Toast-Restaurant-External-ID"] = self.guid

    def menus(self, version: int = 2) -> Row:
        answer = self.http.get(f"/menus/v{version}/menus")
        assert answer.status_code == 200, answer.text
        document: Row = answer.json()
        return document

    def last_updated(self) -> str:
        return str(self.http.get("/menus/v2/metadata").json()["lastUpdated"])

    def edit(self, **op: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 200, answer.text
        changed: list[str] = answer.json()["changed"]
        return changed

    def switch(self, **values: Any) -> None:
        assert self.http.post("/_control/switches", json=values).status_code == 200

    def truth(self) -> Row:
        found: Row = self.http.get("/_control/truth").json()
        return {
            name: [row for row in rows if row.get("location", self.guid) == self.guid]
            if isinstance(rows, list) and rows and isinstance(rows[0], dict)
            else rows
            for name, rows in found.items()
        }

    def id_of(self, name: str) -> str:
        """The guid of the first item of that name in the truth."""
        return next(str(row["id"]) for row in self.truth()["items"] if row["name"] == name)


@pytest.fixture
def sites() -> Iterator[Any]:
    """Starts sandboxes of a test's own: ``sites("cafe", number=0, variant="standard", **options)``."""
    running: list[RunningSandbox] = []
    opened: list[Site] = []

    def start(scenario: str, number: int = 0, variant: str = "standard", **options: Any) -> Site:
        running.append(serve("toast", scenario, limits="off", **options))
        opened.append(Site(running[-1], number, variant))
        return opened[-1]

    yield start
    for site in opened:
        site.http.close()
    for sandbox in running:
        sandbox.close()


@pytest.fixture(scope="module")
def diner() -> Iterator[Site]:
    """The diner, left as it was found."""
    with serve("toast", "diner", limits="off") as running:
        site = Site(running)
        yield site
        site.http.close()


class Reader:
    """Reads a menus document by the documentation alone, following references, menu by menu."""

    def __init__(self, document: Row) -> None:
        self.document = document
        self.places: dict[str, list[tuple[str, Row]]] = {}
        self.categories: dict[str, list[str]] = {}
        for menu in document["menus"]:
            for group in menu["menuGroups"]:
                self._below(menu["guid"], group)

    def _below(self, menu: str, group: Row) -> None:
        for item in group["menuItems"]:
            self.places.setdefault(item["guid"], []).append((menu, item))
            self.categories.setdefault(item["guid"], []).append(group["guid"])
        for inner in group["menuGroups"]:
            self._below(menu, inner)

    def paths(self, item: Row) -> Iterator[list[tuple[Row, Row, Row]]]:
        """Every (owner, group, option) path of an item, stopping where an option is one of its ancestors."""

        def below(
            owner: Row, path: list[tuple[Row, Row, Row]], above: set[str]
        ) -> Iterator[list[tuple[Row, Row, Row]]]:
            for number in owner["modifierGroupReferences"]:
                group = self.document[MAPS[0]][str(number)]
                for reference in group["modifierOptionReferences"]:
                    option = self.document[MAPS[1]][str(reference)]
                    longer = [*path, (owner, group, option)]
                    yield longer
                    if option["guid"] not in above:
                        yield from below(option, longer, above | {option["guid"]})

        yield from below(item, [], {item["guid"]})

    @staticmethod
    def is_size(path: list[tuple[Row, Row, Row]]) -> bool:
        owner, group, _ = path[-1]
        return bool(owner["pricingRules"]) and owner["pricingRules"]["sizeSpecificPricingGuid"] == group["guid"]

    def amounts(self, thing: Row) -> Iterator[tuple[str | None, str | None, float | None]]:
        """(size, window, price) of an item, or of an option that is not priced by its group."""
        strategy, rules = thing["pricingStrategy"], thing["pricingRules"]
        if strategy == "SIZE_PRICE":
            assert thing["price"] is None
            for number in thing["modifierGroupReferences"]:
                group = self.document[MAPS[0]][str(number)]
                if group["guid"] == rules["sizeSpecificPricingGuid"]:
                    for reference in group["modifierOptionReferences"]:
                        option = self.document[MAPS[1]][str(reference)]
                        for _, window, price in self.amounts(option):
                            yield option["guid"], window, price
        elif strategy == "TIME_SPECIFIC_PRICE":
            timed = rules["timeSpecificPricingRules"]
            yield None, None, timed[0]["basePrice"]
            for rule in timed:
                for part in rule["schedule"]:
                    for span in part["timeRanges"]:
                        yield None, window_of(part["days"], span["start"], span["end"]), rule["timeSpecificPrice"]
        else:
            yield None, None, thing["price"]

    def option_amounts(
        self, item: Row, path: list[tuple[Row, Row, Row]]
    ) -> Iterator[tuple[str | None, int | None, str | None, float | None]]:
        """(size, sequence, window, price) of the last option of a path."""
        _, group, option = path[-1]
        if option["pricingStrategy"] != "GROUP_PRICE" or option["price"] is not None:
            for size, window, price in self.amounts(option):
                yield size, None, window, price
            return
        sizes = {size: None for size, _, _ in self.amounts(item) if size}
        names = {o["guid"]: o["name"] for o in self.document[MAPS[1]].values() if o["guid"] in sizes}
        for rule in group["pricingRules"]["sizeSequencePricingRules"]:
            fitting: list[str | None] = [rule["sizeName"]]
            if rule["sizeGuid"] is not None:
                fitting = [rule["sizeGuid"]] if rule["sizeGuid"] in sizes else [
                    guid for guid, name in names.items() if name == rule["sizeName"]]  # fmt: skip
            for size in fitting:
                for step in rule["sequencePrices"]:
                    sequence = None if group["pricingStrategy"] == "SIZE_PRICE" else step["sequence"]
                    yield size, sequence, None, step["price"]


def window_of(days: list[str], start: str, end: str) -> str:
    return f"{','.join(days)} {start}-{end}"


def cents(price: float | None) -> int | None:
    return None if price is None else round(price * 100)


def truth_window(row: Row) -> str | None:
    window = row["window"]
    return None if window is None else window_of(window["days"], window["from"], window["to"])


def pairs(path: list[tuple[Row, Row, Row]]) -> Pairs:
    return tuple((group["guid"], option["guid"]) for _, group, option in path)


def truth_pairs(row: Row) -> Pairs:
    return tuple((group, option) for group, option in row["path"])


CASES = [("cafe", 0), ("diner", 0), ("chain", 0), ("chain", 1), ("chain", 2)]


@pytest.mark.parametrize(("scenario", "number"), CASES)
def test_an_independent_reading_of_the_document_finds_the_known_truth(sites: Any, scenario: str, number: int) -> None:
    site = sites(scenario, number, **({"locations": 3} if scenario == "chain" else {}))
    reader, truth = Reader(site.menus()), site.truth()
    menus_of = {row["id"]: row["menus"] for row in truth["items"]}

    assert {row["id"]: row["name"] for row in truth["items"]} == {
        guid: places[0][1]["name"] for guid, places in reader.places.items()
    }
    assert {row["id"]: row["categories"] for row in truth["items"]} == {
        guid: list(dict.fromkeys(found)) for guid, found in reader.categories.items()
    }
    found = {
        (guid, menu, size, window, cents(price))
        for guid, places in reader.places.items()
        for menu, item in places
        for size, window, price in reader.amounts(item)
    }
    assert found == {
        (row["item"], menu, row["variation"], truth_window(row), row["cents"])
        for row in truth["prices"]
        for menu in ([row["menu"]] if row["menu"] else menus_of[row["item"]])
    }

    edges: dict[tuple[str, Pairs], Row] = {}
    sizes: set[tuple[str, Pairs]] = set()
    prices: set[tuple[Any, ...]] = set()
    for guid, places in reader.places.items():
        for menu, item in places:
            for path in reader.paths(item):
                if reader.is_size(path):
                    sizes.add((guid, pairs(path)))
                    continue
                _, group, option = path[-1]
                edges[guid, pairs(path)] = {
                    "min": group["minSelections"] or 0,
                    "max": group["maxSelections"] if group["isMultiSelect"] else 1,
                    "default": option["isDefault"],
                    "active": all(g["visibility"] and o["visibility"] for _, g, o in path),
                    "taxes": option["modifierOptionTaxInfo"]["taxRateGuids"],
                    "stations": next((o["prepStations"] for _, _, o in reversed(path) if o["prepStations"]), item["prepStations"]),
                }  # fmt: skip
                for size, sequence, window, price in reader.option_amounts(item, path):
                    prices.add((guid, pairs(path), menu, size, sequence, window, cents(price)))
    assert edges == {
        (row["item"], truth_pairs(row)): {name: row[name] for name in ("min", "max", "default", "active", "taxes", "stations")}
        for row in truth["edges"]
    }  # fmt: skip
    assert sizes == {(row["item"], truth_pairs(row)) for row in truth["size_edges"]}
    assert prices == {
        (row["item"], truth_pairs(row), menu, row["size"], row["sequence"], truth_window(row), row["listed_cents"])
        for row in truth["modifier_prices"]
        if row["pre_modifier"] is None
        for menu in ([row["menu"]] if row["menu"] else menus_of[row["item"]])
    }
    counted = truth["counts_by_location"][site.guid]
    assert counted["items"] == len(reader.places)
    assert counted["groups"] == len({row["id"] for row in truth["groups"]})
    assert counted["variations"] == sum(len(row["options"]) for row in truth["size_groups"])


def test_every_object_has_exactly_the_documented_fields(sites: Any) -> None:
    document = sites("cafe").menus()
    item = document["menus"][0]["menuGroups"][0]["menuItems"][0]
    assert set(item) == ITEM_FIELDS
    assert set(next(iter(document[MAPS[0]].values()))) == GROUP_FIELDS
    assert set(next(iter(document[MAPS[1]].values()))) == OPTION_FIELDS
    assert document["lastUpdated"] == "2025-02-15T12:30:00.000+0000"


def test_reference_ids_are_dealt_anew_by_every_publication_and_nothing_else_changes(sites: Any) -> None:
    site = sites("diner")
    before, again = site.menus(), site.menus()
    assert before == again
    site.edit(op="publish")
    after = site.menus()
    assert after["lastUpdated"] > before["lastUpdated"]

    def by_guid(document: Row) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for group in document[MAPS[0]].values():
            found.setdefault(group["guid"], set()).add(group["referenceId"])
        return found

    assert by_guid(before).keys() == by_guid(after).keys()
    assert by_guid(before) != by_guid(after)
    assert {len(document[name]) for document in (before, after) for name in MAPS[:1]} == {len(before[MAPS[0]])}
    for document in (before, after):
        for name in MAPS:
            assert all(str(entry["referenceId"]) == key for key, entry in document[name].items())


def test_one_guid_has_a_reference_of_its_own_for_visibility_menu_taxes_and_for_nothing(diner: Site) -> None:
    document, notes = diner.menus(), diner.truth()["notes"]

    def variants(guid: str, name: str) -> list[str]:
        found = [entry for entry in document[name].values() if entry["guid"] == guid]
        return [json.dumps({k: v for k, v in entry.items() if k != "referenceId"}, sort_keys=True) for entry in found]

    seen = variants(notes["several referenceIds: another visibility"][0], MAPS[0])
    assert len(seen) == len(set(seen)) == 2
    same = variants(notes["several referenceIds: nothing differs"][0], MAPS[0])
    assert len(same) > len(set(same))
    prices = {
        entry["price"]
        for entry in document[MAPS[1]].values()
        if entry["guid"] == notes["several referenceIds: another menu's price"][1]
    }
    assert prices == {3.0, 2.0}
    taxes = {
        tuple(entry["modifierOptionTaxInfo"]["taxRateGuids"])
        for entry in document[MAPS[1]].values()
        if entry["guid"] == notes["several referenceIds: another parent's taxes"][1]
    }
    assert len(taxes) == 3


def test_modifiers_nest_four_levels_and_cycles_close_on_an_ancestor(diner: Site) -> None:
    reader, notes = Reader(diner.menus()), diner.truth()["notes"]
    smash = reader.places[notes["nested four levels"][0]][0][1]
    assert max(len(path) for path in reader.paths(smash)) == 4
    taco = reader.places[notes["an item that is its own option"][0]][0][1]
    assert [pairs(path)[-1][1] for path in reader.paths(taco)] == [taco["guid"]]
    soup = reader.places[notes["two items that are options of each other"][0]][0][1]
    assert max(len(path) for path in reader.paths(soup)) == 2


def test_pre_modifiers_have_a_fixed_price_or_a_factor_or_neither(diner: Site) -> None:
    document, truth = diner.menus(), diner.truth()
    (group,) = document["preModifierGroupReferences"].values()
    shapes = {
        member["name"]: (member["fixedPrice"], member["multiplicationFactor"]) for member in group["preModifiers"]
    }
    assert shapes == {
        "EXTRA": (None, 1.5),
        "LITE": (None, 0.5),
        "NO": (None, None),
        "ON SIDE": (0.5, None),
        "SUB": (0.0, None),
    }
    names = {row["id"]: row["name"] for row in truth["pre_modifiers"]}
    bacon = [row for row in truth["modifier_prices"] if row["listed_cents"] == 180 and len(row["path"]) == 1]
    charged = {names[row["pre_modifier"]]: row["cents"] for row in bacon if row["pre_modifier"]}
    assert charged == {"EXTRA": 270, "LITE": 90, "NO": 0, "ON SIDE": 50, "SUB": 0}


def test_default_options_of_a_group_that_does_not_charge_them_cost_nothing(diner: Site) -> None:
    truth = diner.truth()
    group = truth["notes"]["defaults that cost nothing"][0]
    charged = [(row["cents"], row["listed_cents"]) for row in truth["modifier_prices"] if row["path"][-1][0] == group]
    assert charged == [(0, 50), (0, 80), (200, 200)]


def test_hidden_things_are_still_returned_and_the_truth_calls_them_inactive(diner: Site) -> None:
    document, truth = diner.menus(), diner.truth()
    notes = truth["notes"]
    rows = {row["id"]: row for row in truth["items"]}
    hidden, backstage = rows[notes["hidden everywhere"][0]], rows[notes["only on a hidden menu"][0]]
    assert (hidden["active"], hidden["hidden_by"]) == (False, "item")
    assert (backstage["active"], backstage["hidden_by"]) == (False, "menu")
    reader = Reader(document)
    assert reader.places[hidden["id"]][0][1]["visibility"] == []
    secret = [row for row in truth["edges"] if row["path"][-1][1] == notes["hidden everywhere"][1]]
    assert secret
    assert not any(row["active"] for row in secret)


def test_the_diner_is_as_large_and_as_odd_as_announced(diner: Site) -> None:
    document, truth = diner.menus(), diner.truth()
    notes = truth["notes"]
    sprinkles = next(
        group for group in document[MAPS[0]].values() if group["guid"] == notes["a modifier group of 137 options"][0]
    )
    assert len(sprinkles["modifierOptionReferences"]) == 137
    pies = notes["a menu group of more than a hundred items"][0]
    assert sum(pies in row["categories"] for row in truth["items"]) > 100
    names = [row["name"] for row in truth["items"]]
    assert names.count("House Salad") == 3
    assert "Missing name" in names
    assert any(len(name) > 255 for name in names)
    assert "  Trailing spaces  " in names
    assert [row["sku"] for row in truth["items"]].count("DUP-1") == 3
    assert {row["cents"] for row in truth["prices"]} >= {0, None}
    assert {row["kind"] for row in truth["prices"]} == {"fixed", "open", "per_unit"}
    assert {row["pricing"] for row in truth["items"]} == {
        "BASE_PRICE", "MENU_SPECIFIC_PRICE", "TIME_SPECIFIC_PRICE", "SIZE_PRICE", "OPEN_PRICE"
    }  # fmt: skip
    assert any("DRONE_WINDOW" in row["visibility"] for row in truth["items"])
    assert "insights" in document["menus"][0]


def test_the_version_for_ordering_partners_hides_what_is_not_theirs(sites: Any) -> None:
    site = sites("diner", variant="ordering")
    assert site.http.get("/menus/v2/menus").status_code == 403
    document, truth = site.menus(3), site.truth()
    text = json.dumps(document)
    assert '"visibility"' not in text
    assert "catalogProductInfo" not in text
    assert "posName" not in document["menus"][0]
    partner = {
        row["id"] for row in truth["items"] if "ORDERING_PARTNERS" in row["visibility"] and row["hidden_by"] is None
    }
    assert set(Reader(document).places) == partner


def test_switches_turn_what_the_texts_leave_open(sites: Any) -> None:
    site = sites("diner")
    site.switch(time_specific_item_price="null", premodifier_map_key="premodifierGroupReferences")
    site.switch(overlapping_reference_ids=True, extra_fields=False)
    document = site.menus()
    assert "preModifierGroupReferences" not in document
    assert len(document["premodifierGroupReferences"]) == 1
    assert document[MAPS[0]].keys() & document[MAPS[1]].keys()
    assert "insights" not in document["menus"][0]
    timed = [item for places in Reader(document).places.values() for _, item in places
             if item["pricingStrategy"] == "TIME_SPECIFIC_PRICE"]  # fmt: skip
    assert timed
    assert all(item["price"] is None for item in timed)
    refused = site.http.post("/_control/switches", json={"time_specific_item_price": "sometimes"})
    assert refused.status_code == 400
    assert "'base', 'null'" in refused.json()["error"]
    assert site.http.get("/_control/switches").json()["time_specific_item_price"] == "null"


def test_nothing_published_is_a_404_and_a_switch_makes_it_an_empty_list(sites: Any) -> None:
    site = sites("empty")
    assert site.http.get("/menus/v2/menus").status_code == 404
    assert site.http.get("/menus/v2/metadata").status_code == 404
    assert site.truth()["counts"]["items"] == 0
    site.switch(empty_menus="empty_list")
    assert (site.menus()["menus"], site.menus()[MAPS[0]]) == ([], {})
    site.switch(empty_menus="not_found")
    site.edit(op="publish")
    assert site.menus()["menus"] == []


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ids_and_prices(sites: Any) -> None:
    first, same, other = sites("cafe"), sites("cafe"), sites("cafe", seed=2)
    assert first.http.get("/menus/v2/menus").content == same.http.get("/menus/v2/menus").content
    assert first.truth() == same.truth()
    ids = [{row["id"] for row in site.truth()["items"]} for site in (first, other)]
    assert not ids[0] & ids[1]
    prices = [[row["cents"] for row in site.truth()["prices"]] for site in (first, other)]
    assert prices[0] != prices[1]


def test_locations_of_a_chain_share_multi_location_ids_and_no_guid(sites: Any) -> None:
    site = sites("chain", locations=35)
    truth = site.running.pos_app.truth()
    assert len(truth["locations"]) == 35
    by_location: dict[str, dict[str, str]] = {}
    for row in truth["items"]:
        by_location.setdefault(row["location"], {})[row["multi_location_id"]] = row["id"]
    guids = [guid for rows in by_location.values() for guid in rows.values()]
    assert len(guids) == len(set(guids))
    first, second = list(by_location.values())[:2]
    assert len(first.keys() & second.keys()) >= 35
    assert truth["counts"]["items"] == len(set().union(*by_location.values()))


def test_the_second_location_differs_in_everything_a_version_can_differ_in(sites: Any) -> None:
    truth = sites("chain", locations=2).running.pos_app.truth()
    one, two = (row["id"] for row in truth["locations"])

    def rows(name: str, location: str) -> dict[str, Row]:
        return {row["multi_location_id"]: row for row in truth[name] if row["location"] == location}

    items_one, items_two = rows("items", one), rows("items", two)
    shared = items_one.keys() & items_two.keys()
    mlid = {row["id"]: row["multi_location_id"] for row in truth["categories"]}
    price = {row["item"]: row["cents"] for row in truth["prices"] if row["menu"] is None}
    tax_names = {
        row.guid: row.body["name"]
        for place in sites("chain", locations=2).running.pos_app.world.places.values()
        for row in place.location.config["taxRates"]
    }
    both = [(items_one[key], items_two[key]) for key in shared]
    assert any(a["name"] != b["name"] for a, b in both)
    assert any(price.get(a["id"]) != price.get(b["id"]) for a, b in both)
    assert any(a["available"] != b["available"] for a, b in both)
    assert any(a["active"] != b["active"] for a, b in both)
    assert any([mlid[c] for c in a["categories"]] != [mlid[c] for c in b["categories"]] for a, b in both)
    assert any([tax_names[t] for t in a["taxes"]] != [tax_names[t] for t in b["taxes"]] for a, b in both)
    assert items_one.keys() - shared
    assert items_two.keys() - shared
    groups_one, groups_two = rows("groups", one), rows("groups", two)
    pairs_of_groups = [(groups_one[key], groups_two[key]) for key in groups_one.keys() & groups_two.keys()]
    assert any((a["min_sent"], a["max_sent"]) != (b["min_sent"], b["max_sent"]) for a, b in pairs_of_groups)
    assert any(len(a["options"]) != len(b["options"]) or a["name"] != b["name"] for a, b in pairs_of_groups)


def test_the_huge_menu_has_five_thousand_items_and_twenty_thousand_modifiers(sites: Any) -> None:
    site = sites("huge")
    document = site.menus()
    reader = Reader(document)
    assert len(reader.places) == 5_000
    assert len({(entry["guid"]) for entry in document[MAPS[1]].values()}) == 20_000
    assert len({guid for found in reader.categories.values() for guid in found}) == 100
    assert any(len(path) > 1 for places in reader.places.values() for _, item in places for path in reader.paths(item))
