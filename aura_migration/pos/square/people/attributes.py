"""Reading the seller's own fields of customers: Square shows them one profile at a time.

Who has any is asked by search, field by field, so that only those profiles are read. The answers of up to a hundred
profiles are kept as one body, each list as it was sent beside the profile it belongs to: the answers themselves do not
say whose they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import NotFound, Rejected
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.people import lists
from aura_migration.pos.square.people.walk import confirmed, read_window, recount
from aura_migration.pos.square.recording import certify, complete, record, restart
from aura_migration.pos.together import together

SWITCH = "square_customer_attributes"
"""Account switch: how many profiles may be read one by one for their custom attributes."""
AT_MOST = 5_000
BUNDLE = 100
DEFINITIONS, VALUES = "definitions", "values"


async def read_attributes(session: SquareCalls, recorder: Recorder, switches: Mapping[str, Any]) -> None:
    """Definitions, then the values of every profile that has any, unless that would take too many requests."""
    listing = lists.ATTRIBUTE_DEFINITIONS
    defined = await read_window(session, recorder, listing, DEFINITIONS)
    judgement = await confirmed(session, recorder, listing, defined)
    if not defined.ids:
        await certify(recorder, judgement)
        return
    limit = int(switches.get(SWITCH, AT_MOST))
    owners, how = await _owners(session, sorted(defined.ids))
    if len(owners) > limit:
        reason = (
            f"{len(owners):,} profiles {how} custom attributes, and Square shows them one profile at a time; more than "
            f"{limit:,} are not read. Raise the account switch {SWITCH} to read them."
        )
        await certify(recorder, Certificate(listing.entity, "not_extracted", reason=reason))
        return
    pages, rows = await _values(session, recorder, sorted(owners))
    await certify(
        recorder,
        Certificate(
            listing.entity,
            judgement.status,
            judgement.pages + pages,
            judgement.rows + rows,
            judgement.distinct + rows,
            reason=judgement.reason,
            suspicious_caps=judgement.suspicious_caps,
        ),
    )


async def _owners(session: SquareCalls, keys: list[str]) -> tuple[set[str], str]:
    """Profiles that have a value for any of these fields; everybody where Square does not search by them."""
    base = lists.CUSTOMERS.request()

    def asked(key: str) -> dict[str, Any]:
        one = {"key": key, "updated_at": {"start_at": "2000-01-01T00:00:00Z"}}
        return {**base, "query": {**base["query"], "filter": {"custom_attribute": {"filters": [one]}}}}

    try:
        found = await together([recount(session, lists.CUSTOMERS, asked(key)) for key in keys])
    except Rejected:
        return await recount(session, lists.CUSTOMERS, base), "may have"
    return set().union(*found), "have"


async def _values(session: SquareCalls, recorder: Recorder, owners: list[str]) -> tuple[int, int]:
    """Read and keep the attributes of these profiles; how many bodies and how many values they are."""
    await restart(recorder, lists.ATTRIBUTE_DEFINITIONS.entity, VALUES)
    pages = rows = 0
    for start in range(0, len(owners), BUNDLE):
        answers = await together([_attributes(session, owner) for owner in owners[start : start + BUNDLE]])
        parts = []
        response: PosResponse | None = None
        values = 0
        for owner, (answered, listed) in zip(owners[start : start + BUNDLE], answers, strict=True):
            response = answered or response
            for raw in listed:
                values += len(msgspec.json.decode(raw, type=list[msgspec.Raw]))
                parts.append(
                    b'{"customer_id":' + msgspec.json.encode(owner) + b',"custom_attributes":' + bytes(raw) + b"}"
                )
        if response is None:
            continue
        pages, rows = pages + 1, rows + values
        body = b'{"customers":[' + b",".join(parts) + b"]}"
        sent = {"customer_ids": owners[start : start + BUNDLE]}
        await record(session, recorder, lists.ATTRIBUTE_DEFINITIONS.entity, response, sent, values, pages, VALUES, body)
    await complete(recorder, lists.ATTRIBUTE_DEFINITIONS.entity, VALUES)
    return pages, rows


async def _attributes(session: SquareCalls, customer: str) -> tuple[PosResponse | None, list[msgspec.Raw]]:
    """The lists of one profile's attributes as sent, page by page; none for a profile deleted meanwhile."""
    path = f"/v2/customers/{quote(customer, safe='')}/custom-attributes"
    listed: list[msgspec.Raw] = []
    cursor: str | None = None
    response: PosResponse | None = None
    while True:
        try:
            response = await session.get(path, {"limit": "100"}, cursor)
        except NotFound:
            return response, listed
        parts = session.decoded(response, dict[str, msgspec.Raw])
        if "custom_attributes" in parts:
            listed.append(parts["custom_attributes"])
        else:
            session.empty_or_changed(response, ("cursor", "errors"))
        following = msgspec.json.decode(parts["cursor"]) if "cursor" in parts else None
        if not following or following == cursor:
            return response, listed
        cursor = str(following)
