"""Orders and money of the past: what a connector emits, declared once, and how it is staged.

    rows.py        one named tuple per table: the declaration of every column
    tables.py      the same as data: tables, kinds of columns, references
    documents.py   what travels: one POS object with all its rows
    rules.py       how instants become business dates
    shapes.py      the working tables
    staging.py     bodies to working tables, in several processes; batches.py one batch, writing.py its COPY text
    checks.py      what a document must keep to be loaded

Orders never travel as frames or as ``Row``s: a mapping emits tuples, they become COPY text, and every check is SQL from
the same declaration. Menu and people are in ``menu.py`` and ``people.py``.
"""
