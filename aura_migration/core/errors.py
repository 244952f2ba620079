"""The error tree of the product; each leaf names the thing, the place and the remedy.

    AuraError                  exit code
    ├── VerdictFailed              1      a check, a gate or a moved plan said no
    │   └── PlanMoved              1      source or target changed since approval; nothing was written
    ├── BadInput                   2      what the caller gave cannot be used
    │   └── Refused                2      the request is well formed but the state of the migration forbids it
    └── EnvironmentFault           3      database, network, keys, files: the surroundings are not fit

POS errors (``aura_migration.pos.http.errors``) hang below these. No message may contain credentials or personal data.
"""

from __future__ import annotations

from typing import Any


class AuraError(Exception):
    """Base of every error a user may see.

    ``what`` says what is wrong and where; ``remedy`` says what to do about it; ``details`` holds machine-readable facts.
    """

    exit_code = 1

    def __init__(self, what: str, remedy: str = "", **details: Any) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}".strip()

    def as_dict(self) -> dict[str, Any]:
        """The error as one JSON document for ``--json`` output and request rows."""
        return {"error": type(self).__name__, "what": self.what, "remedy": self.remedy, **self.details}


class VerdictFailed(AuraError):
    """A check said no."""

    exit_code = 1


class PlanMoved(VerdictFailed):
    """The source or the target is no longer what was approved; nothing was written."""


class BadInput(AuraError):
    """What the caller gave cannot be used."""

    exit_code = 2


class Refused(BadInput):
    """The request is well formed, but the present state forbids it."""


class EnvironmentFault(AuraError):
    """The surroundings (database, network, keys, files) are not fit for the work."""

    exit_code = 3
