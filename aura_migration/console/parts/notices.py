"""What people are told: problems with their remedy, empty and waiting states, things to know."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from nicegui import ui

from aura_migration.console.client import Problem


def told_problem(problem: Problem) -> None:
    """A problem in the page: what is wrong and what to do about it."""
    said(problem.detail, kind="bad", more=[problem.remedy] if problem.remedy else [], role="alert")


def show_problem(problem: Problem) -> None:
    """A problem over the page, after something was asked for; it stays until it is closed."""
    refused(problem.detail, problem.remedy)


def refused(detail: str, remedy: str) -> None:
    """What somebody asked for is not done, why, and what to do about it; over the page until it is closed."""
    text = f"{detail} {remedy}".strip()
    ui.notify(text, type="negative", multi_line=True, close_button="Close", timeout=0, position="top")


def show_defect() -> None:
    """What was asked for failed by a defect; what it was is in the log only."""
    ui.notify(
        "Something failed that should not have. The log of the API says where.",
        type="negative",
        close_button="Close",
        timeout=0,
        position="top",
    )


def done(text: str) -> None:
    """Something worked."""
    ui.notify(text, type="positive", position="top")


def said(text: str, *, kind: str = "", more: Iterable[str] = (), role: str = "note") -> ui.html:
    """A note in the page. ``kind``: good, wait, bad or nothing; ``more`` stands below, a line each."""
    lines = "".join(f"<li>{escape(line)}</li>" for line in more)
    return (
        ui.html(f"<div>{escape(text)}</div>{f'<ul>{lines}</ul>' if lines else ''}", sanitize=False)
        .classes(f"said {kind}")
        .props(f"role={role}")
    )


def empty(text: str, remedy: str = "") -> None:
    """Nothing is there, and how something comes to be."""
    ui.html(f"<p>{escape(text)}</p><p class='quiet'>{escape(remedy)}</p>", sanitize=False).classes("quiet")
