"""Entries of the way back that a POS takes by its API: orders, their cancellation, stock.

An order is created under its own reference, so that the POS's copy is known as that order and never imported as a second one, and
only stays there when the POS comes to the same total. Then that it was paid in AuraConnect is recorded, at a tender of its own; where
the POS does not take that, the order stays open for a person to close, and the entry says so. What does not come to the same is
cancelled again and refused, so that it is filed with what differs. An order that changes later is refused, too: what stands at the
POS is corrected by a person.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aura_migration.canonical.window import ReversePolicy
from aura_migration.core.errors import Refused
from aura_migration.core.money import show
from aura_migration.cutover.reverse_entries import Entry, Written
from aura_migration.migration.integrations import get_integration, get_location
from aura_migration.migration.records import Migration
from aura_migration.migration.window.opening import get_window
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.errors import PermissionMissing, Rejected
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.port import Session
from aura_migration.pos.writing import (
    NewLine,
    NewModifier,
    NewOrder,
    NewPayment,
    StockLevel,
    Writer,
    WrittenOrder,
    writer_of,
)

BY_HAND = "to be closed there by hand as paid in AuraConnect"
WRITTEN = frozenset({"order", "void", "stock"})
"""Kinds of entries that an API takes; all others are filed."""


async def write_back(workshop: Workshop, migration: Migration, entry: Entry, *, takes_back: bool = False) -> Written:
    """Put an entry into the POS; answers the POS's id. ``takes_back`` removes it again: a rehearsal leaves nothing, and pays nothing."""
    connector = workshop.connector(migration.subject.pos)
    writer = writer_of(connector)
    if writer is None:
        raise Refused(f"{connector.title} cannot be written to.", "Its entries are filed.")
    with workshop.connect() as connection:
        integration = get_integration(connection, migration.integration_id)
        site = get_location(connection, migration.location_key).source
        policy = get_window(connection, migration.id).rules.reverse
    async with Buckets.on_postgres(workshop.url) as buckets:
        account = workshop.account(integration.id, integration.base_url, buckets, integration.merchant_id)
        async with connector.open(account) as session:
            if entry.kind == "stock":
                key = await _stock(workshop, writer, session, site.source_id, entry, takes_back=takes_back)
                return Written(pos_key=key)
            if entry.kind == "void":
                return Written(pos_key=await _void(workshop, writer, session, site.source_id, entry))
            made = await _order(workshop, writer, session, site.source_id, site.currency, entry, takes_back=takes_back)
            left = "" if takes_back else await _pay(writer, session, site.source_id, site.currency, entry, made, policy)
            return Written(pos_key=made.key, why=left)


async def _order(
    workshop: Workshop,
    writer: Writer,
    session: Session,
    place: str,
    currency: str,
    entry: Entry,
    *,
    takes_back: bool,
) -> WrittenOrder:
    if not entry.is_first and not takes_back:
        # Its reference stands for what was put there first: said again, a POS answers with that one.
        number, key = entry.content.get("number") or entry.aura_id, entry.pos_key
        raise Refused(
            f"Order {number} changed after it was {f'put to the POS as {key}' if key else 'tried at the POS or filed'}.",
            "What stands there was left as it is; correct it by hand from the file of orders.",
        )
    order = _new_order(entry, currency, is_trial=takes_back)
    made: WrittenOrder = await writer.create_order(session, place, order, workshop.now())
    if takes_back:
        await writer.cancel_order(session, place, made.key)
    wanted = int(entry.content["total_cents"])
    if made.total_cents != wanted:
        if not takes_back:
            await writer.cancel_order(session, place, made.key)
        raise Refused(
            f"Order {entry.content.get('number') or entry.aura_id} comes to {made.total_cents} at the POS and {wanted} in AuraConnect.",
            "It is not written; enter it by hand from the file of orders.",
            pos_cents=made.total_cents,
            aura_cents=wanted,
        )
    return made


async def _pay(
    writer: Writer, session: Session, place: str, currency: str, entry: Entry, made: WrittenOrder, policy: ReversePolicy
) -> str:
    """Record that the order was paid; answers why that is left to a person, empty where nothing is. One that is open in AuraConnect,
    or came to nothing, stays open."""
    paid = [one for one in entry.content["payments"] if one["status"] == "completed"]
    cents = sum(int(one["cents"]) for one in paid)
    if made.state != "open" or not cents:
        return ""
    if not policy.payments:
        return f"It stands open at the POS, {BY_HAND}."
    if cents != made.total_cents:
        return f"{show(cents, currency)} of {show(made.total_cents, currency)} was paid: it stands open at the POS, {BY_HAND}."
    tips = sum(int(one["tip_cents"]) for one in paid)
    try:
        await writer.pay_order(session, place, made.key, NewPayment(cents, tips, currency, policy.tender))
    except (Refused, PermissionMissing, Rejected) as refused:
        return f"It stands open at the POS, {BY_HAND}: {refused.what}"
    return ""


async def _void(workshop: Workshop, writer: Writer, session: Session, place: str, entry: Entry) -> str | None:
    key = entry.pos_key
    if key is None:
        return None  # it never stood there
    await writer.cancel_order(session, place, key)
    return key


async def _stock(
    workshop: Workshop, writer: Writer, session: Session, place: str, entry: Entry, *, takes_back: bool
) -> str | None:
    told = entry.content
    item, variation = told.get("item_key"), told.get("variation_key") or ""
    if not item:
        raise Refused(f"Stock of {told.get('name', entry.aura_id)} is of no item of the POS.", "Enter it by hand.")
    (before,) = await writer.read_stock(session, place, [(str(item), str(variation))])
    quantity = told.get("quantity")
    is_out = told.get("status") in ("out_of_stock", "86d")
    level = StockLevel(
        str(item),
        str(variation),
        "out_of_stock" if is_out else "quantity" if told.get("is_tracked") and quantity is not None else "in_stock",
        None if is_out or quantity is None or not told.get("is_tracked") else Decimal(str(quantity)),
        is_counted=bool(told.get("is_tracked")),
    )
    await writer.set_stock(session, place, [level], workshop.now(), entry.key)
    if takes_back:
        await writer.set_stock(session, place, [before], workshop.now(), f"{entry.key}:back")
    return f"{item}{f'/{variation}' if variation else ''}"


def _new_order(entry: Entry, currency: str, *, is_trial: bool) -> NewOrder:
    lines = []
    for item in entry.content["items"]:
        if item.get("is_voided"):
            continue
        if not item.get("item_key") or float(item["quantity"]) != int(float(item["quantity"])):
            raise Refused(
                f"{item.get('name')} of order {entry.content.get('number') or entry.aura_id} is nothing the POS sells by the piece.",
                "Enter the order by hand from the file of orders.",
            )
        lines.append(
            NewLine(
                str(item["item_key"]),
                int(float(item["quantity"])),
                str(item.get("variation_key") or ""),
                tuple(_modifier(one) for one in item["modifiers"] if not one.get("is_voided")),
            )
        )
    reference = f"aura:{'test:' if is_trial else ''}{entry.aura_id}"
    channel: Any = "online" if entry.content.get("channel") in ("online", "third_party") else "in_house"
    return NewOrder(reference, tuple(lines), currency, channel, note="Taken and paid in AuraConnect")


def _modifier(told: dict[str, Any]) -> NewModifier:
    if not told.get("key"):
        raise Refused(
            f"Choice {told.get('name')} is not on the POS's menu.", "Enter the order by hand from the file of orders."
        )
    return NewModifier(str(told["key"]), int(float(told.get("quantity") or 1)))
