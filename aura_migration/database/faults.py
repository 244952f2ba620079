"""Errors nobody foresaw, as they may be shown and stored: what kind and where, never what they say.

The text of a foreign exception may quote what it choked on: PostgreSQL's DETAIL a row, a parser its input, a ``KeyError``
an e-mail address. So only its type, its place in the code and facts without content pass on. The call stack, equally
without any text of the exceptions, goes into a file of the data folder that only its owner reads.
"""

from __future__ import annotations

import os
import secrets
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import psycopg

from aura_migration.core.errors import AuraError, EnvironmentFault

FOLDER = "faults"
_PACKAGE = Path(__file__).resolve().parents[1]
_FACTS = ("sqlstate", "schema_name", "table_name", "column_name", "constraint_name", "datatype_name")


class Unforeseen(EnvironmentFault):
    """A defect: an exception that is not one of ours. Its own text is kept from everybody."""

    def __init__(self, kind: str, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.kind = kind

    def as_dict(self) -> dict[str, object]:
        """The error under the name of the exception it stands for."""
        return {**super().as_dict(), "error": self.kind}


def presentable(error: BaseException, data_dir: Path | None = None) -> AuraError:
    """The error as it may be shown, logged and stored: one of ours as it is but without the foreign ones that caused it,
    a lost database by its first line, any other as :class:`Unforeseen` with a file in ``data_dir`` that has the stack.

    Raise what is returned ``from None``.
    """
    if isinstance(error, AuraError):
        error.__cause__ = error.__context__ = None
        error.__suppress_context__ = True
        return error
    if isinstance(error, psycopg.OperationalError):
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        return EnvironmentFault(f"The database went away: {first}", "`aura-migration db status` shows its state.")
    kind = type(error).__name__
    path = _written(error, data_dir) if data_dir is not None else None
    remedy = f"This is a defect; please report it{f' with the file {path}' if path else ''}."
    return Unforeseen(kind, f"{kind} {place(error)}{_facts(error)}.", remedy)


def place(error: BaseException) -> str:
    """``at aura_migration/load/apply.py:120``: where our own code was last, and where it happened if that is elsewhere."""
    frames = list(_frames(error.__traceback__))
    if not frames:
        return "at an unknown place"
    ours = [frame for frame in frames if frame.startswith(_PACKAGE.name)]
    last = frames[-1]
    if not ours:
        return f"at {last}"
    return f"at {ours[-1]}" + (f", in {last}" if last != ours[-1] else "")


def _frames(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in traceback.walk_tb(trace):
        yield f"{_shown(frame.f_code.co_filename)}:{line}"


def _shown(name: str) -> str:
    """A file's path without where things are installed on this machine."""
    path = Path(name)
    for root in (_PACKAGE.parent, *(Path(sysconfig.get_paths()[kind]) for kind in ("purelib", "platlib", "stdlib"))):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name


def _facts(error: BaseException) -> str:
    """What PostgreSQL says about an error besides its texts, and which module an import misses."""
    diagnostic = getattr(error, "diag", None)
    found = [f"{name} {value}" for name in _FACTS if (value := getattr(diagnostic, name, None))]
    if isinstance(error, ImportError) and error.name:
        found.append(f"module {error.name}")
    return f" ({', '.join(found)})" if found else ""


def _stack(error: BaseException) -> Iterator[str]:
    """The exceptions that led to this one, oldest first, with their frames and source lines but without their texts."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _stack(cause)
        yield "\nthen\n\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}{_facts(error)}\n"


def _written(error: BaseException, data_dir: Path) -> Path | None:
    """The stack in a new file, mode 600; None where none can be made (that is no reason to lose the error itself)."""
    folder = data_dir / FOLDER
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"Python {sys.version.split()[0]}\n\n")
            file.writelines(_stack(error))
    except OSError:
        return None
    return path
