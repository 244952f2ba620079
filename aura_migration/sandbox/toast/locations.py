"""The restaurant around the menu: locations, their configuration lists, kitchen stations and schedules.

Belongs here: what ``/restaurants``, ``/config``, ``/kitchen`` and the partners list tell about a location, as plain
objects of Toast's shape. Does not belong here: menus and their items (scenarios), and the paging of the lists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.model import Catalog, ConfigObject

OPENED = datetime(2021, 5, 3, 15, 0, tzinfo=UTC)

STREETS = ("Harbor St", "Mill Rd", "Union Ave", "Lake Blvd", "Cedar Ln", "Depot Sq", "Quarry Way")
CITIES = (
    ("Duluth", "MN", "55802", "America/Chicago"),
    ("Boise", "ID", "83702", "America/Boise"),
    ("Portland", "ME", "04101", "America/New_York"),
    ("Tucson", "AZ", "85701", "America/Phoenix"),
    ("Eugene", "OR", "97401", "America/Los_Angeles"),
)


@dataclass(slots=True)
class Location:
    """One restaurant location with everything that is not a menu entity."""

    guid: str
    key: str
    restaurant_name: str
    location_name: str
    timezone: str
    group_guid: str | None
    address: dict[str, Any]
    created_by: str
    code: str
    archived: bool = False
    created: datetime = OPENED
    modified: datetime = OPENED
    closeout_hour: int = 4
    config: dict[str, list[ConfigObject]] = field(default_factory=dict)
    tip_withholding: dict[str, Any] = field(default_factory=dict)
    catalog: Catalog = field(default_factory=Catalog)
    stock: dict[str, tuple[str, float | None]] = field(default_factory=dict)
    online: bool = True

    @property
    def names(self) -> dict[str, dict[str, str]]:
        """List name to ``{object name: guid}``; the lookup scenarios use."""
        return {listing: {row.body["name"]: row.guid for row in rows} for listing, rows in self.config.items()}


def make_location(
    ids: Ids, key: str, number: int, restaurant: str, *, group: str | None, full: bool, name: str | None = None
) -> Location:
    """A location with its configuration. ``full`` gives every configuration list something hard to read."""
    city, state, zip_code, zone = CITIES[number % len(CITIES)]
    street = STREETS[number % len(STREETS)]
    seeded = ids.rng(f"location/{key}")
    location = Location(
        guid=ids.uuid("restaurant", key),
        key=key,
        restaurant_name=restaurant,
        location_name=name or (street if number < len(STREETS) else f"{street} {number // len(STREETS) + 1}"),
        timezone=zone,
        group_guid=group,
        address={
            "address1": f"{seeded.randrange(1, 900)} {street}",
            "address2": "",
            "city": city,
            "stateCode": state,
            "administrativeArea": state,
            "zipCode": zip_code,
            "country": "US",
            "phone": f"218555{number:04d}",
            "phoneCountryCode": "1",
            "latitude": round(30 + seeded.random() * 17, 5),
            "longitude": round(-120 + seeded.random() * 45, 5),
        },
        created_by=f"gm.{key.replace('/', '-')}.{ids.token('mail', key, 'abcdefghij', 6)}@restaurant.example",
        code=f"L{number + 1:02d}",
        created=OPENED + timedelta(days=number),
        modified=OPENED + timedelta(days=number, hours=3),
    )
    ConfigWriter(ids, location).write(full)
    return location


class ConfigWriter:
    """Fills a location's configuration lists. Each row has ``guid`` and ``entityType`` first, as Toast sends them."""

    def __init__(self, ids: Ids, location: Location) -> None:
        self._ids = ids
        self._location = location
        self._made = 0

    def add(self, listing: str, entity: str, name: str, external: bool = False, **body: Any) -> dict[str, str]:
        """Append one row; answers a reference to it."""
        guid = self._ids.uuid(listing, f"{self._location.key}/{name}")
        row: dict[str, Any] = {"guid": guid, "entityType": entity}
        if external:
            row["externalId"] = None
        row["name"] = name
        row.update(body)
        self._made += 1
        modified = self._location.created + timedelta(days=30, minutes=self._made)
        self._location.config.setdefault(listing, []).append(ConfigObject(guid, row, modified))
        return {"guid": guid, "entityType": entity}

    def guid(self, kind: str, name: str) -> str:
        """A guid for what is part of a row."""
        return self._ids.uuid(kind, f"{self._location.key}/{name}")

    def write(self, full: bool) -> None:
        """Write all lists: what any café has, and with ``full`` the hard ones too."""
        self._taxes(full)
        for name in ("Food", "Liquor", "NA Beverage", *(("Retail", "Catering  ") if full else ())):
            self.add("salesCategories", "SalesCategory", name)
        self._dining(full)
        self._kitchen(full)
        self._money(full)
        self._floor(full)
        if full:
            for name in ("Standard", "Patio"):
                self.add("priceGroups", "PriceGroup", f"{name} level")
                self.add("restaurantServices", "RestaurantService", f"{name} service")
        self._location.tip_withholding = {
            "guid": self._ids.uuid("tip-withholding", self._location.key),
            "entityType": "TipWithholding",
            "enabled": full,
            "percentage": 2.5 if full else None,
        }

    def _taxes(self, full: bool) -> None:
        plain: dict[str, Any] = {"taxTable": [], "conditionalTaxRates": []}
        take_out = [{"condition": "TAKE_OUT", "rate": 0.05}] if full else []
        self.add(
            "taxRates",
            "TaxRate",
            "State tax",
            isDefault=True,
            rate=0.0725,
            type="PERCENT",
            roundingType="HALF_UP",
            taxTable=[],
            conditionalTaxRates=take_out,
        )
        self.add(
            "taxRates",
            "TaxRate",
            "Drink tax",
            isDefault=False,
            rate=0.09,
            type="PERCENT",
            roundingType="HALF_EVEN",
            **plain,
        )
        if not full:
            return
        self.add(
            "taxRates",
            "TaxRate",
            "Bottle deposit",
            isDefault=False,
            rate=0.05,
            type="FIXED",
            roundingType=None,
            **plain,
        )
        table = [
            {"start": 0.0, "end": 0.1, "tax": 0.0, "pattern": False},
            {"start": 0.11, "end": 0.2, "tax": 0.01, "pattern": True},
            {"start": 0.21, "end": 0.4, "tax": 0.02, "pattern": True},
        ]
        self.add(
            "taxRates",
            "TaxRate",
            "County table",
            isDefault=False,
            rate=None,
            type="TABLE",
            roundingType=None,
            taxTable=table,
            conditionalTaxRates=[],
        )
        self.add("taxRates", "TaxRate", "Disabled", isDefault=False, rate=None, type="NONE", roundingType=None, **plain)
        self.add(
            "taxRates",
            "TaxRate",
            "Marketplace",
            isDefault=False,
            rate=None,
            type="EXTERNAL",
            roundingType=None,
            **plain,
        )
        self.add(
            "taxRates",
            "TaxRate",
            "City 1.125",
            isDefault=False,
            rate=0.01125,
            type="PERCENT",
            roundingType="ALWAYS_DOWN",
            **plain,
        )

    def _dining(self, full: bool) -> None:
        options: list[tuple[str, str | None, bool]] = [("Dine In", "DINE_IN", False), ("Take Out", "TAKE_OUT", False)]
        options.append(("Delivery", "DELIVERY", False))
        if full:
            options += [("Curbside", "TAKE_OUT", True), ("Catering tent", None, False)]
        for name, behavior, curbside in options:
            self.add("diningOptions", "DiningOption", name, external=True, behavior=behavior, curbside=curbside)
        for name in ("Cash drop", "House tab") if full else ("House tab",):
            self.add("alternatePaymentTypes", "AlternatePaymentType", name, external=True)

    def _kitchen(self, full: bool) -> None:
        names = ("Grill", "Bar", "Pantry", *(("Fryer 🔥", "Expo") if full else ()))
        for name in names:
            self.add("printers", "Printer", f"{name} printer")
        printer = {
            row.body["name"]: {"guid": row.guid, "entityType": "Printer"} for row in self._location.config["printers"]
        }
        for name in names:
            connected: list[dict[str, str]] = []
            if name == "Grill" and full:
                connected = [
                    {"guid": self._ids.uuid("prepStations", f"{self._location.key}/Expo"), "entityType": "PrepStation"}
                ]
            self.add(
                "prepStations",
                "PrepStation",
                name,
                connectedPrepStations=connected,
                printingMode="OFFLINE_ONLY" if name == "Expo" else "ON",
                includeWithExpediter=name != "Bar",
                expoRouting={"Expo": "EXPO_ONLY", "Bar": "SKIP_EXPO"}.get(name, "SEND_TO_EXPO"),
                kitchenPrinter=printer[f"{name} printer"],
            )

    def _money(self, full: bool) -> None:
        common: dict[str, Any] = {"active": True, "nonExclusive": True, "promoCodes": []}
        self.add(
            "discounts",
            "Discount",
            "Neighbor 10%",
            type="PERCENT",
            percentage=10,
            amount=None,
            selectionType="CHECK",
            itemPickingPriority="FIRST",
            fixedTotal=None,
            **common,
        )
        self.add(
            "discounts",
            "Discount",
            "Open percent",
            type="OPEN_PERCENT",
            percentage=None,
            amount=None,
            selectionType="ITEM",
            itemPickingPriority="FIRST",
            fixedTotal=None,
            **common,
        )
        self.add("voidReasons", "VoidReason", "Server error")
        self.add("noSaleReasons", "NoSaleReason", "Make change")
        self.add("payoutReasons", "PayoutReason", "Supplies")
        self.add(
            "breakTypes",
            "BreakType",
            "Meal",
            active=True,
            paid=False,
            duration=30,
            enforceMinimumTime=True,
            trackMissedBreaks=True,
            breakIntervalHrs=5,
            breakIntervalMins=0,
            trackBreakAcknowledgement=False,
        )
        self.add(
            "breakTypes",
            "BreakType",
            "Rest",
            active=True,
            paid=True,
            duration=10,
            enforceMinimumTime=False,
            trackMissedBreaks=False,
            breakIntervalHrs=0,
            breakIntervalMins=0,
            trackBreakAcknowledgement=False,
        )
        self._charges(full)
        if not full:
            return
        promo = self._ids.uuid("promo", self._location.key)
        self.add(
            "discounts",
            "Discount",
            "Three off",
            type="FIXED",
            percentage=None,
            amount=3.0,
            selectionType="CHECK",
            itemPickingPriority="MOST_EXPENSIVE",
            fixedTotal=None,
            active=True,
            nonExclusive=False,
            promoCodes=[
                {"guid": promo, "entityType": "PromoCode", "code": "LARK3", "name": "Lark", "usageType": "MULTI_USE"}
            ],
        )
        for name, kind, picking in (
            ("Open amount", "OPEN_FIXED", "FIRST"),
            ("Two for one", "BOGO", "LEAST_EXPENSIVE"),
        ):
            self.add(
                "discounts",
                "Discount",
                name,
                type=kind,
                percentage=None,
                amount=None,
                selectionType="BOGO" if kind == "BOGO" else "ITEM",
                itemPickingPriority=picking,
                fixedTotal=None,
                **common,
            )
        self.add(
            "discounts",
            "Discount",
            "Lunch combo",
            type="FIXED_TOTAL",
            percentage=None,
            amount=None,
            selectionType="BOGO",
            itemPickingPriority="FIRST",
            fixedTotal=12.0,
            active=False,
            nonExclusive=True,
            promoCodes=[],
        )
        self.add(
            "cashDrawers",
            "CashDrawer",
            "Front drawer",
            printer={"guid": self._location.config["printers"][0].guid, "entityType": "Printer"},
        )

    def charge(self, name: str, kind: str, figure: float | None, **settings: Any) -> None:
        """A service charge. ``figure`` is an amount or a percentage; ``criteria`` and ``taxes`` name what is not usual."""
        criteria: dict[str, Any] = {
            "minCheckAmount": None,
            "maxCheckAmount": None,
            "delivery": False,
            "takeout": False,
            "dineIn": False,
            "minDeliveryDistance": None,
        }
        criteria.update(settings.pop("criteria", {}))
        taxed = settings.pop("taxes", ())
        taxes = [row.body for row in self._location.config["taxRates"] if row.body["name"] in taxed]
        body: dict[str, Any] = {
            "amountType": kind,
            "amount": figure if kind == "FIXED" else None,
            "percent": figure if kind == "PERCENT" else None,
            "criteria": criteria,
            "gratuity": False,
            "taxable": bool(taxes),
            "applicableTaxes": taxes,
            "serviceChargeCalculation": None,
            "destination": "RESTAURANT",
            "taxInclusive": False,
        }
        self.add("serviceCharges", "ServiceCharge", name, external=True, **{**body, **settings})

    def _charges(self, full: bool) -> None:
        """Those that a café has; ``full``: also one on deliveries, one that is typed in, one for somebody else."""
        before = {"serviceChargeCalculation": "PRE_DISCOUNT", "destination": "SERVER", "gratuity": True}
        self.charge("Large party 18%", "PERCENT", 18.0, criteria={"dineIn": True}, **before)
        self.charge("Packaging", "FIXED", 1.0, taxes=("State tax",))
        if full:
            within = {"delivery": True, "minCheckAmount": 10.0, "maxCheckAmount": 200.0, "minDeliveryDistance": 2.5}
            after = {"serviceChargeCalculation": "POST_DISCOUNT", "destination": "THIRD_PARTY"}
            self.charge("Far delivery 4.5%", "PERCENT", 4.5, criteria=within, **after)
            self.charge("Corkage", "OPEN", None, taxes=("State tax", "Drink tax"))
            self.charge("Platform fee", "FIXED", 0.35, destination="TOAST", taxProrated=True)

    def _floor(self, full: bool) -> None:
        center = self.add("revenueCenters", "RevenueCenter", "Dining room", description="")
        area = self.add("serviceAreas", "ServiceArea", "Main floor", revenueCenter=center)
        for number in range(1, 31 if full else 7):
            self.add("tables", "Table", f"T{number}", serviceArea=area, revenueCenter=center)
        if full:
            self.add("revenueCenters", "RevenueCenter", "Patio ☀", description="closed in winter")
