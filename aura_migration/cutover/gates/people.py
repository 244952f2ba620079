"""Gates about people: staff who can work with it, somebody to call, the pilot first, two who sign."""

from __future__ import annotations

from aura_migration.cutover.gates.case import Case
from aura_migration.cutover.gates.result import APPROVERS, RESTAURANT, SPECIALIST, GateResult, counted
from aura_migration.cutover.readiness import LACKS, crew

SHOWN = 50


def staff_ready(case: Case) -> GateResult:
    """Everyone at work in the last days has a role, a sign-in of their own and has confirmed the sheet."""
    days = case.policy.gates.shift_days
    if case.location_id is None:
        return GateResult(
            "staff_ready", None, "the location is not in AuraConnect", "Load the migration first.", RESTAURANT
        )
    found = crew(case.connection, case.migration_id, case.location_id, case.today, days)
    unready = found.unready
    passed = None if not found.source else not unready and not found.unknown
    parts = [f"{len(unready)} of {len(found.people)} not ready"] if unready else []
    parts += [f"{counted(found.unknown, 'shift')} of people AuraConnect does not know"] if found.unknown else []
    if found.source and not parts:
        parts = [f"all {len(found.people)} ready"]
    missing = {what: sum(what in one.lacks for one in unready) for what in LACKS}
    told = "; ".join(f"{number} {LACKS[what]}" for what, number in missing.items() if number)
    return GateResult(
        "staff_ready",
        passed,
        (", ".join(parts) or f"nobody worked in the last {days} days") + (f" ({told})" if told else ""),
        ""
        if passed
        else "Give them a role, let each sign in once and confirm the sheet (`aura-migration training-sheet` makes it)."
        if found.source
        else "Wait until the people's shifts are read, or look at the roster and waive the gate.",
        RESTAURANT,
        {
            "people": len(found.people),
            "unready": [one.as_dict() for one in unready[:SHOWN]],
            "unknown_shifts": found.unknown,
            "by": found.source,
            "days": days,
            "lacking": missing,
        },
        case.now,
    )


def support_contact(case: Case) -> GateResult:
    """Somebody with a name answers for the migration, and can be reached."""
    name = str(case.contact.get("name") or "").strip()
    ways = [way for way in ("phone", "email") if str(case.contact.get(way) or "").strip()]
    passed = bool(name and ways)
    return GateResult(
        "support_contact",
        passed,
        f"{name}, {' and '.join(ways)}" if passed else "nobody is named who can be reached",
        ""
        if passed
        else f"`aura-migration window contact {case.migration_id}` names the specialist, with a phone number or an address.",
        SPECIALIST,
        {"name": name, "ways": ways, "hours": case.contact.get("hours", "")},
        case.now,
    )


def pilot_first(case: Case) -> GateResult:
    """The pilot location is live before any other one is switched."""
    pilot = case.policy.pilot
    if case.is_pilot or not pilot or pilot == case.location_key:
        told = "this is the pilot" if case.is_pilot or pilot == case.location_key else "no pilot was chosen"
        return GateResult("pilot_first", True, told, "", RESTAURANT, {"pilot": pilot}, case.now)
    found = case.rows(
        "SELECT w.phase FROM migration.windows w JOIN migration.locations k ON k.key = w.location_key "
        "WHERE w.location_key = %s AND k.restaurant_id = %s ORDER BY w.opened_at DESC LIMIT 1",
        pilot,
        case.restaurant_id,
    )
    phase = found[0][0] if found else "without a window"
    passed = phase in ("live", "completed")
    return GateResult(
        "pilot_first",
        passed,
        f"the pilot {pilot} is {phase}",
        "" if passed else f"Switch {pilot} first, or choose another pilot in the window's policy.",
        RESTAURANT,
        {"pilot": pilot, "phase": phase},
        case.now,
    )


def two_people(case: Case, gates_hash: str) -> GateResult:
    """As many different people as the policy asks for have signed the switch, with the gates as they stand now."""
    need = case.policy.gates.people
    rows = case.rows(
        "SELECT signed_by, gates_hash = %s, signed_at FROM migration.switch_approvals WHERE migration_id = %s AND channel = %s "
        "AND direction = 'forward' AND used_by IS NULL ORDER BY signed_at",
        gates_hash,
        case.migration_id,
        case.channel,
    )
    signed = sorted({by for by, is_this, _ in rows if is_this})
    earlier = sorted({by for by, is_this, _ in rows if not is_this} - set(signed))
    passed = len(signed) >= need
    return GateResult(
        "two_people",
        passed,
        f"{len(signed)} of {need} signed" + (f", {len(earlier)} signed other gates than now" if earlier else ""),
        ""
        if passed
        else f"`aura-migration cutover sign {case.migration_id} {case.channel}`, each of them: what is signed is the gates as they stand.",
        APPROVERS,
        {"signed_by": signed, "signed_earlier": earlier, "needed": need, "gates_hash": gates_hash},
        max((at for _, is_this, at in rows if is_this), default=case.now),
        is_waivable=False,
    )
