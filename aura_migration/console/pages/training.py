"""Training of staff: the sheet, a timed run through sheet and five tasks, and how long people needed."""

from __future__ import annotations

import time
from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.client import Problem
from aura_migration.console.layout import View, act, page
from aura_migration.console.parts.forms import field_of, filled
from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.sheets import draw_sheet
from aura_migration.console.parts.status import chip_html
from aura_migration.console.parts.tables import raw, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant_html
from aura_migration.console.subpages import Subject, open_subpage

AIM_MINUTES = 5


@page("/migrations/{migration_id}/training")
async def show(view: View, migration_id: int) -> None:
    """Results, the run, the sheet."""
    subject = await open_subpage(view, migration_id, "Training", "/training")
    try:
        sheet = await view.api.get(subject.asks("/training-sheet"))
    except Problem as problem:
        if problem.status != 409:
            raise
        with ui.element("section").classes("panel"):
            h2("No sheet yet")
            empty("Nothing is loaded that staff could learn.", "The sheet is made of what is loaded.")
            ui.link("Back to the migration", subject.path(""))
        return
    run = ui.element("section").classes("panel").props('aria-label="Timed run"')
    results = ui.element("section").classes("panel")
    below = ui.element("section").classes("panel")
    with results:
        await _results(view, subject)
    with below:
        h2(f"What moved where: {sheet['restaurant']}, {sheet['location']}")
        draw_sheet(sheet)
    with run:
        if view.may("operate"):
            _Run(view, subject, run, results, below).offer()
        else:
            h2("Time a person")
            quiet("Timing a person takes the role operator.")


async def _results(view: View, subject: Subject) -> None:
    found = await view.api.get(subject.asks("/trainings"))
    h2("How long people needed")
    if not found["trainings"]:
        empty("Nobody has been timed yet.", f"The aim is a median below {AIM_MINUTES} minutes.")
        return
    median = found["retraining_minutes_median"]
    if median is None:
        said("Nobody has had everything right yet.", kind="wait")
    else:
        said(
            f"Median: {median:.1f} minutes; the aim is less than {AIM_MINUTES}.",
            kind="good" if median < AIM_MINUTES else "bad",
        )
    table(
        ["When", "Who", "Needed", "Everything right", "Sheet"],
        [
            (
                raw(instant_html(one["started_at"])),
                one["trainee"],
                _needed(one["seconds"]),
                raw(_passed(one)),
                one["sheet_hash"],
            )
            for one in found["trainings"]
        ],
    )


def _needed(seconds: int | None) -> str:
    return "–" if seconds is None else f"{seconds // 60}:{seconds % 60:02d} min"


def _passed(one: dict[str, Any]) -> str:
    if one["seconds"] is None:
        return chip_html("not answered", "none")
    return chip_html("yes", "good") if one["passed"] else chip_html("no", "bad")


class _Run:
    """One person's run: start, read, answer, result. The time that counts is the API's; the one shown here goes along."""

    def __init__(self, view: View, subject: Subject, place: ui.element, results: ui.element, below: ui.element) -> None:
        self._view, self._subject = view, subject
        self._place, self._results, self._below = place, results, below
        place.props("tabindex=-1")

    def offer(self) -> None:
        """The form with which it begins."""
        h2("Time a person")
        quiet(
            "The sheet and five questions about it appear together, and the time runs from then until the answers are sent."
        )
        with ui.element("div").classes("narrow stack"):
            trainee = field_of("Who", "initials or a number, no names")

        async def start() -> None:
            if not filled(trainee):
                return
            begun = await self._view.api.post(self._subject.asks("/trainings"), {"trainee": trainee.value.strip()})
            self._place.clear()
            self._below.visible = self._results.visible = False
            with self._place:
                self._ask(begun, trainee.value.strip())
            self._show()

        act("Start the time", start)

    def _show(self) -> None:
        """What has just been drawn is looked at from its beginning, also by whoever uses the keyboard."""
        ui.run_javascript(f"getHtmlElement({self._place.id}).focus(); window.scrollTo(0, 0)")

    def _ask(self, begun: dict[str, Any], trainee: str) -> None:
        started = time.monotonic()
        with ui.element("div").classes("title pinned"):
            h2(f"{trainee}: read, then answer")
            clock = ui.label("0:00").classes("metric").props('role=timer aria-label="Time so far"')

        def tick() -> None:
            past = int(time.monotonic() - started)
            clock.text = f"{past // 60}:{past % 60:02d}"

        ticking = ui.timer(1.0, tick)
        draw_sheet(begun["sheet"])
        h3("Five questions" if len(begun["tasks"]) == 5 else "Questions")
        answers = [self._task(number, task) for number, task in enumerate(begun["tasks"], 1)]
        warning = ui.label("Answer every question first.").classes("said bad").props("role=alert")
        warning.visible = False

        async def finish() -> None:
            warning.visible = any(answer.value is None for answer in answers)
            if warning.visible:
                return
            path = self._subject.asks(f"/trainings/{begun['training_id']}/answers")
            marked = await self._view.api.post(path, {"answers": [int(answer.value) for answer in answers]})
            ticking.cancel()
            self._place.clear()
            with self._place:
                self._marked(marked, trainee)
            self._results.clear()
            self._below.visible = self._results.visible = True
            with self._results:
                await _results(self._view, self._subject)
            self._show()

        act("Send the answers", finish)

    def _task(self, number: int, task: dict[str, Any]) -> ui.radio:
        with ui.element("fieldset").classes("task"):
            ui.html(escape(f"{number}. {task['question']}"), sanitize=False, tag="legend")
            return ui.radio(dict(enumerate(task["choices"]))).props(f'aria-label="Answer {number}"')

    def _marked(self, marked: dict[str, Any], trainee: str) -> None:
        h2(f"{trainee}: {_needed(marked['seconds'])}")
        if marked["passed"]:
            said("Everything is right.", kind="good", role="status")
        else:
            said(
                "Not everything is right. Another run counts on top of this one.",
                kind="bad",
                more=[f"{wrong['question']} {wrong['right']}" for wrong in marked["wrong"]],
                role="alert",
            )
        self.offer()
