"""Toast's orders and cash of the past: how they are read into a snapshot, and what becomes of them in AuraConnect.

    extract.py    orders by date of change and by business date
    cash.py       cash entries and deposits, a business date at a time
    reread.py     single orders asked for by their ids
    wire.py       what the mapping reads of an order
    numbers.py    amounts, quantities and instants out of JSON, quickly and exactly
    names.py      what the configuration calls things, and which sizes are variations
    mapping.py    bodies to documents: groups and checks
    lines.py      what stands on a check: lines, discounts, charges, taxes
    money.py      payments, refunds and what they do to house accounts
    drawer.py     cash entries and deposits as documents

Nothing in here is for other packages; the connector is in the package above.
"""
