"""How many orders each scenario has, and over which time."""

from __future__ import annotations

from aura_migration.sandbox.clover.orders.book import Book
from aura_migration.sandbox.clover.orders.cash import CashLog
from aura_migration.sandbox.clover.orders.diner import diner
from aura_migration.sandbox.clover.orders.ledger import Ledger
from aura_migration.sandbox.clover.orders.ordinary import MOST, Ordinary, Season
from aura_migration.sandbox.clover.orders.reports import daily_reports
from aura_migration.sandbox.clover.orders.rules import sell_rules
from aura_migration.sandbox.clover.orders.shop import open_shop
from aura_migration.sandbox.clover.world import World

YEAR_ORDERS, YEAR_MONTHS = 100_000, 12
SEASONS = {"cafe": Season(320, 28), "diner": Season(3_000, 365), "chain": Season(60, 14)}


def populate(
    world: World,
    orders: int | None = None,
    months: int | None = None,
    vat: bool = False,
    differs: str | None = None,
) -> None:
    """Give every merchant of the world its order book; `empty`, `huge` and `crowd` never sold anything.

    `orders` is how many ordinary orders each merchant has, `months` over how long.
    """
    season = SEASONS.get(world.scenario)
    if world.scenario == "year":
        season = Season(YEAR_ORDERS, 365)
    if season is not None and (orders is not None or months is not None):
        count, span = season.count if orders is None else orders, season.days if months is None else 0
        if months is not None:
            if not 1 <= months <= 36:
                raise ValueError(f"clover sandbox: months must be between 1 and 36, not {months}")
            span = months * 365 // 12
        season = Season(count, span)
    if orders is not None and not 0 <= orders <= MOST:
        raise ValueError(f"clover sandbox: orders must be between 0 and {MOST:,}, not {orders:,}")
    for merchant in world.merchants.values():
        shop = open_shop(merchant, vat)
        ordinary = Ordinary(world.ids, shop, season) if season is not None and season.count else None
        merchant.book = Book(shop, ordinary)
        merchant.book.cash_log = world.scenario in ("diner", "year") or (
            world.scenario == "chain" and merchant.number % 2 == 1
        )
        merchant.cash = CashLog(merchant.book)
        merchant.ledger = Ledger(merchant.book)
        if world.scenario == "diner":
            diner(world, merchant.book)
        elif world.scenario == "rules":
            sell_rules(world, merchant.book, differs)
    if season is not None:
        daily_reports(world)
