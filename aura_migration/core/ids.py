"""Keys and hashes: location keys, source-key paths, content hashes.

A *source key* is what the POS calls a thing, or the path of such ids where one id names a thing used in several places
(an option inside a group, a price inside a menu). Paths are joined with ``/``; ids of no POS contain it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from aura_migration.core.errors import BadInput

LOCATION_KEY = re.compile(r"(?P<pos>[a-z]+):(?P<source>[A-Za-z0-9_-]+)")
_ENCODER = msgspec.json.Encoder(order="deterministic")


def location_key(pos: str, source_id: str) -> str:
    """The key of a location and its Dagster partition, e.g. ``square:LAURA00000001``."""
    key = f"{pos}:{source_id}"
    split_location_key(key)
    return key


def split_location_key(key: str) -> tuple[str, str]:
    """``"square:L1"`` → ``("square", "L1")``; ``BadInput`` when the key does not follow ``pos:source-id``."""
    match = LOCATION_KEY.fullmatch(key)
    if match is None:
        raise BadInput(
            f"{key!r} is not a location key.", "Location keys look like square:LAURA00000001; see `integrations`."
        )
    return match["pos"], match["source"]


def path(*ids: str) -> str:
    """Join POS ids into one source key, outermost first."""
    for part in ids:
        if not part or "/" in part:
            raise BadInput(f"{part!r} cannot be part of a source key.", "A POS id is a non-empty text without '/'.")
    return "/".join(ids)


def canonical_json(value: Any) -> bytes:
    """The same bytes for the same content: sorted keys, no white space, UTF-8."""
    return _ENCODER.encode(value)


def content_hash(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def bytes_hash(data: bytes) -> str:
    """SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
