"""Gates about what guests are owed: equal on both sides, frozen where it must be, one redeeming system for all who share it.

Nobody can waive these: the money is the guests'.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aura_migration.core.money import show
from aura_migration.cutover.gates.case import Case
from aura_migration.cutover.gates.result import ACCOUNTANT, RESTAURANT, GateResult, aged, counted
from aura_migration.cutover.liabilities import CLASSES, Ownership, ownership
from aura_migration.verify import findings as words

_CHECKS: Final = [words.LOYALTY, words.GIFT_CARDS, words.HOUSE_ACCOUNTS]


def liability_conserved(case: Case) -> GateResult:
    """Every card and account holds what the POS says; at the switch of the tills nobody redeems, or AuraConnect does."""
    held = _held(case)
    again = f"`aura-migration verify {case.migration_id}` measures every card and account again."
    if not held:
        at = case.row(
            "SELECT min(measured_at) FROM migration.gates WHERE migration_id = %s AND name = ANY(%s)",
            case.migration_id,
            _CHECKS,
        )[0]
        result = GateResult(
            "liability_conserved",
            True if at else None,
            "guests are owed nothing here" if at else "never verified",
            "" if at else again,
            ACCOUNTANT,
            {"classes": []},
            at,
            is_waivable=False,
        )
        return aged(result, case.now, case.money_age, again)
    measured = _measured(case)
    unmeasured = [one.liability for one in held if one.owner != "auraconnect" and not one.ledger_rows]
    off = {one.liability: one.ledger_difference for one in held if one.owner != "auraconnect" and one.ledger_difference}
    # Of a class that AuraConnect holds nothing of there is nothing to freeze.
    thawed = [one.liability for one in held if one.rows and one.owner == "pos" and _moves_with_tills(case)]
    passed = None if unmeasured and not off else not off and not thawed
    parts = [f"{name} off by {_amount(case, name, cents)}" for name, cents in off.items()]
    parts += [f"{name} not measured" for name in unmeasured]
    parts += [f"{name} not frozen" for name in thawed]
    remedy = again
    if off:
        remedy = "The ledger names each card and account that differs; correct it and verify again. It is never waived."
    elif thawed:
        remedy = f"`aura-migration liabilities freeze {case.integration_id} {thawed[0]}` before the tills are switched."
    result = GateResult(
        "liability_conserved",
        passed,
        "; ".join(parts)
        or f"{', '.join(one.liability for one in held)} equal{'' if not case_frozen(held) else ' and frozen'}",
        "" if passed else remedy,
        ACCOUNTANT,
        {"classes": [one.as_dict() for one in held], "not_frozen": thawed},
        measured,
        is_waivable=False,
        at_stake_cents=sum(abs(cents or 0) for cents in off.values()),
    )
    return aged(result, case.now, case.money_age, again)


def liability_shared(case: Case) -> GateResult:
    """Locations of one account share cards and points, so they switch what they share together.

    While one of them still takes cards at the old POS and nobody signed for its tills, the class stays there; once all are
    signed for it is frozen for all of them.
    """
    held = [one for one in _held(case) if one.rows]
    sharing, others = _locations(case)
    behind = [name for name, is_ready in others if not is_ready]
    value, remedy, passed = f"{counted(sharing, 'location')} in one account", "", True
    if not held or sharing == 1:
        value = "no other location shares anything" if held else "nothing is shared"
    else:
        early = [one.liability for one in held if one.owner != "pos"]
        late = [one.liability for one in held if one.owner == "pos"]
        if early and behind:
            passed = False
            value = f"{', '.join(early)} left the old POS, {counted(len(behind), 'location')} of {sharing} still on it and not ready"
            remedy = f"Bring {', '.join(behind[:5])} to ready first, or give the class back (`aura-migration liabilities return`)."
        elif late and not behind and case.channel == "in_house":
            passed = False
            value = f"all {sharing} locations are ready, {', '.join(late)} still redeemed by the old POS"
            remedy = f"`aura-migration liabilities freeze {case.integration_id} {late[0]}`: all locations switch it together."
        elif late and behind:
            more = counted(len(behind), "more location is", "more locations are")
            value = f"{', '.join(late)} stay with the old POS until {more} ready"
        else:
            value = f"switched together by {sharing} locations"
    return GateResult(
        "liability_shared",
        passed,
        value,
        remedy,
        RESTAURANT,
        {
            "locations": sharing,
            "not_ready": behind[:100],
            "classes": {one.liability: one.owner for one in held},
        },
        case.now,
        is_waivable=False,
    )


def case_frozen(held: list[Ownership]) -> bool:
    """Whether the old POS redeems none of them any more."""
    return all(one.owner != "pos" for one in held)


def _held(case: Case) -> list[Ownership]:
    """The classes of which AuraConnect holds something of this account, or the ledger does."""
    found = [ownership(case.connection, case.integration_id, name) for name in CLASSES]
    return [one for one in found if one.rows or one.ledger_rows]


def _moves_with_tills(case: Case) -> bool:
    """Whether the old POS must stop redeeming with this switch: of the tills, unless other locations are not ready."""
    if case.channel != "in_house":
        return False
    sharing, others = _locations(case)
    return sharing == 1 or all(is_ready for _, is_ready in others)


def _locations(case: Case) -> tuple[int, list[tuple[str, bool]]]:
    """How many locations the account has, and of each other one whether its tills are AuraConnect's, or signed for."""
    rows = case.rows(
        """
        SELECT k.key, k.name, coalesce((
                   SELECT o.book = 'auraconnect' FROM migration.channel_ownership o WHERE o.location_key = k.key
                   AND o.channel = 'in_house' AND o.from_at <= %s ORDER BY o.from_at DESC LIMIT 1), false)
               OR EXISTS (SELECT FROM migration.windows w WHERE w.location_key = k.key AND w.ended_at IS NULL AND (
                   EXISTS (SELECT FROM migration.switch_approvals a WHERE a.migration_id = w.migration_id
                           AND a.channel = 'in_house' AND a.direction = 'forward' AND a.used_by IS NULL)
                   OR EXISTS (SELECT FROM migration.switches s WHERE s.migration_id = w.migration_id
                              AND s.channel = 'in_house' AND s.direction = 'forward' AND s.state = 'open')))
        FROM migration.locations k WHERE k.integration_id = %s ORDER BY k.key COLLATE "C"
        """,
        case.now,
        case.integration_id,
    )
    return len(rows), [(name, ready) for key, name, ready in rows if key != case.location_key]


def _measured(case: Case) -> datetime | None:
    found: datetime | None = case.row(
        "SELECT min(g.measured_at) FROM migration.liability_ledger g LEFT JOIN migration.liability_owners o "
        "USING (integration_id, class) WHERE g.integration_id = %s AND coalesce(o.owner, 'pos') <> 'auraconnect'",
        case.integration_id,
    )[0]
    return found or case.now


def _amount(case: Case, liability: str, number: int | None) -> str:
    return f"{number:,} points" if liability == "loyalty" else f"{show(number, case.currency)} {case.currency}"
