"""Clover's consent page: which permissions the app needs and why, and the exchange of its code.

Clover API reference, sections 2.1 and 2.2 (OAuth v2). Clover asks for no scopes: permissions are set on the app and
granted when it is installed. Credentials documents and renewing tokens are in ``signin.py`` and ``client.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aura_migration.core.errors import BadInput
from aura_migration.pos.clover.calls import BASE_URL, POS, classify
from aura_migration.pos.clover.signin import MERCHANT_ID, MERCHANTS, parse_credentials
from aura_migration.pos.oauth import challenge_of, post_once, text_of
from aura_migration.pos.port import Consent, Right

AUTHORIZE, TOKEN = "/oauth/v2/authorize", "/oauth/v2/token"
BROWSER_HOSTS = {
    BASE_URL: "https://www.clover.com",
    "https://api.eu.clover.com": "https://eu.clover.com",
    "https://api.la.clover.com": "https://la.clover.com",
    "https://apisandbox.dev.clover.com": "https://sandbox.dev.clover.com",
    "https://sandbox.dev.clover.com": "https://sandbox.dev.clover.com",
}
"""Where people sign in, by where programs ask."""
_MERCHANT = re.compile(r"[A-Za-z0-9]{1,40}")

RIGHTS = (
    Right(
        "MERCHANT_R",
        "Reads the business with its time zone, currency, hours, order types, tenders and tips.",
        "Nothing can be moved: the business is not known.",
    ),
    Right(
        "INVENTORY_R",
        "Reads the menu: items, categories, modifiers, taxes, discounts and stock.",
        "Nothing can be moved: there is no menu.",
    ),
    Right(
        "ORDERS_R",
        "Reads the orders of the past.",
        "There is no history of sales, and nothing to test the prices with.",
    ),
    Right(
        "PAYMENTS_R",
        "Reads payments, refunds and tips; never a card number.",
        "Orders come without what was paid; the books of the past cannot be compared.",
    ),
    Right(
        "CUSTOMERS_R",
        "Reads guests with their addresses and consents, without stored cards.",
        "Guests stay behind; orders name nobody.",
    ),
    Right(
        "EMPLOYEES_R",
        "Reads staff with roles and shifts, without PINs.",
        "Staff has to be entered by hand; orders do not say who sold.",
    ),
)


class CloverSignIn:
    """See :class:`aura_migration.pos.port.SignIn`."""

    rights: tuple[Right, ...] = RIGHTS
    hosts: tuple[str, ...] = tuple(BROWSER_HOSTS)
    has_consent_page = True
    by_hand = (
        "Clover offers no way to end an access by program: in the Clover Dashboard, under More tools (App Market) → My apps, "
        "uninstall the app; a token made under Account & Setup → API Tokens is deleted there."
    )

    def authorize_url(self, consent: Consent) -> str:
        """The page on which the merchant agrees, on the host for people that belongs to the host for programs."""
        asked = {"client_id": consent.client_id, "redirect_uri": consent.redirect_uri, "state": consent.state}
        if consent.verifier:
            asked |= {"code_challenge": challenge_of(consent.verifier), "code_challenge_method": "S256"}
        return f"{BROWSER_HOSTS.get(consent.base_url, consent.base_url)}{AUTHORIZE}?{urlencode(asked)}"

    async def exchange(self, consent: Consent, answer: Mapping[str, str]) -> dict[str, Any]:
        """The code for a pair of tokens; see the port.

        Which merchant agreed, Clover says in the address alone. That is not believed: the tokens open that merchant or
        none, which shows when the account is discovered.
        """
        merchant = answer.get("merchant_id", "")
        if not _MERCHANT.fullmatch(merchant):
            raise BadInput(
                "Clover's answer names no merchant.",
                "Begin the sign-in again, and choose the business on Clover's page.",
            )
        body = {"client_id": consent.client_id, "code": answer.get("code", "")}
        if consent.verifier:
            body["code_verifier"] = consent.verifier
        else:
            body["client_secret"] = consent.client_secret
        got = await post_once(consent.base_url, TOKEN, body, pos=POS, classify=classify)
        return parse_credentials(
            {
                MERCHANT_ID: merchant,
                "client_id": consent.client_id,
                "access_token": text_of(got, "access_token", pos=POS, path=TOKEN),
                "refresh_token": text_of(got, "refresh_token", pos=POS, path=TOKEN),
                "access_token_expiration": got.get("access_token_expiration"),
                "refresh_token_expiration": got.get("refresh_token_expiration"),
            }
        )

    def application(self, stored: Mapping[str, Any]) -> tuple[str, str]:
        """See the port; the secret is not kept, as renewing does without."""
        known = [str(entry["client_id"]) for entry in stored.get(MERCHANTS) or () if entry.get("client_id")]
        return (known[0] if known else ""), ""

    def merged(self, stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
        """Who agrees does so for one merchant: the others of the integration keep their tokens."""
        found = {entry[MERCHANT_ID]: entry for entry in stored.get(MERCHANTS) or ()}
        found |= {entry[MERCHANT_ID]: entry for entry in fresh[MERCHANTS]}
        return {**stored, MERCHANTS: [found[ident] for ident in sorted(found)]}

    async def revoke(self, base_url: str, merchant_id: str, credentials: Mapping[str, Any]) -> bool:
        """Clover offers none."""
        return False


SIGN_IN = CloverSignIn()
