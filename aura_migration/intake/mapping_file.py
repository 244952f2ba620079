"""The mapping file: which column of an export means what, and in which notation. One JSON document with a schema.

Without one, columns are recognised by their headings (``kinds.py``); what was recognised is shown and stored. How cells
are read is in ``cells.py``.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from aura_migration.core.errors import BadInput
from aura_migration.core.wording import problems_of
from aura_migration.intake.cells import word
from aura_migration.intake.kinds import FILE_KINDS, FileKind, Kind

TOTALS_WORDS = ("Total", "Totals", "Grand total", "Sum")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class TotalsRow(_Model):
    """How the line with the totals is recognised: ``column`` (none: any) holds one of ``values``, whatever its case."""

    column: str | None = Field(
        default=None, description="heading of the column that holds the marker; none: any column"
    )
    values: tuple[str, ...] = Field(default=TOTALS_WORDS, min_length=1, description="what stands there, e.g. Total")


class Expected(_Model):
    """What the restaurant or the provider says the file adds up to; the import is refused when it does not."""

    count: int | None = Field(default=None, ge=0, description="number of records, without header and totals")
    sum: str | None = Field(default=None, description="sum of all balances as a decimal number with a point: 1234.50")

    @field_validator("sum")
    @classmethod
    def _decimal(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                is_number = Decimal(text).is_finite()
            except ArithmeticError:
                is_number = False
            if not is_number:
                raise ValueError("is not a decimal number such as 1234.50")
        return text


class Programme(_Model):
    """The loyalty programme the points belong to; the file itself rarely names it."""

    name: str = Field(default="Loyalty", min_length=1, max_length=200)
    unit_name: str = "point"
    unit_name_plural: str = "points"
    accrual_type: Literal["spend", "visits", "points", "items", "unknown"] = "unknown"
    points_per_dollar: Decimal | None = Field(default=None, gt=0)


class FileMapping(_Model):
    """How to read one export. Everything is optional: what is left out is recognised, or has the default shown."""

    kind: Kind | None = Field(default=None, description="the kind this mapping is for; must agree with --kind")
    columns: dict[str, str] = Field(
        default_factory=dict, description="heading of the file → field; none: recognised by their headings"
    )
    header_line: int | None = Field(default=None, ge=1, description="line of the headings; none: found")
    encoding: str | None = Field(default=None, description="utf-8, utf-16, latin-1, cp1252 …; none: found")
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(default=None, description="none: found")
    decimal_separator: Literal[".", ","] | None = Field(default=None, description="none: found")
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$", description="ISO 4217; none: the location's")
    date_formats: tuple[str, ...] = Field(
        default=(), description="strptime forms such as %m/%d/%Y, or iso; none: found per column"
    )
    time_zone: str | None = Field(
        default=None, description="IANA name for times without an offset; none: the location's"
    )
    sign: Literal["restaurant_owes", "holder_owes"] | None = Field(
        default=None,
        description="what a positive balance means; none: holder_owes for house accounts, restaurant_owes for all others",
    )
    statuses: dict[str, Literal["pending", "blocked", "deactivated", "redeemed", "expired"]] = Field(
        default_factory=dict, description="the file's word → state, beside the words known anyway"
    )
    answers: dict[str, Literal["granted", "denied", "withdrawn", "unknown"]] = Field(
        default_factory=dict, description="consents: the file's word → answer, beside yes and no"
    )
    purpose: Literal["profile", "marketing_email", "marketing_sms", "loyalty", "data_migration"] | None = Field(
        default=None, description="consents: what all lines are for, where no column says it"
    )
    answer: Literal["granted", "denied", "withdrawn"] | None = Field(
        default=None, description="consents: what all lines say, where no column says it (a list of unsubscribed)"
    )
    method: str | None = Field(default=None, description="consents: how they were given, where no column says it")
    totals_row: TotalsRow = TotalsRow()
    expected: Expected = Expected()
    programme: Programme = Programme()

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str | None) -> str | None:
        if name is not None:
            from zoneinfo import available_timezones

            if name not in available_timezones():
                raise ValueError(f"{name!r} is not a time zone; write it like America/New_York")
        return name

    @field_validator("encoding")
    @classmethod
    def _codec(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                "".encode(name)
            except LookupError:
                raise ValueError(f"{name!r} is not an encoding; write it like utf-8 or cp1252") from None
        return name

    @model_validator(mode="after")
    def _fields(self) -> FileMapping:
        if self.kind is not None:
            problems = wrong_fields(FILE_KINDS[self.kind], self.columns)
            if problems:
                raise ValueError("; ".join(problems))
        return self


def wrong_fields(kind: FileKind, columns: dict[str, str]) -> list[str]:
    """What is wrong with the fields a mapping names: unknown, or given twice."""
    problems = [
        f"columns.{heading}: {field!r} is no field of {kind.name}; it has {', '.join(kind.names)}"
        for heading, field in columns.items()
        if field not in kind.names
    ]
    for field in dict.fromkeys(columns.values()):
        named = [heading for heading, other in columns.items() if other == field]
        if len(named) > 1:
            problems.append(f"columns: {', '.join(named)} are all mapped to {field!r}")
    return problems


def load_mapping(path: Path | None, kind: Kind) -> FileMapping:
    """The mapping of a JSON file for one kind; none gives what is recognised. ``BadInput`` lists every problem."""
    if path is None:
        return FileMapping(kind=kind)
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(f"The mapping file {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except ValueError as error:
        raise BadInput(
            f"The mapping file {path} is not JSON: {error}.", "See `aura-migration import-file schema`."
        ) from error
    return parse_mapping(document, kind, str(path))


def parse_mapping(document: Any, kind: Kind, where: str = "mapping") -> FileMapping:
    """A mapping out of a decoded JSON document; ``BadInput`` lists every problem with its place."""
    remedy = "`aura-migration import-file schema` prints the format."
    if isinstance(document, dict) and document.get("kind") not in (None, kind):
        raise BadInput(f"{where} is a mapping for {document['kind']!r}, the file is {kind}.", "Give the other mapping.")
    try:
        given = document | {"kind": kind} if isinstance(document, dict) else document
        return FileMapping.model_validate(given)
    except ValidationError as error:
        problems = problems_of(error.errors())
        raise BadInput(f"{where}: {'; '.join(problems)}.", remedy, problems=problems) from None


def mapping_schema() -> dict[str, Any]:
    """The JSON schema of the mapping file, with the fields of every kind."""
    schema = FileMapping.model_json_schema(by_alias=True)
    fields = "; ".join(f"{kind.name}: {', '.join(kind.names)}" for kind in FILE_KINDS.values())
    schema["properties"]["columns"]["description"] += f". Fields of {fields}"
    return {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "aura_migration file mapping"}


def recognised(kind: FileKind, headings: list[str]) -> dict[int, str]:
    """Column number → field, by the headings' spelling. A field goes to the heading it prefers; ties to the first."""
    found: dict[int, str] = {}
    spellings = [word(heading) for heading in headings]
    for field in kind.fields:
        for spelling in dict.fromkeys((word(field.name), *field.headings)):
            column = next((n for n, s in enumerate(spellings) if s == spelling and n not in found), None)
            if column is not None:
                found[column] = field.name
                break
    return found
