"""The kinds of export a restaurant hands over, and the fields each has: what a column may mean, and under which headings.

Declarations only. How a cell is read is in ``cells.py``, how columns and fields come together in ``mapping_file.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gift_cards", "loyalty", "house_accounts", "store_credit", "consents", "payroll"]
KINDS: tuple[Kind, ...] = ("gift_cards", "loyalty", "house_accounts", "store_credit", "consents", "payroll")
Notation = Literal["text", "money", "points", "hours", "date", "moment", "status", "answer", "currency"]
"""``moment`` is an instant or a date; ``answer`` is yes or no; ``points`` and ``money`` are whole numbers once read."""
PURPOSES = ("profile", "marketing_email", "marketing_sms", "loyalty", "data_migration")


@dataclass(frozen=True)
class FileField:
    """One thing a column may hold. ``private`` values (a person's, or a bearer secret) are encrypted and never shown.

    ``headings`` are spellings by which the column is recognised without a mapping file: letters and digits only,
    lower case, in order of preference.
    """

    name: str
    notation: Notation
    headings: tuple[str, ...]
    private: bool = False
    doc: str = ""


@dataclass(frozen=True)
class FileKind:
    """One kind of export.

    ``required`` columns must all be there, and of ``identity`` at least one: its first filled cell names the record.
    ``amount`` is the column that totals add up ("" where there is none). ``may_be_negative`` balances are carried as
    they are; others are rejected. ``entity`` is what its rejected lines are quarantined as.
    """

    name: Kind
    title: str
    entity: str
    fields: tuple[FileField, ...]
    identity: tuple[str, ...]
    required: tuple[str, ...]
    amount: str
    may_be_negative: bool = False

    def field(self, name: str) -> FileField:
        """The field of that name; ``KeyError`` for another one."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{self.name} has no field {name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields."""
        return tuple(f.name for f in self.fields)

    @property
    def private(self) -> tuple[str, ...]:
        """The names of the fields that are encrypted and never shown."""
        return tuple(f.name for f in self.fields if f.private)


def _field(name: str, notation: Notation, headings: str, private: bool = False, doc: str = "") -> FileField:
    return FileField(name, notation, tuple(headings.split()), private, doc)


_EMAIL = _field(
    "email", "text", "email emailaddress customeremail guestemail contactemail employeeemail mail", private=True
)
_PHONE = _field(
    "phone",
    "text",
    "phone phonenumber mobile mobilephone mobilenumber cell cellphone telephone customerphone guestphone contactphone",
    private=True,
)
_CONTACT = _field(
    "contact",
    "text",
    "contact contactinfo contactdetails emailorphone phoneoremail",
    private=True,
    doc="an e-mail address or a phone number, whichever it is",
)
_CURRENCY = _field("currency", "currency", "currency currencycode")
_STATUS = _field("status", "status", "status state cardstatus accountstatus")
_LAST_ACTIVITY = _field(
    "last_activity_at",
    "moment",
    "lastused lastusedon lastuse lastusedat lastuseddate lastactivity lastactivitydate lasttransaction lastvisit",
)

GIFT_CARDS = FileKind(
    "gift_cards",
    "gift cards",
    "gift_cards",
    (
        _field(
            "number",
            "text",
            "cardnumber giftcardnumber number cardno cardid card giftcard code cardcode giftcardcode pan gan serialnumber",
            private=True,
            doc="the number on the card, as typed at the counter; a text: leading zeros count",
        ),
        _field(
            "balance",
            "money",
            "balance currentbalance remainingbalance balanceremaining cardbalance availablebalance amountremaining amount",
        ),
        _field(
            "initial",
            "money",
            "initialbalance initialamount originalamount originalvalue initialvalue loadamount issuedamount purchaseamount",
        ),
        _STATUS,
        _field("card_type", "text", "cardtype type format medium", doc="physical or digital"),
        _field(
            "issued_at",
            "moment",
            "issuedat issued issuedon issuedate issueddate dateissued activationdate activated activatedon purchasedate created createddate createdat",
        ),
        _field(
            "expires_at",
            "moment",
            "expiresat expires expireson expiry expirydate expiration expirationdate expiredate validuntil",
        ),
        _LAST_ACTIVITY,
        _CURRENCY,
    ),
    identity=("number",),
    required=("number", "balance"),
    amount="balance",
)
LOYALTY = FileKind(
    "loyalty",
    "loyalty accounts",
    "loyalty_accounts",
    (
        _field(
            "account",
            "text",
            "account accountid accountnumber loyaltyid loyaltynumber memberid membernumber membershipid customerid guestid",
            private=True,
        ),
        _PHONE,
        _EMAIL,
        _CONTACT,
        _field(
            "balance",
            "points",
            "points pointsbalance pointbalance balance currentpoints availablepoints currentbalance stars",
        ),
        _field("lifetime", "points", "lifetimepoints lifetime totalpoints pointsearned totalearned lifetimebalance"),
        _STATUS,
        _field("tier", "text", "tier level tiername memberlevel"),
        _field(
            "enrolled_at",
            "moment",
            "enrolledat enrolled enrollmentdate enrolleddate joined joindate joinedon joinedat membersince signupdate created createdat createddate",
        ),
    ),
    identity=("account", "phone", "email", "contact"),
    required=("balance",),
    amount="balance",
    may_be_negative=True,
)
_ACCOUNT_FIELDS = (
    _field(
        "account",
        "text",
        "account accountid accountnumber accountno houseaccount houseaccountid customerid number id creditid",
        private=True,
    ),
    _field(
        "name",
        "text",
        "name accountname customername customer company companyname holder accountholder guest guestname",
        private=True,
    ),
    _EMAIL,
    _PHONE,
)
HOUSE_ACCOUNTS = FileKind(
    "house_accounts",
    "house accounts",
    "house_accounts",
    (
        *_ACCOUNT_FIELDS,
        _field(
            "balance",
            "money",
            "balance currentbalance outstandingbalance amountdue balancedue outstanding amountowed amount",
        ),
        _field("credit_limit", "money", "creditlimit limit accountlimit maxbalance"),
        _STATUS,
        _field(
            "opened_at",
            "moment",
            "openedat opened openedon opendate openeddate openedon created createdat createddate since",
        ),
        _LAST_ACTIVITY,
        _CURRENCY,
    ),
    identity=("account", "name"),
    required=("balance",),
    amount="balance",
    may_be_negative=True,
)
STORE_CREDIT = FileKind(
    "store_credit",
    "store credit",
    "house_accounts",
    (
        *_ACCOUNT_FIELDS,
        _field(
            "balance",
            "money",
            "balance creditbalance storecredit storecreditbalance credit currentbalance availablecredit remaining remainingbalance amount",
        ),
        _STATUS,
        _field(
            "opened_at", "moment", "openedat opened openedon issued issuedat issuedate created createdat createddate"
        ),
        _LAST_ACTIVITY,
        _CURRENCY,
    ),
    identity=("account", "email", "phone", "name"),
    required=("balance",),
    amount="balance",
)
CONSENTS = FileKind(
    "consents",
    "consents",
    "customer_consents",
    (
        _EMAIL,
        _PHONE,
        _CONTACT,
        _field("purpose", "text", "purpose channel consenttype type list", doc="one consent per line: what it is for"),
        _field(
            "answer",
            "answer",
            "consent answer optin optedin subscribed status optinstatus consentstatus granted permission",
            doc="one consent per line: yes or no",
        ),
        _field(
            "marketing_email",
            "answer",
            "marketingemail emailmarketing emailoptin emailconsent emailsubscribed acceptsemail emailmarketingconsent",
        ),
        _field(
            "marketing_sms",
            "answer",
            "marketingsms smsmarketing smsoptin smsconsent textoptin smssubscribed acceptssms smsmarketingconsent",
        ),
        _field("profile", "answer", "profileconsent dataconsent privacyconsent"),
        _field("loyalty", "answer", "loyaltyconsent loyaltyoptin"),
        _field(
            "captured_at",
            "moment",
            "capturedat consentdate consentedat optindate optedinat date datetime timestamp recordedat updated updatedat when collectedat collectedon",
        ),
        _field(
            "method",
            "text",
            "method source how evidence collectedvia origin consentsource consentmethod",
            doc="how it was given: web form, at the counter",
        ),
    ),
    identity=("email", "phone", "contact"),
    required=(),
    amount="",
)
PAYROLL = FileKind(
    "payroll",
    "payroll",
    "payroll",
    (
        _field(
            "employee_code",
            "text",
            "employeeid employeecode employeenumber employeeno payrollid externalid externalemployeeid code",
            private=True,
        ),
        _EMAIL,
        _field("name", "text", "employee employeename name fullname staff staffmember", private=True),
        _field(
            "location",
            "text",
            "location locationname store storename restaurant site workplace",
            doc="name or POS id of the location, where one export holds several",
        ),
        _field(
            "pay_period_start",
            "date",
            "payperiodstart periodstart startdate periodbegin paystart start from periodfrom",
        ),
        _field("pay_period_end", "date", "payperiodend periodend enddate payend end to periodto"),
        _field("pay_date", "date", "paydate paymentdate checkdate paidon payday"),
        _field("regular_hours", "hours", "regularhours hours reghours regular hoursworked"),
        _field("overtime_hours", "hours", "overtimehours overtime othours ot"),
        _field(
            "gross_pay",
            "money",
            "grosspay gross grosswages grossamount totalgross totalpay grossearnings",
            private=True,
        ),
        _field("net_pay", "money", "netpay net netamount takehome", private=True),
        _field("tips", "money", "tips totaltips tipspaid declaredtips", private=True),
        _field("deductions", "money", "deductions totaldeductions taxesanddeductions", private=True),
        _CURRENCY,
    ),
    identity=("employee_code", "email", "name"),
    required=("pay_period_start", "pay_period_end", "gross_pay"),
    amount="gross_pay",
    may_be_negative=True,
)

FILE_KINDS: dict[Kind, FileKind] = {
    kind.name: kind for kind in (GIFT_CARDS, LOYALTY, HOUSE_ACCOUNTS, STORE_CREDIT, CONSENTS, PAYROLL)
}


def source_entity(kind: str) -> str:
    """The name under which a kind's rows stand in a snapshot."""
    return f"file_{kind}"
