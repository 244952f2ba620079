"""How rows point at each other: which references a row cannot do without, dangling ones, circles, order. Pure.

Whether a record exists outside this batch (loaded before) is asked through a function; nothing here knows a database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.model import Entity, Field, Loss, Row

Rows = Mapping[str, Sequence[Row]]
Keys = Mapping[str, set[str]]
EXAMPLES = 5


def is_binding(entity: Entity, ref: Field) -> bool:
    """Whether a row cannot be loaded without what it points to.

    A thing with a name stands without what it points to optionally (a category without its parent). A link, price or tax
    says something else without one of its ends: a price rule without its item would hold for every item. Of people, only what
    is declared to be required: what somebody is owed, and the hours somebody worked, outlive the person.
    """
    return ref.required or not (entity.match_on or entity.personal or entity.merchant_wide)


def dangling(rows: Rows, sent: Keys, loaded: Callable[[str, set[str]], set[str]]) -> Iterable[tuple[Row, Field]]:
    """Every reference to a record that the POS did not send now and that was not loaded before.

    ``loaded`` gives, for an entity and keys, those of them that stand in AuraConnect already.
    """
    found: list[tuple[Row, Field]] = []
    for name, members in rows.items():
        for ref in ENTITIES[name].refs:
            known = sent[str(ref.ref)]
            missing = [r for r in members if (key := _key(r, ref)) is not None and key not in known]
            if missing:
                before = loaded(str(ref.ref), {str(r.values[ref.name]) for r in missing})
                found += [(r, ref) for r in missing if r.values[ref.name] not in before]
    return found


def losses_of(missing: Iterable[tuple[Row, Field]]) -> list[Loss]:
    """The loss report's lines for references that are left empty."""
    by_field: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row, ref in missing:
        by_field[row.entity, ref.name, str(ref.ref)].append(row.key)
    return [
        Loss(
            entity,
            name,
            len(keys),
            f"points to {target} that the POS does not send; the reference is left empty",
            tuple(sorted(keys)[:EXAMPLES]),
        )
        for (entity, name, target), keys in by_field.items()
    ]


def break_circles(rows: Rows) -> list[Loss]:
    """Cut rows of one entity that point at each other in a circle, at the smallest key; says which in the losses."""
    losses: list[Loss] = []
    for name, members in rows.items():
        ref = own_reference(ENTITIES[name])
        if ref is None:
            continue
        by_key = {row.key: row for row in members}
        cut = sorted(min(circle) for circle in _circles({key: _key(row, ref) for key, row in by_key.items()}))
        for key in cut:
            by_key[key].values[ref.name] = None
        if cut:
            note = f"{name} point at each other in a circle; the circle is cut here"
            losses.append(Loss(name, ref.name, len(cut), note, tuple(cut[:EXAMPLES])))
    return losses


def waves(entity: Entity, rows: Sequence[Row]) -> dict[str, int]:
    """Depth by key: 0 for rows that point at none of their own entity, else one more than what they point at."""
    ref = own_reference(entity)
    if ref is None:
        return {}
    parents = {row.key: _key(row, ref) for row in rows}
    depth: dict[str, int] = {}
    for key in parents:
        chain = []
        step: str | None = key
        while step is not None and step in parents and step not in depth:
            chain.append(step)
            step = parents[step]
        base = depth.get(step, -1) if step is not None else -1
        for number, member in enumerate(reversed(chain), start=1):
            depth[member] = base + number
    return depth


def own_reference(entity: Entity) -> Field | None:
    """The field by which rows of an entity point at rows of the same entity."""
    return next((ref for ref in entity.refs if ref.ref == entity.name), None)


def _key(row: Row, ref: Field) -> str | None:
    value = row.values.get(ref.name)
    return value if isinstance(value, str) else None


def _circles(parents: Mapping[str, str | None]) -> list[set[str]]:
    found: list[set[str]] = []
    seen: set[str] = set()
    for start in parents:
        path: dict[str, int] = {}
        step: str | None = start
        while step is not None and step in parents and step not in seen and step not in path:
            path[step] = len(path)
            step = parents[step]
        if step is not None and step in path:
            found.append({key for key, place in path.items() if place >= path[step]})
        seen |= path.keys()
    return found
