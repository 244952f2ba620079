"""What a migration is asked to do: scope, exclusions, conflict strategies, field mapping. One file format, one schema.

The options are part of the plan hash: approving a plan approves them. How a transform works is in ``transforms.py``;
what an option does to rows is in ``stage.py``. JSON keys are camelCase like AuraConnect's own conflict object.
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.history.tables import DOCUMENTS
from aura_migration.canonical.pairs import contradictions, told
from aura_migration.canonical.transforms import misuse
from aura_migration.core.errors import BadInput
from aura_migration.core.wording import problems_of

Strategy = Literal["keep_existing", "overwrite", "merge", "duplicate"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class FieldMapping(_Model):
    """Take ``posField`` of the source record (dotted path), pass it through ``transform``, put it into ``auraField``.

    ``auraField`` is a field of the entity, or ``customFields.<name>``.
    """

    entity: str = Field(default="items", description="the canonical entity whose rows are mapped")
    pos_field: str = Field(description="dotted path inside the POS's record, e.g. item_data.abbreviation")
    aura_field: str = Field(description="field of the entity, or customFields.<name>")
    transform: str | None = Field(default=None, description="name of a registered transform; none copies the value")
    arguments: dict[str, Any] = Field(default_factory=dict, description="arguments of the transform")


class RecordDecision(_Model):
    """The strategy for one record."""

    entity: str
    key: str
    strategy: Strategy


class Conflicts(_Model):
    """How to decide where AuraConnect already has something: one strategy for all, per entity, per record."""

    strategy: Strategy | None = Field(default=None, description="for every entity not named below; none: ask")
    entities: dict[str, Strategy] = Field(default_factory=dict)
    records: tuple[RecordDecision, ...] = ()


class MenuScope(_Model):
    """A limited menu: only these categories and items (by POS id), minus the excluded ones. Empty means everything."""

    categories: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    exclude_categories: tuple[str, ...] = ()
    exclude_items: tuple[str, ...] = ()


class LoyaltyConversion(_Model):
    """How a balance of the POS becomes points in AuraConnect: ``balance × multiply``, rounded, at most ``cap``."""

    multiply: Decimal = Field(default=Decimal(1), gt=0, description="AuraConnect points per unit of the POS")
    rounding: Literal["down", "half_up", "up"] = "down"
    cap: int | None = Field(default=None, ge=0, description="the largest balance carried over; none: no limit")


class StaffOptions(_Model):
    """How staff is taken over."""

    roles: dict[str, str] = Field(
        default_factory=dict,
        description="job or role title of the POS → name of the AuraConnect role it becomes; a name that AuraConnect does not "
        "have and newRoles does not list needs a review",
    )
    new_roles: tuple[str, ...] = Field(
        default=(),
        description="names of roles that AuraConnect does not have yet and that somebody has looked at: made without a review",
    )
    include_wages: bool = Field(default=True, description="false: jobs and time worked without rates of pay")

    @field_validator("roles")
    @classmethod
    def _one_role_a_title(cls, roles: dict[str, str]) -> dict[str, str]:
        for title, times in Counter(title.casefold().strip() for title in roles).items():
            if times > 1:
                raise ValueError(
                    f"{title!r} is given a role more than once; capitals and spaces around it do not count"
                )
        return roles


class PeopleOptions(_Model):
    """Who is taken over, and on what basis.

    ``requireConsent`` none: service basis, everybody (marketing stays off unless granted); profile, marketing: only people
    for whom that consent is on record; all others are skipped with the reason, their balances carried by anonymous accounts.
    """

    require_consent: Literal["none", "profile", "marketing"] = "none"
    same_person: tuple[tuple[str, str], ...] = Field(
        default=(),
        description="pairs of customers that somebody has confirmed to be one person, by key or by the POS's own id",
    )
    different_persons: tuple[tuple[str, str], ...] = Field(
        default=(),
        description="pairs of customers that are not one person, whatever their contacts say, by key or by the POS's own id",
    )
    loyalty: LoyaltyConversion = LoyaltyConversion()
    staff: StaffOptions = StaffOptions()

    @model_validator(mode="after")
    def _agree(self) -> PeopleOptions:
        for a, b in self.same_person:
            if a == b:
                raise ValueError(f"samePerson: {a!r} is paired with itself; name two customers")
        torn = contradictions(self.same_person, self.different_persons)
        if torn:
            raise ValueError(
                "samePerson and differentPersons say of the same customers that they are one person and that they are "
                f"not: {told(torn)}"
            )
        return self


class HistoryOptions(_Model):
    """How much of the past is taken over, and how it is dated."""

    months: int = Field(default=12, ge=0, le=120, description="how many months back; 0 leaves orders and money out")
    until: AwareDatetime | None = Field(default=None, description="where the history ends; none: now")
    basis: Literal["closed", "created", "paid"] | None = Field(
        default=None,
        description="the instant that decides an order's business day; none: the default of the POS's page",
    )
    closeout: str | None = Field(
        default=None,
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="local time at which the business day ends, HH:MM; none: as the POS proposes",
    )
    refunds: Literal["refund_day", "sale_day"] = Field(default="refund_day", description="the day a refund books on")


class RulesOptions(_Model):
    """How rules of business are taken over that the POS does not state but its orders show."""

    inferred: Literal["with_approval", "named", "leave_out"] = Field(
        default="with_approval",
        description="with_approval: whoever signs the plan confirms them with it; named: the approval has to say so "
        "(--confirm-inferred); leave_out: only what the POS states",
    )


class ReplayOptions(_Model):
    """Which past orders every verification rings up again on the migrated menu and rules."""

    orders: int = Field(default=2_000, ge=0, le=1_000_000, description="the last so many orders; 0 leaves replay out")
    days: int | None = Field(
        default=None, ge=0, le=3_660, description="the days up to the last order, in place of a number of orders"
    )


class ApprovalOptions(_Model):
    """Who has to sign a plan."""

    people: int = Field(default=1, ge=1, le=2, description="how many different people sign before the plan is approved")


class MigrationOptions(_Model):
    """All options of one migration."""

    scope: MenuScope = MenuScope()
    exclude_entities: tuple[str, ...] = Field(default=(), description="canonical entities left out, by name")
    conflicts: Conflicts = Conflicts()
    field_mapping: tuple[FieldMapping, ...] = ()
    people: PeopleOptions = PeopleOptions()
    history: HistoryOptions = HistoryOptions()
    rules: RulesOptions = RulesOptions()
    replay: ReplayOptions = ReplayOptions()
    approval: ApprovalOptions = ApprovalOptions()

    @field_validator("exclude_entities")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in ENTITIES and name not in DOCUMENTS:
                raise ValueError(f"{name!r} is not an entity; there are {', '.join((*ENTITIES, *DOCUMENTS))}")
            if name == "locations":
                raise ValueError("locations cannot be left out: every other row stands on them")
        return tuple(sorted(set(names)))

    @field_validator("conflicts")
    @classmethod
    def _known_entities(cls, conflicts: Conflicts) -> Conflicts:
        for name in [*conflicts.entities, *(r.entity for r in conflicts.records)]:
            if name not in ENTITIES:
                raise ValueError(f"{name!r} is not an entity; there are {', '.join(ENTITIES)}")
        for (entity, key), times in Counter((r.entity, r.key) for r in conflicts.records).items():
            if times > 1:
                raise ValueError(f"{entity} {key!r} is decided more than once")
        return conflicts

    @field_validator("field_mapping")
    @classmethod
    def _mappable(cls, mappings: tuple[FieldMapping, ...]) -> tuple[FieldMapping, ...]:
        for mapping in mappings:
            entity = ENTITIES.get(mapping.entity)
            if entity is None:
                raise ValueError(f"{mapping.entity!r} is not an entity; there are {', '.join(ENTITIES)}")
            if mapping.transform is not None:
                problem = misuse(mapping.transform, mapping.arguments)
                if problem:
                    raise ValueError(problem)
            elif mapping.arguments:
                raise ValueError(f"posField {mapping.pos_field!r} has arguments, but no transform to take them")
            field = _snake(mapping.aura_field)
            if field.startswith("custom_fields.") and field != "custom_fields.":
                if not any(f.name == "custom_fields" for f in entity.fields):
                    raise ValueError(f"{mapping.entity} has no custom fields")
                continue
            known = {f.name for f in entity.fields if not f.ref}
            if field not in known:
                raise ValueError(
                    f"auraField {mapping.aura_field!r} is unknown; {mapping.entity} has {', '.join(sorted(known))}"
                )
        return mappings

    def strategy_for(self, entity: str) -> Strategy | None:
        """The strategy that holds for an entity where no record decision says otherwise."""
        return self.conflicts.entities.get(entity, self.conflicts.strategy)


def _snake(name: str) -> str:
    head, dot, tail = name.partition(".")
    snake = "".join("_" + c.lower() if c.isupper() else c for c in head)
    return snake + dot + tail


def aura_field_name(mapping: FieldMapping) -> str:
    """The canonical field (or ``custom_fields.<name>``) a mapping writes to."""
    return _snake(mapping.aura_field)


def parse_options(document: Any, where: str = "options") -> MigrationOptions:
    """Options from a decoded JSON document; ``BadInput`` lists every problem with its place."""
    try:
        return MigrationOptions.model_validate(document)
    except ValidationError as error:
        problems = problems_of(error.errors())
        raise BadInput(
            f"{where}: {'; '.join(problems)}.",
            "`aura-migration options schema` prints the format; `options check FILE` tests a file.",
            problems=problems,
        ) from error


def load_options(path: Path | None) -> MigrationOptions:
    """Options from a JSON file; none gives the defaults."""
    if path is None:
        return MigrationOptions()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"The options file {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except ValueError as error:
        raise BadInput(
            f"The options file {path} is not JSON: {error}.", "See `aura-migration options schema`."
        ) from error
    return parse_options(document, str(path))


def options_schema() -> dict[str, Any]:
    """The JSON schema of the options file."""
    schema = MigrationOptions.model_json_schema(by_alias=True)
    return {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "aura_migration options"}
