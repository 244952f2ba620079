"""Certificates: the judgement, from the trail an extraction left, whether one entity was read completely.

Pure: nothing here reads a body, a store or a database. A list that only *looks* finished (it stopped exactly at a cap,
the cursor was ignored, a second count disagrees) is suspicious, and what is suspicious is not loaded.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aura_migration.core.errors import BadInput

Status = Literal["complete", "suspicious", "not_extracted"]
STATUSES: tuple[Status, ...] = ("complete", "suspicious", "not_extracted")


@dataclass(frozen=True)
class SecondRoute:
    """A count of the same records by another way than the list itself; ``how`` names that way for people."""

    how: str
    count: int


@dataclass(frozen=True)
class Certificate:
    """What is known about the completeness of one source entity of a snapshot.

    ``pages`` and ``rows`` count what was answered, ``distinct`` the different records among the rows (the number the
    second route must repeat), ``suspicious_caps`` one sentence per list that may have been cut, ``nested_refetches``
    the nested lists read again through their own endpoint, ``duplicates_dropped`` rows seen twice, ``reason`` why the
    status is not ``complete``.
    """

    entity: str
    status: Status
    pages: int = 0
    rows: int = 0
    distinct: int = 0
    second_route: SecondRoute | None = None
    suspicious_caps: tuple[str, ...] = ()
    nested_refetches: int = 0
    duplicates_dropped: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise BadInput(
                f"Certificate of {self.entity!r}: {self.status!r} is not a status.", f"Use one of {STATUSES}."
            )
        if not self.entity:
            raise BadInput("A certificate names no entity.", "Give the source entity it vouches for.")

    def as_dict(self) -> dict[str, Any]:
        """The certificate as JSON-ready data, as manifests hold it."""
        route = self.second_route
        return {
            "entity": self.entity,
            "status": self.status,
            "pages": self.pages,
            "rows": self.rows,
            "distinct": self.distinct,
            "second_route": None if route is None else {"how": route.how, "count": route.count},
            "suspicious_caps": list(self.suspicious_caps),
            "nested_refetches": self.nested_refetches,
            "duplicates_dropped": self.duplicates_dropped,
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Certificate:
        """The certificate out of :meth:`as_dict`'s form."""
        route = data["second_route"]
        return cls(
            entity=data["entity"],
            status=data["status"],
            pages=data["pages"],
            rows=data["rows"],
            distinct=data["distinct"],
            second_route=None if route is None else SecondRoute(route["how"], route["count"]),
            suspicious_caps=tuple(data["suspicious_caps"]),
            nested_refetches=data["nested_refetches"],
            duplicates_dropped=data["duplicates_dropped"],
            reason=data["reason"],
        )

    def explain(self) -> str:
        """One sentence for people: what was read, what confirms it, or what is wrong with it."""
        if self.status == "not_extracted":
            return f"{self.entity}: not read from the POS. {self.reason or 'No reason was recorded.'}"
        read = f"{self.entity}: {_count(self.distinct, 'record')} read in {_count(self.pages, 'page')}"
        extras = []
        if self.duplicates_dropped:
            extras.append(f"{_count(self.duplicates_dropped, 'repeated row')} left out")
        if self.nested_refetches:
            extras.append(f"{_count(self.nested_refetches, 'cut list')} read again in full")
        if extras:
            read += f" ({', '.join(extras)})"
        route = self.second_route
        if self.status == "complete":
            confirmed = f", and {route.how} also counts {route.count:,}" if route else "; the list ended by itself"
            return f"{read}{confirmed}."
        causes = list(dict.fromkeys([*self.suspicious_caps, *([self.reason] if self.reason else [])]))
        return f"{read}, but it may not be all: {'; '.join(cause.rstrip('.') for cause in causes) or 'no cause given'}."


@dataclass(frozen=True)
class PageSeen:
    """One answered page of a list: its rows, how many of their ids were not seen before, whether more was announced."""

    rows: int
    new: int
    has_next: bool = False


@dataclass(frozen=True)
class NestedSeen:
    """A list inside a record: whose it is, how many entries it showed, and how many its own endpoint has (if asked)."""

    owner: str
    count: int
    refetched: int | None = None


@dataclass(frozen=True)
class Caps:
    """Where lists of this entity may be cut: rows per page asked for, a total the API never exceeds, nested entries."""

    page_size: int | None = None
    total: int | None = None
    nested: int | None = None


class Trail:
    """Collects what :func:`judge` needs while an entity is being read: pages with the ids on them, and nested lists."""

    def __init__(self, entity: str, caps: Caps = Caps()) -> None:
        self.entity = entity
        self.caps = caps
        self.pages: list[PageSeen] = []
        self.nested: list[NestedSeen] = []
        self._seen: set[Hashable] = set()

    def page(self, ids: Iterable[Hashable], has_next: bool = False) -> int:
        """Note one answered page by the ids of its rows; returns how many of them were new."""
        listed = list(ids)
        before = len(self._seen)
        self._seen.update(listed)
        new = len(self._seen) - before
        self.pages.append(PageSeen(len(listed), new, has_next))
        return new

    def nested_list(self, owner: str, count: int, refetched: int | None = None) -> None:
        """Note a list inside a record: whose, how many entries it showed, how many its own endpoint has (if asked)."""
        self.nested.append(NestedSeen(owner, count, refetched))

    @property
    def distinct(self) -> int:
        """Different records seen so far."""
        return len(self._seen)

    def certificate(self, second_route: SecondRoute | None = None) -> Certificate:
        """The judgement on everything noted so far."""
        return judge(self.entity, self.pages, second_route, self.caps, self.nested)


def judge(
    entity: str,
    pages: Sequence[PageSeen],
    second_route: SecondRoute | None = None,
    caps: Caps = Caps(),
    nested: Iterable[NestedSeen] = (),
) -> Certificate:
    """The certificate of one entity from the trail of its pages. Same trail, same certificate.

    Suspicious: the last answer announced more that was never read; a page repeated only rows already seen (cursor
    ignored); the rows end exactly at a cap (a multiple of the page size, or the documented total) and no second route
    agrees; a nested list shows its cap and was not read by its own endpoint; the second route counts another number. A
    second route that agrees clears the caps of the list, not those of nested lists. Where an API has no second route,
    reading the list again with another page size is one.
    """
    rows = sum(page.rows for page in pages)
    distinct = sum(page.new for page in pages)
    agrees = second_route is not None and second_route.count == distinct
    suspicions: list[str] = []
    if not pages:
        return Certificate(entity, "not_extracted", reason="No page of it was read.", second_route=second_route)
    if pages[-1].has_next:
        suspicions.append(f"page {len(pages):,} announced more, and no further page was read")
    suspicions.extend(_ignored_cursors(pages))
    if not agrees:
        suspicions.extend(_caps_hit(pages, rows, caps))
    refetches = 0
    for seen in nested:
        if seen.refetched is not None:
            refetches += 1
            if seen.refetched < seen.count:
                suspicions.append(f"{seen.owner} showed {seen.count:,} entries, its own list only {seen.refetched:,}")
        elif caps.nested is not None and seen.count >= caps.nested:
            suspicions.append(
                f"{seen.owner} shows {seen.count:,} entries, where nested lists are cut at {caps.nested:,}"
            )
    reason = ""
    if second_route is not None and not agrees:
        reason = f"the list has {distinct:,} records, {second_route.how} counts {second_route.count:,}"
    return Certificate(
        entity=entity,
        status="suspicious" if suspicions or reason else "complete",
        pages=len(pages),
        rows=rows,
        distinct=distinct,
        second_route=second_route,
        suspicious_caps=tuple(suspicions),
        nested_refetches=refetches,
        duplicates_dropped=rows - distinct,
        reason=reason,
    )


def contradictions(certificate: Certificate, recorded_pages: int, recorded_rows: int) -> tuple[str, ...]:
    """What a certificate that says ``complete`` claims against its own numbers, or against what was recorded."""
    if certificate.status != "complete":
        return ()
    found = list(certificate.suspicious_caps)
    route = certificate.second_route
    if route is not None and route.count != certificate.distinct:
        found.append(f"the list has {certificate.distinct:,} records, {route.how} counts {route.count:,}")
    if certificate.distinct > certificate.rows:
        found.append(f"{certificate.distinct:,} different records cannot come from {certificate.rows:,} rows")
    if certificate.pages > recorded_pages:
        found.append(f"{certificate.pages:,} pages are certified, {recorded_pages:,} are recorded")
    if certificate.rows > recorded_rows:
        found.append(f"{certificate.rows:,} rows are certified, {recorded_rows:,} are recorded")
    return tuple(found)


def require(certificates: Iterable[Certificate], required: Iterable[str]) -> list[str]:
    """Why nothing may be loaded yet: a sentence per required entity that is not certified complete; empty when fit."""
    by_entity: dict[str, list[Certificate]] = {}
    for certificate in certificates:
        by_entity.setdefault(certificate.entity, []).append(certificate)
    reasons: list[str] = []
    for entity in dict.fromkeys(required):
        found = by_entity.get(entity)
        if not found:
            reasons.append(f"{entity}: the snapshot has no certificate; extract it again.")
            continue
        reasons.extend(certificate.explain() for certificate in found if certificate.status != "complete")
    return reasons


def worst(certificates: Sequence[Certificate]) -> Certificate | None:
    """The least trustworthy of several certificates of one entity, None of none."""
    return max(certificates, key=lambda certificate: STATUSES.index(certificate.status), default=None)


def _ignored_cursors(pages: Sequence[PageSeen]) -> Iterable[str]:
    for number, page in enumerate(pages, start=1):
        if number > 1 and page.rows and not page.new:
            yield f"page {number:,} repeated only records already seen, as if the cursor was ignored"


def _caps_hit(pages: Sequence[PageSeen], rows: int, caps: Caps) -> Iterable[str]:
    if caps.total is not None and rows >= caps.total:
        yield f"the list ended at {rows:,} rows, and this list is never longer than {caps.total:,}"
    elif caps.page_size and rows and rows % caps.page_size == 0 and not pages[-1].has_next:
        full = rows // caps.page_size
        yield f"the list ended at exactly {rows:,} rows, {_count(full, 'full page')} of {caps.page_size:,}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
