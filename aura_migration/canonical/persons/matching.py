"""Which profiles are one person. Pure: profiles and confirmed pairs in, groups out; the order of either does not matter.

Certain are two profiles with the same e-mail address *and* the same phone number whose names do not contradict each
other (a missing part contradicts nothing), and pairs that somebody confirmed. Certainty carries over from pair to pair,
but never through a near-tie: where names contradict anywhere in a group, only its confirmed pairs stay together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

CERTAIN = "same e-mail address and phone number, and no contradicting name"
CONFIRMED = "confirmed in the options"
BOTH = f"{CONFIRMED}; {CERTAIN}"
Pair = tuple[str, str]
NAMES = ("first", "last")


class Profile(NamedTuple):
    """What matching looks at: contacts normalised, names folded, ``acquired`` as UTC text. None is missing."""

    key: str
    email: str | None = None
    phone: str | None = None
    first: str | None = None
    last: str | None = None
    acquired: str | None = None


class Person(NamedTuple):
    """Two or more profiles that are one person; ``keys`` begins with the survivor, the others follow by age, then key."""

    keys: tuple[str, ...]
    why: str

    @property
    def survivor(self) -> str:
        """The profile the others are merged into: the oldest, of equally old ones that with the smallest key."""
        return self.keys[0]


def persons(profiles: Iterable[Profile], same: Iterable[Pair] = (), different: Iterable[Pair] = ()) -> list[Person]:
    """The persons that have more than one profile, by survivor's key. Pairs of keys nobody has are passed over.

    ``same`` and ``different`` are pairs of keys in either order; no pair may be in both.
    """
    known = {p.key: p for p in profiles}
    confirmed = [pair for pair in _pairs(same) if pair[0] in known and pair[1] in known]
    apart = _pairs(different)
    confirmed_groups = _Groups(known)
    for a, b in confirmed:
        confirmed_groups.unite(a, b)
    groups = _Groups(known)
    for a, b in _certain(known.values(), apart):
        groups.unite(a, b)
    by_certainty = groups.found()
    for a, b in confirmed:
        groups.unite(a, b)
    found = []
    for keys in groups.found():
        subgroups = _split(keys, confirmed_groups)
        if _is_consistent(keys, subgroups, known, apart):
            found.append(_person(keys, known, confirmed, by_certainty))
        else:
            found += [
                _person(members, known, confirmed, ())
                for members in subgroups
                if len(members) > 1 and not _has_apart(members, apart)
            ]
    return sorted(found)


def seniority(profile: Profile) -> tuple[bool, str, str]:
    """The order in which profiles of a person survive."""
    return profile.acquired is None, profile.acquired or "", profile.key


def contradicts(one: Profile, other: Profile) -> bool:
    """Whether first or last names of both are known and differ."""
    return any(
        (a := getattr(one, name)) is not None and (b := getattr(other, name)) is not None and a != b for name in NAMES
    )


# -- certain pairs ------------------------------------------------------------------------------------------------------


def _certain(profiles: Iterable[Profile], apart: set[Pair]) -> Iterator[Pair]:
    """Pairs that connect the same profiles as all certain pairs do, but not more than a few per profile."""
    by_contact: dict[tuple[str, str], list[Profile]] = defaultdict(list)
    for profile in profiles:
        if profile.email is not None and profile.phone is not None:
            by_contact[profile.email, profile.phone].append(profile)
    parted = {key for pair in apart for key in pair}
    for members in by_contact.values():
        ordinary = [p for p in members if p.key not in parted]
        yield from _compatible(ordinary)
        for one in (p for p in members if p.key in parted):
            for other in members:
                if other.key != one.key and not contradicts(one, other) and _ordered(one.key, other.key) not in apart:
                    yield one.key, other.key


def _compatible(profiles: Sequence[Profile]) -> Iterator[Pair]:
    """Pairs that connect profiles of one contact whose names do not contradict, in linear time.

    Equal names are connected; a profile with half a name (or none) is connected with all that do not contradict it.
    """
    by_name: dict[tuple[str | None, str | None], str] = {}
    for p in profiles:
        if (p.first, p.last) in by_name:
            yield by_name[p.first, p.last], p.key
        else:
            by_name[p.first, p.last] = p.key
    nameless = by_name.get((None, None))
    firsts = [key for (first, last), key in by_name.items() if first is not None and last is None]
    lasts = [key for (first, last), key in by_name.items() if first is None and last is not None]
    if nameless is not None:
        yield from ((nameless, key) for key in by_name.values() if key != nameless)
        return
    if firsts and lasts:
        halves = [*firsts, *lasts]
        yield from ((halves[0], key) for key in halves[1:])
    for (first, last), key in by_name.items():
        if first is not None and last is not None:
            for half in ((first, None), (None, last)):
                if half in by_name:
                    yield by_name[half], key


# -- groups -------------------------------------------------------------------------------------------------------------


class _Groups:
    """Disjoint sets of keys."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._parent = {key: key for key in keys}

    def of(self, key: str) -> str:
        """The representative of a key's group."""
        root = key
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[key] != root:
            self._parent[key], key = root, self._parent[key]
        return root

    def unite(self, a: str, b: str) -> None:
        """Put two groups together; the smaller representative stays."""
        one, other = sorted((self.of(a), self.of(b)))
        self._parent[other] = one

    def found(self) -> list[list[str]]:
        """The groups of more than one key."""
        groups: dict[str, list[str]] = defaultdict(list)
        for key in self._parent:
            groups[self.of(key)].append(key)
        return [members for members in groups.values() if len(members) > 1]


def _split(keys: Iterable[str], groups: _Groups) -> list[list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        found[groups.of(key)].append(key)
    return list(found.values())


def _is_consistent(
    keys: Sequence[str], subgroups: Sequence[Sequence[str]], known: Mapping[str, Profile], apart: set[Pair]
) -> bool:
    """Whether nothing in a group speaks against it. What is confirmed to be one person goes by all its names."""
    if _has_apart(keys, apart):
        return False
    names = {
        tuple(frozenset(n for k in members if (n := getattr(known[k], name)) is not None) for name in NAMES)
        for members in subgroups
    }
    return not any(
        a and b and a.isdisjoint(b) for one, other in combinations(names, 2) for a, b in zip(one, other, strict=True)
    )


def _has_apart(keys: Iterable[str], apart: set[Pair]) -> bool:
    here = set(keys)
    return any(a in here and b in here for a, b in apart)


def _person(
    keys: Sequence[str], known: Mapping[str, Profile], confirmed: Sequence[Pair], by_certainty: Iterable[Sequence[str]]
) -> Person:
    here = set(keys)
    is_confirmed = any(a in here and b in here for a, b in confirmed)
    is_certain = any(not here.isdisjoint(members) for members in by_certainty)
    why = BOTH if is_confirmed and is_certain else CONFIRMED if is_confirmed else CERTAIN
    return Person(tuple(p.key for p in sorted((known[k] for k in keys), key=seniority)), why)


def _pairs(pairs: Iterable[Pair]) -> set[Pair]:
    return {_ordered(a, b) for a, b in pairs if a != b}


def _ordered(a: str, b: str) -> Pair:
    return (a, b) if a < b else (b, a)
