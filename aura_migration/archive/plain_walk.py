"""Finding what must not be stored in JSON that is written without white space: by the lengths of its parts, not by reading it.

Most of a page is under no rule. Its objects are taken apart only along the declared paths, and only where the last name of
one of them stands in the text; the parts in between are skipped unread. An object whose parts do not add up to its length
exactly (white space, a key that is escaped or stands twice) is not plain: ``redaction.py`` then walks the value token by token,
and decides what is cut and encrypted in either case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import add
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from aura_migration.archive.redaction import Binding, Edit, Node

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OPEN_OBJECT, _OPEN_LIST = b"{["
Member = tuple[int, int, bool]
"""Start (of the key, in objects) and end of a member, and whether it is dropped."""


class NotPlain(Exception):
    """The value is written otherwise; nothing is known about it."""


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
    """One value: ``cuts`` and ``bindings`` as ``redaction.py`` wants them, at places in ``data`` (bytes).

    ``bind`` makes the binding of a personal rule, ``cut`` the cuts of members of an object or list (its opening, its end, its
    members). Raises ``NotPlain``, also where the data is no JSON after all.
    """

    def __init__(
        self,
        data: bytes,
        root: Node,
        bind: Callable[[int], Binding],
        cut: Callable[[int, int, list[Member]], list[Edit]],
    ) -> None:
        self.data = data
        self.cuts: list[Edit] = []
        self.bindings: list[Binding] = []
        self._cut = cut
        # A name may stand there escaped: then its absence says nothing, and every path is gone.
        self._is_escaped = b"\\u00" in data

        def noted(number: int) -> Binding:
            made = bind(number)
            self.bindings.append(made)
            return made

        self._bind = noted
        try:
            self._value(0, len(data), [root], _Scope((), noted), is_whole=True)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise NotPlain from error

    def _value(self, start: int, end: int, nodes: Sequence[Node], bound: _Scope, is_whole: bool = False) -> None:
        for node in nodes:
            if node.binds:
                bound = _Scope(node.binds, self._bind, bound)
        if self.data[start] in (_OPEN_OBJECT, _OPEN_LIST):
            # To ask of a whole record takes longer than to take it apart and ask of its parts.
            below = [
                n for n in nodes if n.children and (is_whole or self._is_escaped or self._may_apply(n, start, end))
            ]
            if below:
                self._members(start, end, below, bound)
        for node in nodes:
            for number, rank in node.person_of:
                bound[number].name(rank, self.data[start:end].decode())
            for number in node.value_of:
                bound[number].spans.append((start, end))

    def _may_apply(self, node: Node, start: int, end: int) -> bool:
        """Whether a rule below this step can apply to anything between these places."""
        if node.names is None:
            return True
        find = self.data.find
        for name in node.names:  # noqa: SIM110 - a generator takes longer than what it would ask
            if find(name, start, end) >= 0:
                return True
        return False

    def _members(self, start: int, end: int, nodes: Sequence[Node], bound: _Scope) -> None:
        value = memoryview(self.data)[start:end]
        if self.data[start] == _OPEN_LIST:
            self._elements(start, end, _LIST.decode(value), nodes, bound)
            return
        members = _OBJECT.decode(value)
        keys = list(members)
        # What a member takes: its key, its value, two quotes, a colon, and the comma or bracket behind it.
        lengths = list(map(add, map(len, keys), map(len, members.values())))
        if sum(lengths) + 4 * len(keys) + 1 != end - start and keys:
            raise NotPlain
        first = nodes[0].children
        if len(nodes) == 1 and "*" not in first:
            places = [place for place, key in enumerate(keys) if key in first]
        else:
            places = list(range(len(keys)))
        drops: set[int] = set()
        for place in places:
            key = keys[place]
            below = [node.children[step] for node in nodes for step in (key, "*") if step in node.children]
            if below:
                at = start + 1 + sum(lengths[:place]) + 4 * place
                self._value(at + len(key) + 3, at + lengths[place] + 3, below, bound)
                if any(node.drop for node in below):
                    drops.add(place)
        if drops:
            ends = accumulate(lengths, lambda before, length: before + length + 4, initial=start)
            spans = [
                (before + 1, before + length + 4, place in drops)
                for place, (before, length) in enumerate(zip(ends, lengths, strict=False))
            ]
            self.cuts += self._cut(start, end - 1, spans)

    def _elements(self, start: int, end: int, parts: list[msgspec.Raw], nodes: Sequence[Node], bound: _Scope) -> None:
        lengths = list(map(len, parts))
        if sum(lengths) + len(parts) + 1 != end - start and parts:
            raise NotPlain
        below = [node.children["[]"] for node in nodes if "[]" in node.children]
        if not below:
            return
        spans: list[Member] = []
        at, dropped = start + 1, any(node.drop for node in below)
        for length in lengths:
            self._value(at, at + length, below, bound)
            spans.append((at, at + length, dropped))
            at += length + 1
        if dropped and spans:
            self.cuts += self._cut(start, end - 1, spans)
