"""Pairs of customer keys that somebody has decided about: which of them contradict each other. Pure.

Which customers the keys name is found in ``persons/named.py``; what the pairs do to profiles is in ``persons/matching.py``.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

Pair = tuple[str, str]


def contradictions(same: Iterable[Pair], different: Iterable[Pair]) -> list[tuple[str, ...]]:
    """Per pair that is said to be different, though others make its two one person: the chain of keys from one to the other.

    A pair of one key with itself is a chain of that key alone. Each chain runs from the smaller key to the larger one; the
    order of pairs, and of the keys in them, does not matter.
    """
    beside: dict[str, set[str]] = defaultdict(set)
    for a, b in same:
        beside[a].add(b)
        beside[b].add(a)
    apart = sorted({(min(pair), max(pair)) for pair in different})
    return [chain for a, b in apart if (chain := _chain(beside, a, b))]


def told(chains: Iterable[tuple[str, ...]]) -> str:
    """The chains as a sentence says them, the first few."""
    shown = [" and ".join((c[0], c[-1])) + (f" (by {' = '.join(c)})" if len(c) > 2 else "") for c in chains]
    return "; ".join(shown[:5]) + (f"; and {len(shown) - 5} more" if len(shown) > 5 else "")


def _chain(beside: Mapping[str, set[str]], start: str, end: str) -> tuple[str, ...]:
    """The shortest way from one key to another; empty where there is none."""
    before: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        key = waiting.popleft()
        if key == end:
            found = [key]
            while key != start:
                key = before[key]
                found.append(key)
            return tuple(reversed(found))
        for other in sorted(beside.get(key, ())):
            if other != start and other not in before:
                before[other] = key
                waiting.append(other)
    return ()
