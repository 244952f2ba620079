"""Look-up: one order, card or guest on both sides. Needs a role of its own, and every look is noted."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from aura_migration.api.access.roles import Permission
from aura_migration.api.depends import Finder
from aura_migration.api.models import Document
from aura_migration.core.errors import BadInput
from aura_migration.migration.lookup import LONGEST, Kind, Wanted, look_up

router = APIRouter(prefix="/pos/migration", tags=["look-up"])
Text = Annotated[str | None, Query(min_length=1, max_length=LONGEST)]
Last4 = Annotated[str | None, Query(pattern=r"^[0-9]{4}$")]


class Found(BaseModel):
    """What was found; at most twenty, `more` says whether there are others."""

    wanted: Document = Field(examples=[{"by": "number", "value": "1042"}])
    hits: list[Document]
    more: bool


@router.get("/lookup", name="look-up")
def lookup(
    caller: Finder,
    pos_id: Text = None,
    number: Annotated[str | None, Query(max_length=LONGEST, description="check or receipt number")] = None,
    card_last4: Last4 = None,
    amount_cents: Annotated[int | None, Query(ge=0, le=10**12)] = None,
    day: Annotated[date | None, Query(alias="date", description="business date, YYYY-MM-DD")] = None,
    gift_card_last4: Last4 = None,
    phone: Annotated[str | None, Query(max_length=40)] = None,
) -> Found:
    """Find by POS id, check or receipt number (and date), card (last four, amount, date), gift card (last four) or phone.

    A hit has AuraConnect's row, the POS's values, crosswalk, journal and what belongs to it. The POS's own answer is added for
    approvers and administrators. Persons are masked; every look is noted in the audit trail.
    """
    given: dict[Kind, str | None] = {
        "pos_id": pos_id,
        "number": number,
        "card": card_last4,
        "gift_card": gift_card_last4,
        "phone": phone,
    }
    named = [(kind, value) for kind, value in given.items() if value is not None]
    if len(named) != 1:
        raise BadInput(
            "Look for one thing at a time.",
            "Give one of pos_id, number, card_last4 (with amount_cents and date), gift_card_last4, phone.",
        )
    ((kind, value),) = named
    wanted = Wanted(kind, value, amount_cents, day)
    caller.deed.is_noted = True
    caller.deed.detail.update(wanted.told())
    with caller.connect() as connection:
        found = look_up(
            caller.workshop,
            connection,
            wanted,
            caller.restaurants,
            with_body=caller.identity.may(Permission.READ_BODIES),
        )
    caller.deed.detail["hits"] = len(found["hits"])
    return Found(**found)
