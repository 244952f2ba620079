"""What the POS and handed files say about people, in working tables of the judging transaction.

Facts are streamed in by COPY, one stretch of a kind at a time, so memory does not grow with the number of people. Contacts
are normalised here once more, in verification's own words: numbers to E.164 with the place's country where the text names
none, e-mail addresses to lower case and canonical form, without asking the network.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain, groupby
from typing import Any, NamedTuple, Protocol

import phonenumbers
import psycopg
from email_validator import EmailNotValidError, validate_email

from aura_migration.core.errors import BadInput
from aura_migration.pos import people_facts as facts
from aura_migration.pos.people_facts import CONTACT, CustomerFact, PeopleFact
from aura_migration.verify.people_case import Case

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]
PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*")
AMERICAN = re.compile(
    r"(?P<code>\+1)?[ .-]?\(?(?P<area>[2-9]\d{2})\)?[ .-]?(?P<office>\d{3})[ .-]?(?P<line>\d{4})", re.ASCII
)
COUNTRY_OF = {"USD": "US", "CAD": "CA", "GBP": "GB", "AUD": "AU", "NZD": "NZ", "JPY": "JP", "EUR": "IE", "MXN": "MX"}
"""Where a place's address names no country: the one its currency speaks for."""

TABLES = """
    CREATE TEMP TABLE said_customers (key text, first_name text, last_name text, email text, phone_raw text, phone text,
        email_normalized text, marketing_email text, marketing_sms text, is_suppressed boolean) ON COMMIT DROP;
    CREATE TEMP TABLE said_consents (contact text, purpose text, answer text) ON COMMIT DROP;
    CREATE TEMP TABLE said_balances (class text, key text, unit text, balance bigint, customer text, activity bigint,
        is_live boolean) ON COMMIT DROP;
    CREATE TEMP TABLE said_rewards (key text, account text, points bigint) ON COMMIT DROP;
    CREATE TEMP TABLE said_staff (key text, name text, is_active boolean, is_suppressed boolean) ON COMMIT DROP;
    CREATE TEMP TABLE said_wages (staff text, title text, hourly_cents bigint) ON COMMIT DROP;
    CREATE TEMP TABLE said_timecards (key text, staff text, check_in_ms bigint, check_out_ms bigint, tips_cents bigint,
        unpaid_break_minutes bigint) ON COMMIT DROP;
    CREATE TEMP TABLE said_payroll (key text, code text, email text, pay_period_start date, pay_period_end date, pay_date date,
        regular_hours numeric, overtime_hours numeric, gross_pay_cents bigint, net_pay_cents bigint, tips_cents bigint,
        deductions_cents bigint, currency text, is_forgotten boolean) ON COMMIT DROP;
"""
INDEXES = {
    "said_customers": ("key", "email_normalized", "phone"),
    "said_consents": ("contact",),
    "said_balances": ("key",),
    "said_rewards": ("key",),
    "said_staff": ("key",),
    "said_wages": ("staff",),
    "said_timecards": ("key",),
    "said_payroll": ("key",),
}


class PersonSeal(Protocol):
    """The part of the restaurant's seals that gives a person without an id of the POS a key."""

    def person(self, text: str) -> str:
        """The pseudonym of a contact."""
        ...


IsSuppressed = Callable[[str, str, str], bool]
"""Whether ``(what, text, of)`` is on the restaurant's suppression list: source_id, email or phone; customers or staff."""


class Contacts(NamedTuple):
    """A contact as matching sees it; None where nothing can be read in it."""

    email: str | None
    phone: str | None


class Saying:
    """Writes facts into the working tables of a transaction."""

    def __init__(
        self,
        case: Case,
        country: str,
        seals: PersonSeal | None = None,
        is_suppressed: IsSuppressed | None = None,
    ) -> None:
        self._case = case
        self._connection = case.connection
        self._country = country
        self._seals = seals
        self._is_suppressed = is_suppressed
        self._doors: dict[type[Any], tuple[str, Callable[[Any], Row]]] = {
            facts.CustomerFact: ("said_customers", self._customer),
            facts.ConsentFact: ("said_consents", self._consent),
            facts.BalanceFact: ("said_balances", self._balance),
            facts.RewardFact: ("said_rewards", tuple),
            facts.StaffFact: ("said_staff", self._staff),
            facts.WageFact: ("said_wages", tuple),
            facts.TimecardFact: ("said_timecards", tuple),
            facts.PayrollFact: ("said_payroll", lambda fact: tuple(fact._replace(email=email_of(fact.email)))),
        }

    def take(self, *sources: Iterable[PeopleFact]) -> None:
        """Make the tables and fill them; keys and statistics are ready for joining."""
        self._connection.execute(TABLES)
        written: Counter[str] = Counter()
        for kind, stretch in groupby(chain.from_iterable(sources), key=type):
            table, as_row = self._doors[kind]
            with self._connection.cursor() as cursor:
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    for fact in stretch:
                        copy.write_row(tuple(map(_storable, as_row(fact))))
                written[table] += cursor.rowcount
        for table, rows in written.items():
            self._case.prepare(table, rows, *INDEXES[table])

    def _customer(self, fact: CustomerFact) -> Row:
        email, phone = email_of(fact.email), phone_of(fact.phone, self._country, fact.calling_code)
        key = self._key(fact.key)
        return (
            key,
            fact.first_name,
            fact.last_name,
            fact.email if (fact.email or "").strip() else None,
            # Where the POS keeps the calling code apart there is no one text to compare.
            None if fact.calling_code or not (fact.phone or "").strip() else fact.phone,
            phone,
            email,
            fact.marketing_email,
            fact.marketing_sms,
            self._any_suppressed("customers", key, email, phone),
        )

    def _consent(self, fact: facts.ConsentFact) -> Row:
        contact = email_of(fact.contact) if "@" in fact.contact else phone_of(fact.contact, self._country)
        return (contact, fact.purpose, fact.answer)

    def _balance(self, fact: facts.BalanceFact) -> Row:
        customer = fact.customer
        if customer is not None and customer.startswith(CONTACT):
            told = customer.removeprefix(CONTACT).split("\n")
            found = (email_of(one) if "@" in one else phone_of(one, self._country) for one in told)
            customer = CONTACT + "\n".join(filter(None, found))
        return (fact.liability, fact.key, fact.unit, fact.balance, customer, fact.activity, fact.is_live)

    def _staff(self, fact: facts.StaffFact) -> Row:
        return (fact.key, fact.name, fact.is_active, self._any_suppressed("staff", fact.key, None, None))

    def _key(self, key: str) -> str:
        if not key.startswith(CONTACT):
            return key
        if self._seals is None:
            raise BadInput(
                "People without an id of the POS cannot be found without the restaurant's seals.",
                "Give verify_people the seals of the restaurant.",
            )
        contact = key.removeprefix(CONTACT)
        return f"g-{self._seals.person(contact if '@' in contact else phone_of(contact, self._country) or contact)}"

    def _any_suppressed(self, of: str, key: str, email: str | None, phone: str | None) -> bool:
        if self._is_suppressed is None:
            return False
        told = (("source_id", key), ("email", email), ("phone", phone))
        return any(text and self._is_suppressed(what, text, of) for what, text in told)


def email_of(text: str | None) -> str | None:
    """An e-mail address in lower case and canonical form; None where the text is none."""
    given = (text or "").strip()
    local, at, domain = given.rpartition("@")
    if at and len(given) <= 254 and len(local) <= 64 and PLAIN_LOCAL.fullmatch(local):
        written = _domain(domain)  # guests share few domains, and asking for each address is what costs
        return f"{local}@{written}".lower() if written else None
    return _validated(given)


@lru_cache(maxsize=10_000)
def _domain(domain: str) -> str | None:
    found = _validated(f"x@{domain}")
    return found.partition("@")[2] if found else None


def _validated(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


def phone_of(text: str | None, country: str, calling_code: str | None = None) -> str | None:
    """A number in E.164; None where no number of that country (or the one it names) can be read in the text."""
    if not text:
        return None
    code = (calling_code or "").strip("+ ")
    if code.isdigit() and not text.strip().startswith("+"):
        regions = _regions(int(code))
        country = country if country in regions else (regions[0] if regions else country)
    try:
        number = _ten_digits(text, country) or phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _ten_digits(text: str, country: str) -> phonenumbers.PhoneNumber | None:
    """The usual American notations, for which the parser is not needed; None for any other text."""
    found = AMERICAN.fullmatch(text)
    if found is None or (not found["code"] and country not in _regions(1)):
        return None
    return phonenumbers.PhoneNumber(country_code=1, national_number=int("".join(found.group("area", "office", "line"))))


@lru_cache(maxsize=300)
def _regions(code: int) -> tuple[str, ...]:
    return tuple(phonenumbers.region_codes_for_country_code(code))


def suppression(
    connection: Connection, restaurant_id: int, hash_of: Callable[[Any, str, str], str]
) -> IsSuppressed | None:
    """A look-up in the suppression list, or None where nobody is on it. ``hash_of(what, text, of)`` hashes as it does."""
    listed = frozenset(
        row[0]
        for row in connection.execute(
            "SELECT keyed_hash FROM migration.suppressions WHERE restaurant_id = %s", [restaurant_id]
        ).fetchall()
    )
    if not listed:
        return None
    return lambda what, text, of: hash_of(what, text, of) in listed


def country_of(connection: Connection, location_key: str, currency: str) -> str:
    """The country whose numbers are written without a calling code at the location (ISO 3166-1 alpha-2)."""
    row = connection.execute(
        "SELECT facts->'address'->>'country' FROM migration.locations WHERE key = %s", [location_key]
    ).fetchone()
    named = str(row[0]).strip().upper() if row and row[0] else ""
    return named if len(named) == 2 else COUNTRY_OF.get(currency, "US")


def _storable(value: Any) -> Any:
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


def count(connection: Connection, table: str, condition: str = "true") -> int:
    """Rows of a working table."""
    row = connection.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()
    return int(row[0]) if row else 0
