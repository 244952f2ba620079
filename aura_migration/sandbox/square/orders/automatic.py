"""What the till gives by itself: the pricing rules of the catalog that are in force at the moment of a sale.

Documented is which products, hours and dates a rule has, not how several rules share a line, how often a bundle counts or how
an amount off meets several pieces. Where a sale comes to such a question it is `doubtful`; ordinary guests of a day of trade
stay away from those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aura_migration.sandbox.square.model import DAYS, Discount, Item, Location, PricingRule, ProductSet, TimePeriod
from aura_migration.sandbox.square.model import Variation as Way
from aura_migration.sandbox.square.orders.arithmetic import work_out
from aura_migration.sandbox.square.orders.model import E5, DiscountUse, Line, e5
from aura_migration.sandbox.square.world import World


def use_of(held: Discount) -> DiscountUse:
    """A discount of the catalog as an order holds it, with the percentage or the cents of the catalog."""
    use = DiscountUse(held.name, held.kind, id=held.id, version=held.stamp, cap=held.cap)
    use = replace(use, keeps_basis=held.keeps_tax_basis)
    if held.percentage:
        return replace(use, rate=e5(held.percentage), text=held.percentage)
    return replace(use, cents=held.cents)


def automatic(world: World, place: Location, lines: Sequence[Line], at: int) -> tuple[tuple[DiscountUse, ...], bool]:
    """The discounts that rules give on these lines at that moment (milliseconds), and whether anything is doubtful."""
    local = datetime.fromtimestamp(at / 1000, ZoneInfo(place.timezone)).replace(tzinfo=None)
    subtotal = sum(work_out(lines, (), (), ()).gross)
    taken: set[int] = set()
    found: list[DiscountUse] = []
    doubtful = False
    for rule in world.of_type("PRICING_RULE"):
        if (
            not isinstance(rule, PricingRule)
            or rule.deleted
            or rule.customer_groups
            or not rule.presence.covers(place.id)
        ):
            continue
        discount = world.live(rule.discount_id)
        if not isinstance(discount, Discount) or not discount.presence.covers(place.id):
            continue
        if not in_force(world, rule, local) or subtotal < (rule.minimum_cents or 0):
            continue
        hit, sure = _covered(world, rule, lines)
        doubtful = doubtful or not sure or bool(taken & set(hit))
        hit = [line for line in hit if line not in taken]
        if not hit:
            continue
        use = use_of(discount)
        bundle = _is_bundle(world, rule)
        if use.cents is not None and not bundle and (len(hit) > 1 or any(lines[line].qty != E5 for line in hit)):
            doubtful = True
        taken.update(hit)
        found.append(replace(use, lines=tuple(hit), rule_id=rule.id))
    return tuple(found), doubtful


def in_force(world: World, rule: PricingRule, local: datetime) -> bool:
    """Do its dates and one of its time periods hold this local time?"""
    if rule.valid_from is not None and local < datetime.fromisoformat("T".join(rule.valid_from)):
        return False
    if rule.valid_until is not None and local > datetime.fromisoformat("T".join(rule.valid_until)):
        return False
    periods = [world.live(period) for period in rule.period_ids]
    return not rule.period_ids or any(isinstance(one, TimePeriod) and holds(one, local) for one in periods)


def holds(period: TimePeriod, local: datetime) -> bool:
    """Is this local time in a period that began today, or yesterday before midnight?"""
    hour, minute = map(int, period.start.split(":"))
    for back in (0, 1):
        begins = local.replace(hour=hour, minute=minute, second=0, microsecond=0) - timedelta(days=back)
        day = DAYS[(begins.weekday() + 1) % 7]
        runs = f"{begins:%Y%m%d}" >= period.since and day in [held[:3].upper() for held in period.days]
        if runs and begins <= local < begins + timedelta(minutes=period.minutes):
            return True
    return False


def _is_bundle(world: World, rule: PricingRule) -> bool:
    held = world.live(rule.match_id)
    return isinstance(held, ProductSet) and bool(held.all_ids)


def _covered(world: World, rule: PricingRule, lines: Sequence[Line]) -> tuple[list[int], bool]:
    """The lines a rule discounts, and whether that is beyond doubt."""
    held = world.live(rule.match_id)
    if not isinstance(held, ProductSet):
        return [], True
    if held.all_ids:
        parts = [[at for at, line in enumerate(lines) if matches(world, part, line)] for part in held.all_ids]
        if not all(parts):
            return [], True
        firsts = sorted({part[0] for part in parts})
        sure = all(len(part) == 1 for part in parts) and all(lines[at].qty == E5 for at in firsts)
        return firsts, sure and len(firsts) == len(parts)
    hit = [at for at, line in enumerate(lines) if matches(world, held.id, line)]
    pieces = sum(lines[at].qty for at in hit) // E5
    least = held.exact or held.minimum or 1
    if least > 1 or rule.exclude_id is not None:
        return [], pieces < least
    return hit, True


def matches(world: World, product_id: str, line: Line) -> bool:
    """Is a line of that product: a variation, an item, an item of a category, or a member of a product set?"""
    way = world.get(line.id)
    item = world.get(way.item_id) if isinstance(way, Way) else None
    if not isinstance(way, Way) or not isinstance(item, Item):
        return False
    if product_id in (way.id, item.id) or any(product_id == category for category, _ in item.categories):
        return True
    held = world.live(product_id)
    if not isinstance(held, ProductSet):
        return False
    return held.all_products or any(matches(world, member, line) for member in (*held.any_ids, *held.all_ids))
