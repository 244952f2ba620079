"""Any order of verbs, sales, kills and clocks: one owner per channel at any instant, nobody served twice, three endings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aura_migration.core.errors import AuraError, Refused
from aura_migration.cutover import phases
from aura_migration.cutover.aborting import abort, abort_overdue
from aura_migration.cutover.completing import complete
from aura_migration.cutover.hooks import objection
from aura_migration.cutover.reverse_entries import note_entries
from aura_migration.cutover.reversing import reverse, sign_reverse
from aura_migration.cutover.switches import STEPS, open_switch
from aura_migration.database.connections import connect
from aura_migration.reconcile.books import CHANNELS
from aura_migration_tests.support import database as support
from aura_migration_tests.support.switched import PEOPLE, Killed, make_old_pos, open_shop

VERBS = (
    *("switch", "switch", "switch", "go_on", "go_on", "abort", "look", "reverse", "reverse", "complete", "cancel"),
    *("sell_online", "sell_in_house"),
)
SOMEWHERE = st.sampled_from([None, None, *STEPS])


class Cutover(RuleBasedStateMachine):
    """What people, processes and clocks may do to a window, in any order."""

    url: ClassVar[str]
    connection: ClassVar[psycopg.Connection[Any]]

    @initialize(already=st.integers(0, 4))
    def opened(self, already: int) -> None:
        self.shop = open_shop(self.url, self.connection)
        self.sold: set[str] = set()
        self.ended_as: str | None = None
        for channel in CHANNELS[:already]:
            self.shop.switch(channel)

    def attempt(self, work: Any) -> None:
        """A verb is done, killed, or refused with a remedy; nothing else."""
        try:
            work()
        except Killed:
            self.shop.real = None
        except AuraError as error:
            assert error.what
        self.shop.steps.clear()

    def dying(self, at: str | None, late: bool = False) -> Any:
        def step_done(step: str) -> None:
            if late and step == "paused":
                self.shop.real = self.shop.clock() + timedelta(minutes=2)
            if step == at:
                raise Killed

        return step_done

    # One rule for all verbs: which are tried is drawn at every step, not once for a whole run.
    @precondition(lambda self: self.ended_as is None)
    @rule(
        verb=st.sampled_from(VERBS),
        killed_at=SOMEWHERE,
        odd=st.sampled_from(["", "", "", "", "late", "unsigned", "unanswered"]),
    )
    def act(self, verb: str, killed_at: str | None, odd: str) -> None:
        getattr(self, f"do_{verb}")(killed_at, odd)

    @precondition(lambda self: self.ended_as is not None)
    @rule(verb=st.sampled_from(sorted(set(VERBS) - {"look", "sell_online", "sell_in_house"})))
    def act_after_the_end(self, verb: str) -> None:
        before = self.shop.image()
        getattr(self, f"do_{verb}")(None, "")
        assert self.shop.image() == before, "an ended window is changed by no verb"

    def do_switch(self, killed_at: str | None, odd: str) -> None:
        held = phases.held_channels(self.connection, self.shop.key)
        channel = next((c for c in CHANNELS if c not in held), "online")
        if odd == "unanswered":
            channel = "time_clock"
        step_done = self.dying(killed_at, odd == "late")
        self.attempt(lambda: self.shop.switch(channel, sign=odd != "unsigned", step_done=step_done))
        self.shop.real = None

    def do_go_on(self, killed_at: str | None, odd: str) -> None:
        backlog = int(odd == "late")
        found = open_switch(self.connection, self.shop.migration)
        if found is not None and found.direction == "forward":
            self.attempt(
                lambda: self.shop.switch(found.channel, sign=False, drain=lambda: self.shop.follow() + backlog)
            )

    def do_abort(self, killed_at: str | None, odd: str) -> None:
        self.attempt(lambda: abort(self.connection, self.shop.migration, "ben", "", self.shop.business_now()))

    def do_look(self, killed_at: str | None, odd: str) -> None:
        self.attempt(
            lambda: abort_overdue(self.connection, self.shop.clock() + timedelta(minutes=2), self.shop.business_now())
        )

    def do_reverse(self, killed_at: str | None, odd: str) -> None:
        shop = self.shop
        if odd != "unsigned":
            for person in PEOPLE:
                self.attempt(lambda person=person: sign_reverse(self.connection, shop.migration, person, ""))
        more = {"settle": None} if odd == "unanswered" else {}
        deps = shop.deps(step_done=self.dying(killed_at), **more)
        self.attempt(lambda: reverse(self.connection, shop.migration, "ana", shop.at, deps))

    def do_cancel(self, killed_at: str | None, odd: str) -> None:
        if odd == "late":
            return
        self.attempt(lambda: phases.cancel(self.connection, self.shop.migration, "ana", self.shop.at, ""))

    def do_complete(self, killed_at: str | None, odd: str) -> None:
        shop = self.shop

        def work() -> None:
            shop.follow()
            self.connection.execute(
                "INSERT INTO migration.follows (migration_id, family, caused_by, began_at, read_until, outcome) "
                "VALUES (%s, 'all', 'test', %s, %s, 'nothing')",
                [shop.migration, shop.at, shop.at],
            )
            note_entries(self.connection, shop.migration)
            if odd != "unanswered":
                shop.settle()
            complete(self.connection, shop.migration, "ana", shop.at)

        self.attempt(
            work if self.ended_as is None else lambda: complete(self.connection, shop.migration, "ana", shop.at)
        )

    def do_sell_online(self, killed_at: str | None, odd: str) -> None:
        self.sell("online")

    def do_sell_in_house(self, killed_at: str | None, odd: str) -> None:
        self.sell("in_house")

    def sell(self, channel: str) -> None:
        """A till takes an order to whoever serves; it must not be taken where the other owns the channel."""
        label = f"n{len(self.sold) + 1}"
        serves = self.shop.accepts(channel)
        try:
            self.shop.sell_at_aura(label, channel)
            assert serves == "auraconnect"
        except psycopg.DatabaseError as error:
            assert error.sqlstate == "AU001" and serves != "auraconnect"
            if serves == "nobody":
                return
            self.shop.sell_at_pos(label, channel)
        self.sold.add(label)

    @rule(minutes=st.integers(1, 600))
    def time_passes(self, minutes: int) -> None:
        self.shop.at += timedelta(minutes=minutes)

    # What holds after each of them

    @invariant()
    def one_owner_and_no_service_for_what_another_owns(self) -> None:
        if not hasattr(self, "shop"):
            return
        found = open_switch(self.connection, self.shop.migration)
        for channel in CHANNELS:
            owner, accepts = self.shop.owner(channel), self.shop.accepts(channel)
            assert not (accepts == "auraconnect" and owner == "pos")
            if found is None or found.channel != channel or not found.is_paused:
                assert accepts == owner, "somebody serves whenever nothing is paused"
        assert found is None or found.step in STEPS[:-1]

    @invariant()
    def the_phase_says_what_is(self) -> None:
        if not hasattr(self, "shop"):
            return
        phase = self.shop.phase
        held = phases.held_channels(self.connection, self.shop.key)
        found = open_switch(self.connection, self.shop.migration)
        ending = self.shop.one("SELECT ending FROM migration.windows WHERE migration_id = %s", self.shop.migration)
        assert ending == (phase if phase in phases.ENDINGS else None)
        assert self.ended_as in (None, ending), "an ending is final"
        self.ended_as = ending
        expected = {"completed": 3, "live": 1, "parallel": 0, "ready": 0, "reversed": 0, "cancelled": 0}.get(phase)
        if expected is not None:
            assert found is None and (len(held) >= expected if expected else not held)
        if phase == "switching":
            assert found is not None and found.direction == "forward"
        state = self.shop.one("SELECT state FROM migration.migrations WHERE id = %s", self.shop.migration)
        assert state == phases.STATE_OF[phase]

    @precondition(lambda self: self.ended_as == "reversed")
    @rule()
    def everything_sold_is_at_the_old_pos_once(self) -> None:
        there = [n for (n,) in self.connection.execute("SELECT number FROM pos_till WHERE shop = %s AND number LIKE 'n%%'", [self.shop.location])]  # fmt: skip
        assert sorted(there) == sorted(self.sold)

    def teardown(self) -> None:
        """Every order is in AuraConnect once, and whatever was begun can be brought to an end."""
        shop = self.shop
        found = open_switch(self.connection, shop.migration)
        if found is not None:
            self.attempt(lambda: abort(self.connection, shop.migration, "ben", ""))
            assert open_switch(self.connection, shop.migration) is None, "abort works at every step"
        if shop.phase == "reversing":
            abort(self.connection, shop.migration, "ben", "")
        assert shop.phase in ("parallel", "ready", "live", *phases.ENDINGS)
        self.one_owner_and_no_service_for_what_another_owns()
        shop.follow()
        here = [n for (n,) in self.connection.execute("SELECT display_number FROM aura.orders WHERE location_id = %s AND display_number LIKE 'n%%'", [shop.location])]  # fmt: skip
        assert sorted(here) == sorted(self.sold), "none lost, none doubled"


@pytest.fixture
def machine(databases: support.Pool) -> Iterator[type[Cutover]]:
    with databases.database() as url, connect(url, autocommit=True) as connection:
        make_old_pos(connection)
        Cutover.url, Cutover.connection = url, connection
        yield Cutover


def test_any_order_of_verbs_and_kills_keeps_one_owner_and_three_endings(machine: type[Cutover]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=12, stateful_step_count=14))


@pytest.mark.soak
def test_any_order_of_verbs_and_kills_keeps_one_owner_and_three_endings_soak(machine: type[Cutover]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=200, stateful_step_count=30, derandomize=False))


# The veto -------------------------------------------------------------------------------------------------------------


def test_a_command_that_ends_well_objects_to_nothing_and_gets_the_facts_and_no_secrets(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AURA_DATABASE_URL", "postgresql://secret")
    told = tmp_path / "told"
    command = f"sh -c 'cat > {told}; env >> {told}; echo fine'"
    assert objection(command, {"channel": "online", "migration": 7}) == ""
    text = told.read_text()
    assert text.startswith('{"channel":"online","migration":7}') and "secret" not in text
    assert objection("", {}) == ""


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh -c 'echo not before; echo the party of 40 >&2; exit 3'", "not before the party of 40"),
        ("sh -c 'exit 4'", "sh ended with exit code 4 and no word"),
        ("sh -c 'echo a; sleep 60'", "sh did not answer within 0.3 s: a"),
        ("/no/such/command --x", "/no/such/command cannot be run: No such file or directory"),
        ("sh -c 'printf \"\\033[31mred\\007\"; exit 1'", "[31mred"),
    ],
)
def test_any_other_end_is_an_objection_in_its_own_words(command: str, words: str) -> None:
    assert objection(command, {"n": 1}, timeout=0.3 if "sleep" in command else 20) == words


def test_text_that_is_no_command_is_refused() -> None:
    with pytest.raises(AuraError, match="cannot be read") as refused:
        objection("sh -c 'unfinished", {})
    assert not isinstance(refused.value, Refused)
