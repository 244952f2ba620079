"""Putting recorded bodies together: one order out of its readings, and what may not be stored cut out of it.

Works on undecoded members: what is kept is kept byte for byte. Cards are kept by a list of what may be known of them; free
texts of guests and staff are left out here already, as reading a large page for them later takes longer than fetching it.
The connector declares the same fields as secret once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

Members = dict[str, msgspec.Raw]
"""An object's members, each as it was sent."""

ORDER_TEXTS = ("note", "orderFulfillmentEvent", "printGroups", "preAuths", "authorizations", "voids")
LINE_TEXTS = ("note", "userData", "binName")
PAYMENT_TEXTS = ("note", "attributes", "voidReasonDetails", "transactionInfo", "germanInfo", "dccInfo", "signature")
CARD = ("cardType", "entryType", "last4", "type", "state", "captured", "currency")
"""All that is kept of a card."""
VOIDED = ("lineItemUuid", "name", "price", "quantity", "reason", "isRevenue", "deletedTime", "approvedByUuid")
"""What an order keeps of a line that was taken off it, and the id of who did it."""
EMBEDDED = ("id", "createdTime", "lineItems", "payments")
"""What a refund keeps of its order."""
AROUND_MEMBERS = ("discounts", "serviceCharge", "customers")
MONEY_MEMBERS = ("payments", "refunds", "credits")
NUMBER = re.compile(rb'"#?[0-9]{1,6}[A-Za-z]?"')
"""A title that numbers a table or an order; any other may be somebody's name."""

_MEMBERS = msgspec.json.Decoder(Members)
_TEXT = msgspec.json.Decoder(str)
_ENCODER = msgspec.json.Encoder()


class Listed(msgspec.Struct):
    """A list as answered, its records' members undecoded."""

    elements: list[Members]
    href: str | None = None


class _Nested(msgspec.Struct):
    elements: list[Members] | None = None


class _Rows(msgspec.Struct):
    elements: list[msgspec.Raw] | None = None


_NESTED = msgspec.json.Decoder(_Nested)
_ROWS = msgspec.json.Decoder(_Rows)
LISTED = msgspec.json.Decoder(Listed)


def ident(members: Mapping[str, msgspec.Raw], name: str = "id") -> str:
    """The id of a record; empty where it has none."""
    raw = members.get(name)
    try:
        return _TEXT.decode(raw) if raw is not None else ""
    except msgspec.MsgspecError:
        return ""


def pointed(members: Mapping[str, msgspec.Raw], name: str) -> str:
    """The id of the record that a pointer of this name names; empty where there is none."""
    raw = members.get(name)
    if raw is None:
        return ""
    try:
        return ident(_MEMBERS.decode(raw))
    except msgspec.MsgspecError:
        return ""


def number(members: Mapping[str, msgspec.Raw], name: str) -> int | None:
    """An integer member."""
    raw = members.get(name)
    try:
        found = msgspec.json.decode(raw) if raw is not None else None
    except msgspec.MsgspecError:
        return None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def truth(members: Mapping[str, msgspec.Raw], name: str) -> bool:
    """Whether a member is true."""
    raw = members.get(name)
    return raw is not None and bytes(raw) == b"true"


def nested(members: Mapping[str, msgspec.Raw], name: str) -> list[Members]:
    """The records of a list inside a record; none where it was not expanded."""
    raw = members.get(name)
    if raw is None:
        return []
    try:
        return _NESTED.decode(raw).elements or []
    except msgspec.MsgspecError:
        return []


def nested_count(members: Mapping[str, msgspec.Raw], name: str) -> int:
    """How many records a list inside a record shows."""
    raw = members.get(name)
    try:
        return len(_ROWS.decode(raw).elements or ()) if raw is not None else 0
    except msgspec.MsgspecError:
        return 0


def wrapped(rows: Sequence[Any]) -> msgspec.Raw:
    """Records as a list inside a record."""
    return msgspec.Raw(_ENCODER.encode({"elements": rows}))


def body(rows: Iterable[Members], href: str | None = None) -> bytes:
    """Records as a body of a list."""
    found: dict[str, Any] = {"elements": list(rows)}
    if href is not None:
        found["href"] = href
    return _ENCODER.encode(found)


def order(lines: Members, around: Members | None, paid: Members | None) -> Members:
    """One order out of its three readings, without what may not be stored. ``lines`` is changed."""
    for other, names in ((around, AROUND_MEMBERS), (paid, MONEY_MEMBERS)):
        for name in names:
            found = other.get(name) if other is not None else None
            if found is not None:
                lines[name] = found
            elif name != "serviceCharge":
                lines.pop(name, None)  # a mere pointer, as it was not expanded
    for name in ORDER_TEXTS:
        lines.pop(name, None)
    title = lines.get("title")
    if title is not None and not NUMBER.fullmatch(bytes(title)):
        del lines["title"]
    if "onlineOrder" in lines:
        lines["onlineOrder"] = msgspec.Raw(b"{}" if bytes(lines["onlineOrder"]) != b"null" else b"null")
    if "lineItems" in lines:
        lines["lineItems"] = _without(nested(lines, "lineItems"), LINE_TEXTS)
    _only_id(lines, "employee")
    if "customers" in lines:
        lines["customers"] = wrapped([{"id": one} for one in map(ident, nested(lines, "customers")) if one])
    for name in MONEY_MEMBERS:
        if name in lines:
            lines[name] = wrapped([money(one) for one in nested(lines, name)])
    return lines


def lines(members: Members) -> msgspec.Raw:
    """The line items of an order without the texts of guests and staff."""
    return _without(nested(members, "lineItems"), LINE_TEXTS)


def money(members: Members) -> Members:
    """A payment, refund or credit without what may not be stored. ``members`` is changed."""
    for name in PAYMENT_TEXTS:
        members.pop(name, None)
    if "cardTransaction" in members:
        shown = _MEMBERS.decode(members["cardTransaction"])
        members["cardTransaction"] = _raw({name: shown[name] for name in CARD if name in shown})
    _only_id(members, "employee")
    if "customers" in members:
        members["customers"] = wrapped([{"id": one} for one in map(ident, nested(members, "customers")) if one])
    inner = members.get("payment")
    if inner is not None and bytes(inner)[:1] == b"{":
        members["payment"] = _raw(money(_MEMBERS.decode(inner)))
    return members


def voided(members: Members) -> Members:
    """What an order keeps of a line that was taken off it."""
    kept = {name: members[name] for name in VOIDED if name in members}
    who = pointed(members, "removedBy")
    if who:
        kept["removedBy"] = _raw({"id": who})
    return kept


def embedded(members: Members) -> Members:
    """What a refund keeps of its order."""
    kept = {name: members[name] for name in EMBEDDED if name in members}
    if "lineItems" in kept:
        kept["lineItems"] = _without(nested(kept, "lineItems"), LINE_TEXTS)
    if "payments" in kept:
        kept["payments"] = wrapped([money(one) for one in nested(kept, "payments")])
    return kept


def _only_id(members: Members, name: str) -> None:
    """A pointer with nothing but its id, also where Clover shows more of the record."""
    raw = members.get(name)
    if raw is not None and b"," in bytes(raw):
        members[name] = _raw({"id": pointed(members, name)})


def _without(rows: list[Members], names: Sequence[str]) -> msgspec.Raw:
    for row in rows:
        for name in names:
            row.pop(name, None)
    return wrapped(rows)


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_ENCODER.encode(value))
