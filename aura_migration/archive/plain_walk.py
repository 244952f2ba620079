"""Finding what must not be stored in JSON that is written without white space: by the lengths of its parts, not by reading it.

Most of a page is under no rule. Its objects are taken apart only along the declared paths, and only where the last name of
one of them stands in the text; the parts in between are skipped unread. An object whose parts do not add up to its length
exactly (white space, a key that is escaped or stands twice) is not plain: ``redaction.py`` then walks the value token by token,
and decides what is cut and encrypted in either case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        self._bind = bind
        self._cut = cut
        # A name may stand there escaped: then its absence says nothing, and every path is gone.
        self._is_escaped = b"\\u00" in data
        try:
            self._value(0, len(data), [root], {})
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise NotPlain from error

    def _value(self, start: int, end: int, nodes: Sequence[Node], bound: dict[int, Binding]) -> None:
        below = nodes
        if self.data[start] not in (_OPEN_OBJECT, _OPEN_LIST):
            below = ()
        elif not self._is_escaped:
            below = [node for node in nodes if node.children and self._may_apply(node, start, end)]
        for node in nodes:
            # A value of the rule is this one or inside it.
            if node.binds and (below or node.value_of):
                bound = {**bound, **{number: self._bind(number) for number in node.binds}}
                self.bindings += [bound[number] for number in node.binds]
        if below:
            self._members(start, end, below, bound)
        for node in nodes:
            for number, rank in node.person_of:
                if number in bound:
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

    def _members(self, start: int, end: int, nodes: Sequence[Node], bound: dict[int, Binding]) -> None:
        value = memoryview(self.data)[start:end]
        if self.data[start] == _OPEN_LIST:
            self._elements(start, end, _LIST.decode(value), nodes, bound)
            return
        members = _OBJECT.decode(value)
        lengths = list(map(len, members.values()))
        if sum(lengths) + len("".join(members)) + 4 * len(members) + 1 != end - start and members:
            raise NotPlain
        spans: list[Member] = []
        at, has_drops = start + 1, False
        children = [node.children for node in nodes]
        any_key = [below["*"] for below in children if "*" in below]
        for key, length in zip(members, lengths, strict=True):
            begins = at + len(key) + 3
            ends = begins + length
            dropped = False
            for one in children:
                if key in one or any_key:
                    below = [*(steps[key] for steps in children if key in steps), *any_key]
                    self._value(begins, ends, below, bound)
                    dropped = any(node.drop for node in below)
                    has_drops = has_drops or dropped
                    break
            spans.append((at, ends, dropped))
            at = ends + 1
        if has_drops:
            self.cuts += self._cut(start, end - 1, spans)

    def _elements(
        self, start: int, end: int, parts: list[msgspec.Raw], nodes: Sequence[Node], bound: dict[int, Binding]
    ) -> None:
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
