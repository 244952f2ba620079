"""What the restaurants, availability and ordering-schedule APIs of the sandbox Toast say about a location."""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.builder import WEEK
from aura_migration.sandbox.toast.world import Publication


def restaurant_info(place: Publication, ids: Ids) -> dict[str, Any]:
    """``GET /restaurants/v1/restaurants/{guid}``. The restaurant is closed on Wednesdays and Saturdays run late."""
    location = place.location
    weekday, saturday = (
        "16" + ids.token("schedule", f"{location.key}/{name}", "0123456789", 14) for name in ("weekday", "saturday")
    )
    services = [
        {"name": "Lunch", "hours": {"startTime": "11:00:00.000", "endTime": "15:59:00.000"}, "overnight": False},
        {"name": "Dinner", "hours": {"startTime": "16:00:00.000", "endTime": "22:00:00.000"}, "overnight": False},
    ]
    late = [{"name": "Late", "hours": {"startTime": "16:00:00.000", "endTime": "02:00:00.000"}, "overnight": True}]
    days = dict.fromkeys((day.lower() for day in WEEK), weekday)
    days |= {"wednesday": None, "saturday": saturday}  # type: ignore[dict-item]
    return {
        "guid": location.guid,
        "general": {
            "name": location.restaurant_name,
            "locationName": location.location_name,
            "locationCode": location.code,
            "description": "",
            "timeZone": location.timezone,
            "closeoutHour": location.closeout_hour,
            "managementGroupGuid": location.group_guid,
            "currencyCode": "USD",
            "firstBusinessDate": int(location.created.strftime("%Y%m%d")),
            "archived": place.archived,
        },
        "urls": dict.fromkeys(
            ("website", "facebook", "twitter", "orderOnline", "purchaseGiftCard", "checkGiftCard"), ""
        ),
        "location": dict(location.address),
        "schedules": {
            "daySchedules": {
                weekday: {
                    "scheduleName": "Weekday",
                    "services": services,
                    "openTime": "11:00:00.000",
                    "closeTime": "22:00:00.000",
                },
                saturday: {
                    "scheduleName": "Saturday",
                    "services": late,
                    "openTime": "16:00:00.000",
                    "closeTime": "02:00:00.000",
                },
            },
            "weekSchedule": days,
        },
        "delivery": {"enabled": True, "minimum": 20.0, "area": "_p~iF~ps|U_ulLnnqC_mqNvxq`@"},
        "onlineOrdering": {
            "enabled": True,
            "scheduling": False,
            "specialRequests": True,
            "specialRequestsMessage": "",
            "paymentOptions": {
                "delivery": {"cash": False, "ccSameDay": True, "ccFuture": False},
                "takeout": {"cash": True, "ccSameDay": True, "ccFuture": False, "ccInStore": True},
                "ccTip": True,
            },
        },
        "prepTimes": {
            "deliveryPrepTime": 50,
            "deliveryTimeAfterOpen": 0,
            "deliveryTimeBeforeClose": 30,
            "takeoutPrepTime": 20,
            "takeoutTimeAfterOpen": 0,
            "takeoutTimeBeforeClose": 15,
            "takeoutThrottlingTime": 0,
            "deliveryThrottlingTime": 0,
        },
    }


def availability(place: Publication) -> dict[str, Any]:
    """``GET /restaurant-availability/v1/availability``."""
    status = "ONLINE" if place.location.online else "OFFLINE"
    return {
        "restaurantGuid": place.location.guid,
        "status": status,
        "reasonKey": f"AVAILABILITY_{status}",
        "reason": f"The restaurant is {status.lower()}.",
    }


def ordering_schedule(place: Publication) -> dict[str, Any]:
    """``GET /ordermgmt-config/v1/published/orderingSchedule``."""
    open_days = [day for day in WEEK if day != "WEDNESDAY"]
    return {
        "servicePeriods": [
            {
                "diningOptionBehavior": behavior,
                "dayPeriods": [{"day": day, "timeRanges": [{"start": start, "end": "21:30"}]} for day in open_days],
            }
            for behavior, start in (("TAKE_OUT", "11:00"), ("DELIVERY", "12:00"))
        ],
        "overrides": [
            {
                "description": "New Year",
                "diningOptionBehavior": ["TAKE_OUT", "DELIVERY"],
                "businessDate": 20270101,
                "timeRanges": [],
            }
        ],
        "scheduledOrderMaxDays": 7,
        "lastOrderConfiguration": "UNTIL_PREPTIME_CUTOFF",
        "timeZoneId": place.location.timezone,
    }
