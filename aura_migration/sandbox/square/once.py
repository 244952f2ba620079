"""Idempotency keys: the same key with the same body is answered as before, with another body it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aura_migration.sandbox.square.errors import SquareError


class Once:
    """What was answered under which key, by endpoint. How long Square keeps keys is not documented: here, forever."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[str, bytes]] = {}

    def answer(
        self, endpoint: str, body: dict[str, Any], longest: int, needed: bool, work: Callable[[], bytes]
    ) -> bytes:
        """The answer of `work`, carried out once for each key. Keys are up to `longest` characters."""
        key = body.get("idempotency_key")
        if key is None or key == "":
            if needed:
                detail = "Missing required parameter: idempotency_key"
                raise SquareError("MISSING_REQUIRED_PARAMETER", detail, "idempotency_key")
            return work()
        if not isinstance(key, str):
            raise SquareError("EXPECTED_STRING", "Expected a string for idempotency_key.", "idempotency_key")
        if len(key) > longest:
            raise SquareError("VALUE_TOO_LONG", f"idempotency_key is longer than {longest}.", "idempotency_key")
        said = json.dumps(body, sort_keys=True)
        kept = self._kept.get((endpoint, key))
        if kept is not None:
            if kept[0] != said:
                detail = "The idempotency key was used with another request."
                raise SquareError("IDEMPOTENCY_KEY_REUSED", detail, "idempotency_key")
            return kept[1]
        made = work()
        self._kept[endpoint, key] = (said, made)
        return made
