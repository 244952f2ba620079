"""Counting what of a POS record has no place in AuraConnect, field by field.

A connector declares which dotted paths of a source object it carries over and which are technical; everything else that
carries a value is a loss. What the fields of a particular POS are is declared in that POS's ``fields.py``, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aura_migration.canonical.model import Loss
from aura_migration.core.errors import BadInput
from aura_migration.core.money import show

MAPPED = "mapped"
"""Disposition of a field that is carried over."""
TECHNICAL = "technical"
"""Disposition of a field that means nothing to a restaurant: ids, versions, time stamps of the POS's own."""
KNOWN_HOME = (MAPPED, TECHNICAL)
EXAMPLES = 5
EVERY_KEY = "*"
EACH_ELEMENT = "[]"


@dataclass
class _Node:
    """One step of the declared paths. ``said`` is its disposition, None where only deeper paths are declared."""

    said: str | None = None
    deeper: dict[str, _Node] = field(default_factory=dict)


@dataclass
class _Tally:
    names: list[str] = field(default_factory=list)
    note: str = ""


def count_losses(
    objects: Iterable[Mapping[str, Any]],
    object_type: str,
    known: Mapping[str, str],
    ident: Callable[[Mapping[str, Any]], str],
    *,
    defaults: Mapping[str, Any] | None = None,
) -> list[Loss]:
    """The fields of these raw objects that have no home, each with the number of objects in which it carries a value.

    ``known`` says for dotted paths (``[]`` behind a list, ``*`` for any key of a mapping) ``MAPPED``, ``TECHNICAL`` or,
    in an owner's words, why it is not carried over. A disposition holds for everything below its path, except where a
    deeper path says something else. A path nobody declared is reported at its topmost undeclared step. ``ident`` gives
    the id shown as an example (up to five per field, in the order of the objects). A value equal to its entry in
    ``defaults`` says nothing and is not counted; nor are null, the empty text, and lists and mappings holding nothing
    else. False and zero do count. Losses come in the order of their paths.
    """
    root = _tree(known)
    silent = defaults or {}
    tallies: dict[str, _Tally] = {}
    for record in objects:
        found: dict[str, str] = {}
        _walk(record, root, None, "", silent, found)
        if not found:
            continue
        name = ident(record)
        for path, note in found.items():
            tally = tallies.setdefault(path, _Tally(note=note))
            tally.names.append(name)
    return [loss_of(object_type, path, tally.names, tally.note) for path, tally in sorted(tallies.items())]


def loss_of(source_entity: str, name: str, records: Iterable[str], note: str) -> Loss:
    """The loss of a field of these records, which are named as an owner may look them up; the first few are its examples."""
    keys = tuple(records)
    return Loss(source_entity, name, len(keys), note, keys[:EXAMPLES], keys)


def merged(losses: Iterable[Loss]) -> list[Loss]:
    """Losses counted part by part as if they had been counted at once; in the order of entity and field."""
    found: dict[tuple[str, str], Loss] = {}
    for loss in losses:
        place = (loss.source_entity, loss.field)
        first = found.get(place)
        found[place] = (
            loss
            if first is None
            else Loss(
                loss.source_entity,
                loss.field,
                first.records + loss.records,
                first.note,
                (*first.examples, *loss.examples)[:EXAMPLES],
                (*first.keys, *loss.keys),
            )
        )
    return [found[place] for place in sorted(found)]


def carries(value: Any) -> bool:
    """Whether a JSON value says anything: not null, not empty, and not made of such values only."""
    if isinstance(value, Mapping):
        return any(carries(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return any(carries(inner) for inner in value)
    return value is not None and value != ""


def undeclared_note(path: str) -> str:
    """The note of a field the connector does not know: newer than it, or particular to this account."""
    return f"The field {path.rpartition('.')[2]!r} has no place in AuraConnect; its values stay in the snapshot."


def _walk(
    value: Any,
    node: _Node | None,
    said: str | None,
    path: str,
    silent: Mapping[str, Any],
    found: dict[str, str],
) -> None:
    """Collect the lossy paths below ``value``; ``said`` is the disposition of the nearest declared step above."""
    if node is not None and node.said is not None:
        said = node.said
    if node is None or not node.deeper:
        lossy = said not in KNOWN_HOME and path not in found and carries(value)
        if lossy and not (path in silent and silent[path] == value):
            found[path] = said or undeclared_note(path)
        return
    if type(value) is dict or isinstance(value, Mapping):
        every = node.deeper.get(EVERY_KEY)
        for key, inner in value.items():
            child = node.deeper.get(key) or every
            if child is None:
                if said in KNOWN_HOME:
                    continue
            elif not child.deeper and child.said in KNOWN_HOME:
                continue
            step = EVERY_KEY if child is every and every is not None else key
            _walk(inner, child, said, f"{path}.{step}" if path else step, silent, found)
    elif isinstance(value, list | tuple):
        child = node.deeper.get(EACH_ELEMENT)
        for inner in value:
            _walk(inner, child, said, path + EACH_ELEMENT, silent, found)
    elif said not in KNOWN_HOME and carries(value) and path not in found:
        found[path] = said or undeclared_note(path)


def _tree(known: Mapping[str, str]) -> _Node:
    root = _Node()
    for path, said in known.items():
        if not path or not said:
            raise BadInput(
                f"The field disposition {path!r}: {said!r} is empty.",
                "Name a dotted path and what becomes of it.",
            )
        node = root
        for step in path.replace(EACH_ELEMENT, f".{EACH_ELEMENT}").split("."):
            if not step:
                raise BadInput(
                    f"{path!r} is not a field path.",
                    "Write dotted keys, [] behind lists, * for any key.",
                )
            node = node.deeper.setdefault(step, _Node())
        node.said = said
    return root


def weighed(losses: Iterable[Loss], moved: Mapping[str, int], currency: str) -> list[Loss]:
    """The losses with the money that went through the rules they are about; as they are where orders name none of those.

    ``moved`` are minor units by key of a discount, charge or tax, as orders name it.
    """
    by_id = {_ident(key): cents for key, cents in moved.items()}
    found = []
    for loss in losses:
        cents = [by_id[ident] for ident in {_ident(name) for name in loss.keys} if ident in by_id]
        found.append(replace(loss, money=f"{show(sum(cents), currency)} {currency}") if cents else loss)
    return found


def _ident(name: str) -> str:
    """The POS's id in a key (``location/id``) or in the name of an example (``Ten percent (id)``)."""
    return name.rpartition("(")[2].removesuffix(")").rpartition("/")[2]
