"""The partners API of the sandbox Toast: which restaurants are connected to a partner client.

Belongs here: the connection records and their paging by a token in the body. Does not belong here: anything that needs
the restaurant header.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from aura_migration.sandbox.core.faults import fault_of
from aura_migration.sandbox.toast.config_wire import parse_toast_time
from aura_migration.sandbox.toast.gate import ToastError
from aura_migration.sandbox.toast.world import Publication, World

DEFAULT_PAGE, LARGEST_PAGE = 100, 200


def connection_record(place: Publication) -> dict[str, Any]:
    """One connected restaurant as the partners API tells it."""
    location = place.location

    def milliseconds(moment: datetime) -> int:
        return int(moment.timestamp() * 1000)

    def iso(moment: datetime) -> str:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    return {
        "restaurantGuid": location.guid,
        "managementGroupGuid": location.group_guid,
        "deleted": False,
        "restaurantName": location.restaurant_name,
        "locationName": location.location_name,
        "createdByEmailAddress": location.created_by,
        "externalGroupRef": None,
        "externalRestaurantRef": location.code,
        "modifiedDate": milliseconds(location.modified),
        "createdDate": milliseconds(location.created),
        "isoModifiedDate": iso(location.modified),
        "isoCreatedDate": iso(location.created),
    }


def connected(world: World, request: Request) -> list[dict[str, Any]]:
    """The connected restaurants, after the ``lastModified`` filter."""
    records = [connection_record(place) for place in world.open_places()]
    since = request.query_params.get("lastModified")
    if since is None:
        return records
    try:
        moment = parse_toast_time(since).timestamp() * 1000
    except ValueError as error:
        raise ToastError(400, f"lastModified: {error}") from None
    return [record for record in records if record["modifiedDate"] >= moment]


def connected_page(records: list[dict[str, Any]], request: Request, refused: int) -> tuple[dict[str, Any], str]:
    """One page of ``/connectedRestaurants`` and its ``Link`` header; ``refused`` is the status for a stale token."""
    query = request.query_params
    size = _whole(query, "pageSize", DEFAULT_PAGE, LARGEST_PAGE)
    number = _whole(query, "page", 1, 1_000_000)
    token = query.get("pageToken")
    if token is not None:
        if fault_of(request, "stale_cursor") is not None:
            raise ToastError(refused, "pageToken is no longer valid")
        number, size = _decode(token)
    lie = fault_of(request, "lying_cap") or {}
    if lie.get("mode") == "ignore_cursor":
        number = 1
    pages = max(1, -(-len(records) // size))
    results = records[(number - 1) * size : number * size]
    more = number < pages
    if lie.get("mode") == "cut":
        results, more = results[: int(lie.get("cap", size))], False
    base = str(request.url).partition("?")[0]

    def link(page: int, rel: str) -> str:
        return f'<{base}?{urlencode({"pageSize": size, "pageToken": _encode(page, size)})}>; rel="{rel}"'

    links = [link(1, "first"), link(number, "self")]
    links += [link(number - 1, "prev")] if number > 1 else []
    links += [link(number + 1, "next")] if more else []
    body = {
        "currentPageNum": number,
        "results": results,
        "totalResultCount": len(records),
        "totalCount": len(records),
        "pageSize": size,
        "currentPageToken": _encode(number, size),
        "nextPageToken": _encode(number + 1, size) if more else None,
        "nextPageNum": number + 1 if more else None,
        "lastPageNum": pages,
        "previousPageNum": number - 1 if number > 1 else None,
    }
    return body, ", ".join(links)


def _encode(page: int, size: int) -> str:
    return base64.b64encode(f"p:{page},s:{size}".encode()).decode()


def _decode(token: str) -> tuple[int, int]:
    try:
        found = re.fullmatch(r"p:(\d{1,7}),s:(\d{1,3})", base64.b64decode(token, validate=True).decode())
    except ValueError:
        found = None
    if found is None or not 1 <= int(found[2]) <= LARGEST_PAGE or int(found[1]) < 1:
        raise ToastError(400, "pageToken is not valid")
    return int(found[1]), int(found[2])


def _whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise ToastError(400, f"{name} must be a number from 1 to {most}")
    return int(text)
