"""Clover's second opinion about people: customers, employees with their roles, shifts.

Written from Clover's documentation alone (sections 5 and 8) and nothing of this folder's mapping and wire structs. Answers
are read one at a time and recognised by the path they were asked under. Clover knows no balances, wages and breaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from aura_migration.archive.redaction import ENCRYPTED
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.ids import path
from aura_migration.pos.people_facts import Answer, CustomerFact, PeopleFact, StaffFact, TimecardFact, WageFact

Row = Mapping[str, Any]
ANSWERS: dict[Any, Answer] = {True: "granted", False: "denied"}


def people_facts(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterator[PeopleFact]:
    """The people of one merchant. Clover's amounts are minor units already, whatever the ``currency``."""
    yield from _customers(reader, location_source_id)
    yield from _employees(reader, location_source_id)
    yield from _shifts(reader, location_source_id)


def _rows(
    reader: SnapshotReader, merchant: str, name: str, is_revealed: bool = False, expanded: str = ""
) -> Iterator[Row]:
    """The rows of a list and single rows of it, whatever the extraction calls its lists; repeats among them.

    ``expanded``: only answers that were asked for with this expand, where a list was read several times.
    """
    root = f"/v3/merchants/{merchant}/{name}"
    for entity in reader.entities():
        for body in reader.bodies(entity):
            asked = body.path.rstrip("/")
            if asked != root and not (asked.startswith(f"{root}/") and asked.count("/") == root.count("/") + 1):
                continue
            if expanded not in str((body.params or {}).get("expand") or expanded):
                continue
            is_sealed = is_revealed and ENCRYPTED.encode() in body.data
            answer = msgspec.json.decode(reader.revealed(body) if is_sealed else body.data)
            if isinstance(answer, dict):
                yield from _elements(answer) if "elements" in answer or "id" not in answer else [answer]


def _last(
    reader: SnapshotReader, merchant: str, name: str, is_revealed: bool = False, expanded: str = ""
) -> Iterator[Row]:
    """Each row once, as it was answered last: it is looked up first how often it comes, then read."""
    times: dict[str, int] = {}
    for row in _rows(reader, merchant, name, expanded=expanded):
        times[row["id"]] = times.get(row["id"], 0) + 1
    for row in _rows(reader, merchant, name, is_revealed, expanded):
        times[row["id"]] -= 1
        if not times[row["id"]]:
            yield row


def _elements(nested: Any) -> list[Row]:
    return [one for one in (nested or {}).get("elements") or () if isinstance(one, dict)]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


# Guests


def _customers(reader: SnapshotReader, merchant: str) -> Iterator[CustomerFact]:
    for row in _last(reader, merchant, "customers", is_revealed=True, expanded="emailAddresses"):
        if row.get("deletedTime"):
            continue
        mails = _elements(row.get("emailAddresses"))
        phones = _elements(row.get("phoneNumbers"))
        mail = next((one for one in mails if one.get("primaryEmail") is True), mails[0] if mails else {})
        yield CustomerFact(
            path(merchant, row["id"]),
            _text(row.get("firstName")),
            _text(row.get("lastName")),
            _text(mail.get("emailAddress")),
            _text(phones[0].get("phoneNumber")) if phones else None,
            ANSWERS.get(row.get("marketingAllowed"), "unknown"),
        )


# Staff


def _employees(reader: SnapshotReader, merchant: str) -> Iterator[StaffFact | WageFact]:
    names = {row["id"]: _text(row.get("name")) for row in _rows(reader, merchant, "roles")}
    for row in _last(reader, merchant, "employees", is_revealed=True):
        key = path(merchant, row["id"])
        yield StaffFact(key, _text(row.get("name")) or "", not row.get("deletedTime"))
        for role in _elements(row.get("roles")):
            title = _text(role.get("name")) or names.get(role.get("id") or "")
            if title:
                yield WageFact(key, title, None)


def _shifts(reader: SnapshotReader, merchant: str) -> Iterator[TimecardFact]:
    """The time that counts is the manager's, else the clock's."""
    for row in _last(reader, merchant, "shifts"):
        start = _either(row, "overrideInTime", "inTime")
        if row.get("deletedTime") or start is None:
            continue
        who = _text((row.get("employee") or {}).get("id"))
        tips = row.get("cashTipsCollected")
        yield TimecardFact(
            path(merchant, row["id"]),
            path(merchant, who) if who else None,
            start,
            _either(row, "overrideOutTime", "outTime"),
            None if tips is None else int(tips),
            0,
        )


def _either(row: Row, override: str, clock: str) -> int | None:
    for name in (override, clock):
        if row.get(name) is not None:
            return int(row[name])
    return None
