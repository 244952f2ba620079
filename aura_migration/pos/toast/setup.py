"""The restaurant itself, its tax rates, prep stations and stock as canonical rows: all that is not in the menus.

Configuration belongs to one location in Toast, so its rows carry the location in their keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from aura_migration.pos.toast.document import guid_of, raw_key
from aura_migration.pos.toast.job import Job, StockState, text
from aura_migration.pos.toast.prices import PriceError, cents
from aura_migration.pos.toast.rules.tables import tax_problem
from aura_migration.pos.toast.wire import PrepStation, RestaurantInfo, StockRow, TaxRate, WireError, convert

Raw = Mapping[str, Any]

TAX_TYPES = {"PERCENT": "percent", "FIXED": "fixed", "TABLE": "table", "NONE": "none", "EXTERNAL": "external"}
ROUNDINGS = {
    "HALF_UP": "half_up",
    "HALF_EVEN": "half_even",
    "ALWAYS_UP": "always_up",
    "ALWAYS_DOWN": "always_down",
}
PRINTING = {True: "ON", False: "OFF"}


def map_restaurant(job: Job, raw: Raw) -> None:
    """The location."""
    try:
        info = convert(raw, RestaurantInfo)
    except WireError as error:
        job.reject("locations", job.loc, str(error), f"restaurant#{job.loc}")
        return
    general, address = info.general, info.location
    job.batch.add(
        "locations",
        job.loc,
        raw,
        f"restaurant#{info.guid}",
        name=location_name(general.name, general.location_name),
        code=text(general.location_code),
        timezone=general.time_zone,
        currency=general.currency_code or job.currency,
        business_day_cutover_time=closeout(general.closeout_hour),
        address_line1=text(address.address1) if address else None,
        address_line2=text(address.address2) if address else None,
        city=text(address.city) if address else None,
        state=text(address.state_code or address.administrative_area) if address else None,
        postal_code=text(address.zip_code) if address else None,
        country=text(address.country) if address else None,
        phone=text(address.phone) if address else None,
        is_active=not general.archived,
    )


def location_name(name: str, location: str | None) -> str:
    """What people call the site: the location's own name, else the restaurant's."""
    return location or name


def closeout(hour: int | None) -> str:
    """Toast's close-out hour (4 where it gives none) as ``HH:MM``."""
    return f"{4 if hour is None else hour:02}:00"


def map_taxes(job: Job, records: Iterable[Raw]) -> frozenset[str]:
    """The tax rates; the guids of all that Toast lists: a link to one in quarantine waits for it."""
    known: set[str] = set()
    for raw in records:
        guid = raw_key({"guid": guid_of(raw)}, "without-id")
        if guid in known:
            continue
        known.add(guid)
        record = f"config#{guid}"
        try:
            rate = convert(raw, TaxRate)
        except WireError as error:
            job.reject("tax_rates", job.key(guid), str(error), record)
            continue
        named = {
            "name": rate.name or "Missing name",
            "is_inclusive": False,
            "is_default": bool(rate.is_default),
            "is_active": rate.type != "NONE",
        }
        try:
            if (problem := tax_problem(raw, job.currency)) is not None:
                raise PriceError(problem)
            job.batch.add("tax_rates", job.key(guid), raw, record, **named, **_tax(job, rate))
        except PriceError as error:
            job.reject("tax_rates", job.key(guid), str(error), record, **named)
    return frozenset(known)


def _tax(job: Job, rate: TaxRate) -> dict[str, Any]:
    if rate.type not in TAX_TYPES:
        raise PriceError(f"The tax rate {rate.name!r} is of type {rate.type!r}, which is not documented.")
    if rate.type in ("PERCENT", "FIXED") and rate.rate is None:
        raise PriceError(f"The tax rate {rate.name!r} has no rate.")
    if rate.rounding_type is not None and rate.rounding_type not in ROUNDINGS:
        raise PriceError(f"The tax rate {rate.name!r} is rounded by {rate.rounding_type!r}, which is not documented.")
    percent = rate.rate * 100 if rate.rate is not None and rate.type != "FIXED" else None
    return {
        "rate_percent": None if percent is None else number(percent),
        "amount_cents": cents(rate.rate, job.currency) if rate.rate is not None and rate.type == "FIXED" else None,
        "tax_type": TAX_TYPES[rate.type],
        "rounding": ROUNDINGS.get(rate.rounding_type or ""),
    }


def number(value: Decimal) -> str:
    """An exact number as text without needless zeros."""
    shown = format(value, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def map_stations(job: Job, records: Iterable[Raw]) -> frozenset[str]:
    """The prep stations; the guids of all that Toast lists: a link to one in quarantine waits for it.

    A station knows one connected station in AuraConnect: the first that leads to no circle; others are in its settings.
    """
    stations: dict[str, tuple[PrepStation, Raw]] = {}
    unread: set[str] = set()
    for raw in records:
        try:
            station = convert(raw, PrepStation)
            stations.setdefault(station.guid, (station, raw))
        except WireError as error:
            guid = raw_key({"guid": guid_of(raw)}, "without-id")
            job.reject("kitchen_stations", job.key(guid), str(error), f"prep_stations#{guid}")
            unread.add(guid)
    connected: dict[str, str] = {}
    for guid, (station, _) in stations.items():
        wanted = [
            one.guid for one in station.connected_prep_stations or () if one.guid in stations and one.guid != guid
        ]
        chosen = next((one for one in wanted if one and guid not in _chain(one, connected)), None)
        if chosen:
            connected[guid] = chosen
        if len(wanted) > 1 or (wanted and not chosen):
            note = "It is connected to several stations, or back to itself; AuraConnect links one, the rest are listed."
            job.notes.add("PrepStation", "connectedPrepStations", note, guid)
    for guid in sorted(stations, key=lambda one: len(_chain(one, connected))):
        _map_station(job, *stations[guid], connected.get(guid), {key: one.name for key, (one, _) in stations.items()})
    return frozenset(stations) | unread


def _chain(guid: str, connected: Mapping[str, str]) -> list[str]:
    """A station and all it leads to."""
    found = [guid]
    while found[-1] in connected:
        found.append(connected[found[-1]])
    return found


def _map_station(
    job: Job, station: PrepStation, raw: Raw, connected: str | None, names: Mapping[str, str | None]
) -> None:
    mode = station.printing_mode
    others = [names[one.guid] for one in station.connected_prep_stations or () if one.guid and one.guid in names]
    settings = {
        "printing_mode": PRINTING[mode] if isinstance(mode, bool) else mode,
        "include_with_expediter": station.include_with_expediter,
        "expo_routing": station.expo_routing,
        "connected_stations": others or None,
    }
    job.batch.add(
        "kitchen_stations",
        job.key(station.guid),
        raw,
        f"prep_stations#{station.guid}",
        name=station.name or "Missing name",
        station_type="prep",
        printer_id=station.kitchen_printer.guid if station.kitchen_printer else None,
        connected_station_key=job.key(connected) if connected else None,
        settings={name: value for name, value in settings.items() if value is not None} or None,
    )


def read_stock(job: Job, records: Iterable[Raw]) -> list[tuple[StockRow, Raw]]:
    """The stock rows; sets the job's stock state, by which items, sizes and options are available or 86'd."""
    rows: dict[str, tuple[StockRow, Raw]] = {}
    out: set[str] = set()
    quantity: dict[str, Decimal] = {}
    for raw in records:
        try:
            row = convert(raw, StockRow)
        except WireError as error:
            guid = raw_key({"guid": guid_of(raw)}, "without-id")
            job.reject("stock", job.key(guid), str(error), f"stock#{guid}")
            continue
        rows.setdefault(row.guid, (row, raw))
        ids = {row.guid} | ({str(row.multi_location_id)} if row.multi_location_id not in (None, "") else set())
        if row.status == "OUT_OF_STOCK":
            out |= ids
        elif row.status == "QUANTITY" and row.quantity is not None:
            quantity |= dict.fromkeys(ids, row.quantity)
    job.stock = StockState(frozenset(out), quantity)
    return list(rows.values())


def map_stock(job: Job, rows: Iterable[tuple[StockRow, Raw]]) -> None:
    """Stock rows of items and sizes. What is only an option has its availability on the option."""
    option_guids = {option.guid for option in job.doc.options.values()}
    for row, raw in rows:
        record = f"stock#{row.guid}"
        item_key = job.doc.item_by_guid.get(row.guid)
        if item_key is None and str(row.multi_location_id) in job.doc.items:
            item_key = str(row.multi_location_id)
        if item_key is not None:
            place = job.doc.items[item_key][0].item
            _map_stock_row(job, row, raw, (item_key,), place.name, text(place.sku), record)
        for size_item, variation in job.size_variations.get(row.guid, ()):
            option_key = variation.partition("/")[2]
            name = f"{job.doc.items[size_item][0].item.name} {job.size_names[row.guid][0]}"
            _map_stock_row(job, row, raw, (size_item, option_key), name, None, record)
        if item_key is None and row.guid not in job.size_variations:
            if row.guid in option_guids:
                if row.status == "QUANTITY":
                    note = "A stock quantity of something sold as an option only; AuraConnect keeps whether it is available."
                    job.notes.add("Stock", "quantity", note, row.guid)
            else:
                note = "Stock of something that is on no published menu; it stays in the snapshot."
                job.notes.add("Stock", "guid", note, row.guid)


def _map_stock_row(
    job: Job, row: StockRow, raw: Raw, ids: tuple[str, ...], name: str, sku: str | None, record: str
) -> None:
    key = job.key(*ids)
    values = {
        "item_name": name,
        "sku": sku,
        "menu_item_key": ids[0],
        "variation_key": "/".join(ids) if len(ids) > 1 else None,
        "is_tracked": row.status == "QUANTITY",
    }
    if row.status not in ("OUT_OF_STOCK", "QUANTITY", "IN_STOCK"):
        reason = f"{name!r} has the stock state {row.status!r}, which is not documented."
        job.reject("stock", key, reason, record, **values)
        return
    values["status"] = row.status.lower()
    if row.status == "QUANTITY" and row.quantity is None:
        job.reject("stock", key, f"{name!r} is counted, but Toast gives no quantity.", record, **values)
        return
    quantity = number(row.quantity) if row.status == "QUANTITY" and row.quantity is not None else None
    job.batch.add("stock", key, raw, record, **values, quantity=quantity)
