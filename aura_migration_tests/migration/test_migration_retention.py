"""Keeping and clearing up by age: what ended goes, what goes on stays whole, a preview says the same."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from aura_migration.archive.recorder import open_snapshot
from aura_migration.archive.redaction import Redaction
from aura_migration.archive.snapshot import SnapshotReader, SnapshotRef
from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.vault import PersonKeys
from aura_migration.migration.extraction import pin
from aura_migration.migration.privacy.retention import known_snapshots, purge, remove_snapshot, sweep_store
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.planner import Subject
from aura_migration.settings import Settings
from aura_migration_tests.support.guests import ADA_TEXTS, ada, everything, grace, migrate, preview, undo, where
from aura_migration_tests.support.menus import make_chain, make_subject, one, rows

Connection = psycopg.Connection[Any]
PEOPLE = Redaction(personal={"customers": (("[].name", "[].id"),)})
OLD = "2020-01-01T00:00:00+00:00"


@pytest.fixture
def workshop(settings: Settings) -> Workshop:
    return Workshop(settings, str(settings.database_url))


@pytest.fixture
def subject(connection: Connection) -> Subject:
    return make_chain(connection)[0]


def snapshot(workshop: Workshop, connection: Connection, subject: Subject, name: str = "Ada Lovelace") -> SnapshotRef:
    with open_snapshot(
        connection,
        workshop.store,
        integration_id=subject.integration_id,
        pos=subject.pos,
        scope="location",
        location_key=subject.location_key,
        taken_at=datetime.now(UTC),
        redaction=PEOPLE,
        cipher=workshop.persons,
    ) as recorder:
        body = f'[{{"id": "ADA", "name": "{name}"}}]'.encode()
        recorder.record(
            "customers", method="GET", path="/customers", params=None, request_body=None, body=body, rows=1, page=1
        )
        found = recorder.finish()
    pin(connection, subject.migration_id, [found.snapshot_id])
    return found


def end(connection: Connection, subject: Subject, state: str = "rolled_back") -> None:
    """The migration ended long ago."""
    connection.execute(
        "UPDATE migration.migrations SET state = %s, updated_at = %s WHERE id = %s", [state, OLD, subject.migration_id]
    )
    connection.execute(
        "UPDATE migration.plans SET created_at = %s WHERE migration_id = %s", [OLD, subject.migration_id]
    )
    connection.execute("UPDATE migration.snapshots SET created_at = %s, ended_at = %s", [OLD, OLD])


def test_a_migration_that_ended_long_ago_leaves_nothing_of_its_people(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, [*ada(), *grace()])
    kept = snapshot(workshop, connection, subject)
    undo(connection, subject)
    end(connection, subject)
    assert where(connection, *ADA_TEXTS, "Hopper")
    rehearsed = purge(workshop, 30, rehearse=True)
    assert where(connection, *ADA_TEXTS, "Hopper"), "a preview changes nothing"
    done = purge(workshop, 30)
    assert where(connection, *ADA_TEXTS, "Hopper") == []
    assert done.snapshots == rehearsed.snapshots == [kept.snapshot_id] and done.migrations == [subject.migration_id]
    assert {k: v for k, v in done.counts.items() if k != "stored bodies"} == rehearsed.counts
    assert done.counts["migration.person_keys"] == 1 and done.counts["stored bodies"] == 1
    assert list(workshop.store.blobs()) == [] and known_snapshots(connection) == []
    again = purge(workshop, 30)
    assert not again.counts and not again.snapshots


def test_what_is_younger_than_the_period_stays(workshop: Workshop, connection: Connection, subject: Subject) -> None:
    migrate(connection, subject, ada())
    snapshot(workshop, connection, subject)
    undo(connection, subject)
    connection.execute("UPDATE migration.migrations SET state = 'rolled_back', updated_at = now()")
    before = everything(connection)
    assert purge(workshop, 1).as_dict()["rows"] == {}
    assert everything(connection) == before


def test_a_migration_that_goes_on_can_still_be_verified_rolled_back_and_run_again(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, [*ada(), *grace()])
    kept = snapshot(workshop, connection, subject)
    end(connection, subject, "verified")
    done = purge(workshop, 0)
    assert done.snapshots == [] and set(done.counts) == {"staging.rows"}, "staging is made anew by every preview"
    reader = SnapshotReader(kept, cipher=PersonKeys(workshop.vault))
    (body,) = reader.bodies("customers")
    assert b"Ada Lovelace" in reader.revealed(body)
    again = preview(connection, subject, [*ada(), *grace()])
    assert again.counts["customers"]["unchanged"] == 2, "nobody's edit is seen where nobody edited"
    assert undo(connection, subject).kept == []


def test_a_snapshot_two_migrations_share_stays_while_one_of_them_goes_on(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    other = make_subject(connection, subject.integration_id, "L2")
    kept = snapshot(workshop, connection, subject)
    pin(connection, other.migration_id, [kept.snapshot_id])
    end(connection, subject)
    assert purge(workshop, 30).snapshots == []
    end(connection, other)
    assert purge(workshop, 30).snapshots == [kept.snapshot_id]


def test_rows_a_rollback_kept_are_still_compared_rightly_by_a_later_run(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    migrate(connection, subject, [*ada(), *grace()])
    connection.execute("UPDATE aura.customers SET status = 'suspended' WHERE first_name = 'Ada'")
    assert undo(connection, subject).kept
    end(connection, subject)
    purge(workshop, 30)
    later = make_subject(connection, subject.integration_id)
    plan = preview(connection, later, [*ada(), *grace()])
    assert plan.counts["customers"]["create"] == 1, "Grace went, Ada stayed"
    assert "Hopper" not in everything(connection)["migration.journal"]


def test_the_content_of_replaced_plans_goes_and_that_of_the_present_one_stays(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    first = preview(connection, subject, ada())
    second = preview(connection, subject, [*ada(), *grace()])
    assert one(connection, "SELECT state FROM migration.plans WHERE id = %s", [first.plan_id]) == "superseded"
    connection.execute("UPDATE migration.plans SET created_at = %s", [OLD])
    purge(workshop, 30)
    texts = dict(
        rows(
            connection,
            "SELECT plan_id, string_agg(coalesce(content::text, ''), '') FROM migration.plan_rows GROUP BY 1",
        )
    )
    assert "Lovelace" not in texts[first.plan_id] and "Lovelace" in texts[second.plan_id]


def test_keys_of_an_account_with_another_snapshot_and_marks_of_the_erased_stay(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    snapshot(workshop, connection, subject)
    workshop.persons.erase(subject.integration_id, "GONE")
    end(connection, subject)
    newer = make_subject(connection, subject.integration_id)
    later = snapshot(workshop, connection, newer)
    purge(workshop, 30)
    (body,) = SnapshotReader(later, cipher=PersonKeys(workshop.vault)).bodies("customers")
    assert b"Ada Lovelace" in SnapshotReader(later, cipher=PersonKeys(workshop.vault)).revealed(body)
    end(connection, newer)
    purge(workshop, 30)
    assert rows(connection, "SELECT erased_at IS NOT NULL FROM migration.person_keys") == [(True,)]


def test_old_fault_files_go(workshop: Workshop, connection: Connection) -> None:
    folder = workshop.settings.data_dir / "faults"
    folder.mkdir(parents=True)
    for name, age in (("old", 40), ("new", 1)):
        path = folder / f"{name}.txt"
        path.write_text("stack")
        os.utime(path, (time.time() - age * 86_400,) * 2)
    assert purge(workshop, 30, rehearse=True).counts["fault files"] == 1
    assert len(list(folder.iterdir())) == 2
    assert purge(workshop, 30).counts["fault files"] == 1
    assert [path.stem for path in folder.iterdir()] == ["new"]


def test_a_negative_period_is_bad_input(workshop: Workshop) -> None:
    with pytest.raises(BadInput, match="not a number of days"):
        purge(workshop, -1)


def test_a_snapshot_is_deleted_by_hand_unless_something_stands_on_it(
    workshop: Workshop, connection: Connection, subject: Subject
) -> None:
    used = snapshot(workshop, connection, subject)
    with pytest.raises(Refused, match="evidence of migration"):
        remove_snapshot(workshop, used.snapshot_id)
    connection.execute("DELETE FROM migration.migration_snapshots")
    connection.execute(
        "INSERT INTO migration.handed_files (integration_id, kind, sha256, file_name, mapping, rows, snapshot_id, handed_by) "
        "VALUES (%s, 'consents', 'x', 'x.csv', '{}', 1, %s, 'Grace')",
        [subject.integration_id, used.snapshot_id],
    )
    with pytest.raises(Refused, match="in force"):
        remove_snapshot(workshop, used.snapshot_id)
    connection.execute("UPDATE migration.handed_files SET state = 'withdrawn'")
    assert [s["id"] for s in known_snapshots(connection)] == [used.snapshot_id]
    assert remove_snapshot(workshop, used.snapshot_id)["bodies"] == 1
    assert known_snapshots(connection, subject.integration_id) == []
    assert sweep_store(workshop) == {"manifests": 0, "bodies": 0, "leftovers": 0}
