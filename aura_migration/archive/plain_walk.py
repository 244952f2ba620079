"""Finding what must not be stored in JSON that is written without white space: by the lengths of its parts, not by reading it.

Most of a page is under no rule. All its records are split into members at once, and taken apart further only along the
declared paths, where the last name of one of them stands in the text; the parts in between are skipped unread. A value whose
parts do not add up to its length exactly (white space, a key that is escaped or stands twice) is not plain: ``redaction.py``
then walks it token by token, and decides what is encrypted in either case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import add
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from aura_migration.archive.redaction import Binding, Node

Members = dict[str, msgspec.Raw]
_OBJECT = msgspec.json.Decoder(Members)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OPEN_OBJECT, _OPEN_LIST, _COMMA = b"{[,"
_ESCAPE = b"\\u00"


class NotPlain(Exception):
    """The value is written otherwise; nothing is known about it."""


class Steps:
    """One or several declared paths at the same place, as one: what holds there, and where they lead on.

    ``names`` are keys, as they are written, of which one stands in any value that a rule below applies to; None where
    there are no such keys.
    """

    __slots__ = ("binds", "drop", "elements", "is_leaf", "members", "names", "others", "person_of", "value_of")

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.drop = any(node.drop for node in nodes)
        self.binds = [number for node in nodes for number in node.binds]
        self.value_of = [number for node in nodes for number in node.value_of]
        self.person_of = [named for node in nodes for named in node.person_of]
        deep = [node for node in nodes if node.children]
        self.is_leaf = not deep
        keys = {step for node in deep for step in node.children} - {"[]", "*"}
        self.members = {key: Steps(_below(deep, (key, "*"))) for key in keys}
        self.others = Steps(below) if (below := _below(deep, ("*",))) else None
        self.elements = Steps(below) if (below := _below(deep, ("[]",))) else None
        known = [node.names for node in deep if node.names is not None]
        self.names = sorted(frozenset().union(*known)) if len(known) == len(deep) else None


def _below(nodes: Iterable[Node], steps: Iterable[str]) -> list[Node]:
    return [node.children[step] for node in nodes for step in steps if step in node.children]


class _Scope(dict[int, "Binding"]):
    """The bindings that hold at some step, by the number of their rule: made where they are first asked for."""

    __slots__ = ("_bind", "_outer", "_own")

    def __init__(self, own: Sequence[int], bind: Callable[[int], Binding], outer: _Scope | None = None) -> None:
        super().__init__()
        self._own, self._bind, self._outer = own, bind, outer

    def __missing__(self, number: int) -> Binding:
        """Made here where the rule binds here, else that of the step above."""
        is_here = number in self._own or self._outer is None
        made = self._bind(number) if is_here else self._outer[number]  # type: ignore[index]
        self[number] = made
        return made


class PlainWalk:
    """The records of one page: ``cuts`` and ``bindings`` as ``redaction.py`` wants them, by places in ``data``.

    ``bind`` makes the binding of a personal rule.
    """

    def __init__(self, data: bytes, steps: Steps, bind: Callable[[int], Binding]) -> None:
        self.data = data
        self.cuts: list[tuple[int, int, bytes]] = []
        self.bindings: list[Binding] = []
        self._steps = steps
        # A name may stand there escaped: then its absence says nothing, and every path is gone.
        self._has_escapes = b"\\" in data and _ESCAPE in data
        self._is_escaped = False
        self._root = _Scope((), self._noted)
        self._make = bind
        self._values: list[tuple[_Scope, int, int, int]] = []
        self._persons: list[tuple[_Scope, Steps, int, int]] = []

    def records(self, start: int, end: int, found: Sequence[Members]) -> list[tuple[int, int]]:
        """Walk the records of the list between these places; returns the places of those that are not plain.

        Raises ``NotPlain`` where it is not known where each of them begins.
        """
        places: list[tuple[int, int, list[int]]] = []
        at = start + 1
        for members in found:
            lengths = list(map(add, map(len, members), map(len, members.values())))
            last = at + sum(lengths) + 4 * len(lengths) + (1 if lengths else 2)
            places.append((at, last, lengths))
            at = last + 1
        # No part is shorter than its length says: where all together are as long as the list, each of them is.
        if at != (end if found else end - 1):
            raise NotPlain
        return [
            (first, last)
            for (first, last, lengths), members in zip(places, found, strict=True)
            if not self._is_walked(first, last, members, lengths)
        ]

    def record(self, start: int, end: int) -> None:
        """Walk one record. Raises ``NotPlain``."""
        try:
            members, lengths = self._taken_apart(start, end)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise NotPlain from error
        if not self._is_walked(start, end, members, lengths):
            raise NotPlain

    def _is_walked(self, start: int, end: int, members: Members, lengths: list[int]) -> bool:
        """Whether the record was plain; else nothing is noted of it."""
        self._is_escaped = self._has_escapes and self.data.find(_ESCAPE, start, end) >= 0
        steps, kept = self._steps, len(self.cuts)
        bound = _Scope(steps.binds, self._noted, self._root) if steps.binds else self._root
        try:
            self._members(start, steps, members, lengths, bound)
        except (NotPlain, msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
            del self.cuts[kept:]
            self._values.clear()
            self._persons.clear()
            return False
        if self._values:  # who somebody is counts only where there is something of theirs
            numbers = {number for _, number, _, _ in self._values}
            for scope, named, first, last in self._persons:
                text = self.data[first:last].decode()
                for number, rank in named.person_of:
                    if number in numbers:
                        scope[number].name(rank, text)
            for scope, number, first, last in self._values:
                scope[number].spans.append((first, last))
            self._values.clear()
        self._persons.clear()
        return True

    def _noted(self, number: int) -> Binding:
        made = self._make(number)
        self.bindings.append(made)
        return made

    def _value(self, start: int, end: int, steps: Steps, bound: _Scope) -> None:
        if steps.binds:
            bound = _Scope(steps.binds, self._noted, bound)
        if not steps.is_leaf:
            opening = self.data[start]
            if opening == _OPEN_OBJECT:
                if (steps.members or steps.others is not None) and self._may_apply(steps, start, end):
                    members, lengths = self._taken_apart(start, end)
                    self._members(start, steps, members, lengths, bound)
            elif opening == _OPEN_LIST and steps.elements is not None and self._may_apply(steps, start, end):
                self._elements(start, end, steps.elements, bound)
        if steps.person_of:
            self._persons.append((bound, steps, start, end))
        for number in steps.value_of:
            self._values.append((bound, number, start, end))

    def _may_apply(self, steps: Steps, start: int, end: int) -> bool:
        """Whether a rule below this step can apply to anything between these places."""
        if self._is_escaped or steps.names is None:
            return True
        find = self.data.find
        for name in steps.names:  # noqa: SIM110 - a generator takes longer than what it would ask
            if find(name, start, end) >= 0:
                return True
        return False

    def _taken_apart(self, start: int, end: int) -> tuple[Members, list[int]]:
        """The members of an object, and how long each is: its key and its value."""
        members = _OBJECT.decode(memoryview(self.data)[start:end])
        lengths = list(map(add, map(len, members), map(len, members.values())))
        # Beside it a member takes two quotes, a colon, and the comma or bracket behind it.
        if sum(lengths) + 4 * len(lengths) + (1 if lengths else 2) != end - start:
            raise NotPlain
        return members, lengths

    def _members(self, start: int, steps: Steps, members: Members, lengths: list[int], bound: _Scope) -> None:
        get, others = steps.members.get, steps.others
        drops: list[tuple[int, int]] = []
        at = start + 1
        for key, length in zip(members, lengths, strict=True):
            below = get(key, others)
            if below is not None:
                end = at + length + 3
                self._value(at + len(key) + 3, end, below, bound)
                if below.drop:
                    if drops and drops[-1][1] + 1 == at:
                        drops[-1] = (drops[-1][0], end)
                    else:
                        drops.append((at, end))
            at += length + 4
        data = self.data
        for first, last in drops:  # with exactly the commas that would be left over
            if data[last] == _COMMA:
                self.cuts.append((first, last + 1, b""))
            else:
                self.cuts.append((first - (data[first - 1] == _COMMA), last, b""))

    def _elements(self, start: int, end: int, steps: Steps, bound: _Scope) -> None:
        lengths = list(map(len, _LIST.decode(memoryview(self.data)[start:end])))
        if sum(lengths) + len(lengths) + (1 if lengths else 2) != end - start:
            raise NotPlain
        at = start + 1
        for length in lengths:
            self._value(at, at + length, steps, bound)
            at += length + 1
        if steps.drop and lengths:
            self.cuts.append((start + 1, end - 1, b""))
