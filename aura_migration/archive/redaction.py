"""Redaction of response bodies before they are stored: what is cut out, and what is encrypted per person.

Surgical: only the declared spans change; every other byte, also white space and the notation of numbers, stays as the
POS sent it. Which fields are secret or personal is the connector's declaration, not known here.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any, NoReturn, Protocol

import msgspec

from aura_migration.archive.free_text import without_secrets
from aura_migration.archive.plain_walk import Members, NotPlain, PlainWalk, Steps
from aura_migration.core.errors import BadInput
from aura_migration.database.vault import PersonErased

ENCRYPTED = "enc:v1:"
"""Start of every encrypted value; what follows is the cipher's token, which names the person by a keyed hash."""
ERASED = ENCRYPTED + "erased"
"""Stored instead of a personal value whose person was already erased when it was fetched."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\]:,"]+', re.DOTALL)
_SEALED = re.compile(r'(?<!\\)"' + re.escape(ENCRYPTED) + r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
"""Strings that begin like an encrypted value. A quote behind a backslash begins none: backslashes stand inside strings."""
_SEGMENT = re.compile(r"^([^\[\]]*)((?:\[\])*)$")
_ESCAPED_ASCII = re.compile(r"\\u00[2-7]")
_EMPTY = re.compile(r"[\[{]\s*[\]}]")
_PLAIN_NAME = re.compile(r"^[A-Za-z0-9_.$-]+$")
_JSON = json.JSONDecoder(strict=False)
_RAW = msgspec.json.Decoder(msgspec.Raw)
_RECORDS = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECTS = msgspec.json.Decoder(list[Members])
_MEMBERS = msgspec.json.Decoder(Members)
LARGE = 2_000
"""Bytes from which a page is looked at record by record."""


class PersonCipher(Protocol):
    """Encryption with one key per person, as ``database.vault.PersonKeys`` does it: erasing the key erases the text."""

    def prepare(self, integration_id: int, person_ids: Iterable[str]) -> None:
        """Load or make the keys of these persons at once, before many encryptions."""
        ...

    def encrypt(self, integration_id: int, person_id: str, text: str) -> str:
        """The token to store instead of the text; PersonErased when the person was erased."""
        ...

    def know(self, integration_id: int, tokens: Iterable[str]) -> None:
        """Load the keys of the persons these tokens name, at once: before many decryptions."""
        ...

    def decrypt(self, integration_id: int, token: str) -> str:
        """The text of a token; PersonErased when the person was erased."""
        ...

    def erase(self, integration_id: int, person_id: str) -> bool:
        """Delete the person's key for good; False when they were erased before."""
        ...


@dataclass(frozen=True)
class Redaction:
    """What of the bodies of one POS may not be stored as sent.

    Paths are dotted keys; ``[]`` after a key goes through a list, ``*`` stands for any key (maps keyed by id). ``drop``
    paths are cut out; ``drop_everywhere`` are key names cut out at any depth of every body, and of request parameters
    and request bodies; ``personal`` values are encrypted with the key of the person whose id is at the second path
    (whose lists must be lists of the first path too). The second path may be several, separated by ``|``: the first that
    the body has counts. The first of them is the person's id; the others are contacts of somebody the POS gives no id, and
    stand for a person of their own (:func:`person_of_value`, in lower case). Of several paths, any may go through further
    lists: then the first entry that has a value counts. A personal value without a person id is a person of its own:
    :func:`person_of_value`. ``free_text`` are those personal values in which people type what they should not: secrets in
    them are cut out before anything is stored (``free_text.py``).
    """

    drop: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drop_everywhere: frozenset[str] = frozenset()
    personal: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    free_text: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _trees: dict[str, _Tree] = field(default_factory=dict, init=False, repr=False, compare=False)
    _records: dict[tuple[str, ...], Steps | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for paths in self.drop.values():
            for path in paths:
                split_path(path)
        for entity, pairs in self.personal.items():
            for value_path, person_path in pairs:
                _bound_at(split_path(value_path), split_persons(person_path))
            if unknown := set(self.free_text.get(entity, ())) - {value_path for value_path, _ in pairs}:
                raise BadInput(
                    f"{sorted(unknown)} of {entity} are free text but not personal.", "Declare them personal too."
                )

    def tree(self, entity: str) -> _Tree:
        """The rules of an entity as steps, made once."""
        found = self._trees.get(entity)
        if found is None:
            found = self._trees[entity] = _tree(self, entity)
        return found

    def of_records(self, entity: str, steps: tuple[str, ...]) -> Steps | None:
        """The rules of the records in the list that the steps lead to; None where they do not stand for themselves."""
        place = (entity, "[]", *steps)
        if place not in self._records:
            self._records[place] = _of_records(self.tree(entity)[1], steps)
        return self._records[place]

    def whole(self, entity: str) -> Steps:
        """The rules of a body as a whole."""
        found = self._records.get((entity,))
        if found is None:
            found = self._records[entity,] = Steps([self.tree(entity)[1]])
        return found

    def touches(self, entity: str) -> bool:
        """Whether bodies of this entity fall under any rule (and therefore must be JSON)."""
        return bool(self.drop_everywhere or self.drop.get(entity) or self.personal.get(entity))


def person_of_value(text: str) -> str:
    """The person id under which a personal value without one is encrypted; ``text`` is the value's JSON notation."""
    return f"value:{text}"


def redact(
    body: bytes,
    entity: str,
    rules: Redaction,
    integration_id: int,
    cipher: PersonCipher | None = None,
    place: str = "",
    person: str = "",
) -> bytes:
    """The body as it may be stored; byte for byte the same where no rule applies.

    ``place`` names the request in errors; ``person`` is whose values they are where the body names nobody. Raises BadInput when a rule applies to the entity and the body is not JSON,
    or when it holds declared personal fields and there is no cipher.
    """
    return find(body, rules, entity, place).stored(integration_id, cipher, place or entity, person)


def find(body: bytes, rules: Redaction, entity: str, place: str = "") -> Found:
    """What of the body must not be stored as it is. Raises BadInput as :func:`redact` does where the body is not JSON."""
    found = Found(body)
    if not body or not rules.touches(entity):
        return found
    is_large = len(body) >= LARGE
    try:
        if is_large and _record_by_record(found, rules, entity):
            return found
        text, mark = _decoded(body, place or entity)
        if _may_apply(text, rules, entity) and not (is_large and _as_one_record(found, text, rules, entity)):
            found.walk(len(mark.encode()), text, rules, entity, ())
    except RecursionError as error:
        raise _not_json(place or entity, "nested too deeply") from error
    return found


def redact_values(value: Any, rules: Redaction) -> Any:
    """Request parameters or a request body without the keys of ``drop_everywhere``, at any depth."""
    if isinstance(value, Mapping):
        return {str(k): redact_values(v, rules) for k, v in value.items() if str(k) not in rules.drop_everywhere}
    if isinstance(value, list | tuple):
        return [redact_values(element, rules) for element in value]
    return value


def reveal_text(stored: str, integration_id: int, cipher: PersonCipher) -> str | None:
    """The JSON notation of an encrypted value, or None when the person was erased."""
    if stored == ERASED:
        return None
    try:
        return cipher.decrypt(integration_id, stored.removeprefix(ENCRYPTED))
    except PersonErased:
        return None


def reveal_body(body: bytes, integration_id: int, cipher: PersonCipher) -> bytes:
    """The body with every encrypted value as it was sent; ``null`` where the person was erased."""
    text = body.decode()
    if f'"{ENCRYPTED}' not in text:
        return body
    found = [(m.start(), m.end(), m.group()[1:-1]) for m in _SEALED.finditer(text)]
    cipher.know(integration_id, (token.removeprefix(ENCRYPTED) for _, _, token in found if token != ERASED))
    parts: list[str] = []
    last = 0
    for start, end, token in found:
        revealed = reveal_text(token, integration_id, cipher)
        parts += (text[last:start], "null" if revealed is None else revealed)
        last = end
    return "".join([*parts, text[last:]]).encode()


@lru_cache(maxsize=4096)
def split_path(path: str) -> tuple[str, ...]:
    """``"orders[].customer.id"`` → ``("orders", "[]", "customer", "id")``; ``BadInput`` for another form."""
    steps: list[str] = []
    for segment in path.split("."):
        match = _SEGMENT.match(segment)
        if not segment or match is None:
            raise BadInput(f"{path!r} is not a field path.", "Write dotted keys, [] behind lists, * for any key.")
        if match[1]:
            steps.append(match[1])
        steps.extend("[]" for _ in range(len(match[2]) // 2))
    return tuple(steps)


def split_persons(paths: str) -> tuple[tuple[str, ...], ...]:
    """``"customer.id | customer.email"`` → the steps of each path, the id's first."""
    return tuple(split_path(path.strip()) for path in paths.split("|"))


def _bound_at(value: tuple[str, ...], persons: Sequence[tuple[str, ...]]) -> int:
    """How many leading steps of a personal value lead to what it has in common with all that may name its person."""
    if len(persons) == 1:
        return _shared_depth(value, persons[0])
    return min(_common(value, person) for person in persons)


def _common(value: tuple[str, ...], person: tuple[str, ...]) -> int:
    depth = 0
    while depth < min(len(value), len(person)) and value[depth] == person[depth]:
        depth += 1
    return depth


def _shared_depth(value: tuple[str, ...], person: tuple[str, ...]) -> int:
    """How many leading steps a personal value and its person id share."""
    depth = _common(value, person)
    if "[]" in person[depth:] or "*" in person[depth:] or (depth == len(person) and value != person):
        raise BadInput(
            f"{'.'.join(person)!r} does not name one person per value {'.'.join(value)!r}.",
            "The id's path may only go through lists and maps that the value's path goes through too.",
        )
    return depth


# -- finding the spans -------------------------------------------------------------------------------------------------

Edit = tuple[int, int, bytes]
"""Start, end, and what stands there afterwards."""


class Node:
    """A step of the declared paths: where they lead on, and which rules (by number, for personal ones) hold here."""

    __slots__ = ("binds", "children", "drop", "names", "person_of", "value_of")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.names: frozenset[bytes] | None = None
        self.drop = False
        self.binds: list[int] = []
        self.value_of: list[int] = []
        self.person_of: list[tuple[int, int]] = []

    def at(self, steps: Iterable[str]) -> Node:
        node = self
        for step in steps:
            node = node.children.setdefault(step, Node())
        return node

    def under(self, steps: Iterable[str]) -> Node:
        """The node there; one without rules where no path leads so far."""
        node = self
        for step in steps:
            node = node.children.get(step) or Node()
        return node

    def note_names(self) -> frozenset[bytes] | None:
        """Note in ``names``, here and below, keys of which one stands in any value that a rule below applies to.

        As they are written in JSON, with their quotes; None where there are no such keys.
        """
        found: set[bytes] | None = set()
        for step, child in self.children.items():
            names = child.note_names()
            if child.drop or child.value_of or child.person_of or names is None:
                names = (
                    None if step in ("[]", "*") or not _PLAIN_NAME.match(step) else frozenset((f'"{step}"'.encode(),))
                )
            found = None if found is None or names is None else found | names
        self.names = None if found is None else frozenset(found)
        return self.names


class Binding:
    """The values of one personal rule that belong to one person, within the innermost list entry both paths share."""

    __slots__ = ("is_free_text", "named", "spans")

    def __init__(self, is_free_text: bool) -> None:
        self.is_free_text = is_free_text
        self.named: dict[int, str] = {}
        self.spans: list[tuple[int, int]] = []

    def name(self, rank: int, notation: str) -> None:
        """Note who it may be; the lower rank counts, and of one rank the first."""
        person = _person_id(notation)
        if person is not None and rank not in self.named:
            self.named[rank] = person_of_value(notation.lower()) if rank else person

    @property
    def person(self) -> str | None:
        """Who it is, where the body says it."""
        return self.named[min(self.named)] if self.named else None


_Tree = tuple[set[int], Node]
"""The rules of an entity as steps: which personal ones are free text, and the root of all paths."""


def _tree(rules: Redaction, entity: str) -> _Tree:
    free_text: set[int] = set()
    root = Node()
    for path in rules.drop.get(entity, ()):
        root.at(split_path(path)).drop = True
    for number, (value_path, person_path) in enumerate(rules.personal.get(entity, ())):
        value, persons = split_path(value_path), split_persons(person_path)
        if value_path in rules.free_text.get(entity, ()):
            free_text.add(number)
        root.at(value[: _bound_at(value, persons)]).binds.append(number)
        root.at(value).value_of.append(number)
        for rank, person in enumerate(persons):
            root.at(person).person_of.append((number, rank))
    root.note_names()
    return free_text, root


class _Walk:
    """One pass over the tokens of valid JSON, collecting the spans to cut and the personal values to encrypt."""

    def __init__(self, text: str, rules: Redaction, entity: str) -> None:
        self.text = text
        self.position = 0
        self.everywhere = _possible(text, rules.drop_everywhere)
        self.cuts: list[tuple[int, int]] = []
        self.bindings: list[Binding] = []
        self.free_text, root = rules.tree(entity)
        self.root = [root]

    def value(self, nodes: list[Node], bound: dict[int, Binding]) -> tuple[int, int]:
        """Walk the next value under the given steps; returns its span."""
        return self._value(self._token(), nodes, bound)

    def _token(self) -> re.Match[str]:
        token = _TOKEN.search(self.text, self.position)
        assert token is not None, "the text was found to be JSON"
        self.position = token.end()
        return token

    def _value(self, token: re.Match[str], nodes: list[Node], bound: dict[int, Binding]) -> tuple[int, int]:
        start, end = token.span()
        for node in nodes:
            for number in node.binds:
                bound = {**bound, number: Binding(number in self.free_text)}
                self.bindings.append(bound[number])
        if self.text[start] in "{[":
            if nodes or self.everywhere:
                end = self._members(start, nodes, bound, keyed=self.text[start] == "{")
            else:  # under no rule: only its end matters
                _, end = _JSON.raw_decode(self.text, start)
                self.position = end
        for node in nodes:
            for number, rank in node.person_of:
                bound[number].name(rank, self.text[start:end])
            for number in node.value_of:
                bound[number].spans.append((start, end))
        return start, end

    def _members(self, opened: int, nodes: list[Node], bound: dict[int, Binding], keyed: bool) -> int:
        members: list[tuple[int, int, bool]] = []
        closing = "}" if keyed else "]"
        elements = [] if keyed else [node.children["[]"] for node in nodes if "[]" in node.children]
        token = self._token()
        while token.group() != closing:
            start = token.start()
            below, dropped = elements, False
            if keyed:
                key = _string(token.group())
                below = [node.children[step] for node in nodes for step in (key, "*") if step in node.children]
                dropped = key in self.everywhere
                token = self._token()
            _, end = self._value(token, below, bound)
            members.append((start, end, dropped or any(node.drop for node in below)))
            token = self._token()
        if any(dropped for _, _, dropped in members):
            self.cuts += _cuts(opened, token.start(), members)
        return token.end()


def _cuts(opened: int, closed: int, members: list[tuple[int, int, bool]]) -> list[tuple[int, int]]:
    """Where to cut the dropped members with exactly the commas that would be left over."""
    kept = [(start, end) for start, end, dropped in members if not dropped]
    if not kept:
        return [(opened + 1, closed)]
    found: list[tuple[int, int]] = []
    run: int | None = None
    for start, _, dropped in members:
        if dropped and run is None:
            run = start
        elif not dropped and run is not None:
            found.append((run, start))
            run = None
    if run is not None:
        found.append((kept[-1][1], members[-1][1]))
    return found


class Found:
    """What of a body must not be stored as it is, by places in its bytes.

    ``values`` are start, end, the personal value's JSON notation as it is kept, and whose it is.
    """

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.cuts: list[Edit] = []
        self.values: list[tuple[int, int, str, str | None]] = []

    def walk(self, at: int, text: str, rules: Redaction, entity: str, steps: Iterable[str]) -> None:
        """Walk the value whose text begins there token by token; ``steps`` lead from the body's root to it."""
        walk = _Walk(text, rules, entity)
        walk.value([walk.root[0].under(steps)], {})
        spans = [span for binding in walk.bindings for span in binding.spans]
        places = _byte_places(text, at, [place for span in (*walk.cuts, *spans) for place in span])
        for binding in walk.bindings:
            binding.spans = [(places[start], places[end]) for start, end in binding.spans]
        self.take([(places[start], places[end], b"") for start, end in walk.cuts], walk.bindings)

    def take(self, cuts: Iterable[Edit], bindings: Iterable[Binding]) -> None:
        """Note what a walk has found."""
        cuts = _outermost(cuts)
        self.cuts += cuts
        for binding in bindings:
            for start, end in binding.spans:
                plain = _edited(self.body, start, end, _within(cuts, start, end)).decode()
                if binding.is_free_text:
                    plain = _scrubbed(plain)
                if plain not in ("null", '""') and not _EMPTY.fullmatch(plain):
                    self.values.append((start, end, plain, binding.person))

    def stored(self, integration_id: int, cipher: PersonCipher | None, place: str, default: str) -> bytes:
        """The body as it may be stored; ``default`` is whose the values are that name nobody."""
        edits = self._edits(integration_id, cipher, place, default)
        return _edited(self.body, 0, len(self.body), edits) if edits else self.body

    def _edits(self, integration_id: int, cipher: PersonCipher | None, place: str, default: str) -> list[Edit]:
        owned = [
            (start, end, plain, who or default or person_of_value(plain)) for start, end, plain, who in self.values
        ]
        if not owned:
            return _outermost(self.cuts)
        if cipher is None:
            raise BadInput(
                f"{place}: the body holds personal fields, and there is no key store to encrypt them with.",
                "Open the snapshot with a person cipher.",
            )
        cipher.prepare(integration_id, sorted({who for *_, who in owned}))
        found = self.cuts
        for start, end, plain, who in owned:
            try:
                stored = ENCRYPTED + cipher.encrypt(integration_id, who, plain)
            except PersonErased:
                stored = ERASED
            found.append((start, end, json.dumps(stored).encode()))
        return _outermost(found)


def _record_by_record(found: Found, rules: Redaction, entity: str) -> bool:
    """Look the records of a page's list through; False, and nothing found, where the body must be walked as a whole.

    Most of a page of hundreds of orders is under no rule, and is skipped unread (``plain_walk.py``).
    """
    body = found.body
    try:
        if not body.isascii():
            body.decode()
        place = _page(body)
        if place is None:
            return False
        key, start, end = place
        steps = rules.of_records(entity, key)
        if steps is None or _may_apply(b"".join((body[:start], body[end:])).decode(), rules, entity):
            return False
        listed = memoryview(body)[start:end]
        everywhere = _possible(body.decode(), rules.drop_everywhere) if rules.drop_everywhere else ()
        free_text = rules.tree(entity)[0]
        walk = PlainWalk(body, steps, lambda number: Binding(number in free_text))
        try:
            if everywhere:
                raise NotPlain
            others = walk.records(start, end, _OBJECTS.decode(listed))
        except NotPlain:
            others = []
            for first, last in _places(body, start, _RECORDS.decode(listed)):
                try:
                    if everywhere and _possible(body[first:last].decode(), everywhere):
                        raise NotPlain
                    walk.record(first, last)
                except NotPlain:
                    others.append((first, last))
    except (msgspec.DecodeError, UnicodeDecodeError):  # what is wrong with it is said where it is walked as a whole
        return False
    found.take(walk.cuts, walk.bindings)
    for first, last in others:
        text = body[first:last].decode()
        if _may_apply(text, rules, entity):
            found.walk(first, text, rules, entity, (*key, "[]"))
    return True


def _as_one_record(found: Found, text: str, rules: Redaction, entity: str) -> bool:
    """Look a body through as a whole, where it is plain; else False, and nothing is found."""
    if rules.drop_everywhere and _possible(text, rules.drop_everywhere):
        return False
    free_text = rules.tree(entity)[0]
    walk = PlainWalk(found.body, rules.whole(entity), lambda number: Binding(number in free_text))
    try:
        walk.record(0, len(found.body))
    except NotPlain:
        return False
    found.take(walk.cuts, walk.bindings)
    return True


def _of_records(root: Node, steps: tuple[str, ...]) -> Steps | None:
    node = root
    for step in (*steps, None):
        if node.binds or node.drop or node.value_of or node.person_of or "*" in node.children:
            return None  # a rule of what holds the records: they do not stand for themselves
        if step is not None:
            node = node.children.get(step) or Node()
    return Steps([node.children.get("[]") or Node()])


def _page(body: bytes) -> tuple[tuple[str, ...], int, int] | None:
    """Where the records of a page stand: the key, and the place of the list; of the root itself, or of its longest list."""
    if body[:1] == b"[":
        return (), 0, len(body)
    members = _MEMBERS.decode(body)
    key, longest = max(members.items(), key=lambda member: len(member[1]), default=("", msgspec.Raw()))
    if bytes(memoryview(longest)[:1]) != b"[":
        return None
    start = body.find(f'"{key}":['.encode())
    start += len(key.encode()) + 3
    end = start + len(longest)
    return ((key,), start, end) if body[start:end] == bytes(longest) else None


def _places(body: bytes, start: int, records: Iterable[msgspec.Raw]) -> Iterator[tuple[int, int]]:
    """Where the records of the list stand that begins there."""
    end = start + 1
    for record in records:
        start = body.index(bytes(record), end)
        end = start + len(record)
        yield start, end


def _scrubbed(notation: str) -> str:
    """A string in JSON notation without the secrets typed into it; byte for byte the same where there are none."""
    if not notation.startswith('"'):
        return notation
    text = _JSON.decode(notation)
    clean = without_secrets(text)
    return notation if clean == text else json.dumps(clean)


def _outermost(edits: Iterable[Edit]) -> list[Edit]:
    """The edits in order of place, without those inside another."""
    found: list[Edit] = []
    end = 0
    for edit in sorted(edits, key=lambda edit: (edit[0], -edit[1], edit[2])):
        if not found or edit[0] >= end:
            found.append(edit)
            end = edit[1]
    return found


def _within(cuts: list[Edit], start: int, end: int) -> list[Edit]:
    """Those of the ordered cuts that lie between these places."""
    first = bisect_left(cuts, (start,))
    return list(takewhile(lambda cut: cut[1] <= end, islice(cuts, first, None)))


def _edited(body: bytes, start: int, end: int, edits: Iterable[Edit]) -> bytes:
    parts: list[bytes] = []
    for first, last, replacement in edits:
        parts += (body[start:first], replacement)
        start = last
    return b"".join([*parts, body[start:end]])


def _byte_places(text: str, at: int, places: Iterable[int]) -> dict[int, int]:
    """For each place in the text, which begins at ``at``, the one in the body's bytes."""
    found: dict[int, int] = {}
    before = 0
    for place in sorted({*places}):
        at += len(text[before:place].encode())
        found[place] = at
        before = place
    return found


# -- small readings ----------------------------------------------------------------------------------------------------


def _decoded(body: bytes, place: str) -> tuple[str, str]:
    """The text of a JSON body and the byte order mark before it, if any."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _not_json(place, "not UTF-8") from error
    mark = text[:1] if text[:1] == "\ufeff" else ""
    text = text.removeprefix("\ufeff")
    try:
        _RAW.decode(text)
    except (msgspec.DecodeError, RecursionError):
        # msgspec refuses half of a surrogate pair, which some POS sends where it cut a text inside an emoji.
        try:
            json.loads(text, strict=False, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise _not_json(place, type(error).__name__) from None
    return text, mark


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _not_json(place: str, reason: str) -> BadInput:
    return BadInput(
        f"{place}: the body is not JSON ({reason}) and cannot be redacted, so it was not stored.",
        "Repeat the request; if the POS keeps answering like this, check the base URL and proxies in between.",
    )


def _may_apply(text: str, rules: Redaction, entity: str) -> bool:
    """Whether a rule can apply at all: some rule's innermost key name may occur in the text."""
    names = set(rules.drop_everywhere)
    for path in (*rules.drop.get(entity, ()), *(value for value, _ in rules.personal.get(entity, ()))):
        named = [step for step in split_path(path) if step not in ("[]", "*")]
        if not named:
            return True
        names.add(named[-1])
    if _ESCAPED_ASCII.search(text):
        return bool(names)
    return any(not _PLAIN_NAME.match(name) or f'"{name}"' in text for name in names)


def _possible(text: str, names: Iterable[str]) -> frozenset[str]:
    """The names that may occur as keys of the text: all that stand in it, and any that could stand there escaped."""
    if _ESCAPED_ASCII.search(text):
        return frozenset(names)
    return frozenset(name for name in names if not _PLAIN_NAME.match(name) or f'"{name}"' in text)


def _string(token: str) -> str:
    return str(json.loads(token, strict=False)) if "\\" in token else token[1:-1]


def _person_id(value: str) -> str | None:
    if value[0] == '"':
        return _string(value) or None
    return None if value[0] in "{[" or value == "null" else value
