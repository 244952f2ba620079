"""The parallel window: opening it, its days and papers, gates and signatures, switching, the way back. Asked for, not carried out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, Field

from aura_migration.api.depends import Approver, Caller, Number, Operator, Viewer
from aura_migration.api.models import Document, Reason, Sent
from aura_migration.api.problems import NotFound
from aura_migration.canonical.window import parse_policy
from aura_migration.core.errors import BadInput
from aura_migration.cutover.gates import measure_gates, require_gates
from aura_migration.cutover.open_business import decide_future_order, list_future_orders
from aura_migration.cutover.switches import signatures
from aura_migration.cutover.waivers import waive
from aura_migration.migration import asking
from aura_migration.migration.integrations import get_location
from aura_migration.migration.window import back_files, featuring, opening, signing
from aura_migration.migration.window import shown as pages
from aura_migration.migration.window.opening import get_window
from aura_migration.reconcile.known import end_rule
from aura_migration.reconcile.sheet import sheet_csv

router = APIRouter(prefix="/pos/migration", tags=["parallel window"])
looked_at = APIRouter(prefix="/pos/migrations/{migration_id}", tags=["parallel window"])
Channel = Literal["online", "in_house", "reporting", "time_clock"]
ChannelPath = Annotated[Channel, Path(description="what is switched")]
DayPath = Annotated[date, Path(description="a business date")]
STATUS = "/pos/migrations/{}/window"


class OpenWish(Sent):
    """How a window is opened."""

    first_day: date | None = Field(default=None, description="first business date compared; none: the present one")
    planned_days: int = Field(default=30, ge=1, le=366, description="how many business dates it lasts")
    policy: Document | None = Field(default=None, description="policy of the window (camelCase); none: the default")
    contact: Document | None = Field(
        default=None, description="who answers for it", examples=[{"name": "Ada Lind", "phone": "+1 555 0100"}]
    )
    is_pilot: bool = Field(default=False, description="whether this location goes first")


class FeatureWish(Sent):
    """A feature, on or off."""

    feature: str = Field(description="its name", examples=["full_menu"])
    enabled: bool


class ExtendWish(Reason):
    """By how much a window is extended."""

    days: int = Field(ge=1, le=365, examples=[10])


class PolicyWish(Reason):
    """A new policy."""

    policy: Document = Field(examples=[{"gates": {"cleanDays": 7}}])


class ContactWish(Sent):
    """Who answers for the migration."""

    name: str = Field(min_length=1, max_length=200, examples=["Ada Lind"])
    phone: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=200)
    hours: str = Field(default="", max_length=200)
    second: str = Field(default="", max_length=400)


class FollowWish(Sent):
    """What is read."""

    setup: bool = Field(
        default=False, description="menu, people and rules too, although they are not due", examples=[False]
    )


class SwitchWish(Sent):
    """What is switched."""

    channel: Channel = Field(examples=["online"])
    forced_reason: str = Field(
        default="", max_length=2_000, description="switches within service hours; why, without naming guests"
    )


class SwitchSignature(Reason):
    """What is signed: these gates as they were measured, or the way back."""

    channel: Channel = Field(examples=["online"])
    direction: Literal["forward", "back"] = "forward"


class WaiverWish(Reason):
    """Which gate is passed although it does not hold."""

    gate: str = Field(max_length=100, examples=["coverage"])
    amount_cents: int = Field(
        ge=0, le=10**12, description="how much money may be at stake, in minor units", examples=[10_000]
    )
    expires_at: AwareDatetime = Field(examples=["2026-03-09T08:00:00Z"])


class KnownWish(Reason):
    """A difference somebody answers for."""

    cause: str = Field(max_length=100, examples=["rounding"])
    matches: Document = Field(default_factory=dict, examples=[{"part": "tax"}])
    owner: str = Field(min_length=1, max_length=200, examples=["Ada Lind"])
    max_cents: int = Field(ge=1, le=10**9, description="the most it explains per order, in minor units", examples=[2])
    expires_on: date = Field(examples=["2026-03-31"])


class FutureWish(Sent):
    """What becomes of a scheduled order."""

    decision: Literal["stays", "reentered"] = Field(examples=["stays"])
    deposit_cents: int | None = Field(
        default=None, ge=0, le=10**12, description="what the guest paid ahead; none: what the POS shows as paid"
    )


class Asked(BaseModel):
    """A request that waits for the daemon, and where to look."""

    migration_id: int = Field(examples=[7])
    request_id: int = Field(examples=[21])
    asked_for: str = Field(examples=["follow"])
    status: str = Field(examples=["/pos/migrations/7/window"])


class SignedSwitch(BaseModel):
    """Who signed for the next switch of the channel, and which gates."""

    migration_id: int
    channel: str
    direction: str
    gates_hash: str
    signatures: list[Document]


# Looking -----------------------------------------------------------------------------------------------------------------


@looked_at.get("/window", name="window")
def window(caller: Viewer, migration_id: Number) -> Document:
    """Everything about the window: channels, days, coverage, gates of the next channel, drift, readings, switches, way back."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return pages.window_page(caller.workshop, connection, migration_id)


@looked_at.get("/window/days/{day}", name="window day")
def window_day(caller: Viewer, migration_id: Number, day: DayPath) -> Document:
    """One judged business date: both sides' figures, causes, each difference."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        found = pages.day_of(connection, migration_id, day)
    if found is None:
        raise NotFound(f"{day} was not judged.", "The days of the window are listed by GET …/window.")
    return found


@looked_at.get("/window/sheet.csv", name="consolidated sheet", response_class=Response)
def sheet(caller: Viewer, migration_id: Number) -> Response:
    """The consolidated daily sheet of the window as CSV: every sale once."""
    with caller.connect() as connection:
        migration = caller.migration(connection, migration_id)
        today = signing.business_today(caller.workshop, connection, migration_id)
        days = pages.sheet_of(connection, migration, get_window(connection, migration_id), today)
        currency = get_location(connection, migration.location_key).source.currency
    return Response(sheet_csv(days, currency), media_type="text/csv", headers={"cache-control": "no-store"})


@looked_at.get("/window/gates/{channel}", name="switch gates")
def gates(caller: Viewer, migration_id: Number, channel: ChannelPath) -> Document:
    """The gates of a channel's switch, measured now, with the signatures that count for them."""
    now = caller.workshop.now()
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        get_window(connection, migration_id)
        found = measure_gates(connection, migration_id, channel, now)
        signed = signatures(connection, migration_id, channel, "forward")
    return {
        "migration_id": migration_id,
        "channel": channel,
        "holds": all(gate.holds for gate in found),
        "gates": [gate.as_dict(now) for gate in found],
        "signatures": [_signature(one) for one in signed],
    }


@looked_at.get("/window/future-orders", name="scheduled orders")
def future_orders(caller: Viewer, migration_id: Number) -> Document:
    """The scheduled and catering orders on the old POS's books, with what was decided of each."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        get_window(connection, migration_id)
        return {"items": [one.as_dict() for one in list_future_orders(connection, migration_id)]}


@looked_at.get("/window/papers/{kind}/{day}.{form}", name="paper", response_class=Response)
def paper(
    caller: Viewer, migration_id: Number, kind: Literal["daily", "go_no_go"], day: DayPath, form: Literal["html", "pdf"]
) -> Response:
    """The daily check-in or the go/no-go page of a date, as it was made."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        row = connection.execute(
            "SELECT html, pdf FROM migration.check_ins WHERE migration_id = %s AND kind = %s AND business_date = %s",
            [migration_id, kind, day],
        ).fetchone()
    body = None if row is None else row[0] if form == "html" else row[1]
    if body is None:
        raise NotFound(f"There is no {kind} paper of {day} as {form}.", "GET …/window lists those there are.")
    kinds = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
    return Response(bytes(body), media_type=kinds[form], headers={"cache-control": "no-store"})


@looked_at.get("/window/features", name="features")
def features(caller: Viewer, migration_id: Number) -> Document:
    """What of AuraConnect is enabled at the location, and which part of the menu it offers."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return featuring.features_of(connection, migration_id)


@router.post("/feature/{migration_id}", name="set feature")
def set_feature(caller: Operator, migration_id: Number, wish: FeatureWish) -> Document:
    """Enable or disable a feature; `full_menu` lifts the limited menu, or puts it back as the policy names it."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return featuring.set_feature(connection, migration_id, wish.feature, wish.enabled, caller.name)


@looked_at.get("/window/way-back", name="files of the way back")
def way_back_files(caller: Viewer, migration_id: Number) -> Document:
    """The files of the way back, each with what is done with it; kinds: entries, import, journal."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    return {"items": back_files.listed(caller.workshop, migration_id)}


@looked_at.get("/window/way-back/{name}", name="file of the way back", response_class=Response)
def way_back_file(
    caller: Operator, migration_id: Number, name: Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,80}\.csv$")]
) -> Response:
    """One of them, as CSV. For operators: a sale or a balance stands in it."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    try:
        body = back_files.read(caller.workshop, migration_id, name)
    except BadInput as error:
        raise NotFound(f"The way back has no file {name}.", "GET …/window/way-back lists those there are.") from error
    return Response(body, media_type="text/csv; charset=utf-8", headers={"cache-control": "no-store"})


# The window itself ---------------------------------------------------------------------------------------------------------


@router.post("/open-window/{migration_id}", name="open window", status_code=201)
def open_window(caller: Operator, migration_id: Number, wish: OpenWish | None = None) -> Document:
    """Begin to run both systems side by side; opening an open window again changes nothing."""
    asked = wish or OpenWish()
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    return opening.open_window(
        caller.workshop,
        migration_id,
        caller.name,
        first_day=asked.first_day,
        planned_days=asked.planned_days,
        policy=parse_policy(asked.policy, "policy") if asked.policy is not None else None,
        contact=asked.contact,
        is_pilot=asked.is_pilot,
    ).as_dict()


@router.post("/extend-window/{migration_id}", name="extend window")
def extend_window(caller: Operator, migration_id: Number, wish: ExtendWish) -> Document:
    """Let the window last longer."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return opening.extend_window(connection, migration_id, wish.days, caller.name, wish.reason).as_dict()


@router.post("/window-policy/{migration_id}", name="window policy")
def window_policy(caller: Approver, migration_id: Number, wish: PolicyWish) -> Document:
    """Replace what the window goes by."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        policy = parse_policy(wish.policy, "policy")
        return opening.set_policy(connection, migration_id, policy, caller.name, wish.reason).as_dict()


@router.post("/window-contact/{migration_id}", name="window contact")
def window_contact(caller: Operator, migration_id: Number, wish: ContactWish) -> Document:
    """Name who answers for the migration."""
    told = {name: value for name, value in wish.model_dump().items() if value}
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return opening.name_contact(connection, migration_id, told, caller.name).as_dict()


@router.post("/end-window/{migration_id}", name="end window")
def end_window(caller: Approver, migration_id: Number, wish: Reason | None = None) -> Document:
    """End the window before a channel was switched: the POS keeps everything."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    return opening.end_window(caller.workshop, migration_id, caller.name, (wish or Reason()).reason).as_dict()


# Works that the daemon carries out -----------------------------------------------------------------------------------------


@router.post("/follow/{migration_id}", name="follow", status_code=202)
def follow(caller: Operator, migration_id: Number, wish: FollowWish | None = None) -> Asked:
    """Read what the POS has since the last reading."""
    return _ask(caller, migration_id, "follow", {"setup": True} if (wish or FollowWish()).setup else {})


@router.post("/reconcile/{migration_id}", name="reconcile", status_code=202)
def reconcile(caller: Operator, migration_id: Number) -> Asked:
    """Judge the business dates that are due."""
    return _ask(caller, migration_id, "reconcile", {})


@router.post("/integration-tests/{migration_id}", name="integration tests", status_code=202)
def integration_tests(caller: Operator, migration_id: Number) -> Asked:
    """Try orders to the POS and back, stock, payments and reports."""
    return _ask(caller, migration_id, "integration_tests", {})


@router.post("/rehearse/{migration_id}", name="rehearse", status_code=202)
def rehearse(caller: Operator, migration_id: Number) -> Asked:
    """Rehearse the way back."""
    return _ask(caller, migration_id, "rehearse", {})


@router.post("/switch/{migration_id}", name="switch", status_code=202)
def switch(caller: Operator, migration_id: Number, wish: SwitchWish) -> Asked:
    """Switch a channel to AuraConnect. Its gates must hold and be signed; refused at once where they are not."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        if not wish.forced_reason:
            require_gates(connection, migration_id, wish.channel, caller.workshop.now())
    options: dict[str, Any] = {"channel": wish.channel}
    return _ask(
        caller,
        migration_id,
        "switch",
        {**options, **({"forced_reason": wish.forced_reason} if wish.forced_reason else {})},
    )


@router.post("/abort/{migration_id}", name="abort switch", status_code=202)
def abort(caller: Operator, migration_id: Number, wish: Reason | None = None) -> Asked:
    """Abort the switch that is under way: everything is as before it."""
    return _ask(caller, migration_id, "abort", {"reason": (wish or Reason()).reason})


@router.post("/reverse/{migration_id}", name="reverse", status_code=202)
def reverse(caller: Approver, migration_id: Number, wish: Reason) -> Asked:
    """Give every channel back to the POS and end the window."""
    return _ask(caller, migration_id, "reverse", {"reason": wish.reason})


@router.post("/complete/{migration_id}", name="complete", status_code=202)
def complete(caller: Approver, migration_id: Number, wish: Reason | None = None) -> Asked:
    """End the window for good; refused while anything is open at the old POS."""
    return _ask(caller, migration_id, "complete", {"reason": (wish or Reason()).reason})


# What people sign ----------------------------------------------------------------------------------------------------------


@router.post("/sign-switch/{migration_id}", name="sign switch")
def sign(caller: Approver, migration_id: Number, wish: SwitchSignature) -> SignedSwitch:
    """Sign for a channel's next switch under its gates as they stand now, under the token's own name."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        found = signing.sign(
            caller.workshop, connection, migration_id, wish.channel, wish.direction, caller.name, wish.reason
        )
        signed = signatures(connection, migration_id, wish.channel, wish.direction)
    caller.deed.detail.update({"channel": wish.channel, "direction": wish.direction})
    return SignedSwitch(
        migration_id=migration_id,
        channel=wish.channel,
        direction=wish.direction,
        gates_hash=found,
        signatures=[_signature(one) for one in signed],
    )


@router.post("/waive/{migration_id}", name="waive")
def waive_gate(caller: Approver, migration_id: Number, wish: WaiverWish) -> Document:
    """Let a gate be passed for an amount and a time; gates of liabilities and tax cannot be."""
    now = caller.workshop.now()
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        get_window(connection, migration_id)
        caller.deed.detail["gate"] = wish.gate
        found = waive(
            connection, migration_id, wish.gate, caller.name, wish.reason, wish.amount_cents, wish.expires_at, now
        )
    return found.as_dict()


@router.post("/known-difference/{migration_id}", name="known difference", status_code=201)
def known_difference(caller: Approver, migration_id: Number, wish: KnownWish) -> Document:
    """Explain differences of a kind until a date; somebody answers for it."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        made = signing.answer_for(
            caller.workshop,
            connection,
            migration_id,
            {"cause": wish.cause, **wish.matches},
            reason=wish.reason,
            owner=wish.owner,
            max_cents=wish.max_cents,
            expires_on=wish.expires_on,
            by=caller.name,
        )
    return {"migration_id": migration_id, "id": made.id}


@router.delete("/known-difference/{migration_id}/{rule_id}", name="end known difference")
def end_known_difference(caller: Approver, migration_id: Number, rule_id: Number) -> Document:
    """No longer explain them."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        end_rule(connection, migration_id, rule_id, caller.name, caller.workshop.now())
    return {"migration_id": migration_id, "id": rule_id}


@router.post("/future-order/{migration_id}/{order_id}", name="decide scheduled order")
def future_order(caller: Operator, migration_id: Number, order_id: Number, wish: FutureWish) -> Document:
    """Say what becomes of a scheduled order: it stays with the old POS, or was entered again with its deposit."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        decide_future_order(
            connection,
            migration_id,
            order_id,
            wish.decision,
            caller.name,
            caller.workshop.now(),
            deposit_cents=wish.deposit_cents,
        )
    return {"migration_id": migration_id, "order_id": order_id, "decision": wish.decision}


def _ask(caller: Caller, migration_id: int, kind: str, options: dict[str, Any]) -> Asked:
    with caller.connect() as connection:
        migration = caller.migration(connection, migration_id)
        get_window(connection, migration_id)
        request = asking.ask(connection, kind, migration, caller.name, {k: v for k, v in options.items() if v})
    caller.deed.detail["request"] = request.id
    return Asked(migration_id=migration_id, request_id=request.id, asked_for=kind, status=STATUS.format(migration_id))


def _signature(one: Any) -> Document:
    at: datetime = one.signed_at
    return {
        "by": one.signed_by,
        "reason": one.reason,
        "gates_hash": one.gates_hash,
        "at": at.astimezone(UTC).isoformat(),
    }
