"""The veto of a restaurant's own command: asked before a switch, with facts on its input; its words are shown.

The command is run without a shell and without this product's settings in its environment. It may only say no.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from typing import Any, Final

from aura_migration.core.errors import BadInput
from aura_migration.core.ids import canonical_json

TIMEOUT: Final = 20.0
"""Seconds a command may take."""
WORDS: Final = 500
"""Characters of its words that are kept."""
PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")


def objection(command: str, facts: Mapping[str, Any], timeout: float = TIMEOUT) -> str:
    """What the command objects, in its own words; '' where it does not object, or no command is named.

    ``facts`` (JSON-ready) arrive on its standard input. Exit code 0 is a yes. Any other code, no answer within ``timeout``
    seconds, and a command that cannot be run are a no: silence is not consent. ``BadInput`` for text that is no command.
    """
    if not command.strip():
        return ""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise BadInput(f"The veto command cannot be read: {error}.", "Quote it as in a shell.") from error
    try:
        asked = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            start_new_session=True,
        )
    except OSError as error:
        return f"{words[0]} cannot be run: {error.strerror or error}"
    with asked:
        try:
            output, _ = asked.communicate(canonical_json(dict(facts)), timeout)
        except subprocess.TimeoutExpired:
            os.killpg(asked.pid, signal.SIGKILL)  # with whatever it started itself
            said = _shown(asked.communicate()[0])
            return f"{words[0]} did not answer within {timeout:g} s" + (f": {said}" if said else "")
    if asked.returncode == 0:
        return ""
    return _shown(output) or f"{words[0]} ended with exit code {asked.returncode} and no word"


def _shown(output: bytes) -> str:
    text = output.decode("utf-8", "replace")
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:WORDS]
