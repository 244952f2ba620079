"""The customer directory: profiles, addresses and the one consent Square states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.core.ids import path
from aura_migration.pos.square.people.packs import Packs
from aura_migration.pos.square.people.stored import day, newest, pages, typed, usable, when
from aura_migration.pos.square.people.wire import Account, Attribute, AttributeDefinition, Customer, Named

HAD_CARD = "Card on file in Square"
REFERENCE = "Square reference"


class Guests:
    """What of a profile stands in other lists: groups, cards on file, the seller's own fields, points."""

    def __init__(self, reader: SnapshotReader) -> None:
        self.known = newest(reader, "customers", "customers")
        self.tags = {**_names(reader, "customer_groups", "groups"), **_names(reader, "customer_segments", "segments")}
        self.had_card = {
            str(found.raw["customer_id"])
            for page in pages(reader, "cards_on_file", "cards")
            for found in page
            if found.raw.get("customer_id")
        }
        self.own_fields = _own_fields(reader)
        self.points = _points(reader)


def map_guests(reader: SnapshotReader, packs: Packs, guests: Guests) -> Iterator[Batch]:
    """Rows of every profile that is listed."""
    for page in pages(reader, "customers", "customers"):
        packs.fields(
            "CUSTOMER", (found.raw for found in page if guests.known.get(found.raw.get("id", "")) == found.number)
        )
        for found in page:
            ident = found.raw.get("id")
            if usable(ident) and guests.known[str(ident)] != found.number:
                continue
            customer = typed(found.raw, Customer)
            if isinstance(customer, str) or not usable(ident):
                why = customer if isinstance(customer, str) else "it has no usable id"
                packs.unreadable("customers", "customers", found.raw, why, found.number)
                continue
            _profile(packs, guests, customer, found.raw)
        yield from packs.full()


def _profile(packs: Packs, guests: Guests, customer: Customer, raw: Mapping[str, Any]) -> None:
    record = f"customers#{customer.id}"
    born, birthday = day(customer.birthday)
    if customer.birthday and birthday is None:
        packs.note("CUSTOMER", "birthday", customer.id)
    balance, lifetime = guests.points.get(customer.id, (0, 0))
    custom = dict(guests.own_fields.get(customer.id, {}))
    if customer.reference_id:
        custom.setdefault(REFERENCE, customer.reference_id)
    if customer.id in guests.had_card:
        custom.setdefault(HAD_CARD, True)
    packs.add(
        "customers",
        customer.id,
        raw,
        record,
        first_name=customer.given_name or None,
        last_name=customer.family_name or None,
        nickname=customer.nickname or None,
        company_name=customer.company_name or None,
        email=customer.email_address or None,
        phone=customer.phone_number or None,
        date_of_birth=born,
        birthday=birthday,
        status="active",
        marketing_opt_in=False,
        loyalty_points=balance,
        lifetime_points=lifetime,
        acquisition_source=customer.creation_source or None,
        acquisition_date=when(customer.created_at),
        notes=customer.note or None,
        tags=_tags(packs, guests, customer) or None,
        custom_fields=custom or None,
        external_id=customer.id,
    )
    address = customer.address
    if address is not None and any(getattr(address, name) for name in address.__struct_fields__ if name != "country"):
        lines = [line for line in (address.address_line_2, address.address_line_3) if line]
        packs.add(
            "customer_addresses",
            path(customer.id, "address"),
            None,
            record,
            customer_key=customer.id,
            address_line1=address.address_line_1 or None,
            address_line2=", ".join(lines) or None,
            city=address.locality or None,
            state=address.administrative_district_level_1 or None,
            postal_code=address.postal_code or None,
            country=address.country or None,
            is_default=True,
        )
    if customer.preferences is not None and customer.preferences.email_unsubscribed:
        packs.add(
            "customer_consents",
            path(customer.id, "marketing_email"),
            None,
            record,
            customer_key=customer.id,
            purpose="marketing_email",
            status="denied",
            source="pos_flag",
            evidence={"pos": "square", "field": "preferences.email_unsubscribed", "value": True},
        )


def _tags(packs: Packs, guests: Guests, customer: Customer) -> list[str]:
    found: dict[str, None] = {}
    for ident in (*(customer.group_ids or ()), *(customer.segment_ids or ())):
        name = guests.tags.get(ident)
        if name is None:
            packs.note("CUSTOMER", "group", customer.id)
        elif name.strip():
            found[name] = None
    return list(found)


def _names(reader: SnapshotReader, entity: str, rows: str) -> dict[str, str]:
    found = {}
    for page in pages(reader, entity, rows):
        for one in page:
            named = typed(one.raw, Named)
            if not isinstance(named, str):
                found[named.id] = named.name or ""
    return found


def _own_fields(reader: SnapshotReader) -> dict[str, dict[str, Any]]:
    """The seller's own fields by profile: name → value, selections as the texts chosen."""
    defined: dict[str, AttributeDefinition] = {}
    for page in pages(reader, "customer_attributes", "custom_attribute_definitions"):
        for one in page:
            definition = typed(one.raw, AttributeDefinition)
            if not isinstance(definition, str):
                defined[definition.key] = definition
    found: dict[str, dict[str, Any]] = {}
    for page in pages(reader, "customer_attributes", "customers"):
        for one in page:
            for raw in one.raw.get("custom_attributes") or ():
                attribute = typed(raw, Attribute)
                if isinstance(attribute, str) or attribute.value is None:
                    continue
                own = found.setdefault(str(one.raw.get("customer_id")), {})
                told = defined.get(attribute.key)
                name = (told.name if told is not None else None) or attribute.key
                own[attribute.key if name in own else name] = _value(attribute.value, told)
    return found


def _value(value: Any, definition: AttributeDefinition | None) -> Any:
    """A value as texts, flags and whole numbers; chosen options by their names."""
    items = ((definition.schema or {}).get("items") if definition is not None else None) or {}
    choices = dict(zip(items.get("enum") or (), items.get("names") or (), strict=False))
    if isinstance(value, list):
        return [choices.get(one, _value(one, None)) for one in value]
    return str(value) if isinstance(value, Decimal) else value


def _points(reader: SnapshotReader) -> dict[str, tuple[int, int]]:
    """Balance and lifetime points by profile, over all its accounts."""
    found: dict[str, tuple[int, int]] = {}
    counted = newest(reader, "loyalty_accounts", "loyalty_accounts")
    for page in pages(reader, "loyalty_accounts", "loyalty_accounts"):
        for one in page:
            account = typed(one.raw, Account)
            if isinstance(account, str) or not account.customer_id or counted.get(account.id) != one.number:
                continue
            balance, lifetime = found.get(account.customer_id, (0, 0))
            found[account.customer_id] = (balance + (account.balance or 0), lifetime + (account.lifetime_points or 0))
    return found
