"""The parallel run: what both systems say of a business day, why they differ, and whether the day is evidence.

books.py      which system's figure counts, by channel and instant
day.py        one business date judged: both sides' figures, order by order
sides.py      what both systems say of the orders around a date, as the same figures
split.py      the difference of an order in parts that add up to it exactly
naming.py     the cause of each part, and what proves it
shadow.py     POS orders priced by AuraConnect's rules: the evidence of copied orders
causes.py     the closed list of causes
known.py      differences somebody answers for, with expiry
sheet.py      the consolidated daily sheet: every sale once, across both books
coverage.py   what of the restaurant's life was seen in the window
schedule.py   which days are due, pending, final or missing

Reads AuraConnect, snapshots and the window's tables; switches nothing.
"""
