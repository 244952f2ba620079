"""Contacts of a file in the form in which people are matched: what staging reads in them, remembered for a line's readings."""

from __future__ import annotations

from functools import lru_cache

from aura_migration.canonical.persons.contacts import normalised_email, normalised_phone

DEFAULT_REGION = "US"
"""Where a location does not say its country: all three POS are at home there."""


@lru_cache(maxsize=4096)
def normal_email(text: str) -> str | None:
    """The canonical, lower-case form of an address, None when it is none. Nobody is asked over the network."""
    return normalised_email(text)


@lru_cache(maxsize=4096)
def normal_phone(text: str, region: str) -> str | None:
    """E.164 of a number as people of the region write it, None when it is no valid one."""
    return normalised_phone(text, region or DEFAULT_REGION)
