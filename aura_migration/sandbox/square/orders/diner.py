"""The history of `diner`: some thousand ordinary orders, and every peculiarity of Square's orders and money by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.square.model import Discount, Location
from aura_migration.sandbox.square.orders.drawers import Written
from aura_migration.sandbox.square.orders.model import (
    BY_AMOUNT,
    BY_PERCENT,
    CANCELED,
    DRAFT,
    E5,
    OPEN,
    TOTAL,
    Back,
    ChargeUse,
    DiscountUse,
    Fulfillment,
    Line,
    Mod,
    TaxUse,
    TenderUse,
    e5,
)
from aura_migration.sandbox.square.orders.ordinary import DAY, HOUR, MINUTE, Dish
from aura_migration.sandbox.square.orders.payouts import Dispute, Extra, Instant
from aura_migration.sandbox.square.orders.pen import OrderPen

ORDERS = 2_400
FIRST = date(2026, 7, 8)


def diner(pen: OrderPen) -> None:
    """Write the whole history."""
    [place] = pen.places
    pen.ordinary(FIRST, [ORDERS])
    written = Peculiar(pen, place)
    written.discounts()
    written.taxes()
    written.charges()
    written.payments()
    written.gift_cards_and_credit()
    written.returns()
    written.times()
    written.states()
    written.lines()
    written.channels()
    written.payouts()
    written.drawers()


class Peculiar:
    """Writes one order for each peculiarity, an hour apart, from 1 June 2026 on."""

    def __init__(self, pen: OrderPen, place: Location) -> None:
        self.pen, self.place = pen, place
        self.zone = ZoneInfo(place.timezone)
        self.taxes_held = pen.taxes(place)
        dishes = pen.dishes(place, self.taxes_held)
        # Without options: what a list asks for is not chosen here.
        self.plain = [dish for dish in dishes if dish.taxes and dish.cents >= 400 and not dish.mods][:40]
        self.with_mods = [dish for dish in dishes if dish.taxes and dish.mods and dish.cents >= 400]
        staff = pen.staff(place)
        self.staff = staff[0] if staff else None
        self._clock = self.at(2026, 6, 1, 12)
        self._turn = 0

    # -- short ways ------------------------------------------------------------------------------------------------

    def at(self, year: int, month: int, day: int, hour: int, minute: int = 0, fold: int = 0) -> int:
        """The stamp of a local time."""
        return int(datetime(year, month, day, hour, minute, tzinfo=self.zone, fold=fold).timestamp() * 1000)

    def next(self) -> int:
        """The moment of the next peculiarity."""
        self._clock += HOUR + 120
        return self._clock

    def dish(self) -> Dish:
        """Another dish each time."""
        self._turn += 1
        return self.plain[self._turn % len(self.plain)]

    def some(self, count: int = 2, **fields: Any) -> list[Line]:
        """Some lines."""
        return [self.pen.line(self.dish(), **fields) for _ in range(count)]

    def sale(self, note: str, lines: list[Line] | None = None, when: int | None = None, **fields: Any) -> int:
        """A sale with a note."""
        return self.pen.sale(note, self.place, when or self.next(), lines or self.some(), **fields)

    def pay(self, kind: str, when: int | None = None, **fields: Any) -> TenderUse:
        """A payment twenty minutes after the last `next`."""
        fields.setdefault("staff", self.staff)
        return TenderUse(kind, (when or self._clock) + 18 * MINUTE, **fields)

    # -- the peculiarities -----------------------------------------------------------------------------------------

    def discounts(self) -> None:
        """By percent and amount, on the order and on lines, several at once, comps, rewards, caps."""
        ten = DiscountUse("Regulars 10", "FIXED_PERCENTAGE", e5("10"), "10")
        self.sale("order discount by percent", self.some(3), discounts=(ten,))
        five = DiscountUse("Five off", "FIXED_AMOUNT", cents=500)
        self.sale("order discount by amount", self.some(3), discounts=(five,))
        open_percent = DiscountUse("Open discount", "VARIABLE_PERCENTAGE", e5("12.5"), "12.5")
        self.sale("open discount by percent", discounts=(open_percent,))
        self.sale("open discount by amount", discounts=(DiscountUse("Open", "VARIABLE_AMOUNT", cents=233),))
        line = DiscountUse("Friends 25", "FIXED_PERCENTAGE", e5("25"), "25.0", lines=(1,))
        self.sale("line discount by percent", self.some(3), discounts=(line,))
        self.sale(
            "line discount by amount", discounts=(DiscountUse("Loose button", "FIXED_AMOUNT", cents=75, lines=(0,)),)
        )
        both = DiscountUse("Two of the three", "FIXED_PERCENTAGE", e5("15"), "15", lines=(0, 2))
        self.sale("line discount over several lines", self.some(3), discounts=(both,))
        self.sale(
            "several percent discounts compound",
            self.some(3),
            discounts=(DiscountUse("A", "FIXED_PERCENTAGE", e5("5"), "5"), replace(ten, name="B")),
        )
        self.sale(
            "discounts of all four groups",
            self.some(4),
            discounts=(five, line, ten, replace(five, cents=60, lines=(0,))),
        )
        comp = DiscountUse("Comp: too slow (approved by manager)", "FIXED_PERCENTAGE", e5("100"), "100", lines=(0,))
        self.sale("comp of a line with reason", discounts=(comp,))
        self.sale(
            "comp of the whole check, zero total",
            discounts=(replace(comp, lines=None),),
            tenders=(self.pay("no_sale"),),
        )
        huge = DiscountUse("More than it costs", "FIXED_AMOUNT", cents=900_000)
        self.sale("discount larger than the order", self.some(1), discounts=(huge,), tenders=(self.pay("no_sale"),))
        capped = DiscountUse("Half, at most four", "FIXED_PERCENTAGE", e5("50"), "50", cap=400)
        self.sale("percent discount with a maximum", self.some(3), discounts=(capped,))
        keeps = replace(ten, name="Coupon of the maker", keeps_basis=True)
        self.sale("discount that leaves the taxable amount", discounts=(keeps,))
        reward = DiscountUse("Loyalty reward", "FIXED_AMOUNT", cents=300, reward_id="rew-order-1")
        self.sale("loyalty reward", discounts=(reward,), reward=("rew-order-1", "tier-order-1"))
        found = next((held for held in self.pen.world.of_type("DISCOUNT") if isinstance(held, Discount)), None)
        rule = DiscountUse("Automatic", "FIXED_PERCENTAGE", e5("20"), "20", rule_id="RULEOFLONGAGO000000000001")
        if found is not None:
            rule = replace(rule, id=found.id, version=found.stamp)
        self.sale("automatic discount of a pricing rule", discounts=(rule,))
        self.sale("discount of unknown type", discounts=(replace(ten, kind="UNKNOWN_DISCOUNT"),))

    def taxes(self) -> None:
        """Inclusive, additive, several, none, on the order, rounding to even."""
        sales = TaxUse("Sales tax", e5("8.875"), "8.875", scope="ORDER", auto=False)
        vat = TaxUse("VAT (included)", e5("20"), "20.0", inclusive=True)
        reduced = TaxUse("Reduced (included)", e5("7"), "7", inclusive=True)
        bottle = TaxUse("Bottle tax", e5("2.5"), "2.5")

        def lines(*taxes: tuple[int, ...]) -> list[Line]:
            return [self.pen.line(self.dish(), taxes=held) for held in taxes]

        def sale(note: str, held: list[Line], *taxes: TaxUse, **fields: Any) -> int:
            return self.sale(note, held, taxes=taxes, used_only=False, **fields)

        sale("order tax", lines((0,), (0,)), sales)
        sale("inclusive tax", lines((0,), (0,)), vat)
        sale("inclusive tax of two rates on different lines", lines((0,), (1,), (0,)), vat, reduced)
        sale("two inclusive taxes on one line", lines((0, 1), (0,)), vat, reduced)
        sale("inclusive and additive tax together", lines((0, 1), (0,)), vat, bottle)
        sale("several additive taxes on one line", lines((0, 1), (0,), (1,)), sales, bottle)
        off = DiscountUse("Ten off", "FIXED_PERCENTAGE", e5("10"), "10")
        sale("inclusive tax under a discount", lines((0,), (0,)), vat, discounts=(off,))
        self.sale("exempt order", [self.pen.line(self.dish(), taxes=()) for _ in range(2)])
        half = Line("Exactly half a cent", "Regular", None, None, 200, taxes=(0,))
        sale("tax of exactly half a cent goes down to even", [half], TaxUse("Even", e5("7.25"), "7.25"))
        sale(
            "tax of exactly half a cent goes up to even", [replace(half, cents=600)], TaxUse("Even", e5("7.25"), "7.25")
        )
        gone = TaxUse("County tax of 2019", e5("1.25"), "1.25", "TAXOFLONGAGO000000000001", 1_500_000_000_000)
        sale("tax that is no longer in the catalog", lines((0,)), gone)
        sale("tax of rate zero", lines((0,)), TaxUse("Zero rated", 0, "0"))
        sale(
            "tax of unknown type",
            lines((0,)),
            TaxUse("Odd tax", e5("3"), "3", kind="UNKNOWN_TAX", scope="OTHER_TAX_SCOPE"),
        )

    def charges(self) -> None:
        """Auto-gratuity, every phase, taxable and not."""
        lines = self.some
        gratuity = ChargeUse(
            "Auto gratuity", rate=e5("18"), text="18", kind="AUTO_GRATUITY", id="SVCOFTHEHOUSE00000000001"
        )
        self.sale("auto gratuity", lines(5), charges=(gratuity,))
        extra = TenderUse("visa", self._clock + 18 * MINUTE, tip=500)
        self.sale(
            "auto gratuity and a tip on top",
            lines(5),
            charges=(gratuity,),
            tenders=(replace(extra, created=self._clock + 78 * MINUTE),),
        )
        self.sale("service charge by amount", charges=(ChargeUse("Corkage", cents=1500),))
        taxed = ChargeUse("Delivery fee", cents=499, taxes=(0,), taxable=True)
        self.sale("taxable service charge", charges=(taxed,))
        after = ChargeUse("Card surcharge", TOTAL, rate=e5("3"), text="3")
        self.sale("charge on the total", charges=(after,))
        spread = ChargeUse("Kitchen appreciation", BY_PERCENT, rate=e5("4"), text="4")
        self.sale("charge spread by percent over the lines", lines(3), charges=(spread,))
        self.sale(
            "charge spread by amount over the lines", lines(3), charges=(ChargeUse("Holiday", BY_AMOUNT, cents=250),)
        )
        self.sale("charges of several phases", lines(3), charges=(spread, gratuity, after))

    def payments(self) -> None:
        """Tips, splits, voids, declines, custom tenders, rounding."""
        pay = self.pay
        self.sale("card tip", tenders=(pay("visa", self._clock + HOUR, tip=700),))
        self.sale("cash tip left on the card slip", tenders=(pay("cash", self._clock + HOUR, tip=300, handed=2000),))
        when = self.next()
        adjusted = when + 15 * HOUR
        tender = pay("amex", when, tip=1100, adjusted=adjusted)
        self.sale("tip adjusted the next day", when=when, tenders=(tender,), updated=adjusted + 300)
        self.sale(
            "split between two cards",
            tenders=(pay("visa", self._clock + HOUR, tip=200), pay("mastercard", self._clock + HOUR + 900, tip=350)),
        )
        self.sale(
            "split between cash and card unevenly",
            tenders=(pay("cash", self._clock + HOUR, cents=700, handed=1000), pay("visa", self._clock + HOUR + 900)),
        )
        three = tuple(pay(kind, self._clock + HOUR + turn * 700) for turn, kind in enumerate(("visa", "amex", "visa")))
        self.sale("split three ways to the cent", tenders=three)
        half = e5("0.5")
        for side in ("first", "second"):
            line = replace(self.pen.line(self.plain[0]), qty=half)
            self.sale(f"split check, {side} half", [line, *self.some(1)], ticket="T12 split")
        self.sale(
            "voided payment before the good one",
            tenders=(pay("visa", self._clock + HOUR - MINUTE, status="CANCELED"), pay("visa", self._clock + HOUR)),
        )
        self.sale(
            "declined payment before the good one",
            tenders=(
                pay("keyed", self._clock + HOUR - MINUTE, status="FAILED"),
                pay("cash", self._clock + HOUR, handed=500),
            ),
        )
        for kind in (
            "wallet",
            "later",
            "bank",
            "square_account",
            "third_party_card",
            "check",
            "voucher",
            "custom",
            "other_gift_card",
        ):
            self.sale(f"paid by {kind.replace('_', ' ')}", tenders=(pay(kind, self._clock + HOUR),))
        self.sale(
            "custom tender with a note", tenders=(pay("custom", self._clock + HOUR, note="Two crates of oranges"),)
        )
        odd = [self.pen.line(self.dish(), cents=1011, taxes=())]
        self.sale("cash rounding", odd, rounding=5, tenders=(pay("cash", self._clock + HOUR, handed=500),))
        self.sale("fee still to come", tenders=(pay("visa", self._clock + HOUR, fee_withheld=True),))
        refused = self.sale("payment disputed", self.some(3), tenders=(pay("visa", self._clock + HOUR),))
        history = self.pen.history
        for turn, (state, reason) in enumerate((("LOST", "NOT_AS_DESCRIBED"), ("EVIDENCE_REQUIRED", "NO_KNOWLEDGE"))):
            cents = history.done(refused).total if turn == 0 else 500
            dispute_id = f"dp_{self.pen.marks.token('dispute', turn, 22)}"
            history.disputes.append(
                Dispute(dispute_id, (refused, 0), cents, reason, state, self._clock + 9 * DAY, self.place.id)
            )

    def gift_cards_and_credit(self) -> None:
        """Gift cards sold and redeemed, house accounts, store credit, deposits."""
        pay = self.pay

        def card(cents: int) -> Line:
            return Line("Gift Card", None, None, None, cents, kind="GIFT_CARD")

        self.sale("gift card sold", [card(5000)])
        self.sale("gift card sold beside food", [card(2500), *self.some()])
        self.sale("gift card redeemed", tenders=(pay("gift_card", self._clock + HOUR),))
        self.sale(
            "gift card redeemed in part",
            self.some(3),
            tenders=(pay("gift_card", self._clock + HOUR, cents=400), pay("visa", self._clock + HOUR + 900, tip=300)),
        )
        self.sale("house account", tenders=(pay("house", self._clock + HOUR),))
        self.sale(
            "house account paid off",
            [Line(None, None, None, None, 8000, kind="CUSTOM_AMOUNT", note="Payment on house account")],
        )
        self.sale("store credit", tenders=(pay("store_credit", self._clock + HOUR),))
        deposit = Line(None, None, None, None, 20_000, kind="CUSTOM_AMOUNT", note="Deposit for catering on June 20")
        self.sale("deposit taken", [deposit])
        self.sale(
            "deposit applied",
            self.some(6),
            tenders=(pay("deposit", self._clock + HOUR, cents=1500), pay("visa", self._clock + HOUR + 900)),
        )
        self.sale("donation", [Line(None, None, None, None, 500, kind="CUSTOM_AMOUNT", note="Food bank")])

    def returns(self) -> None:
        """Whole and partial, same day and later, by amount, unlinked, failed, exchanged."""
        pen = self.pen

        def every(sale: int) -> tuple[tuple[int, None], ...]:
            return tuple((place, None) for place in range(len(pen.history.order(sale).lines)))

        def returned(note: str, after: int, back: Back, lines: list[Line] | None = None, **fields: Any) -> int:
            sale = self.sale(f"sale of: {note}", lines, **fields)
            return pen.back(
                note, sale, self._clock + after, back if back.lines or back.cents else replace(back, lines=every(sale))
            )

        whole = Back(None, tip=True, charges=True)
        tipped: dict[str, Any] = {"tenders": (TenderUse("visa", self._clock + 78 * MINUTE, tip=450),)}
        returned("refund of everything the same day, fee given back", HOUR, replace(whole, fee_back=True), **tipped)
        returned("refund of everything a week later", 7 * DAY, whole)
        returned("refund of a line", 2 * HOUR, Back(None, ((0, None),)))
        two = [replace(held, qty=2 * E5) for held in self.some()]
        returned("refund of one of two", DAY, Back(None, ((0, E5),)), two)
        off = (DiscountUse("Ten off", "FIXED_PERCENTAGE", e5("10"), "10"),)
        returned("refund of a discounted line", DAY, Back(None, ((1, None),)), self.some(3), discounts=off)
        vat = TaxUse("VAT (included)", e5("20"), "20.0", inclusive=True)
        taxed = [pen.line(self.dish(), taxes=(0,)) for _ in range(2)]
        returned("refund with inclusive tax", DAY, Back(None, ((0, None),)), taxed, taxes=(vat,), used_only=False)
        charge = (ChargeUse("Corkage", cents=1500),)
        returned("refund with a service charge", DAY, whole, charges=charge)
        returned("refund by amount without lines", DAY, Back(None, cents=333, reason="Goodwill"))
        when = self.next()
        split = (TenderUse("visa", when + MINUTE, cents=500), TenderUse("cash", when + MINUTE, handed=500))
        sale = self.sale("sale of: refund over two payments", when=when, tenders=split)
        pen.back("refund over two payments", sale, when + HOUR, Back(None, every(sale)))
        sale = self.sale("sale refunded twice")
        pen.back("first of two refunds", sale, self._clock + HOUR, Back(None, ((0, None),)))
        pen.back("second of two refunds", sale, self._clock + DAY, Back(None, ((1, None),)))
        returned("refund of a card payment in cash", HOUR, Back(None, ((0, None),), to_cash=True))
        for status in ("PENDING", "REJECTED", "FAILED"):
            returned(f"refund {status.lower()}", HOUR, Back(None, ((0, None),), status=status))
        pen.back(
            "refund without a sale",
            None,
            self.next(),
            Back(None, cents=1299, reason="No receipt"),
            location=self.place.id,
        )
        when = self.next()
        cash = (TenderUse("cash", when + MINUTE, handed=500),)
        sale = self.sale("sale of: cash refund rounded", when=when, rounding=5, tenders=cash)
        total = pen.history.done(sale).due - pen.history.done(sale).rounding
        rounded = pen.back("cash refund rounded", sale, when + HOUR, Back(None, every(sale), rounding=-total % 5))
        assert pen.history.done(rounded).back is not None
        for note, count in (("exchange", 3), ("exchange for less, negative net", 1)):
            sale = self.sale(f"sale of: {note}", self.some(1 if count == 3 else 4))
            number = self.sale(note, self.some(count), when=self._clock + 2 * HOUR)
            pen.history.change(number, back=Back(sale, every(sale)))
            pen.history.link(number)
            pen.history.change(sale, updated=self._clock + 3 * HOUR)

    def times(self) -> None:
        """Midnight, both clock changes, long ago, far ahead, late uploads."""
        late = self.at(2026, 6, 12, 23, 50)
        self.sale("across midnight", when=late, closed=late + 25 * MINUTE)
        self.sale("before four in the morning", when=self.at(2026, 6, 13, 3, 15))
        self.sale("the night the clock goes forward", when=self.at(2026, 3, 8, 1, 55), closed=self.at(2026, 3, 8, 3, 5))
        self.sale("the hour that comes twice, first", when=self.at(2025, 11, 2, 1, 30))
        self.sale("the hour that comes twice, second", when=self.at(2025, 11, 2, 1, 30, fold=1))
        self.sale("older than a year", when=self.at(2025, 8, 9, 19))
        self.sale("the last millisecond of a day", when=self.at(2026, 6, 15, 0) - 1, closed=self.at(2026, 6, 15, 0) - 1)
        self.sale("open for three days", when=self.at(2026, 6, 16, 18), closed=self.at(2026, 6, 19, 11))
        offline = self.at(2026, 9, 26, 20)
        upload = offline + 71 * HOUR
        tender = TenderUse("visa", offline + MINUTE, offline=offline + MINUTE, updated=upload, staff=self.staff)
        self.sale(
            "taken offline, sent 71 hours later",
            when=offline,
            closed=offline + 2 * MINUTE,
            updated=upload,
            tenders=(tender,),
        )
        same = self.at(2026, 6, 20, 12)
        for turn in range(3):
            self.sale(f"three orders in the same millisecond, {turn + 1}", when=same, closed=same + 60_000)
        self.sale("changed three months later", when=self.at(2026, 6, 21, 12), updated=self.at(2026, 9, 21, 9))

    def states(self) -> None:
        """Open, drafted, canceled, scheduled, authorized only, deposits before the day."""
        self.sale(
            "open check",
            when=self.at(2026, 9, 30, 20),
            closed=None,
            tenders=(),
            state=OPEN,
            updated=self.at(2026, 9, 30, 21),
        )
        stale = self.at(2026, 7, 4, 20)
        self.sale("open check forgotten in July", when=stale, closed=None, tenders=(), state=OPEN, updated=stale + HOUR)
        self.sale(
            "draft",
            when=self.at(2026, 9, 30, 15),
            closed=None,
            tenders=(),
            state=DRAFT,
            updated=self.at(2026, 9, 30, 15, 1),
        )
        self.sale("voided check", tenders=(), state=CANCELED)
        when = self.next()
        tender = TenderUse("visa", when + MINUTE, status="CANCELED")
        self.sale("voided check after a payment", when=when, tenders=(tender,), state=CANCELED)
        zero = self.some()
        zero[1].qty = 0
        self.sale(
            "line voided to quantity zero on an open check",
            zero,
            when=self.at(2026, 9, 30, 22),
            closed=None,
            tenders=(),
            state=OPEN,
            updated=self.at(2026, 9, 30, 22, 5),
        )
        authorized = TenderUse("visa", self.at(2026, 9, 30, 21), status="APPROVED")
        self.sale(
            "card authorized, not captured",
            when=self.at(2026, 9, 30, 20, 50),
            closed=None,
            tenders=(authorized,),
            state=OPEN,
            updated=self.at(2026, 9, 30, 21),
        )
        ahead = self.at(2026, 10, 9, 18)
        recipient = {
            "name": "Wilhelmina Featherstonehaugh",
            "phone": "+12185558207",
            "email": "w.featherstonehaugh@example.org",
        }
        pickup = Fulfillment("PICKUP", "PROPOSED", ahead, scheduled=True, **recipient)  # type: ignore[arg-type]
        placed = self.at(2026, 9, 29, 10)
        tenders = (TenderUse("online", placed + 900),)
        self.sale(
            "scheduled for later, paid already",
            when=placed,
            closed=None,
            state=OPEN,
            tenders=tenders,
            updated=placed + 2000,
            fulfillments=(pickup,),
            source="Square Online",
            version=4,
            product="ONLINE_STORE",
        )
        catering = replace(pickup, kind="DELIVERY", when=ahead + 3 * DAY, address=("9 Hill Rd", "Duluth"))
        deposit = (TenderUse("online", placed + HOUR, cents=1000),)
        self.sale(
            "catering with a deposit, rest still due",
            self.some(6),
            when=placed + HOUR,
            closed=None,
            state=OPEN,
            tenders=deposit,
            updated=placed + HOUR + 2000,
            fulfillments=(catering,),
            source="Catering form",
            version=2,
            product="ECOMMERCE_API",
        )

    def lines(self) -> None:
        """Fractions, weights, custom amounts, leftovers of the catalog, odd texts, modifiers of all kinds."""
        pen, dish = self.pen, self.dish()
        beans = Line("Coffee beans", "By weight", None, None, 2399, e5("0.375"), taxes=(0,), unit="IMPERIAL_POUND")
        self.sale("quantity with fractions", [beans, *self.some(1)])
        self.sale("quantity with five decimals", [replace(beans, qty=e5("1.23457"))])
        self.sale(
            "item that is no longer in the catalog",
            [replace(pen.line(dish), id="ITEMOFLONGAGO00000000001", version=1_600_000_000_000, name="Elvis Sandwich")],
        )
        gone = Mod("MODOFLONGAGO000000000001", "Banana", 125, 1_600_000_000_000)
        self.sale("modifier that is no longer in the catalog", [pen.line(dish, mods=[gone])])
        self.sale("line without a catalog item", [Line("Lost corkscrew", None, None, None, 1200)])
        self.sale(
            "custom amount without a name",
            [Line(None, None, None, None, 1750, taxes=(0,), kind="CUSTOM_AMOUNT", note="Private room")],
        )
        self.sale(
            "open price", [replace(pen.line(dish), cents=3141, name="Catch of the day", variation="Market price")]
        )
        rich = self.with_mods[0] if self.with_mods else dish
        mods = [group[0] for group in rich.mods[:3]]
        if mods:
            self.sale("modifier twice", [pen.line(rich, mods=[replace(mods[0], qty=2)])])
            self.sale("modifier of quantity zero", [pen.line(rich, mods=[replace(mods[0], qty=0)])])
            self.sale("modifier without a quantity", [pen.line(rich, "2", mods=[replace(mods[0], sent=False)])])
            self.sale("many modifiers", [pen.line(rich, mods=mods), pen.line(rich, "3", mods=mods[:1])])
        self.sale("modifier that lowers the price", [pen.line(dish, mods=[Mod(None, "No bread", -100)])])
        self.sale("free line", [Line("Tap water", "Glass", None, None, 0), *self.some(1)])
        self.sale("note with every kind of text", [pen.line(dish, note="Ohne Zwiebeln 🧅 — بدون بصل " + "x" * 300)])
        self.sale("forty lines", [pen.line(self.dish()) for _ in range(40)])
        self.sale("very large order", [replace(pen.line(dish), qty=900 * E5)])
        self.sale("no net amounts", source="Invoices", product="INVOICES", version=3, no_net=True)
        self.sale(
            "metadata and reference",
            reference="PO-2026-117",
            metadata={"table": "12", "guests": "4"},
            version=2,
            source="Aura Test Kiosk",
        )

    def channels(self) -> None:
        """Marketplaces, couriers, shipments, other locations."""
        when = self.next()
        remitted = TaxUse("Sales tax (remitted by DoorDash)", e5("8.875"), "8.875", auto=False)
        lines = [self.pen.line(self.dish(), taxes=(0,)) for _ in range(2)]
        courier = Fulfillment("DELIVERY", "COMPLETED", when + HOUR, managed=True)
        fields: dict[str, Any] = {
            "source": "DoorDash",
            "version": 5,
            "product": "ECOMMERCE_API",
            "fulfillments": (courier,),
        }
        self.sale(
            "marketplace order with remitted tax",
            lines,
            when=when,
            taxes=(remitted,),
            used_only=False,
            reference="DD-REMITTED",
            tenders=(TenderUse("delivery", when + 900),),
            **fields,
        )
        fields["source"] = "Uber Eats"
        untaxed = [replace(line, taxes=()) for line in lines]
        self.sale(
            "marketplace order without tax",
            untaxed,
            reference="UE-4417",
            tenders=(TenderUse("delivery", self._clock + HOUR, note="Uber Eats"),),
            **fields,
        )
        shipment = Fulfillment(
            "SHIPMENT",
            "COMPLETED",
            None,
            "Wilhelmina Featherstonehaugh",
            "+12185558207",
            address=("9 Hill Rd", "Duluth"),
        )
        self.sale(
            "shipped order",
            fulfillments=(shipment,),
            source="Square Online",
            version=6,
            product="ONLINE_STORE",
            tenders=(TenderUse("online", self._clock + HOUR),),
        )
        parts = replace(shipment, kind="PICKUP", entries=(0,)), replace(shipment, kind="DELIVERY", entries=(1,))
        self.sale(
            "half picked up, half delivered",
            fulfillments=parts,
            source="Square Online",
            version=6,
            product="ONLINE_STORE",
            tenders=(TenderUse("online", self._clock + HOUR),),
        )
        inside = Fulfillment("IN_STORE", "COMPLETED", None)
        self.sale("dine-in as newer versions say it", fulfillments=(inside,), source="Square Point of Sale", version=2)
        other = self.sale("order of a location that is closed for good")
        self.pen.history.change(other, location="L0LDSH0P00001")

    def payouts(self) -> None:
        """Entries that are no sales, an instant transfer, a failed and a negative payout."""
        history, place = self.pen.history, self.place.id
        day = date(2026, 8, 10)
        rows = (
            ("SQUARE_CAPITAL_PAYMENT", -4500, 0),
            ("HOLD_ADJUSTMENT", -10_000, 0),
            ("RELEASE_ADJUSTMENT", 10_000, 0),
            ("AUTOMATIC_SAVINGS", -2500, 0),
            ("THIRD_PARTY_FEE", -999, 0),
            ("TAX_ON_FEE", -80, 0),
            ("FREE_PROCESSING", 0, -145),
            ("OTHER_ADJUSTMENT", 321, 0),
            ("DISPUTE", -1875, 1500),
            ("GIFT_CARD_LOAD_FEE", -125, 0),
            ("SQUARE_PAYROLL_TRANSFER", -50_000, 0),
            ("SOMETHING_NEW", -77, 0),
        )
        for turn, (kind, gross, fee) in enumerate(rows):
            history.extras.append(Extra(place, day + timedelta(days=turn), kind, gross, fee))
        history.extras.append(Extra(place, date(2026, 8, 25), "RETURNED_PAYOUT", 150, 0))
        history.failed_payouts.add((place, date(2026, 8, 24)))
        stamp = self.at(2026, 9, 5, 13)
        history.instants.append(Instant(place, stamp, 20_000, 350))
        history.extras.append(Extra(place, date(2026, 9, 5), "MONEY_TRANSFER", -20_350))
        history.extras.append(Extra(place, date(2026, 9, 12), "RESERVE_HOLD", -400_000))

    def drawers(self) -> None:
        """A drawer that was never counted, one still open, money in and out."""
        history, place = self.pen.history, self.place.id
        history.drawer_states[place, date(2026, 9, 29)] = "ENDED"
        history.drawer_states[place, date(2026, 9, 30)] = "OPEN"
        day = date(2026, 9, 20)
        stamp = self.at(2026, 9, 20, 16)
        history.drawer_events.append(
            Written(place, day, "PAID_OUT", 250_000, stamp, "Piano tuner; more than was in it")
        )
        history.drawer_events.append(Written(place, day, "PAID_IN", 5_000, stamp + MINUTE, "Change"))
