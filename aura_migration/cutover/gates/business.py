"""Gates about what is open in the house: checks, the card batch, drawers, scheduled orders; and the hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from aura_migration.core.money import show
from aura_migration.cutover import open_business
from aura_migration.cutover.gates.case import Case
from aura_migration.cutover.gates.result import RESTAURANT, SPECIALIST, GateResult, aged, counted
from aura_migration.cutover.gates.verdicts import orders_read
from aura_migration.cutover.service_hours import LONGEST_SWITCH, propose, sales_curve


def open_checks(case: Case) -> GateResult:
    """No check of the channel is open at the old POS: one that is would have to be finished there, beside the new till."""
    if case.location_id is None:
        return _not_there("open_checks")
    found = open_business.open_checks(case.connection, case.location_id, case.channel)
    return _counted(case, "open_checks", found, "open check", "Close or void them at the old POS, then follow it.")


def unsettled_batches(case: Case) -> GateResult:
    """Every card payment of a business date that is over is captured: the batch of the old POS is closed."""
    if case.location_id is None:
        return _not_there("unsettled_batches")
    found = open_business.unsettled(case.connection, case.location_id, case.today)
    return _counted(
        case,
        "unsettled_batches",
        found,
        "card payment authorised and not captured",
        "Adjust the tips and close the batch at the old POS, then follow it.",
        "card payments authorised and not captured",
    )


def drawers_closed(case: Case) -> GateResult:
    """The cash drawers of the old POS are counted and closed."""
    if case.location_id is None:
        return _not_there("drawers_closed")
    found = open_business.drawers(case.connection, case.location_id, case.today)
    at = orders_read(case)
    passed = None if at is None or not found.known else not found.open
    told = f"{counted(found.open, 'drawer')} open ({found.how})" if found.known else found.how
    remedy = "Count and close the drawers at the old POS, then follow it."
    if not found.known:
        remedy = "Count and close them by hand, then waive the gate with what was counted."
    result = GateResult(
        "drawers_closed",
        passed,
        told if at is not None else "the POS was not read yet",
        "" if passed else remedy,
        RESTAURANT,
        {"open": found.open, "known_by": found.how, "drawers": list(found.names)},
        at,
    )
    return aged(result, case.now, case.money_age, _again(case))


def future_orders_decided(case: Case) -> GateResult:
    """Each scheduled order is decided: it stays with the old POS, or is entered again with its deposit."""
    if case.location_id is None:
        return _not_there("future_orders_decided")
    orders = open_business.list_future_orders(case.connection, case.migration_id, case.channel)
    undecided = [one for one in orders if one.decision is None]
    at = orders_read(case)
    passed = None if at is None else not undecided
    result = GateResult(
        "future_orders_decided",
        passed,
        "the POS was not read yet"
        if at is None
        else f"{len(undecided)} of {counted(len(orders), 'scheduled order')} undecided",
        ""
        if passed
        else f"`aura-migration cutover future-orders {case.migration_id}` lists them: each stays, or is entered again with its deposit.",
        RESTAURANT,
        {
            "orders": len(orders),
            "undecided": [one.source_key for one in undecided[: open_business.SHOWN]],
            "cents": sum(one.total_cents for one in undecided),
        },
        at,
        at_stake_cents=sum(one.total_cents for one in undecided),
    )
    return aged(result, case.now, case.money_age, _again(case))


def outside_service_hours(case: Case) -> GateResult:
    """The hour is quiet by the restaurant's own sales, and stays so until the switch is over."""
    name = "outside_service_hours"
    if case.location_id is None:
        return replace(_not_there(name), is_waivable=False)
    curve = sales_curve(
        case.connection, case.location_id, case.timezone, case.channel, case.now, case.policy.switch.quiet_share
    )
    proposal = propose(curve, case.now)
    until = curve.quiet_until(case.now)
    passed = None if not curve.is_known else until - case.now >= LONGEST_SWITCH
    share = (
        f"this hour takes {curve.share(case.now) * 100:.1f} % of an average day, at most {curve.quiet_share * 100:g} %"
    )
    if passed is None:
        value = f"{counted(curve.orders, 'order')} in eight weeks, too few to know when service is"
    elif passed or until == case.now:
        value = share
    else:
        value = f"quiet for {(until - case.now).total_seconds() / 60:.0f} min only"
    shown = proposal.as_dict(case.timezone) if proposal else None
    wait = f"Switch in the quiet hours, {shown['local']}, or force" if shown else "Force"
    return GateResult(
        name,
        passed,
        value,
        "" if passed else f"{wait} it with a reason.",
        SPECIALIST,
        {
            "proposed": shown,
            "quiet_until": until.astimezone(UTC).isoformat(),
            "orders": curve.orders,
            "share_pct": round(curve.share(case.now) * 100, 3),
        },
        case.now,
        is_waivable=False,
    )


def _counted(
    case: Case, name: str, found: open_business.OpenBusiness, one: str, remedy: str, many: str | None = None
) -> GateResult:
    at = orders_read(case)
    passed = None if at is None else not found.count
    money = f", {show(found.cents, case.currency)} {case.currency}" if found.count else ""
    result = GateResult(
        name,
        passed,
        "the POS was not read yet" if at is None else f"{counted(found.count, one, many)}{money}",
        "" if passed else remedy if at is not None else _again(case),
        RESTAURANT,
        found.as_dict(),
        at,
        at_stake_cents=found.cents,
    )
    return aged(result, case.now, case.money_age, _again(case))


def _again(case: Case) -> str:
    return f"`aura-migration window follow {case.migration_id}` reads the POS."


def _not_there(name: str) -> GateResult:
    return GateResult(name, None, "the location is not in AuraConnect", "Load the migration first.", RESTAURANT)
