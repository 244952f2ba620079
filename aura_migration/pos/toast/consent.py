"""What Toast is asked for and why. Toast has no consent page: the restaurant makes credentials and hands them over.

Toast API reference, section 1. Signing in with the credentials is in ``client.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from aura_migration.core.errors import Refused
from aura_migration.pos.port import Consent, Right

BASE_URL = "https://ws-api.toasttab.com"

RIGHTS = (
    Right(
        "restaurants:read",
        "Reads the restaurant with its time zone, hours and close-out hour.",
        "Nothing can be moved: the restaurant is not known.",
    ),
    Right(
        "menus:read",
        "Reads the published menus with items, options and prices.",
        "Nothing can be moved: there is no menu.",
    ),
    Right(
        "config:read",
        "Reads taxes, discounts, service charges, dining options and the other rules.",
        "The rules have to be entered by hand, and prices cannot be verified.",
    ),
    Right("kitchen:read", "Reads where tickets are prepared.", "Kitchen stations have to be entered by hand."),
    Right("stock:read", "Reads what is 86'd or counted.", "Stock counts have to be entered by hand."),
    Right(
        "digital_schedule:read",
        "Reads when guests can order online.",
        "The hours of online ordering have to be entered by hand.",
    ),
    Right(
        "orders:read",
        "Reads the orders of the past with checks, payments and refunds; never a card number.",
        "There is no history of sales, and nothing to test the prices with.",
    ),
    Right(
        "guest.pi:read",
        "Lets the orders say who the guest was.",
        "Guests stay behind; orders name nobody.",
    ),
    Right(
        "delivery_info.address:read",
        "Lets the orders say where they were delivered.",
        "Guests come without their addresses.",
    ),
    Right(
        "cashmgmt:read",
        "Reads cash that went in or out, and what was brought to the bank.",
        "Cash of the past stays behind.",
    ),
    Right("labor:read", "Reads jobs and the time worked.", "Jobs and hours worked stay behind."),
    Right(
        "labor.employees:read",
        "Reads employees, also those who left, without their codes.",
        "Staff has to be entered by hand; orders do not say who sold.",
    ),
)


class ToastSignIn:
    """See :class:`aura_migration.pos.port.SignIn`."""

    rights: tuple[Right, ...] = RIGHTS
    hosts: tuple[str, ...] = (BASE_URL, "https://ws-sandbox-api.toasttab.com")
    has_consent_page = False
    by_hand = (
        "Toast offers no way to end an access by program: in Toast Web, under Integrations → Toast API access, delete the "
        "credentials; a partner's access is removed under Integrations."
    )

    def authorize_url(self, consent: Consent) -> str:
        """There is none."""
        self._refuse()

    async def exchange(self, consent: Consent, answer: Mapping[str, str]) -> dict[str, Any]:
        """There is none."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Refused(
            "Toast has no consent page to sign in by.",
            "Make credentials in Toast Web (Integrations → Toast API access) and connect with them.",
        )

    def application(self, stored: Mapping[str, Any]) -> tuple[str, str]:
        """There is none that a consent page would know."""
        return "", ""

    def merged(self, stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
        """New credentials replace the old."""
        return dict(fresh)

    async def revoke(self, base_url: str, merchant_id: str, credentials: Mapping[str, Any]) -> bool:
        """Toast offers none."""
        return False


SIGN_IN = ToastSignIn()
