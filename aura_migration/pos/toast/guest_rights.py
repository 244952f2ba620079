"""Whether the orders show what they know of guests. Toast leaves fields out of orders where a right is missing.

Nothing is fetched for this: the token's scopes say it, and the recorded orders show it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aura_migration.archive.snapshot import Certificate, Recorder
from aura_migration.pos.toast.calls import ToastCalls

GUEST, ADDRESS = "guest.pi:read", "delivery_info.address:read"
GUESTS, ADDRESSES = "guests", "delivery_addresses"


class _Check(msgspec.Struct):
    customer: Any = msgspec.UNSET


class _Order(msgspec.Struct):
    checks: list[_Check] = []


ORDERS = msgspec.json.Decoder(list[_Order])


async def certify_guests(session: ToastCalls, recorder: Recorder, location: str) -> None:
    """Complete where the orders name their guests."""
    scopes = await session.scopes()
    if scopes is not None and GUEST not in scopes:
        _refuse(recorder, GUESTS, f"The token's scopes do not include {GUEST}: Toast leaves guests out of the orders.")
    elif not _orders_are_there(recorder):
        _refuse(recorder, GUESTS, "Guests are only known by orders, and the orders were not read.")
    elif _are_left_out(recorder):
        _refuse(recorder, GUESTS, f"No order has a field for its guest, as if the right {GUEST} is missing.")
    else:
        recorder.certify(Certificate(GUESTS, "complete"))


async def certify_addresses(session: ToastCalls, recorder: Recorder, location: str) -> None:
    """Complete where the orders say where they were delivered; only the scopes tell."""
    scopes = await session.scopes()
    if scopes is not None and ADDRESS not in scopes:
        reason = f"The token's scopes do not include {ADDRESS}: Toast leaves addresses out of the orders."
        _refuse(recorder, ADDRESSES, reason)
    elif not _orders_are_there(recorder):
        _refuse(recorder, ADDRESSES, "Addresses are only known by orders, and the orders were not read.")
    else:
        recorder.certify(Certificate(ADDRESSES, "complete"))


def _refuse(recorder: Recorder, entity: str, reason: str) -> None:
    recorder.certify(Certificate(entity, "not_extracted", reason=reason))


def _orders_are_there(recorder: Recorder) -> bool:
    held = recorder.certificate("orders")
    return held is not None and held.status != "not_extracted"


def _are_left_out(recorder: Recorder) -> bool:
    """Whether orders were read and the first page with a check names no guest, not even as null."""
    for body in recorder.bodies("orders"):
        checks = [check for order in ORDERS.decode(body.data) for check in order.checks]
        if checks:
            return all(check.customer is msgspec.UNSET for check in checks)
    return False
