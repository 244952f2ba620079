"""Square's consent page: what is asked for and why, the exchange of its code, and the end of the access.

Square API reference, section 4. With an application secret the code flow is used; without one PKCE, whose refresh token
is good for one renewal. Renewing tokens is in ``client.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aura_migration.core.errors import Refused
from aura_migration.pos.http.errors import NotFound
from aura_migration.pos.oauth import challenge_of, post_once, text_of
from aura_migration.pos.port import Consent, Right
from aura_migration.pos.square.calls import classify
from aura_migration.pos.square.client import BASE_URL
from aura_migration.pos.square.wire import POS

AUTHORIZE, TOKEN, REVOKE = "/oauth2/authorize", "/oauth2/token", "/oauth2/revoke"

RIGHTS = (
    Right(
        "MERCHANT_PROFILE_READ",
        "Finds the account and its locations with their time zones, currencies, hours and tip settings.",
        "Nothing can be moved: the locations are not known.",
    ),
    Right(
        "ITEMS_READ",
        "Reads the menu: items, variations, modifiers, categories, taxes, discounts.",
        "Nothing can be moved: there is no menu.",
    ),
    Right("INVENTORY_READ", "Reads how much of an item is left.", "Stock counts have to be entered by hand."),
    Right(
        "CUSTOMERS_READ",
        "Reads the customer directory with its groups.",
        "Guests and their consents stay behind; orders name nobody.",
    ),
    Right(
        "LOYALTY_READ",
        "Reads the loyalty programme, balances of points and rewards.",
        "Guests lose their points.",
    ),
    Right(
        "GIFTCARDS_READ",
        "Reads gift cards with balances and what moved them.",
        "Gift cards that were sold cannot be redeemed any more.",
    ),
    Right(
        "ORDERS_READ",
        "Reads the orders of the past.",
        "There is no history of sales, and nothing to test the prices with.",
    ),
    Right(
        "PAYMENTS_READ",
        "Reads payments, refunds and tips, and which guests have a card on file; never a card number.",
        "Orders come without what was paid; the books of the past cannot be compared.",
    ),
    Right(
        "PAYOUTS_READ",
        "Reads what Square sent to the bank account, with its fees.",
        "Deposits cannot be matched with sales.",
    ),
    Right("DISPUTES_READ", "Reads which payments guests disputed.", "Open disputes are not shown."),
    Right(
        "EMPLOYEES_READ",
        "Reads the team with jobs and wages, without passcodes.",
        "Staff has to be entered by hand; orders do not say who sold.",
    ),
    Right("TIMECARDS_READ", "Reads the time worked in the last twelve months.", "Hours worked stay behind."),
    Right("TIMECARDS_SETTINGS_READ", "Reads kinds of break and when the day begins.", "Both are asked for."),
    Right(
        "CASH_DRAWER_READ",
        "Reads cash drawers from opening to count.",
        "Cash over and short of the past stays behind.",
    ),
)


class SquareSignIn:
    """See :class:`aura_migration.pos.port.SignIn`."""

    rights: tuple[Right, ...] = RIGHTS
    hosts: tuple[str, ...] = (BASE_URL, "https://connect.squareupsandbox.com")
    has_consent_page = True
    by_hand = (
        "In the Square Dashboard, under Settings → Account & Settings → Third-party apps (or App integrations), choose the "
        "app and disconnect it; a personal access token is replaced in the Developer Console."
    )

    def authorize_url(self, consent: Consent) -> str:
        """The page on which the seller agrees. A fresh log-in is asked for: a browser may be in another account."""
        if consent.base_url == BASE_URL and not consent.redirect_uri.startswith("https://"):
            raise Refused(
                f"Square sends people back over HTTPS only, not to {consent.redirect_uri}.",
                "Set AURA_PUBLIC_URL to an https address, and enter it as the application's redirect URL.",
            )
        asked = {
            "client_id": consent.client_id,
            "scope": " ".join(right.scope for right in self.rights),
            "session": "false",
            "state": consent.state,
            "redirect_uri": consent.redirect_uri,
        }
        if consent.verifier:
            asked["code_challenge"] = challenge_of(consent.verifier)
        return f"{consent.base_url}{AUTHORIZE}?{urlencode(asked)}"

    async def exchange(self, consent: Consent, answer: Mapping[str, str]) -> dict[str, Any]:
        """The code for tokens; see the port."""
        body = {
            "client_id": consent.client_id,
            "grant_type": "authorization_code",
            "code": answer.get("code", ""),
            "redirect_uri": consent.redirect_uri,
        }
        if consent.verifier:
            body["code_verifier"] = consent.verifier
        else:
            body["client_secret"] = consent.client_secret
        got = await post_once(consent.base_url, TOKEN, body, pos=POS, classify=classify)
        document = {
            "client_id": consent.client_id,
            "access_token": text_of(got, "access_token", pos=POS, path=TOKEN),
            "refresh_token": text_of(got, "refresh_token", pos=POS, path=TOKEN),
            "expires_at": text_of(got, "expires_at", pos=POS, path=TOKEN),
        }
        return document if consent.verifier else {**document, "client_secret": consent.client_secret}

    def application(self, stored: Mapping[str, Any]) -> tuple[str, str]:
        """See the port."""
        return str(stored.get("client_id", "")), str(stored.get("client_secret", ""))

    def merged(self, stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
        """One authorisation reaches the whole account: the new one replaces the old."""
        return dict(fresh)

    async def revoke(self, base_url: str, merchant_id: str, credentials: Mapping[str, Any]) -> bool:
        """End the whole authorisation. Square wants the application's secret for it: False where there is none."""
        secret = credentials.get("client_secret")
        if not secret:
            return False
        try:
            got = await post_once(
                base_url,
                REVOKE,
                {"client_id": credentials["client_id"], "merchant_id": merchant_id},
                pos=POS,
                classify=classify,
                headers={"authorization": f"Client {secret}"},
            )
        except NotFound:
            return True  # there is no authorisation of this seller any more
        return got.get("success") is True


SIGN_IN = SquareSignIn()
