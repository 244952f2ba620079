"""What signing in by OAuth has in common at every POS: proof of the code's owner (PKCE), and exchanges made once.

How a POS's consent page is addressed and what its answers are called is in that POS's folder (``consent.py``); which
sign-ins are open and who may finish them is in ``migration``.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from aura_migration.pos.http.client import Classify, PosClient
from aura_migration.pos.http.errors import Rejected
from aura_migration.pos.http.limits import NO_LIMITS, Buckets
from aura_migration.pos.http.retry import RetryPolicy
from aura_migration.pos.http.tokens import StaticToken

EXCHANGE = RetryPolicy(max_attempts=1, total_budget=30.0, read_timeout=20.0, attempt_timeout=25.0)
"""A code is good for one exchange: it is never sent a second time. A person waits for the answer."""


def new_verifier() -> str:
    """A code verifier (RFC 7636): 86 characters that only we know until the code is exchanged."""
    return secrets.token_urlsafe(64)


def challenge_of(verifier: str) -> str:
    """What is shown of a verifier before the exchange: its SHA-256, in URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


async def post_once(
    base_url: str,
    path: str,
    body: Mapping[str, Any],
    *,
    pos: str,
    classify: Classify,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """POST a JSON document without a token, once; the JSON object that came back. Raises a PosError."""
    async with (
        Buckets.in_memory() as buckets,
        PosClient(base_url, StaticToken(""), NO_LIMITS, buckets, classify, EXCHANGE, pos=pos) as client,
    ):
        response = await client.request("POST", path, json=dict(body), headers=headers, authorize=False)
        answer = response.json()
    if not isinstance(answer, Mapping):
        raise Rejected("the answer is not a JSON object", pos=pos, method="POST", path=path)
    return dict(answer)


def text_of(answer: Mapping[str, Any], name: str, *, pos: str, path: str) -> str:
    """A text that an answer must have; the error names the field, never a value."""
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise Rejected(f"the answer holds no {name}", pos=pos, method="POST", path=path)
    return value
