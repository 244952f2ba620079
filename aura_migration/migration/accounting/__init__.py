"""What the accountant gets of a location's history, as files: journal, sales-tax sheet, adjustments, crosswalk.

accounts.py      which account a line of the journal goes to: defaults, and the accountant's own file
journal.py       the balanced daily journal
tax_sheet.py     sales and tax by rate, per day and per month
adjustments.py   what changed on days that are closed
crosswalk.py     which record of the POS is which row of AuraConnect
files.py         all of them as CSV

Everything is read from AuraConnect by SQL, never from the report tables: those may be older than the history.
"""
