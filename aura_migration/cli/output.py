"""How the command speaks: JSON or tables on stdout, everything else on stderr, errors with their exit code."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from aura_migration.core.errors import AuraError

PIPE_WIDTH = 150
"""Columns of a table that goes to a file or pipe, where there is no terminal to ask."""

err = Console(stderr=True, highlight=False)
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--json``: one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout; logs on stderr.")(
        function
    )


def answers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an ``AuraError`` into its message (or JSON document) and its exit code."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except AuraError as error:
            say_error(error, bool(kwargs.get("as_json")))
            sys.exit(error.exit_code)

    return wrapped


def say_error(error: AuraError, as_json: bool) -> None:
    """The error as a JSON document on stdout if asked for, and as a message on stderr."""
    document = error.as_dict()
    if as_json:
        print(json.dumps(document, default=str, ensure_ascii=False))
    err.print(f"[red]{document['error']}[/red]: {_plain(error.what)}", markup=True, soft_wrap=True)
    if error.remedy:
        err.print(f"  {_plain(error.remedy)}", markup=True, soft_wrap=True)
    if not as_json and error.details.get("differences"):
        show_differences(error.details["differences"])


def show_differences(differences: Sequence[dict[str, Any]]) -> None:
    """Rows in which a delta plan differs from the approved one."""
    table(
        "What moved since the approval",
        ["entity", "name", "approved", "now", "changes"],
        [[d["entity"], d["label"], d["approved"] or "–", d["now"] or "–", _changes(d)] for d in differences],
    )


def _changes(difference: dict[str, Any]) -> str:
    found = [f"{name}: {was} → {now}" for name, (was, now) in difference["changes"].items()]
    return ", ".join(found) or difference["reason"]


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


def emit(document: dict[str, Any], as_json: bool, show: Callable[[], None]) -> None:
    """Print the document, or show it for people."""
    if as_json:
        print(json.dumps(document, default=str, ensure_ascii=False))
    else:
        show()


def pairs(document: dict[str, Any]) -> None:
    """A document of single values, one a line."""
    for name, value in document.items():
        out.print(f"{name}: {value}", markup=False)


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table for people; says so when it is empty."""
    if not rows:
        out.print(f"{title}: none.", markup=False)
        return
    grid = Table(title=title, title_justify="left", header_style="bold")
    for number, heading in enumerate(headings):
        grid.add_column(heading, overflow="fold", no_wrap=number == 0)
    for row in rows:
        grid.add_row(*[_plain("" if v is None else str(v)) for v in row])
    out.print(grid)


@contextmanager
def following(read: Callable[[], dict[str, Any] | None], title: str) -> Iterator[None]:
    """A progress bar on a terminal, fed by the stored progress rows; nothing anywhere else."""
    if not err.is_terminal:
        yield
        return
    done = threading.Event()
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[eta]}"),
        console=err,
        transient=True,
    )

    def follow() -> None:
        task = bar.add_task(title, total=None, eta="")
        while not done.wait(0.3):
            try:
                row = read()
            except AuraError:
                continue  # the bar is a convenience: the work itself reports what is wrong
            if row is not None:
                bar.update(
                    task,
                    description=f"{title}: {row['currentStep']}",
                    total=row["totalItems"] or None,
                    completed=row["processedItems"],
                    eta=row["estimatedTimeRemaining"] or "",
                )

    with bar:
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
