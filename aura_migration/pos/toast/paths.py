"""The addresses of Toast's API that this connector asks, and the names of the recorded windows."""

from __future__ import annotations

LOGIN = "/authentication/v1/authentication/login"
CONNECTED = "/partners/v1/connectedRestaurants"
RESTAURANT = "/restaurants/v1/restaurants/{guid}"
GROUP = "/restaurants/v1/groups/{guid}/restaurants"
MENUS = "/menus/v2/menus"
MENUS_METADATA = "/menus/v2/metadata"
CONFIG = "/config/v2/{name}"
PREP_STATIONS = "/kitchen/v1/published/prepStations"
INVENTORY = "/stock/v1/inventory"
INVENTORY_SEARCH = "/stock/v1/inventory/search"
AVAILABILITY = "/restaurant-availability/v1/availability"
ORDERING_SCHEDULE = "/ordermgmt-config/v1/published/orderingSchedule"
EMPLOYEES = "/labor/v1/employees"
JOBS = "/labor/v1/jobs"
TIME_ENTRIES = "/labor/v1/timeEntries"
ORDERS = "/orders/v2/ordersBulk"

TAX_WINDOW = "taxRates"
BREAK_WINDOW = "breakTypes"
