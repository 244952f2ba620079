"""Order replay: past orders are rung up again on the migrated menu, by the migrated rules, and compared to the cent.

book.py      menu and rules of a location, as AuraConnect's tables hold them     usable for any order, past or new
hours.py     when a rule holds: days, times, dates
rung.py      the past orders of a location as they stand in AuraConnect, streamed
lines.py     what of a line the menu can produce: choices, prices, taxes; each distinct line is judged once
ring.py      an order as a bill by the rules, and what of it the rules cannot produce
differ.py    a priced bill against what was charged
history.py   what all orders together show: prices, rates and taxes in the order of time
earlier.py   what prices held before a later load, by the journal
causes.py    the closed list of explanations, each with its proof
clusters.py  differences by cause, most money first
backtest.py  which way of calculating the history shows
replay.py    one replay: reads, judges, stores
"""
