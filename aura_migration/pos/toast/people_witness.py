"""Toast's second opinion about people: guests as checks tell of them, employees with their jobs, time worked.

Written from Toast's documentation (orders, labor) and nothing of this folder's mapping and wire structs. Answers are read
one at a time and recognised by the path they were asked under. Toast states no consent and lists no balances.

A guest is the guid of a check's customer; without a guid the e-mail address in lower case, else the phone number. Of one
guest the check that was changed last counts. Amounts are units of the currency and travel as exact decimals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.redaction import ENCRYPTED
from aura_migration.archive.snapshot import SnapshotReader, StoredBody
from aura_migration.core.ids import path
from aura_migration.core.money import minor_units
from aura_migration.pos.people_facts import CustomerFact, PeopleFact, StaffFact, TimecardFact, WageFact, contact_key

Thing = Mapping[str, Any]
CONTACTS = ("firstName", "lastName", "email", "phone")
DECODER = msgspec.json.Decoder(float_hook=Decimal)


def people_facts(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterator[PeopleFact]:
    """The guests and the staff of one restaurant, and the time worked there."""
    yield from _guests(reader)
    yield from _staff(reader, location_source_id, currency)
    yield from _time(reader, location_source_id, currency)


def _answers(reader: SnapshotReader, place: str, is_revealed: bool = False) -> Iterator[Thing]:
    """The things of every answer under a path, a list's one by one; repeats among them."""
    for body in _bodies(reader, place):
        is_sealed = is_revealed and ENCRYPTED.encode() in body.data
        answer = DECODER.decode(reader.revealed(body) if is_sealed else body.data)
        yield from (one for one in (answer if isinstance(answer, list) else [answer]) if isinstance(one, dict))


def _bodies(reader: SnapshotReader, place: str) -> Iterator[StoredBody]:
    for entity in reader.entities():
        yield from (body for body in reader.bodies(entity) if body.path.startswith(place))


def _newest(reader: SnapshotReader, place: str, is_revealed: bool = False) -> Iterator[Thing]:
    """Each thing once, as it was changed last."""
    newest: dict[str, str] = {}
    for one in _answers(reader, place):
        newest[one["guid"]] = max(newest.get(one["guid"], ""), _changed(one))
    for one in _answers(reader, place, is_revealed):
        if newest.get(one["guid"]) == _changed(one):
            del newest[one["guid"]]
            yield one


def _changed(one: Thing) -> str:
    return str(one.get("modifiedDate") or one.get("createdDate") or "")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _ms(text: str) -> int:
    """``yyyy-MM-ddTHH:mm:ss.SSS+0000`` or ``…Z`` as Unix milliseconds."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def _cents(amount: Any, currency: str) -> int | None:
    return None if amount is None else minor_units(amount, currency)


# Guests


def _guests(reader: SnapshotReader) -> Iterator[CustomerFact]:
    """Two passes, so that only a mark per guest is kept: which telling is the last, then what it says."""
    last: dict[bytes, tuple[str, int]] = {}
    for number, (check, customer) in enumerate(_tellings(reader)):
        key = _guest(customer)
        if key is not None:
            last[_mark(key)] = max(last.get(_mark(key), ("", -1)), (_changed(check), number))
    for number, (check, customer) in enumerate(_tellings(reader)):
        key = _guest(customer)
        if key is None or last[_mark(key)] != (_changed(check), number):
            continue
        first, surname, email, phone = (_text(customer.get(name)) for name in CONTACTS)
        yield CustomerFact(key, first, surname, email, phone, calling_code=_text(customer.get("phoneCountryCode")))


def _tellings(reader: SnapshotReader) -> Iterator[tuple[Thing, Thing]]:
    """Every check with a guest of whom something is known."""
    for order in _answers(reader, "/orders/v2/orders", is_revealed=True):
        if order.get("deleted"):
            continue
        for check in order.get("checks") or ():
            customer = check.get("customer")
            if customer and not check.get("deleted") and any(_text(customer.get(name)) for name in CONTACTS):
                yield check, customer


def _guest(customer: Thing) -> str | None:
    if guid := _text(customer.get("guid")):
        return guid
    if email := _text(customer.get("email")):
        return contact_key(email.strip().lower())
    phone = _text(customer.get("phone"))
    return contact_key(phone) if phone else None


def _mark(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=12).digest()


# Staff


def _staff(reader: SnapshotReader, restaurant: str, currency: str) -> Iterator[StaffFact | WageFact]:
    jobs = {job["guid"]: job for job in _newest(reader, "/labor/v1/jobs")}
    for one in _newest(reader, "/labor/v1/employees", is_revealed=True):
        key = path(restaurant, one["guid"])
        first = _text(one.get("chosenName")) or _text(one.get("firstName"))
        name = " ".join(filter(None, (first, _text(one.get("lastName")))))
        yield StaffFact(key, name, not one.get("deleted") and not one.get("disabled"))
        own = {held["jobReference"]["guid"]: held.get("wage") for held in one.get("wageOverrides") or ()}
        for reference in one.get("jobReferences") or ():
            job = jobs.get(reference["guid"])
            if job is not None:
                wage = own.get(reference["guid"], job.get("defaultWage"))
                is_hourly = job.get("wageFrequency") == "HOURLY"
                yield WageFact(key, _text(job.get("title")) or "", _cents(wage, currency) if is_hourly else None)


def _time(reader: SnapshotReader, restaurant: str, currency: str) -> Iterator[TimecardFact]:
    for entry in _newest(reader, "/labor/v1/timeEntries"):
        if entry.get("deleted"):
            continue
        unpaid = sum(
            _ms(rest["outDate"]) - _ms(rest["inDate"])
            for rest in entry.get("breaks") or ()
            if not rest.get("paid") and not rest.get("missed") and rest.get("inDate") and rest.get("outDate")
        )
        who = _text((entry.get("employeeReference") or {}).get("guid"))
        yield TimecardFact(
            path(restaurant, entry["guid"]),
            path(restaurant, who) if who else None,
            _ms(entry["inDate"]),
            _ms(entry["outDate"]) if entry.get("outDate") else None,
            _cents(entry.get("declaredCashTips"), currency),
            unpaid // 60_000,
        )
