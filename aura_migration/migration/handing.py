"""Handing a file over: whose it is, when it was exported, and the report of what was read. Reading it is ``intake``'s."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.core.errors import BadInput
from aura_migration.database.connections import Connection
from aura_migration.intake import Kind, Place, check_file, list_files, load_mapping, record_file, withdraw
from aura_migration.intake.contacts import DEFAULT_REGION
from aura_migration.migration.integrations import choose_locations, get_integration, list_locations
from aura_migration.migration.workshop import Workshop


def hand_over(
    workshop: Workshop,
    integration_id: int,
    kind: Kind,
    file: Path,
    *,
    mapping_file: Path | None = None,
    location_key: str | None = None,
    as_of: str | None = None,
    by: str = "",
    only_check: bool = False,
) -> dict[str, Any]:
    """Read an export and record it, unless ``only_check``; returns the report. ``BadInput`` when it is refused.

    ``as_of`` is ISO 8601; without an offset it is local time of the restaurant. What changes nothing (the same file
    again) says so in ``is_known``.
    """
    mapping = load_mapping(mapping_file, kind)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"The file {file} cannot be read: {error.strerror}.", "Check the path.") from error
    with workshop.connect() as connection:
        place = find_place(connection, integration_id, kind, location_key, mapping.currency)
        taken = _instant(as_of, place.zone) if as_of else None
        checked = check_file(data, kind, mapping, place)
        report = {
            "integration_id": integration_id,
            "location": place.location_key,
            "stored": False,
            **checked.as_dict(),
        }
        if only_check:
            return report
        integration = get_integration(connection, integration_id)
        handed = record_file(
            connection,
            workshop.store,
            workshop.persons,
            workshop.seals(integration.restaurant_id),
            place,
            checked,
            mapping,
            file_name=file.name,
            as_of=taken,
            now=workshop.now(),
            by=by,
        )
    return {**report, "stored": True, "is_known": handed.is_known, "file": handed.file.as_dict()}


def find_place(
    connection: Connection, integration_id: int, kind: Kind, location_key: str | None, currency: str | None = None
) -> Place:
    """Whose file it is: the merchant's unless a location is named. Payroll of the only location is that location's."""
    integration = get_integration(connection, integration_id)
    locations = choose_locations(connection, integration_id, (location_key,) if location_key else ())
    if kind == "payroll" and len(locations) == 1:
        location_key = locations[0].key
    currencies = {location.source.currency for location in locations}
    if currency is None and len(currencies) != 1:
        raise BadInput(
            f"The locations have different currencies ({', '.join(sorted(currencies))}).",
            'Name the location, or the currency in a mapping file: "currency": "USD".',
        )
    source = locations[0].source
    return Place(
        integration_id=integration_id,
        pos=integration.pos,
        location_key=location_key,
        currency=currency or source.currency,
        zone=source.timezone,
        region=source.address.get("country") or DEFAULT_REGION,
        sites={site.source.source_id: site.name for site in list_locations(connection, integration_id)},
    )


def handed_files(workshop: Workshop, integration_id: int, withdrawn: int | None = None) -> list[dict[str, Any]]:
    """The files of an integration, newest first; ``withdrawn`` takes that one back before."""
    with workshop.connect() as connection:
        get_integration(connection, integration_id)
        if withdrawn is not None:
            withdraw(connection, integration_id, withdrawn)
        return [file.as_dict() for file in list_files(connection, integration_id)]


def _instant(text: str, zone: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{text!r} is not a time.", "Write it like 2026-03-01T22:00 or 2026-03-01T22:00-05:00."
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(zone))
