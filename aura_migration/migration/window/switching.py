"""Switching, reversing and completing a window with the real POS, clock and stores; the machine itself is in ``cutover``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.errors import Refused
from aura_migration.cutover import completing, reversing, switching
from aura_migration.cutover.aborting import abort_overdue
from aura_migration.cutover.gates import MOMENT, measure_gates, require_gates
from aura_migration.cutover.hooks import objection
from aura_migration.cutover.phases import find_place, held_channels, move
from aura_migration.cutover.recheck import LastOrder, recheck_orders
from aura_migration.cutover.reentering import reenter_future_orders
from aura_migration.cutover.reverse_entries import note_entries
from aura_migration.cutover.switching import Switch, SwitchDeps
from aura_migration.database.connections import Connection
from aura_migration.migration.dating import aura_location
from aura_migration.migration.extraction import pinned
from aura_migration.migration.integrations import get_location
from aura_migration.migration.liabilities import owners
from aura_migration.migration.liabilities import switch as take_liability_over
from aura_migration.migration.records import get_migration
from aura_migration.migration.window.following import follow
from aura_migration.migration.window.opening import get_window
from aura_migration.migration.window.way_back import level_of, settle, try_files, try_out
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.order_facts import OrderFact
from aura_migration.verify.orders import day_rule, find_orders_witness

FIRST = "online"
"""The channel that is switched first."""
LOCK_PATIENCE = 20.0
"""Seconds a reading within a switch waits for another that is under way."""


def switch_channel(
    workshop: Workshop, migration_id: int, channel: str, by: str, forced_reason: str = ""
) -> dict[str, Any]:
    """Switch a channel to AuraConnect, or go on with a switch of it that stopped."""
    with workshop.connect() as connection, workshop.connect() as asking:
        deps = _deps(workshop, asking, migration_id, by, channel, "forward", forced_reason)
        done = switching.switch(
            connection, migration_id, channel, by, workshop.now(), deps=deps, forced_reason=forced_reason
        )
        # Only now does AuraConnect take orders of the channel.
        entered = reenter_future_orders(asking, migration_id, by, workshop.now(), channel)
        return {**_told(done), "scheduled_orders_entered": len(entered)}


def abort_switch(workshop: Workshop, migration_id: int, by: str, reason: str) -> dict[str, Any]:
    """Take the switch that is under way back."""
    with workshop.connect() as connection:
        return _told(switching.abort(connection, migration_id, by, reason, workshop.now()))


def rehearse_way_back(workshop: Workshop, migration_id: int, by: str) -> dict[str, Any]:
    """Walk the way back once at the location's level and leave nothing behind."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        level = level_of(connection, migration)
        found = reversing.rehearse(
            connection,
            migration_id,
            level,
            by,
            workshop.now(),
            lambda entries: try_out(workshop, migration, level, entries),
            try_files(workshop, migration, level),
        )
        return {"migration_id": migration_id, **found.as_dict()}


def reverse_window(workshop: Workshop, migration_id: int, by: str, reason: str) -> dict[str, Any]:
    """Give every channel back to the POS; ends the window."""
    with workshop.connect() as connection, workshop.connect() as asking:
        deps = _deps(workshop, asking, migration_id, by, "", "back", "")
        done = reversing.reverse(connection, migration_id, by, workshop.now(), deps, reason)
        return {"migration_id": migration_id, "switched_back": [one.channel for one in done], "ending": "reversed"}


def complete_window(workshop: Workshop, migration_id: int, by: str, reason: str) -> dict[str, Any]:
    """End the window for good."""
    with workshop.connect() as connection:
        note_entries(connection, migration_id)
        level_entries = settle(workshop, connection, migration_id)
        completing.complete(connection, migration_id, by, workshop.now(), reason)
        return {"migration_id": migration_id, "ending": "completed", "entries": level_entries.as_dict()}


def _deps(
    workshop: Workshop,
    connection: Connection,
    migration_id: int,
    by: str,
    channel: str,
    direction: str,
    forced_reason: str,
) -> SwitchDeps:
    """What a switch asks others for. ``connection`` is not the one that the switch is written by."""
    window = get_window(connection, migration_id)

    def drain() -> int:
        with workshop.connect() as own:
            follow(workshop, migration_id, by, caused_by="switch", patience=LOCK_PATIENCE)
            return backlog(own, migration_id)

    def put_back() -> int:
        with workshop.connect() as own:
            return settle(workshop, own, migration_id).waiting

    def redeem() -> list[str]:
        integration_id = get_migration(connection, migration_id).integration_id
        frozen = [one.liability for one in owners(workshop, integration_id) if one.owner == "nobody"]
        for liability in frozen:
            take_liability_over(workshop, integration_id, liability, by, "the tills are AuraConnect's")
        return frozen

    facts = {
        "migration_id": migration_id,
        "location": window.location_key,
        "channel": channel,
        "direction": direction,
        "asked_by": by,
        "now": workshop.now().isoformat(),
    }
    return SwitchDeps(
        gates=lambda asked: require_gates(connection, migration_id, asked, workshop.now(), forced_reason=forced_reason),
        drain=drain,
        recheck=lambda number: recheck(workshop, connection, migration_id, number),
        veto=lambda: objection(window.rules.veto, facts),
        settle=put_back,
        redeem=redeem,
    )


def keep_way_back(workshop: Workshop, migration_id: int) -> dict[str, Any] | None:
    """Note what happened in AuraConnect and put it where the way back needs it; None while the POS owns every channel.

    Done after each following, so that the old POS, or its files, are never further behind than the window's readings.
    """
    with workshop.connect() as connection:
        location = get_migration(connection, migration_id).location_key
        if not held_channels(connection, location):
            return None
        note_entries(connection, migration_id)
        return settle(workshop, connection, migration_id).as_dict()


def settle_phase(workshop: Workshop, migration_id: int, by: str) -> str:
    """Whether the location is ready for its first switch, by the gates that are not about its very moment; the phase it is in."""
    with workshop.connect() as connection:
        place = find_place(connection, migration_id)
        if place.phase not in ("parallel", "ready"):
            return place.phase
        found = measure_gates(connection, migration_id, FIRST, workshop.now())
        is_ready = all(gate.holds for gate in found if gate.name not in MOMENT)
        phase = "ready" if is_ready else "parallel"
        move(connection, migration_id, phase, by, "every gate holds" if is_ready else "a gate does not hold any more")
        return phase


def abort_overdue_switches(workshop: Workshop) -> list[str]:
    """Take back switches whose pause lasts too long as the process that made it is gone; the channels they were of."""
    with workshop.connect() as connection:
        return [one.channel for one in abort_overdue(connection, datetime.now(UTC), workshop.now())]


def backlog(connection: Connection, migration_id: int) -> int:
    """Changes of the POS that were seen and do not stand in AuraConnect: rows that wait for an approval, events not read."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM migration.drift d WHERE d.migration_id = m.id AND d.state = 'waiting') "
        "+ (SELECT count(*) FROM migration.webhook_events e WHERE e.integration_id = m.integration_id AND e.is_genuine "
        "AND e.state = 'received' AND (e.location_key IS NULL OR e.location_key = m.location_key)) "
        "FROM migration.migrations m WHERE m.id = %s",
        [migration_id],
    ).fetchone()
    return int(row[0]) if row else 0


def recheck(workshop: Workshop, connection: Connection, migration_id: int, number: int) -> list[str]:
    """What is wrong with the POS's last orders in AuraConnect; what the POS has is read by its orders witness."""
    migration = get_migration(connection, migration_id)
    witness = find_orders_witness(migration.subject.pos)
    place = aura_location(connection, migration)
    if witness is None or place is None:
        raise Refused(
            f"Nothing reads the orders of {migration.subject.pos} a second time.", "A connector brings a witness."
        )
    site = get_location(connection, migration.location_key).source
    rule = day_rule(connection, migration.subject, migration.parsed_options)
    newest = [ref for ref in pinned(connection, migration_id) if ref.scope == "history"]
    facts = witness(SnapshotReader(*newest, cipher=workshop.persons), site.source_id, site.currency, rule)
    orders = sorted((f for f in facts if isinstance(f, OrderFact)), key=lambda f: (f.business_date, f.key))[-number:]
    return recheck_orders(
        connection,
        place,
        [LastOrder(f.key, "", f.final, f.tax, f.tip, f.state == "voided") for f in orders],
    )


def _told(switch: Switch) -> dict[str, Any]:
    return {
        "migration_id": switch.migration_id,
        "channel": switch.channel,
        "direction": switch.direction,
        "state": switch.state,
        "step": switch.step,
        "effective_at": switch.effective_at.isoformat() if switch.effective_at else None,
        "switch_id": switch.id,
    }
