"""The configuration every Clover merchant of the sandbox has: owner, address, properties, tenders, devices and so on.

Rows are in wire form, because configuration has no rules of its own here. Values that a client must drop at its edge
(bank accounts, device identifiers, PINs, the owner's contact data) are put where the real API shows them and are also
listed in `Merchant.secrets`.
"""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.clover.people.model import Employee
from aura_migration.sandbox.clover.world import FIRST_TICK, Merchant, Row, clover_id
from aura_migration.sandbox.core.ids import UPPER_ALNUM, Ids

DIGITS = "0123456789"
HEX = "0123456789abcdef"
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
SYSTEM_ORDER_TYPES = (
    ("DINE-IN-TYPE", "Dine In", "com.clover.order.type.dine_in"),
    ("TAKE-OUT-TYPE", "Take Out", "com.clover.order.type.take_out"),
)
TENDERS = (
    ("cash", "Cash", True, False),
    ("credit_card", "Credit Card", False, True),
    ("debit_card", "Debit Card", False, True),
    ("check", "Check", True, False),
    ("external_payment", "External Payment", False, True),
    ("external_gift_card", "External Gift Card", False, False),
    ("external_pin_debit", "External Pin Debit", False, False),
)
CITIES = (
    ("Denver", "CO", "80202", "America/Denver"),
    ("Boulder", "CO", "80302", "America/Denver"),
    ("Santa Fe", "NM", "87501", "America/Denver"),
    ("Phoenix", "AZ", "85004", "America/Phoenix"),
    ("Austin", "TX", "78701", "America/Chicago"),
    ("Portland", "OR", "97204", "America/Los_Angeles"),
    ("Boston", "MA", "02108", "America/New_York"),
)
FIRST_NAMES = ("Marguerite", "Oluwaseun", "Ingeborg", "Thaddeus", "Xiomara", "Bartholomew", "Philippa")
LAST_NAMES = ("Quillfeather", "Adeyemi-Brandt", "Vanterpool", "Szczepaniak", "Featherstonehaugh", "Okonkwo-Reyes")


def make_merchant(ids: Ids, number: int, name: str) -> Merchant:
    """A merchant with all of its configuration and an empty menu. `number` counts locations from 1."""
    tag = str(number)
    city, state, postcode, timezone = CITIES[(number - 1) % len(CITIES)]
    merchant_id = clover_id(ids, "merchant", tag)
    street = 10 + ids.rng(f"street:{tag}").randrange(900)
    merchant = Merchant(
        id=merchant_id,
        name=name,
        number=number,
        timezone=timezone,
        currency="USD",
        profile={
            "website": f"https://www.example.com/{tag}",
            "customerContactEmail": f"hello-{tag}@example.com",
            "createdTime": FIRST_TICK - 86_400_000 * (400 + number),
            "reseller": {"id": clover_id(ids, "reseller", "one")},
            "merchantPlan": {"id": clover_id(ids, "plan", "one"), "name": "Table Service Restaurant"},
            "phoneNumber": "0000000000",
        },
        owner=_owner(ids, tag),
        address={
            "address1": f"{street} Harvest Street",
            "address2": None,
            "address3": None,
            "city": city,
            "state": state,
            "zip": postcode,
            "country": "US",
            "phoneNumber": f"303555{1000 + number:04d}",
        },
    )
    merchant.people.employees[merchant.owner.id] = merchant.owner
    merchant.properties = _properties(ids, merchant, tag)
    merchant.gateway = {
        "accountName": name,
        "paymentProcessorName": "Sandbox Processor",
        "paymentGatewayApi": "default",
        "closingTime": "AUTO_CLOSE",
        "newBatchCloseEnabled": True,
    }
    merchant.service_charge = {
        "id": clover_id(ids, "service_charge", tag),
        "name": "Large party",
        "enabled": True,
        "percentage": 18,
        "percentageDecimal": 180_000,
    }
    _add_lists(ids, merchant, tag)
    _add_devices(ids, merchant, tag)
    return merchant


def add_row(rows: dict[str, Row], row: Row) -> Row:
    """File a configuration row under its id."""
    rows[str(row["id"])] = row
    return row


def weekday_hours(ranges: dict[str, list[tuple[int, int]]]) -> Row:
    """`{"monday": [(900, 2130)]}` as Clover wraps it: each weekday is an object with `elements`."""
    return {day: {"elements": [{"start": start, "end": end} for start, end in ranges.get(day, [])]} for day in DAYS}


def printer(ids: Ids, merchant: Merchant, name: str) -> str:
    """Add a kitchen printer; answers its id."""
    number = len(merchant.printers) + 1
    row = {
        "id": clover_id(ids, f"printer:{merchant.number}", name),
        "name": name,
        "model": "STAR_TSP654",
        "mac": f"00:11:62:00:{merchant.number:02x}:{number:02x}",
        "ipAddress": f"192.0.2.{number}",
        "type": "KITCHEN",
    }
    add_row(merchant.printers, row)
    return str(row["id"])


def _owner(ids: Ids, tag: str) -> Employee:
    rng = ids.rng(f"owner:{tag}")
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    return Employee(
        id=clover_id(ids, "employee", f"owner:{tag}"),
        name=f"{first} {last} {ids.token('initial', tag, 'BCDFGHJKLM', 3)}",
        created=FIRST_TICK,
        modified=FIRST_TICK,
        role="ADMIN",
        nickname=first,
        email=f"{first}.{last}.{tag}@owner.example.org".lower(),
        claimed=FIRST_TICK,
        is_owner=True,
        pin=f"{ids.token('pin', tag, DIGITS, 6)}-{ids.token('pin-salt', tag, HEX, 8)}",
        clear_pin=ids.token("clear-pin", tag, DIGITS, 12),
    )


def _properties(ids: Ids, merchant: Merchant, tag: str) -> Row:
    account = ids.token("dda", tag, DIGITS, 12)
    routing = ids.token("aba", tag, DIGITS, 9)
    lease = f"LEASE-{ids.token('lease', tag, UPPER_ALNUM, 10)}"
    hierarchy = f"HIER-{ids.token('hierarchy', tag, UPPER_ALNUM, 10)}"
    shipping = f"{ids.token('ship', tag, DIGITS, 5)} Undisclosed Dock Road"
    merchant.secrets += [account, routing, lease, hierarchy, shipping]
    return {
        "merchantRef": {"id": merchant.id},
        "defaultCurrency": merchant.currency,
        "timezone": merchant.timezone,
        "locale": "en-US",
        "tipsEnabled": True,
        "maxTipPercentage": 25,
        "tipRateDefault": None,
        "onPaperTipSignatures": False,
        "vat": False,
        "vatTaxName": None,
        "removeTaxEnabled": True,
        "groupLineItems": True,
        "orderTitle": "AUTOMATIC",
        "orderTitleMax": 999,
        "resetOnReportingTime": True,
        "summaryHour": 4,
        "notesOnOrders": True,
        "deleteOrders": True,
        "alternateInventoryNames": True,
        "autoPrint": True,
        "signatureThreshold": 2500,
        "alwaysRequireSignature": False,
        "cashBackEnabled": False,
        "cashBackOptions": ["1000", "2000"],
        "maxCashBack": None,
        "trackStock": True,
        "updateStock": True,
        "allowClockOutWithOpenOrders": True,
        "logInClockInPrompt": False,
        "pinLength": 4,
        "manualCloseout": False,
        "manualCloseoutPerDevice": False,
        "autoCloseoutTimezone": merchant.timezone,
        "showCloseoutOrders": True,
        "sendCloseoutEmail": True,
        "stayInCategory": False,
        "marketingEnabled": False,
        "marketingPreferenceText": None,
        "supportPhone": merchant.address["phoneNumber"],
        "supportEmail": f"support-{tag}@example.com",
        "businessTypeCode": "FULL_SERVICE_RESTAURANT",
        "privacyPolicyMode": "DEFAULT_ONLY",
        "merchantPrivacyPolicyUrl": None,
        "abaAccountNumber": routing,
        "ddaAccountNumber": account,
        "hierarchy": hierarchy,
        "infoleaseSuppressBilling": False,
        "infoleaseContract": lease,
        "shippingAddress": {"address1": shipping, "city": "Nowhere", "state": "CO", "zip": "80000", "country": "US"},
    }


def _add_lists(ids: Ids, merchant: Merchant, tag: str) -> None:
    def make(rows: dict[str, Row], kind: str, key: str, /, **values: Any) -> Row:
        return add_row(rows, {"id": clover_id(ids, f"{kind}:{tag}", key), **values})

    for percentage in (15, 18, 20):
        name = f"{percentage}%"
        make(merchant.tip_suggestions, "tip", name, name=name, percentage=percentage, flatTip=None, isEnabled=True)
    make(merchant.tip_suggestions, "tip", "flat", name="Two dollars", percentage=None, flatTip=200, isEnabled=False)
    fee = merchant.service_charge
    make(
        merchant.order_fees,
        "order_fee",
        "gratuity",
        name=fee["name"],
        amount=None,
        percentage=fee["percentageDecimal"],
        isDefault=False,
        isHidden=False,
        readOnly=False,
        type="GRATUITY",
        serviceChargeUuid=fee["id"],
        createdTime=FIRST_TICK,
        modifiedTime=FIRST_TICK,
        deletedTime=None,
    )
    for system, label, key in SYSTEM_ORDER_TYPES:
        add_row(merchant.system_order_types, {"id": system, "label": label, "labelKey": key})
        make(
            merchant.order_types,
            "order_type",
            system,
            labelKey=key,
            label=label,
            taxable=True,
            isDefault=system == "DINE-IN-TYPE",
            filterCategories=False,
            isHidden=False,
            fee=0,
            minOrderAmount=0,
            maxOrderAmount=0,
            maxRadius=0,
            avgOrderTime=0,
            hoursAvailable="ALL",
            isDeleted=False,
            systemOrderTypeId=system,
        )
    for key, label, drawer, tipping in TENDERS:
        make(
            merchant.tenders,
            "tender",
            key,
            label=label,
            labelKey=f"com.clover.tender.{key}",
            editable=False,
            opensCashDrawer=drawer,
            supportsTipping=tipping,
            enabled=True,
            visible=True,
            instructions=None,
            supportsCashDiscount=key == "cash",
        )
    make(
        merchant.tenders,
        "tender",
        "house",
        label="House account",
        labelKey=None,
        editable=True,
        opensCashDrawer=False,
        supportsTipping=True,
        enabled=True,
        visible=True,
        instructions="Ask for the account name",
        supportsCashDiscount=False,
    )
    for name, system in (
        ("Admin", "ADMIN"),
        ("Manager", "MANAGER"),
        ("Employee", "EMPLOYEE"),
        ("Shift lead", "MANAGER"),
    ):
        role = make(merchant.roles, "role", name, name=name, systemRole=system, merchant={"id": merchant.id})
        if system == merchant.owner.role:
            merchant.owner.roles.append(role["id"])
    hours = weekday_hours(
        {day: [(900, 1430), (1700, 2200)] if day in ("friday", "saturday") else [(900, 2130)] for day in DAYS[1:]}
    )
    make(merchant.opening_hours, "hours", "main", name="Business hours", reference=None, **hours)


def _add_devices(ids: Ids, merchant: Merchant, tag: str) -> None:
    for position, (name, model) in enumerate((("Station", "Golden Oak"), ("Mini", "Knotty Pine")), start=1):
        key = f"{tag}:{position}"
        hidden = {
            "secureId": ids.token("secure", key, HEX, 16),
            "cpuId": ids.token("cpu", key, HEX, 20),
            "imei": ids.token("imei", key, DIGITS, 15),
            "imsi": ids.token("imsi", key, DIGITS, 15),
            "simIccid": ids.token("iccid", key, DIGITS, 19),
            "deviceCertificate": f"-----BEGIN CERTIFICATE-----{ids.token('cert', key, UPPER_ALNUM, 40)}",
            "pedCertificate": f"-----BEGIN CERTIFICATE-----{ids.token('ped', key, UPPER_ALNUM, 40)}",
        }
        merchant.secrets += hidden.values()
        row = {
            "id": ids.uuid("device", key),
            "name": f"{name} {position}",
            "model": model,
            "serial": f"C0{ids.token('serial', key, DIGITS, 12)}",
            "deviceTypeName": f"{name.upper()}_{position}",
            "productName": f"Clover {name}",
            "orderPrefix": "AB"[position - 1],
            "terminalId": None,
            "terminalPrefix": 10_000 + position,
            "merchant": {"id": merchant.id},
            "buildType": "USER",
            "pinDisabled": False,
            "offlinePayments": True,
            "offlinePaymentsAll": False,
            "offlinePaymentsLimit": 5000,
            "offlinePaymentsPromptThreshold": 2500,
            "offlinePaymentsTotalPaymentsLimit": 50_000,
            "showOfflinePayments": True,
            "maxOfflineDays": 7,
            "allowStoreAndForward": True,
            "bundleIndicator": 0,
            **hidden,
        }
        add_row(merchant.devices, row)
