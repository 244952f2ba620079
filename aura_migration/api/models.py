"""Models that several endpoints share: what may be sent, and pages of what comes back. One endpoint's own stand beside it."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

Row = TypeVar("Row")


def require_storable(value: Any) -> None:
    """``ValueError`` where a text holds what no database takes: a NUL, or half of a surrogate pair."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise ValueError("a text holds a NUL or half a surrogate pair")
    elif isinstance(value, dict):
        for name, each in value.items():
            require_storable(name)
            require_storable(each)
    elif isinstance(value, list):
        for each in value:
            require_storable(each)


class Sent(BaseModel):
    """What a client sends: unknown fields are refused, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid", str_max_length=20_000)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, sent: Any) -> Any:
        require_storable(sent)
        return sent


class Problem(BaseModel):
    """An error (RFC 9457): ``detail`` says what is wrong and where, ``remedy`` what to do about it."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(examples=["urn:aura-migration:problem:refused"])
    title: str = Field(examples=["Refused"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["Migration 7 is planned; only an approved plan is loaded."])
    remedy: str = Field(examples=["Approve plan 3f9a… first."])


class Page(BaseModel, Generic[Row]):
    """Part of a list. ``next_after`` goes into ``after`` to read on; null at the end."""

    items: list[Row]
    next_after: int | str | None = Field(description="send it as `after` for what follows; null: this was the last")


class Reason(Sent):
    """Why, without naming guests or staff; kept for ever as typed."""

    reason: str = Field(default="", max_length=2_000, examples=["The restaurant moves next season."])


Limit = Annotated[int, Query(ge=1, le=500, description="most rows in the answer")]
After = Annotated[int, Query(ge=0, le=2**63 - 1, description="only what follows this `next_after`")]
Document = dict[str, Any]
