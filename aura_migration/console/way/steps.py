"""Which steps the way has, where a migration stands on it, and what its states mean for whoever looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.session import PREFIX

STEPS: tuple[tuple[str, str], ...] = (
    ("connect", "Connect"),
    ("audit", "Audit"),
    ("preview", "Preview"),
    ("decide", "Decide"),
    ("approve", "Approve"),
    ("load", "Load"),
    ("result", "Result"),
    ("rollback", "Roll back"),
)
NAMES = tuple(key for key, _ in STEPS)
AT: dict[str, str] = {
    "draft": "preview",
    "extracted": "preview",
    "empty": "preview",
    "failed": "preview",
    "cancelled": "preview",
    "reconnect_needed": "connect",
    "planned": "approve",
    "approved": "load",
    "loading": "load",
    "paused": "load",
    "loaded": "result",
    "verified": "result",
    "parallel": "result",
    "ready": "result",
    "switching": "result",
    "live": "result",
    "completed": "result",
    "rolling_back": "rollback",
    "rolled_back": "rollback",
}
"""State → the step at which the migration stands."""
LOADED = frozenset({"loaded", "verified", "parallel", "ready", "switching", "live", "completed"})


@dataclass
class Way:
    """One migration as its page knows it."""

    migration_id: int
    status: dict[str, Any] = field(repr=False)
    refresh: Callable[[], Awaitable[None]] = field(repr=False)
    """Reads the status again and redraws what shows it; called after something was asked for."""

    @property
    def request(self) -> dict[str, Any]:
        """The newest request about it; empty where nothing was ever asked for."""
        return self.status.get("request") or {}

    @property
    def is_asked(self) -> bool:
        """Whether something that was asked for has not ended yet."""
        return self.request.get("state") in ("pending", "claimed")

    @property
    def state(self) -> str:
        """Of the migration."""
        return str(self.status["state"])

    @property
    def location(self) -> str:
        """Key of the location."""
        return str(self.status["location"])

    @property
    def integration_id(self) -> int:
        """The account it belongs to."""
        return int(self.status["integration_id"])

    @property
    def has_plan(self) -> bool:
        """Whether there is a plan to look at."""
        return bool(self.status.get("plan_hash"))

    @property
    def is_half_loaded(self) -> bool:
        """Whether a load failed half way and can be resumed."""
        return self.state == "failed" and bool((self.status.get("progress") or {}).get("data")) and self._was_loading()

    def _was_loading(self) -> bool:
        before = [entry["state"] for entry in self.status.get("history", []) if entry["state"] != "failed"]
        return bool(before) and before[0] == "loading"

    @property
    def at(self) -> str:
        """The step at which it stands."""
        if self.state == "planned" and self.status.get("conflicts"):
            return "decide"
        return "load" if self.is_half_loaded else AT.get(self.state, "preview")

    def path(self, step: str) -> str:
        """The page of a step, within the console."""
        return f"/migrations/{self.migration_id}?step={step}"


def next_said(way: Way) -> str:
    """What can be done next, in words of the console."""
    status, state = way.status, way.state
    if state == "planned" and status["blockers"]:
        return "Something blocks the plan. Mend it, or leave the named entities out in the options, and preview again."
    if state == "planned" and status["conflicts"]:
        return f"{status['conflicts']} conflicts are to be decided before the plan can be signed."
    if state == "planned":
        return "The plan waits for a signature. Look at it, then sign it by its hash."
    if way.is_half_loaded:
        return "The load stopped half way. Resume it, or take it back."
    failed = [gate["name"].replace("_", " ") for gate in status["gates"] if gate["passed"] is False]
    if state in ("loaded", "verified") and failed:
        return (
            f"Not all gates have passed: {', '.join(failed)}. Look at the findings, mend the cause, and verify again."
        )
    return {
        "draft": "Ask for a preview: it reads the POS and shows what would be moved. Nothing is loaded.",
        "extracted": "Ask for a preview: it plans what would be moved. Nothing is loaded.",
        "failed": "Mend the cause that is named, then ask for a preview.",
        "approved": "The plan is signed. Start the load.",
        "loading": "The load is under way. It can be paused after its batch.",
        "paused": "The load is paused. Resume it, or take it back.",
        "loaded": "What is loaded is to be verified.",
        "verified": "Nothing to do: what was asked for is migrated and proven.",
        "empty": "Nothing to do: the POS has nothing on its menu and knows nobody. Ask for a preview when it has.",
        "reconnect_needed": "The POS no longer lets us in. Connect the account again.",
        "rolling_back": "What was loaded is being taken back.",
        "rolled_back": "Nothing to do: it was taken back.",
        "cancelled": "Nothing to do: it was cancelled.",
    }.get(state, "Nothing for now.")


def draw_steps(way: Way, shown: str) -> None:
    """The steps as links; which are done, where it stands, which one is shown."""
    at = NAMES.index(way.at)
    parts = []
    for index, (key, name) in enumerate(STEPS):
        if key == "rollback":
            word, kind = ("taken back", "now") if way.state in ("rolling_back", "rolled_back") else ("if needed", "")
        elif index < at or (index == at and way.state == "verified"):
            word, kind = "done", "done"
        elif index == at:
            word, kind = ("failed", "bad") if way.state in ("failed", "reconnect_needed") else ("now", "now")
        else:
            word, kind = "later", ""
        current = ' aria-current="step"' if key == shown else ""
        address = escape(f"{PREFIX}{way.path(key)}")
        parts.append(
            f'<li class="{kind}"><a href="{address}"{current}>{index + 1}. {name}<small>{word}</small></a></li>'
        )
    ui.html("".join(parts), sanitize=False, tag="ol").classes("steps").props('aria-label="Steps of the migration"')
