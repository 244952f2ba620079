"""Opening hours, hours of online ordering, and what else the restaurant's own record says of ordering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aura_migration.canonical.rules import WEEKDAYS
from aura_migration.pos.toast.job import plain
from aura_migration.pos.toast.mapping import records
from aura_migration.pos.toast.prices import DAYS, PriceError
from aura_migration.pos.toast.rules.desk import Desk, Raw
from aura_migration.pos.toast.rules.wire import DaySchedule, HouseRules, OrderingSchedule, Schedules
from aura_migration.pos.toast.rules.words import BEHAVIORS, RuleError, known
from aura_migration.pos.toast.wire import WireError, convert

SHORT = {name.lower(): word for name, word in DAYS.items()}
SETTINGS = (
    ("orders.online_ordering", "orders", "online_ordering"),
    ("orders.prep_times", "orders", "prep_times"),
)


def delivery_minimum(desk: Desk) -> int | None:
    """The least amount that is delivered, in cents; None where there is no delivery, or any amount is."""
    for raw in records(desk.reader, "restaurant"):
        try:
            delivery = convert(raw, HouseRules).delivery
            if delivery is not None and delivery.enabled is not False and delivery.minimum:
                return desk.amount(delivery.minimum)
        except (WireError, PriceError):
            return None  # map_house sends it to quarantine
    return None


def map_house(desk: Desk) -> None:
    """Hours and ordering settings of the restaurant's own record, and the schedule of online ordering."""
    for raw in records(desk.reader, "restaurant"):
        record = f"restaurant#{desk.loc}"
        try:
            house = convert(raw, HouseRules)
        except WireError as error:
            desk.batch.reject("opening_hours", desk.key("hours"), str(error), record)
            continue
        _business(desk, house.schedules or Schedules(), record)
        if house.delivery is not None:
            try:
                minimum = desk.amount(house.delivery.minimum)
            except PriceError as error:
                key = desk.key("setting", "orders.delivery")
                desk.batch.reject("settings", key, f"The least amount delivered: {error}", record)
            else:
                value = {"enabled": house.delivery.enabled, "minimum_cents": minimum, "area": house.delivery.area}
                desk.setting("orders.delivery", "orders", _said(value), raw, record)
        for name, category, attribute in SETTINGS:
            value = getattr(house, attribute)
            if value:
                desk.setting(name, category, plain(value), raw, record)
    for raw in records(desk.reader, "ordering_schedule"):
        _online(desk, raw)


def _business(desk: Desk, schedules: Schedules, record: str) -> None:
    days = schedules.day_schedules or {}
    for name, used in (schedules.week_schedule or {}).items():
        if used is None:
            continue
        try:
            weekday = known(name, SHORT, "The weekday of the opening hours")
            if used not in days:
                raise RuleError(f"The hours of {name} are those of schedule {used}, which is not there.")
            spans = _spans(days[used])
        except RuleError as error:
            desk.batch.reject("opening_hours", desk.key("hours", name), str(error), record)
            continue
        for place, (purpose, label, opens, closes) in enumerate(spans):
            values = {"purpose": purpose, "name": label, "weekday": weekday, "opens": opens, "closes": closes}
            key = desk.key("hours", name, str(place))
            order = WEEKDAYS.index(weekday) * 100 + place
            desk.batch.add("opening_hours", key, None, record, **values, display_order=order)


def _spans(day: DaySchedule) -> list[tuple[str, str | None, str, str]]:
    """Purpose, name, from and to: the house itself, then each meal."""
    found: list[tuple[str, str | None, str, str]] = []
    if day.open_time is not None and day.close_time is not None:
        found.append(("business", day.schedule_name, clock(day.open_time), clock(day.close_time)))
    for service in day.services or ():
        if service.hours is None or service.hours.start_time is None or service.hours.end_time is None:
            raise RuleError(f"The service {service.name!r} has no hours.")
        opens, closes = clock(service.hours.start_time), clock(service.hours.end_time)
        if service.overnight is False and closes <= opens:
            raise RuleError(
                f"The service {service.name!r} ends before it begins, and is said not to run past midnight."
            )
        found.append(("other", service.name, opens, closes))
    return found


def clock(said: str) -> str:
    """``HH:mm:ss.SSS`` or ``HH:MM`` as ``HH:MM``."""
    hours, _, rest = said.partition(":")
    minutes = rest[:2]
    if not (len(hours) == 2 and hours.isdigit() and len(minutes) == 2 and minutes.isdigit() and int(hours) <= 24):
        raise RuleError(f"{said!r} is no time of day.")
    return f"{hours}:{minutes}"


def _online(desk: Desk, raw: Raw) -> None:
    record = f"ordering_schedule#{desk.loc}"
    try:
        schedule = convert(raw, OrderingSchedule)
    except WireError as error:
        desk.batch.reject("opening_hours", desk.key("online"), str(error), record)
        return
    for period in schedule.service_periods or ():
        behavior = period.dining_option_behavior or "nothing"
        for day in period.day_periods or ():
            for place, span in enumerate(day.time_ranges or ()):
                key = desk.key("online", behavior, day.day, str(place))
                try:
                    values: Mapping[str, Any] = {
                        "name": known(period.dining_option_behavior, BEHAVIORS, "The way of eating"),
                        "weekday": known(day.day, DAYS, "The weekday of online ordering"),
                        "opens": clock(span.start),
                        "closes": clock(span.end),
                    }
                except RuleError as error:
                    desk.batch.reject("opening_hours", key, str(error), record)
                    continue
                order = WEEKDAYS.index(values["weekday"]) * 100 + place
                desk.batch.add("opening_hours", key, raw, record, purpose="online", **values, display_order=order)
    if schedule.overrides:
        desk.setting("hours.online_exceptions", "hours", plain(schedule.overrides), raw, record)
    value = _said({"max_days": schedule.scheduled_order_max_days, "last_order": schedule.last_order_configuration})
    if value:
        desk.setting("orders.scheduling", "orders", value, raw, record)


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if one is not None}
