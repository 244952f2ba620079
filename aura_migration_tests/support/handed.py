"""Exports as a restaurant would hand them over, small, and with values no other text contains: easy to search for."""

from __future__ import annotations

from aura_migration.intake.checking import Place

PLACE = Place(1, "toast", None, "USD", "America/Chicago", "US")
GIFT_CARDS = """Gift card report,,,,
Card Number,Current Balance,Status,Issue Date,Expires
7783320000004417,"$1,234.50",Active,2025-12-24,2030-12-24
7783 3200 0000 9925,$20.00,Redeemed? no,2026-01-02,
7783320000001111,$0.00,Redeemed,2025-01-02,
0000320000002222,$15.25,Suspended,2025-05-01,2026-05-01
Total,"$1,269.75",,,
"""
"""Three sound cards, one with a state nobody knows, and a total that agrees with all four."""
LOYALTY = """Phone,Email,Points,Lifetime Points,Tier,Joined
(312) 555-0142,maria.quintero@canary-mail.example.com,"1,250","4,000",Gold,2024-02-03
,jo@canary-mail.example.com,-35,120,,2024-03-04
312-555-0190,,80,80,,
"""
HOUSE = """Account Name,Contact Email,Balance Due,Credit Limit
Quillfeather Catering,desk@canary-mail.example.com,"$1,284.50","$2,500.00"
Rotary Lunch,,($15.00),
"""
CONSENTS = """Email,Phone,Channel,Opted In,Recorded At,Source
maria.quintero@canary-mail.example.com,,Email,Yes,2026-01-05T10:00:00-06:00,Website form
maria.quintero@canary-mail.example.com,,Email,No,2026-02-05T10:00:00-06:00,Unsubscribe link
,312-555-0190,SMS,TRUE,2026-01-07T10:00:00-06:00,Keyword
jo@canary-mail.example.com,,Email,maybe,2026-01-07T10:00:00-06:00,Paper
jo@canary-mail.example.com,,Email,Yes,,Paper
jo@canary-mail.example.com,,Carrier pigeon,Yes,2026-01-07T10:00:00-06:00,Paper
"""
PAYROLL = """Employee Number,Employee Name,Period Start,Period End,Regular Hours,Overtime Hours,Gross Pay,Tips
E-104417,Zebulon Quillfeather,01/19/2026,02/01/2026,75.5,2:30,"$1,812.40",$310.00
E-104418,Ottoline Brambleby,01/19/2026,02/01/2026,40,0,$600.00,
"""
CANARIES = (
    "7783320000004417",
    "778332000000",
    "3200 0000 9925",
    "0000320000002222",
    "canary-mail",
    "quintero",
    "555-0142",
    "5550142",
    "555-0190",
    "5550190",
    "Quillfeather",
    "quillfeather",
    "Zebulon",
    "104417",
    "1,812.40",
    "181240",
)
"""Pieces of card numbers, contacts, names and pay of the exports above."""
