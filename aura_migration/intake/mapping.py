"""From recorded files to canonical rows: gift cards, loyalty, house accounts, store credit, payroll.

Pure: the same snapshot gives the same rows. Whose a row is, staging finds out: the row's ``source`` carries the contacts
(or the employee's code) of its line, its ``record`` begins with ``file_``. Card numbers never leave this module, only
their keyed hashes do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch, Loss
from aura_migration.canonical.seals import Seals
from aura_migration.core.errors import BadInput
from aura_migration.core.ids import content_hash, path
from aura_migration.intake.kinds import FILE_KINDS, FileKind, Kind, source_entity
from aura_migration.intake.rows import Conventions, consents, contacts, read_row, signed
from aura_migration.pos.port import SourceLocation

FORMAT = 1
OPENING = "opening balance taken over from the restaurant's export"
LINE = "(line)"
FORGOTTEN = "lines of persons who were erased on request"
LEFT_OUT = "The column has no place in AuraConnect; its values stay in the restaurant's own file."
_PRIVATE_RESULTS = frozenset(
    {"name", "email", "phone", "employee_code", "gross_pay_cents", "net_pay_cents", "tips_cents", "deductions_cents"}
)


@dataclass(frozen=True)
class Page:
    """One recorded part of a file: its head, and its lines with their personal cells as they were handed over."""

    kind: FileKind
    how: Conventions
    file: str
    as_of: str
    programme: Mapping[str, Any]
    left_out: Mapping[str, int]
    rows: list[dict[str, Any]]
    rejected: list[dict[str, Any]]


def pages(reader: SnapshotReader, kinds: tuple[Kind, ...]) -> Iterator[Page]:
    """The recorded parts of the files of these kinds, one in memory at a time."""
    for kind in kinds:
        for body in reader.bodies(source_entity(kind)):
            document = msgspec.json.decode(reader.revealed(body))
            if document["format"] != FORMAT:
                raise BadInput(
                    f"A handed file was recorded in format {document['format']}, this release reads format {FORMAT}.",
                    "Hand the file over again.",
                )
            yield Page(
                FILE_KINDS[kind],
                msgspec.convert(document["conventions"], Conventions),
                document["file"],
                document["as_of"],
                document["programme"],
                document["left_out"],
                document["rows"],
                document["rejected"],
            )


def cells_of(line: Mapping[str, Any], kind: FileKind) -> dict[str, str]:
    """The cells of a recorded line by field; those of erased persons are missing."""
    return {name: line[name] for name in kind.names if line.get(name) is not None}


def map_files(reader: SnapshotReader, location: SourceLocation, seals: Seals) -> Iterator[Batch]:
    """Rows of the handed files a location's migration is pinned to, in batches of bounded size.

    Rejected lines are rejected records: they go to quarantine. Lines of which nothing is left since their person was
    erased are neither: they are left out, and counted as a loss. Payroll is the location's, everything else the merchant's.
    """
    seen: set[tuple[str, str]] = set()
    for page in pages(reader, ("gift_cards", "loyalty", "house_accounts", "store_credit", "payroll", "consents")):
        batch = Batch()
        name = page.kind.name
        if (name, page.file) not in seen:
            seen.add((name, page.file))
            batch.losses += [
                Loss(source_entity(name), heading, count, LEFT_OUT) for heading, count in page.left_out.items()
            ]
            if name == "loyalty":
                _programme(batch, page)
        forgotten = 0
        for line in page.rows:
            if _is_forgotten(page, line):
                forgotten += not _is_elsewhere(page, line, location)
                continue
            _MAPPERS[name](batch, page, line, location, seals, None)
        for line in page.rejected:
            if _is_forgotten(page, line):
                forgotten += not _is_elsewhere(page, line, location)
                continue
            reasons = "; ".join(
                f"line {line['line']}{', ' + p['column'] if p['column'] else ''}: {p['reason']}"
                for p in line["problems"]
            )
            _MAPPERS[name](batch, page, line, location, seals, reasons)
        if forgotten:
            batch.losses.append(Loss(source_entity(name), LINE, forgotten, FORGOTTEN))
        yield batch


def _is_forgotten(page: Page, line: Mapping[str, Any]) -> bool:
    """Whether the line's person was erased and nothing is left that it says.

    A balance stays, without its holder: what is owed is not less for nobody being named. A consent stays while one of
    its contacts can be read: it may be somebody else's too.
    """
    if not any(name in line and line[name] is None for name in page.kind.private):
        return False
    if page.kind.name == "consents":
        return not contacts(read_row(cells_of(line, page.kind), page.how).values, page.how)
    return page.kind.name == "payroll" or line.get(page.kind.amount) is None


def _is_elsewhere(page: Page, line: Mapping[str, Any], location: SourceLocation) -> bool:
    """Whether the line is of another location, whose own migration takes it."""
    if page.kind.name != "payroll":
        return False
    site: str = read_row(cells_of(line, page.kind), page.how).values.get("location", location.source_id)
    return site != location.source_id


def _emit(
    batch: Batch, page: Page, line: Mapping[str, Any], key: str, values: dict[str, Any], reasons: str | None
) -> None:
    """The row, or, where there are reasons against it, the rejected record with what of it is neither null nor personal."""
    record = f"{source_entity(page.kind.name)}#{page.file[:12]} line {line['line']}"
    if reasons is None:
        batch.add(page.kind.entity, key, _source(cells_of(line, page.kind)), record, **values)
    else:
        legible = {n: v for n, v in values.items() if v is not None and n not in _PRIVATE_RESULTS}
        batch.reject(page.kind.entity, key, reasons, record, **legible)


def _source(cells: dict[str, str]) -> dict[str, str]:
    """The line as the restaurant wrote it: what the source hash covers and whose it is; never a card's number."""
    source = {name: cell for name, cell in cells.items() if name != "number"}
    if (contact := source.get("contact")) is not None:
        source.setdefault("email" if "@" in contact else "phone", contact)
    return source


def _gift_card(
    batch: Batch, page: Page, line: Mapping[str, Any], location: SourceLocation, seals: Seals, reasons: str | None
) -> None:
    values = read_row(cells_of(line, page.kind), page.how).values
    seal = seals.gift_card(values["number"]) if "number" in values else None
    if seal is None and reasons is None:
        reasons = f"line {line['line']}: the holder was erased; the number cannot be read any more"
    balance = signed(values["balance"], page.how) if "balance" in values else None
    _emit(
        batch,
        page,
        line,
        line["key"],
        {
            "code_hash": seal and seal.code_hash,
            "hash_key_id": seal and seal.hash_key_id,
            "last4": seal and seal.last4,
            "card_type": values.get("card_type"),
            "balance_cents": balance,
            "initial_cents": values.get("initial"),
            "currency": page.how.currency,
            "status": values.get("status", "pending"),
            "source_state": line.get("status"),
            "issued_at": values.get("issued_at"),
            "expires_at": values.get("expires_at"),
            "last_activity_at": values.get("last_activity_at"),
        },
        reasons,
    )
    if reasons is None and balance:
        batch.add(
            "gift_card_transactions",
            path(line["key"], "opening"),
            gift_card_key=line["key"],
            transaction_type="opening_balance",
            amount_cents=balance,
            balance_before_cents=0,
            balance_after_cents=balance,
            reason=OPENING,
        )


def programme_key(programme: Mapping[str, Any]) -> str:
    """The key of the loyalty programme that the mapping names."""
    return f"f-program-{content_hash(str(programme.get('name', 'Loyalty')).casefold())[:12]}"


def _programme(batch: Batch, page: Page) -> None:
    given = page.programme
    batch.add(
        "loyalty_programs",
        programme_key(given),
        name=given.get("name", "Loyalty"),
        accrual_type=given.get("accrualType", "unknown"),
        points_per_dollar=given.get("pointsPerDollar"),
        unit_name=given.get("unitName", "point"),
        unit_name_plural=given.get("unitNamePlural", "points"),
        is_active=True,
    )


def _loyalty(
    batch: Batch, page: Page, line: Mapping[str, Any], location: SourceLocation, seals: Seals, reasons: str | None
) -> None:
    values = read_row(cells_of(line, page.kind), page.how).values
    balance = signed(values["balance"], page.how) if "balance" in values else None
    _emit(
        batch,
        page,
        line,
        line["key"],
        {
            "program_key": programme_key(page.programme),
            **_claim(values, page.how, seals),
            "balance_points": balance,
            "lifetime_points": values.get("lifetime"),
            "tier": values.get("tier"),
            "status": values.get("status", "pending"),
            "enrolled_at": values.get("enrolled_at"),
        },
        reasons,
    )
    if reasons is None and balance:
        batch.add(
            "loyalty_transactions",
            path(line["key"], "opening"),
            loyalty_account_key=line["key"],
            transaction_type="opening_balance",
            points_change=balance,
            points_balance_before=0,
            points_balance_after=balance,
            reason=OPENING,
        )


def _account(
    batch: Batch, page: Page, line: Mapping[str, Any], location: SourceLocation, seals: Seals, reasons: str | None
) -> None:
    values = read_row(cells_of(line, page.kind), page.how).values
    reachable = contacts(values, page.how)
    balance = signed(values["balance"], page.how) if "balance" in values else None
    _emit(
        batch,
        page,
        line,
        line["key"],
        {
            "kind": "house_account" if page.kind.name == "house_accounts" else "store_credit",
            "name": values.get("name"),
            "email": values.get("email"),
            "phone": reachable.get("phone"),
            **_claim(values, page.how, seals),
            "balance_cents": balance,
            "credit_limit_cents": values.get("credit_limit"),
            "currency": page.how.currency,
            "status": values.get("status", "pending"),
            "opened_at": values.get("opened_at"),
            "last_activity_at": values.get("last_activity_at"),
        },
        reasons,
    )
    if reasons is None and balance:
        batch.add(
            "house_account_transactions",
            path(line["key"], "opening"),
            house_account_key=line["key"],
            transaction_type="opening_balance",
            amount_cents=balance,
            balance_before_cents=0,
            balance_after_cents=balance,
            reason=OPENING,
        )


def _payroll(
    batch: Batch, page: Page, line: Mapping[str, Any], location: SourceLocation, seals: Seals, reasons: str | None
) -> None:
    values = read_row(cells_of(line, page.kind), page.how).values
    if _is_elsewhere(page, line, location):
        return
    _emit(
        batch,
        page,
        line,
        path(location.source_id, line["key"]),
        {
            "employee_code": values.get("employee_code"),
            "pay_period_start": values.get("pay_period_start"),
            "pay_period_end": values.get("pay_period_end"),
            "pay_date": values.get("pay_date"),
            "regular_hours": values.get("regular_hours"),
            "overtime_hours": values.get("overtime_hours"),
            "gross_pay_cents": values.get("gross_pay"),
            "net_pay_cents": values.get("net_pay"),
            "tips_cents": values.get("tips"),
            "deductions_cents": values.get("deductions"),
            "currency": page.how.currency,
        },
        reasons,
    )


def _consent(
    batch: Batch, page: Page, line: Mapping[str, Any], location: SourceLocation, seals: Seals, reasons: str | None
) -> None:
    """A row per purpose the line speaks of. Its evidence says where it stands, not who it is."""
    values = read_row(cells_of(line, page.kind), page.how).values
    method = values.get("method", page.how.method)
    evidence = {"file": page.file, "line": line["line"], **({"method": method} if method else {})}
    stated: list[tuple[str | None, str | None]] = [*consents(values, page.how)]
    if reasons is not None:  # one record in quarantine per line
        stated = [*stated, (values.get("purpose", page.how.purpose), None)][:1]
    for purpose, answer in stated:
        _emit(
            batch,
            page,
            line,
            line["key"] if reasons is not None or purpose is None else path(line["key"], purpose),
            {
                "purpose": purpose,
                "status": answer,
                "source": "restaurant_export",
                "evidence": evidence,
                "captured_at": values.get("captured_at"),
            },
            reasons,
        )


def _claim(values: Mapping[str, Any], how: Conventions, seals: Seals) -> dict[str, Any]:
    """The keyed hash by which the holder finds the balance at the counter: of the phone number, else the e-mail address."""
    reachable = contacts(values, how)
    contact = reachable.get("phone") or reachable.get("email")
    if contact is None:
        return {}
    seal = seals.claim(contact)
    return {"claim_hash": seal.claim_hash, "hash_key_id": seal.hash_key_id}


_MAPPERS = {
    "gift_cards": _gift_card,
    "loyalty": _loyalty,
    "house_accounts": _account,
    "store_credit": _account,
    "payroll": _payroll,
    "consents": _consent,
}
