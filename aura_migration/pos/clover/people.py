"""Guests and staff of one Clover merchant as canonical rows, batch by batch, from the snapshot alone.

Clover has no loyalty and no gift cards in this API; what a restaurant knows of them comes as files of its own. PINs and
cards on file never reach the snapshot. What has no home is counted as a loss, without any value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.losses import MAPPED, TECHNICAL, count_losses, merged
from aura_migration.canonical.model import Batch, Loss
from aura_migration.core.clock import business_date, utc_text
from aura_migration.core.ids import path
from aura_migration.pos.clover.wire import Raw, document, is_deleted, nested
from aura_migration.pos.port import SourceLocation

BATCH_ROWS = 2_000
SYSTEM_ROLES = {"ADMIN": "Admin", "MANAGER": "Manager", "EMPLOYEE": "Employee"}
ENVELOPE = dict.fromkeys(("id", "href", "merchant", "orders", "modifiedTime", "createdTime", "deletedTime"), TECHNICAL)
CUSTOMER = {
    **ENVELOPE,
    **dict.fromkeys(("firstName", "lastName", "marketingAllowed", "customerSince"), MAPPED),
    "emailAddresses": TECHNICAL,
    "emailAddresses.elements[].emailAddress": MAPPED,
    "emailAddresses.elements[].primaryEmail": MAPPED,
    "emailAddresses.elements[].verifiedTime": "That an e-mail address was verified in Clover is not kept.",
    "phoneNumbers": TECHNICAL,
    "phoneNumbers.elements[].phoneNumber": MAPPED,
    "addresses": TECHNICAL,
    "addresses.elements[]": MAPPED,
    "metadata": TECHNICAL,
    "metadata.note": MAPPED,
    "metadata.businessName": MAPPED,
    "metadata.dobYear": MAPPED,
    "metadata.dobMonth": MAPPED,
    "metadata.dobDay": MAPPED,
    "metadata.modifiedTime": TECHNICAL,
}
EMPLOYEE = {
    **ENVELOPE,
    **dict.fromkeys(("name", "customId", "email", "role", "roles", "isOwner"), MAPPED),
    "nickname": "The nickname of an employee is not kept; the name is.",
    "inviteSent": TECHNICAL,
    "claimedTime": TECHNICAL,
    "shifts": TECHNICAL,
}
SHIFT = {
    **ENVELOPE,
    **dict.fromkeys(
        ("employee", "inTime", "outTime", "overrideInTime", "overrideOutTime", "cashTipsCollected"), MAPPED
    ),
    "serverBanking": MAPPED,
    "overrideInEmployee": "Who corrected a clock-in is not kept; the corrected time is.",
    "overrideOutEmployee": "Who corrected a clock-out is not kept; the corrected time is.",
}


def map_people(reader: SnapshotReader, location: SourceLocation) -> Iterator[Batch]:
    """Roles, staff and shifts, then guests; bounded batches, losses in the last one."""
    losses: list[Loss] = []
    staff = Batch()
    known = _roles(reader, location, staff)
    employees = _employees(reader, location, known, staff, losses)
    yield staff
    yield from _shifts(reader, location, employees, losses)
    yield from _customers(reader, location, losses)
    yield Batch(losses=merged(losses))


def _pages(reader: SnapshotReader, entity: str, window: str | None = None) -> Iterator[list[Raw]]:
    for body in reader.bodies(entity):
        if window is None or body.window == window:
            elements = document(reader.revealed(body)).get("elements")
            yield [raw for raw in elements or () if isinstance(raw, Mapping)]


def _instant(millis: Any) -> datetime | None:
    """A time of Clover (Unix milliseconds); None where it is none a calendar has."""
    if isinstance(millis, bool) or not isinstance(millis, int):
        return None
    try:
        return datetime.fromtimestamp(millis // 1000, UTC) + timedelta(milliseconds=millis % 1000)
    except (OverflowError, OSError, ValueError):
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


# -- staff --------------------------------------------------------------------------------------------------------------


def _roles(reader: SnapshotReader, location: SourceLocation, batch: Batch) -> dict[str, str]:
    """Roles by id and the name of each."""
    names: dict[str, str] = {}
    for page in _pages(reader, "roles"):
        for raw in page:
            ident, name = str(raw.get("id")), _text(raw.get("name"))
            if is_deleted(raw) or ident in names:
                continue
            key = path(location.source_id, ident)
            if name is None:
                batch.reject("roles", key, "the role has no name", f"roles#{ident}")
                continue
            names[ident] = name
            system = raw.get("systemRole")
            batch.add(
                "roles",
                key,
                raw,
                f"roles#{ident}",
                name=name,
                description=f"Clover's {SYSTEM_ROLES[system]}" if system in SYSTEM_ROLES else None,
                permissions=None,
                is_tip_eligible=None,
                default_rate_cents=None,
                needs_review=True,
                is_active=True,
            )
    return names


def _employees(
    reader: SnapshotReader, location: SourceLocation, roles: Mapping[str, str], batch: Batch, losses: list[Loss]
) -> set[str]:
    """Staff with jobs; answers the ids that have a row."""
    seen: set[str] = set()
    titles: set[str] = set()
    for page in _pages(reader, "employees"):
        losses += count_losses(page, "employees", EMPLOYEE, _ident)
        for raw in page:
            ident = str(raw.get("id"))
            if ident in seen:
                continue
            seen.add(ident)
            _employee(location, raw, ident, roles, titles, batch)
    return seen


def _employee(
    location: SourceLocation, raw: Raw, ident: str, roles: Mapping[str, str], titles: set[str], batch: Batch
) -> None:
    key, record = path(location.source_id, ident), f"employees#{ident}"
    name = _text(raw.get("name"))  # None: nameless in Clover (staging says so), or erased (staging leaves it out)
    jobs = [
        (path(location.source_id, str(r["id"])), roles[str(r["id"])])
        for r in nested(raw, "roles") or ()
        if str(r.get("id")) in roles
    ]
    system = raw.get("role")
    if not jobs and system in SYSTEM_ROLES:
        title = SYSTEM_ROLES[system]
        own = path(location.source_id, "title", title.casefold())
        if own not in titles:
            titles.add(own)
            batch.add("roles", own, None, record, name=title, needs_review=True, is_active=True)
        jobs = [(own, title)]
    left = _instant(raw.get("deletedTime"))
    is_active = left is None
    batch.add(
        "staff",
        key,
        raw,
        record,
        name=name,
        email=_text(raw.get("email")),
        employee_code=_text(raw.get("customId")),
        role_key=jobs[0][0] if jobs else None,
        status="active" if is_active else "terminated",
        is_owner=raw.get("isOwner") is True,
        end_date=left.date().isoformat() if left else None,
        needs_sign_in=True,
        is_active=is_active,
    )
    for number, (role, title) in enumerate(jobs):
        batch.add(
            "staff_jobs",
            f"{key}/job/{role.removeprefix(location.source_id + '/')}",
            None,
            record,
            staff_key=key,
            role_key=role,
            title=title,
            pay_type="unknown",
            hourly_rate_cents=None,
            is_primary=number == 0,
            is_active=is_active,
        )
    batch.add("staff_locations", key, None, record, staff_key=key, is_active=is_active)


def _shifts(
    reader: SnapshotReader, location: SourceLocation, employees: set[str], losses: list[Loss]
) -> Iterator[Batch]:
    batch = Batch()
    for page in _pages(reader, "shifts"):
        losses += count_losses(page, "shifts", SHIFT, _ident)
        for raw in page:
            if not is_deleted(raw):
                _shift(location, raw, employees, batch)
            if len(batch.rows) >= BATCH_ROWS:
                yield batch
                batch = Batch()
    yield batch


def _shift(location: SourceLocation, raw: Raw, employees: set[str], batch: Batch) -> None:
    """The effective times are the corrected ones where there are any."""
    ident = str(raw.get("id"))
    key, record = path(location.source_id, ident), f"shifts#{ident}"
    begin = _instant(raw.get("overrideInTime")) or _instant(raw.get("inTime"))
    end = _instant(raw.get("overrideOutTime")) or _instant(raw.get("outTime"))
    if begin is None:
        batch.reject("timecards", key, "the shift has no clock-in that could be read", record)
        return
    if end is not None and end < begin:
        batch.reject("timecards", key, "the shift ends before it begins", record)
        return
    worker = raw.get("employee")
    staff = str(worker.get("id")) if isinstance(worker, Mapping) and worker.get("id") else None
    details: dict[str, Any] = {}
    for name, field in (("clocked_in_at", "inTime"), ("clocked_out_at", "outTime")):
        original = _instant(raw.get(field))
        override = _instant(raw.get("override" + field[0].upper() + field[1:]))
        if original is not None and override is not None and override != original:
            details[name] = utc_text(original)
    if isinstance(raw.get("serverBanking"), bool):
        details["server_banking"] = raw["serverBanking"]
    if staff is not None and staff not in employees:
        details["former_employee"] = staff
    tips = raw.get("cashTipsCollected")
    batch.add(
        "timecards",
        key,
        raw,
        record,
        staff_key=path(location.source_id, staff) if staff in employees and staff else None,
        check_in=utc_text(begin),
        check_out=utc_text(end) if end is not None else None,
        business_date=business_date(begin, location.timezone, _closeout(location)).isoformat(),
        method="imported",
        status="checked_in" if end is None else "checked_out",
        declared_tips_cents=tips if isinstance(tips, int) and not isinstance(tips, bool) else None,
        details=details or None,
    )


def _closeout(location: SourceLocation) -> timedelta:
    hours, _, minutes = location.closeout.partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes or 0))


# -- guests -------------------------------------------------------------------------------------------------------------


def _customers(reader: SnapshotReader, location: SourceLocation, losses: list[Loss]) -> Iterator[Batch]:
    """Guests are read twice with other expands: what the second reading adds is small and kept at hand."""
    more = dict(_metadata(reader))
    full = _full_lists(reader)
    seen: set[str] = set()
    batch = Batch()
    for page in _pages(reader, "customers", "contacts"):
        whole = [{**raw, **more.get(str(raw["id"]), {}), **full.get(str(raw["id"]), {})} for raw in page]
        losses += count_losses(whole, "customers", CUSTOMER, _ident)
        for raw in whole:
            if is_deleted(raw) or str(raw["id"]) in seen:
                continue
            seen.add(str(raw["id"]))
            _customer(location, raw, batch)
        if len(batch.rows) >= BATCH_ROWS:
            yield batch
            batch = Batch()
    yield batch


def _metadata(reader: SnapshotReader) -> Iterator[tuple[str, dict[str, Any]]]:
    for body in reader.bodies("customers"):
        if body.window != "metadata":
            continue
        for raw in document(reader.revealed(body)).get("elements") or ():
            found = raw.get("metadata")
            if isinstance(found, Mapping):
                said = {
                    name: value for name, value in found.items() if value not in (None, "") and name != "modifiedTime"
                }
                if said:
                    yield str(raw["id"]), {"metadata": said}


def _full_lists(reader: SnapshotReader) -> dict[str, dict[str, Any]]:
    """Lists inside guests that Clover had cut, as their own endpoints gave them: by guest, in the guest's own form."""
    found: dict[str, dict[str, Any]] = {}
    for body in reader.bodies("customers"):
        owner, dot, name = body.window.partition(".")
        if dot:
            entries = document(reader.revealed(body)).get("elements") or []
            found.setdefault(owner, {}).setdefault(name, {"elements": []})["elements"].extend(entries)
    return found


def _customer(location: SourceLocation, raw: Raw, batch: Batch) -> None:
    ident = str(raw["id"])
    key, record = path(location.source_id, ident), f"customers#{ident}"
    emails = [e for e in nested(raw, "emailAddresses") or () if _text(e.get("emailAddress"))]
    emails.sort(key=lambda e: e.get("primaryEmail") is not True)
    phones = [str(p["phoneNumber"]) for p in nested(raw, "phoneNumbers") or () if _text(p.get("phoneNumber"))]
    metadata = raw.get("metadata") if isinstance(raw.get("metadata"), Mapping) else {}
    assert isinstance(metadata, Mapping)
    born, birthday = _birth(metadata)
    others: dict[str, Any] = {}
    if len(emails) > 1:
        others["other_emails"] = [e["emailAddress"] for e in emails[1:]]
    if len(phones) > 1:
        others["other_phones"] = phones[1:]
    since = _instant(raw.get("customerSince"))
    batch.add(
        "customers",
        key,
        raw,
        record,
        first_name=_text(raw.get("firstName")),
        last_name=_text(raw.get("lastName")),
        company_name=_text(metadata.get("businessName")),
        email=str(emails[0]["emailAddress"]) if emails else None,
        phone=phones[0] if phones else None,
        date_of_birth=born,
        birthday=birthday,
        status="active",
        marketing_opt_in=False,
        loyalty_points=0,
        lifetime_points=0,
        acquisition_date=utc_text(since) if since is not None else None,
        notes=_text(metadata.get("note")),
        custom_fields=others or None,
        external_id=ident,
    )
    _addresses(key, record, nested(raw, "addresses") or (), batch)
    allowed = raw.get("marketingAllowed")
    if isinstance(allowed, bool):
        batch.add(
            "customer_consents",
            f"{key}/marketing_email",
            None,
            record,
            customer_key=key,
            purpose="marketing_email",
            status="granted" if allowed else "denied",
            source="pos_flag",
            evidence={"field": "marketingAllowed", "value": allowed},
            captured_at=None,
        )


def _birth(metadata: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """``(YYYY-MM-DD or None, MM-DD or None)``; a day the calendar does not have is none."""
    year, month, day = (metadata.get(f"dob{part}") for part in ("Year", "Month", "Day"))
    if not isinstance(month, int) or not isinstance(day, int):
        return None, None
    try:
        birthday = date(2000, month, day)
    except ValueError:
        return None, None
    born = None
    if isinstance(year, int) and 1900 <= year <= 2100:
        try:
            born = date(year, month, day).isoformat()
        except ValueError:
            born = None
    return born, birthday.strftime("%m-%d")


def _addresses(key: str, record: str, entries: Iterable[Raw], batch: Batch) -> None:
    for number, raw in enumerate(entries, start=1):
        lines = [line for line in (_text(raw.get("address2")), _text(raw.get("address3"))) if line]
        if not any(_text(raw.get(name)) for name in ("address1", "city", "zip")) and not lines:
            continue
        batch.add(
            "customer_addresses",
            f"{key}/address/{raw.get('id') or number}",
            raw,
            record,
            customer_key=key,
            address_line1=_text(raw.get("address1")),
            address_line2=", ".join(lines) or None,
            city=_text(raw.get("city")),
            state=_text(raw.get("state")),
            postal_code=_text(raw.get("zip")),
            country=_text(raw.get("country")),
            is_default=number == 1,
        )


def _ident(raw: Raw) -> str:
    return str(raw.get("id"))
