"""Known values of guests and staff go in; everything that a journey writes is searched for them.

What is personal may stand in AuraConnect and in the contents the migration needs for planning and rollback, nowhere else.
What is secret (PINs, tax ids, card fingerprints, gift-card numbers, tokens) may stand nowhere at all, and of an erased
guest nothing may.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from aura_migration.archive.snapshot import SnapshotStore
from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.journey import PROJECT, Answer, World, edit

CONTENTS = {
    "migration.plan_rows": ("content", "image", "before", "source_image"),
    "migration.journal": ("before", "after"),
    "migration.quarantine": ("values", "correction"),
    "staging.rows": ("content",),
}
"""Columns that hold rows of persons, besides AuraConnect's own tables."""
LAST_ORDER = "2026-09-30T03:00:00+00:00"
"""Toast's guests are known by their orders, which this clock must not stand before."""
SAMPLE = 120
"""Known values with which the search itself is tried."""
PIECE = 1 << 22
"""Bytes looked at in one go."""
SEALED = {"migration.credentials", "migration.person_keys", "migration.sealed_secrets"}
"""Ciphertext: random bytes may hold any short text by chance."""


class Written:
    """Everything a journey has written, by place: ``anywhere`` must hold no personal value, ``contents`` no secret."""

    def __init__(self) -> None:
        self.anywhere: dict[str, str] = {}
        self.contents: dict[str, str] = {}

    def add_database(self, world: World) -> None:
        """Every table of the database, Dagster's too, row by row as text."""
        columns: dict[str, list[str]] = {}
        for schema, table, column in world.rows(
            "SELECT c.table_schema, c.table_name, c.column_name FROM information_schema.columns c "
            "JOIN information_schema.tables t USING (table_schema, table_name) "
            "WHERE t.table_type = 'BASE TABLE' AND c.table_schema NOT IN ('pg_catalog', 'information_schema') "
            "ORDER BY 1, 2, c.ordinal_position"
        ):
            columns.setdefault(f"{schema}.{table}", []).append(column)
        assert {"public.event_logs", "public.runs", "public.run_tags", *CONTENTS} <= set(columns)
        for table, names in columns.items():
            if table in SEALED:
                continue
            of_persons = names if table.startswith("aura.") else CONTENTS.get(table, ())
            for place, chosen in (
                (self.contents, [name for name in names if name in of_persons]),
                (self.anywhere, [name for name in names if name not in of_persons]),
            ):
                if chosen:
                    shown = ", ".join(f't."{name}"::text' for name in chosen)
                    rows = world.rows(f"SELECT concat_ws(E'\\n', {shown}) FROM {table} t")  # type: ignore[arg-type]
                    place[table] = "\n".join(row[0] for row in rows)

    def add_files(self, folder: Path, store: SnapshotStore) -> None:
        """Every file of the data folder except the keys, and what snapshots hold, unpacked."""
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.relative_to(folder).parts[0] not in ("keys", "postgres"):
                self.anywhere[str(path.relative_to(folder))] = path.read_bytes().decode("utf-8", "replace")
        bodies = list(store.blobs())
        assert bodies
        for sha in bodies:
            self.anywhere[f"body {sha}"] = store.get(sha).decode("utf-8", "replace")
        for sha in store.manifests():
            self.anywhere[f"manifest {sha}"] = store.get_manifest(sha).decode("utf-8", "replace")


def forms(value: str) -> set[str]:
    """A value as it may be written: as it is, in JSON, in HTML, in an address, in Markdown and in PostgreSQL's CSV."""
    plain = json.dumps(value, ensure_ascii=False)[1:-1]
    return {
        value,
        plain,
        json.dumps(value)[1:-1],
        json.dumps(plain)[1:-1],
        escape(value),
        quote(value),
        quote(value, ""),
    }


def leaks(places: dict[str, str], values: Iterable[str]) -> Iterator[str]:
    """Where one of the values stands: ``place: value …context…``.

    Thousands of forms in hundreds of megabytes of text: a text is walked through once for how forms begin, then searched
    for those that may be there.
    """
    wanted = {form.encode(): value for value in values for form in forms(value)}
    length = min(8, *map(len, wanted))
    assert length >= 3, min(wanted, key=len)
    by_head: dict[int, list[bytes]] = {}
    for form in wanted:
        by_head.setdefault(int.from_bytes(form[:length], "big"), []).append(form)
    heads = np.array(sorted(by_head), dtype=np.uint64)
    begins = np.zeros(1 << 24, dtype=np.bool_)
    begins[heads >> np.uint64(8 * (length - 3))] = True
    for place, shown in places.items():
        text = shown.encode("utf-8", "replace")
        for head in _heads_in(text, length, heads, begins):
            for form in by_head[head]:
                at = text.find(form)
                if at >= 0:
                    around = text[max(0, at - 60) : at + len(form) + 20].decode("utf-8", "replace")
                    yield f"{place}: {wanted[form]!r} in {around!r}"


def _heads_in(text: bytes, length: int, heads: NDArray[np.uint64], begins: NDArray[np.bool_]) -> list[int]:
    """Which of the heads, numbers of ``length`` bytes, stand anywhere in the text; ``begins`` knows their first three bytes."""
    found: set[int] = set()
    for start in range(0, len(text) - length + 1, PIECE):
        piece = np.frombuffer(text[start : start + PIECE + length - 1], dtype=np.uint8)
        last = len(piece) - length + 1
        three = piece[:last].astype(np.uint32) << 16 | piece[1 : last + 1].astype(np.uint32) << 8 | piece[2 : last + 2]
        at = np.flatnonzero(begins[three])
        number = np.zeros(len(at), dtype=np.uint64)
        for offset in range(length):
            number = number << np.uint64(8) | piece[at + offset]
        found.update(np.intersect1d(number, heads).tolist())
    return sorted(found)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that is logged, also what no command shows."""
    caplog.set_level(logging.INFO)
    return caplog


def _journey(world: World, sandbox: RunningSandbox) -> tuple[int, str, dict[str, str]]:
    """The whole way by command, with all a person may look at; the migration's id, who was erased, what was printed."""
    said: dict[str, str] = {}

    def say(*arguments: object, codes: tuple[int, ...] = (0,)) -> Answer:
        answer = world.call(*arguments)
        assert answer.code in codes, f"{' '.join(map(str, arguments))}: {answer}"
        said[f"{len(said)}: {' '.join(map(str, arguments))}"] = answer.out + answer.err
        return answer

    def call(*arguments: object, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        return say(*arguments, "--json", codes=codes).json

    integration = call(*world.connect_arguments(sandbox))["integration_id"]
    call("preflight", integration)
    call("audit", integration)
    for file, kind, place in _exports(world, sandbox):
        call("import-file", integration, "--kind", kind, "--file", file, *place)
    options = world.folder / "options.json"
    options.write_text(json.dumps({"history": {"months": 12 if sandbox.pos_app.pos == "square" else 1}}))
    (plan,) = call("preview", integration, "--options", options)["migrations"]
    number = plan["migration_id"]
    for question in (("losses", integration), ("conflicts", "list", number), ("quarantine", "list", number)):
        say(*question)
        call(*question)
    call("approve", number, "--plan-hash", plan["plan_hash"], "--by", "Ada")
    if sandbox.pos_app.pos == "square":  # what moved is told in one way, whatever the POS
        _somebody_changes(sandbox)
        say("run", number, codes=(1,))
        say("status", number)
        moved = call("status", number)["delta_plan"]
        assert moved["differences"], "what moved is shown, and must name nobody"
        call("approve", number, "--plan-hash", moved["plan_hash"], "--by", "Ada")
    done = call("run", number)
    assert done["passed"] is True, done
    say("verify", number)
    erased = _erased(world, call)
    (again,) = call("preview", integration)["migrations"]
    guests = again["entities"]["customers"]
    assert guests["create"] == guests["update"] == 0 < guests["unchanged"]
    assert guests["skip"] >= (sandbox.pos_app.pos != "toast"), "what an order said of a guest is gone with their key"
    if again["state"] == "planned":
        call("approve", number, "--plan-hash", again["plan_hash"], "--by", "Ada")
    assert call("run", number)["passed"] is True
    call("report", number)
    say("status", number)
    call("rollback", number, "--preview")
    return number, erased, said


def _exports(world: World, sandbox: RunningSandbox) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """The files that the restaurant hands over because its POS has no balances: ``(file, kind, --location …)``."""
    truth = httpx.get(f"{sandbox.control_url}/truth", timeout=60).json()
    for one in truth.get("exports", ()):
        if one.get("clean", one.get("sound")):
            file = world.folder / one["name"]
            file.write_bytes(httpx.get(f"{sandbox.control_url}/exports/{one['name']}").content)
            of_location = ("--location", f"{sandbox.pos_app.pos}:{truth['locations'][0]['id']}")
            yield file, one["kind"], of_location if one["kind"] == "payroll" else ()


def _erased(world: World, call: Callable[..., dict[str, Any]]) -> str:
    """Erase a guest whom nobody shares a contact with; returns their e-mail address."""
    ((restaurant, guest, email),) = world.rows(
        "SELECT c.restaurant_id, c.id, c.email_normalized FROM aura.customers c WHERE c.email_normalized IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM aura.customers o WHERE o.id <> c.id AND (o.email_normalized = c.email_normalized "
        "OR o.phone = c.phone)) ORDER BY c.id LIMIT 1"
    )
    call("erase", "--restaurant", restaurant, "--customer-id", guest, "--by", "Grace")
    return str(email)


def _somebody_changes(sandbox: RunningSandbox) -> None:
    """A guest moves house at the POS after the plan was approved."""
    truth = httpx.get(f"{sandbox.control_url}/truth", timeout=60).json()
    guest = next(one for one in truth["customers"] if one["listed"] and one["email"])
    edit(
        sandbox,
        op="edit_customer",
        customer=guest["id"],
        family_name="Kanarienvogel",
        email="neu@kanarienvogel.example",
    )


@pytest.fixture(
    params=[
        ("square", "diner"),
        pytest.param(("toast", "cafe"), marks=pytest.mark.soak),
        pytest.param(("clover", "cafe"), marks=pytest.mark.soak),
    ],
    ids=lambda param: param[0],
)
def searched(
    request: pytest.FixtureRequest,
    world: World,
    open_pos: Callable[..., RunningSandbox],
    logged: pytest.LogCaptureFixture,
) -> tuple[World, Written, str, dict[str, list[str]]]:
    """A restaurant taken through its journey, what was written, who was erased, and the values that must not be found."""
    sandbox = open_pos(*request.param)
    if request.param[0] == "toast":
        world.environ["AURA_NOW"] = LAST_ORDER
    number, erased, said = _journey(world, sandbox)
    written = Written()
    for command, text in said.items():
        written.anywhere[f"printed by {command}"] = text
    written.anywhere["logged"] = "\n".join(record.getMessage() for record in logged.records)
    written.add_database(world)
    folder = Path(world.environ["AURA_DATA_DIR"])
    store = world.workshop.store
    written.add_files(folder, store)
    answer = world.call("rollback", number, "--json")
    assert answer.code == 0, answer
    written.anywhere["printed by rollback"] = answer.out + answer.err
    after = Written()
    after.add_database(world)
    for table, text in after.anywhere.items():
        if text != written.anywhere.get(table):
            written.anywhere[f"{table} after the rollback"] = text
    truth = httpx.get(f"{sandbox.control_url}/truth", timeout=60).json()
    return world, written, erased, {name: truth[name] for name in ("secrets", "personal")}


def test_no_secret_and_nobody_is_found_in_what_a_journey_writes(
    searched: tuple[World, Written, str, dict[str, list[str]]],
) -> None:
    world, written, erased, truth = searched
    assert len(truth["secrets"]) > 20 and len(truth["personal"]) > 150
    assert ("neu@kanarienvogel.example" in truth["personal"]) == ("square:" in written.anywhere["migration.locations"])
    found = [
        *leaks(written.anywhere, {*truth["personal"], *truth["secrets"]}),
        *(f"secret in {leak}" for leak in leaks(written.contents, truth["secrets"])),
        *(f"erased in {leak}" for leak in leaks(written.contents, [erased])),
    ]
    assert not found, f"{len(found)} leaks:\n" + "\n".join(found[:40])
    known = truth["personal"][:SAMPLE]
    _assert_the_search_finds_what_there_is(written, known)
    _assert_the_page_names_every_place(written, known)
    assert world.rows("SELECT count(*) FROM aura.customers") == [(0,)]


def _assert_the_search_finds_what_there_is(written: Written, known: list[str]) -> None:
    """A search that finds nothing proves nothing: guests do stand where they may."""
    for place in ("aura.customers", "migration.plan_rows", "staging.rows"):
        found = sum(1 for _ in leaks({place: written.contents[place]}, known))
        assert found > 5, f"{place} holds {found} of the known values"


def _assert_the_page_names_every_place(written: Written, known: list[str]) -> None:
    """Every table in which a guest stands in the clear is listed in docs/privacy.md."""
    page = (PROJECT / "docs" / "privacy.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:aura|migration|staging)\.)?([a-z_]+)`", page))
    tables = {table for _, table in named}
    holding = {leak.split(":")[0].split(".")[1] for leak in leaks(written.contents, known)}
    assert holding <= tables, holding - tables
