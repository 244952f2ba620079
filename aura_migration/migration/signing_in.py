"""Sign-ins under way: a person is at a POS's consent page, and what comes back must fit what was sent.

Beginning one gives the page's address, and a proof for whoever began it. It is finished once, within ten minutes: in the
browser that holds the proof (a cookie), or by the caller who began it. So nobody can have somebody else's account connected
to a restaurant of theirs by sending them the address, and nobody can slip their own account into somebody else's sign-in.

The code is exchanged after the sign-in is marked as used: a process that dies in between leaves a used sign-in without an
integration, never half of one. What the POS calls things is in ``pos``; cookies and pages are in ``api``.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from psycopg.rows import class_row

from aura_migration.core.errors import AuraError, BadInput, EnvironmentFault, Refused
from aura_migration.database.connections import Connection
from aura_migration.migration.integrations import (
    Integration,
    KnownLocation,
    TakenElsewhere,
    connect_account,
)
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.client import checked_base_url
from aura_migration.pos.http.errors import PosError
from aura_migration.pos.oauth import new_verifier
from aura_migration.pos.port import Connector, Consent, Right, SignIn

LIFE = timedelta(minutes=10)
CALLBACK = "/pos/oauth/callback"
"""Below the public address; the POS's name follows. Each POS's application has to know it as its redirect address."""
AGAIN = "Begin the sign-in again."
LONGEST = 2_000
CONNECT_SECONDS = 60.0
"""How long the POS may take to describe the account while somebody waits for it."""
_KEPT = "30 days"


class SignInRefused(Refused):
    """What came back from the consent page fits no sign-in that is open, or not for this browser. Nothing was stored."""


class SignInFailed(EnvironmentFault):
    """The POS could not be asked to exchange the code. Nothing was stored."""


class Denied(Refused):
    """The consent was not given. Nothing was stored."""


class OtherAccount(Refused):
    """An integration was to be connected again, and another account was chosen at the POS. Nothing was stored."""


@dataclass(frozen=True)
class Begun:
    """A sign-in that was begun; ``proof`` is for the browser that goes to ``authorize_url``, under the name ``proof_name``."""

    authorize_url: str
    expires_at: datetime
    redirect_uri: str
    rights: tuple[Right, ...]
    proof_name: str
    proof: str = field(repr=False)


@dataclass(frozen=True)
class Finished:
    """An account that was connected by consent. ``return_to`` is where the person came from; "" where nobody said."""

    integration: Integration
    locations: list[KnownLocation]
    return_to: str


@dataclass(frozen=True)
class Open:
    """A sign-in as it is stored, found by its state."""

    state_hash: str
    pos: str
    base_url: str
    restaurant_name: str
    restaurant_id: int | None
    redirect_uri: str
    return_to: str
    started_by: str
    is_used: bool
    is_over: bool
    integration_id: int | None
    problem: str


_COLUMNS = (
    "state_hash, pos, base_url, restaurant_name, restaurant_id, redirect_uri, return_to, started_by, "
    "used_at IS NOT NULL AS is_used, expires_at <= clock_timestamp() AS is_over, integration_id, problem"
)


def begin(
    workshop: Workshop,
    pos: str,
    base_url: str | None,
    restaurant_name: str,
    restaurant_id: int | None,
    client_id: str,
    client_secret: str,
    return_to: str,
    by: str,
    expects: int | None = None,
) -> Begun:
    """Open a sign-in and say where the browser has to go. Asks nothing of the POS.

    Without a ``client_secret`` the exchange is proven by PKCE. ``return_to`` must lie within the public address.
    ``expects`` is the integration that is to be connected again: another account is refused.
    """
    connector = workshop.connector(pos)
    page = sign_in_of(connector)
    public_url = workshop.settings.public_url
    state = secrets.token_urlsafe(32)
    consent = Consent(
        base_url=checked_base_url(base_url or connector.default_base_url),
        client_id=client_id,
        redirect_uri=_redirect_uri(public_url, pos),
        state=state,
        client_secret=client_secret,
        verifier="" if client_secret else new_verifier(),
    )
    address = page.authorize_url(consent)
    digest = _hash(state)
    sealed = {
        "of": digest,
        "client_id": client_id,
        "client_secret": client_secret,
        "verifier": consent.verifier,
        "expects": expects,
    }
    with workshop.connect() as connection:
        _tidy(connection)
        if restaurant_id is not None:
            known = connection.execute("SELECT 1 FROM aura.restaurants WHERE id = %s", [restaurant_id]).fetchone()
            if known is None:
                raise BadInput(f"Restaurant {restaurant_id} does not exist in AuraConnect.", "Check restaurant_id.")
        row = connection.execute(
            "INSERT INTO migration.sign_ins (state_hash, pos, base_url, restaurant_name, restaurant_id, sealed, redirect_uri, "
            "return_to, started_by, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp() + %s) "
            "RETURNING expires_at",
            [
                digest,
                pos,
                consent.base_url,
                restaurant_name,
                restaurant_id,
                workshop.vault.seal(json.dumps(sealed).encode()),
                consent.redirect_uri,
                checked_return(public_url, return_to),
                by,
                LIFE,
            ],
        ).fetchone()
    assert row is not None
    name, proof = proof_of(workshop, state)
    return Begun(address, row[0], consent.redirect_uri, page.rights, name, proof)


def begin_again(
    workshop: Workshop, integration: Integration, client_id: str, client_secret: str, return_to: str, by: str
) -> Begun:
    """Open a sign-in that connects an integration again, by the application it knows unless another is given."""
    page = sign_in_of(workshop.connector(integration.pos))
    if not client_id:
        try:
            client_id, client_secret = page.application(workshop.credentials.load(integration.id)[0])
        except (BadInput, EnvironmentFault):
            client_id = ""
    if not client_id and page.has_consent_page:
        raise BadInput(
            f"Integration {integration.id} does not know the application it was connected with.",
            "Send the application.",
        )
    return begin(
        workshop,
        integration.pos,
        integration.base_url,
        integration.merchant_name,
        integration.restaurant_id,
        client_id,
        client_secret,
        return_to,
        by,
        expects=integration.id,
    )


def find(workshop: Workshop, state: str) -> Open:
    """The sign-in a state belongs to, whatever became of it; ``SignInRefused`` where there is none."""
    if 0 < len(state) <= LONGEST:
        with workshop.connect() as connection, connection.cursor(row_factory=class_row(Open)) as cursor:
            found = cursor.execute(
                f"SELECT {_COLUMNS} FROM migration.sign_ins WHERE state_hash = %s", [_hash(state)]
            ).fetchone()
        if found is not None:
            return found
    raise SignInRefused("This answer belongs to no sign-in that was begun here.", AGAIN)


def proof_of(workshop: Workshop, state: str) -> tuple[str, str]:
    """Name and value of what the browser of a sign-in holds. Only who has the vault's keys can make the value."""
    return f"aura_sign_in_{_hash(state)[:16]}", workshop.vault.keyed_hash("sign-in of a browser", state)


def is_proven(workshop: Workshop, state: str, held: Mapping[str, str]) -> bool:
    """Whether these cookies are of the browser in which the sign-in was begun."""
    name, proof = proof_of(workshop, state)
    return hmac.compare_digest(held.get(name, "").encode(), proof.encode())


def finish(
    workshop: Workshop, open_: Open, answer: Mapping[str, str], reaches: Callable[[int], bool] = lambda _: True
) -> Finished:
    """Exchange what the consent page sent back, discover the account and store it; at most once per sign-in.

    The caller has made sure that it is finished by whoever began it. ``SignInRefused`` where it was used before or is over,
    ``Denied`` where the restaurant did not agree, ``TakenElsewhere`` where the account belongs to another restaurant;
    which one, is told only where ``reaches`` says so.
    """
    _require_open(open_)
    sealed = _take(workshop, open_)
    try:
        integration, locations = _connected(workshop, open_, sealed, answer, reaches)
    except AuraError as error:
        _note_problem(workshop, open_, error)
        raise
    return Finished(integration, locations, open_.return_to)


def _require_open(open_: Open) -> None:
    if open_.integration_id is not None:
        raise SignInRefused(
            "This sign-in is finished already; the account is connected.", "There is nothing left to do."
        )
    if open_.is_used:
        said = f" It ended so: {open_.problem}" if open_.problem else " It was cut off before the account was stored."
        raise SignInRefused(f"This sign-in was used already.{said}", AGAIN)
    if open_.is_over:
        raise SignInRefused(f"This sign-in is older than {LIFE.total_seconds() / 60:.0f} minutes and is over.", AGAIN)


def _take(workshop: Workshop, open_: Open) -> dict[str, Any]:
    """Mark the sign-in as used and take out what was sealed for it; of several at once, one does."""
    with workshop.connect() as connection:
        row = connection.execute(
            "WITH mine AS (SELECT state_hash, sealed FROM migration.sign_ins WHERE state_hash = %s AND used_at IS NULL "
            "AND expires_at > clock_timestamp() FOR UPDATE) "
            "UPDATE migration.sign_ins s SET used_at = clock_timestamp(), sealed = '' FROM mine "
            "WHERE s.state_hash = mine.state_hash RETURNING mine.sealed",
            [open_.state_hash],
        ).fetchone()
    if row is None:
        raise SignInRefused("This sign-in was used already, or its time is over.", AGAIN)
    try:
        sealed: dict[str, Any] = json.loads(workshop.vault.unseal(row[0]))
    except EnvironmentFault as error:
        raise SignInRefused("This sign-in was begun under a key that is no longer here.", AGAIN) from error
    if sealed.get("of") != open_.state_hash:
        raise SignInRefused("What was kept for this sign-in belongs to another one.", AGAIN)
    return sealed


def _connected(
    workshop: Workshop,
    open_: Open,
    sealed: Mapping[str, Any],
    answer: Mapping[str, str],
    reaches: Callable[[int], bool],
) -> tuple[Integration, list[KnownLocation]]:
    connector = workshop.connector(open_.pos)
    page = sign_in_of(connector)
    if answer.get("error"):
        raise Denied(
            f"{connector.title} says that access was not granted.",
            "Nothing was stored. Begin again when the owner of the account agrees.",
        )
    if not 0 < len(answer.get("code", "")) <= LONGEST:
        raise SignInRefused(f"{connector.title} sent back no code.", AGAIN)
    consent = Consent(
        base_url=open_.base_url,
        client_id=sealed["client_id"],
        redirect_uri=open_.redirect_uri,
        state="",
        client_secret=sealed["client_secret"],
        verifier=sealed["verifier"],
    )
    try:
        document = asyncio.run(page.exchange(consent, answer))
    except PosError as error:
        raise _not_exchanged(connector, error) from error

    def mark(connection: Connection, integration: Integration) -> None:
        if sealed["expects"] not in (None, integration.id):
            raise OtherAccount(
                f"The owner of another account agreed: {integration.merchant_name}.",
                "Begin again, and sign in at the POS to the account that is to be connected again.",
            )
        connection.execute(
            "UPDATE migration.sign_ins SET integration_id = %s WHERE state_hash = %s",
            [integration.id, open_.state_hash],
        )

    try:
        return connect_account(
            workshop,
            open_.pos,
            open_.base_url,
            document,
            open_.restaurant_name,
            open_.restaurant_id,
            merge=page.merged,
            also=mark,
            within=CONNECT_SECONDS,
        )
    except TakenElsewhere as error:
        raise discreet(error, reaches) from error
    except PosError as error:
        raise SignInFailed(
            f"{connector.title} gave access, but the account could not be read: {error.reason}.", AGAIN
        ) from error


def _not_exchanged(connector: Connector, error: PosError) -> AuraError:
    if error.retryable or error.status is None or error.status >= 500:
        return SignInFailed(f"{connector.title} could not be asked for access: {error.reason}.", AGAIN)
    return SignInRefused(
        f"{connector.title} does not accept the answer of its own page: {error.reason}.",
        "Codes live a few minutes and work once: begin again. If it stays so, check the application's id, secret and "
        "redirect address.",
    )


def discreet(error: TakenElsewhere, reaches: Callable[[int], bool]) -> TakenElsewhere:
    """The same refusal, without the name of a restaurant that is out of the caller's sight."""
    owner = error.details.get("restaurant_id")
    if isinstance(owner, int) and reaches(owner):
        return TakenElsewhere(error.what, f"Connect it for restaurant {owner}.", restaurant_id=owner)
    return TakenElsewhere(
        "This account, or one of its locations, is connected for another restaurant.",
        "Choose another account at the POS, or ask whoever administers both restaurants.",
    )


def sign_in_of(connector: Connector) -> SignIn:
    """How an account of a POS is connected by consent; ``Refused`` where a plugin does not offer it."""
    found: SignIn | None = getattr(connector, "sign_in", None)
    if found is None:
        raise Refused(f"{connector.title} has no sign-in.", "Connect the account with credentials.")
    return found


def checked_return(public_url: str, given: str) -> str:
    """Where the person is brought back to: a path of ours, or an address within the public one; else ``BadInput``."""
    if not given:
        return ""
    within = given.removeprefix(public_url) if given.startswith(f"{public_url}/") else given
    is_path = within.startswith("/") and not within.startswith("//") and "\\" not in within and within.isprintable()
    if not is_path or " " in within or len(given) > LONGEST:
        raise BadInput(
            "return_to does not lie within this application.", f"Give a path, or an address below {public_url}."
        )
    return f"{public_url}{within}"


def _redirect_uri(public_url: str, pos: str) -> str:
    try:
        checked_base_url(public_url)
    except BadInput as error:
        raise Refused(
            f"A POS cannot send people back to {public_url}: the code would travel unencrypted.",
            "Set AURA_PUBLIC_URL to the https address under which browsers reach this application.",
        ) from error
    return f"{public_url}{CALLBACK}/{pos}"


def callback_path(public_url: str) -> str:
    """The path below which the proofs of browsers are sent along."""
    return f"{urlsplit(public_url).path}{CALLBACK}"


def _note_problem(workshop: Workshop, open_: Open, error: AuraError) -> None:
    with workshop.connect() as connection:
        connection.execute(
            "UPDATE migration.sign_ins SET problem = %s WHERE state_hash = %s AND integration_id IS NULL AND problem = '' "
            "AND used_at IS NOT NULL",
            [str(error)[:LONGEST], open_.state_hash],
        )


def _tidy(connection: Connection) -> None:
    """What was sealed for sign-ins that nobody finished is forgotten, and in the end that they were begun."""
    connection.execute(
        "UPDATE migration.sign_ins SET sealed = '' WHERE expires_at < clock_timestamp() AND sealed <> ''"
    )
    connection.execute(
        f"DELETE FROM migration.sign_ins WHERE integration_id IS NULL AND started_at < clock_timestamp() - interval '{_KEPT}'"
    )


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
