"""POS-neutral rows in AuraConnect's terms: what each entity looks like, and whether a row may go on.

Entities are declared once as plain data (``model.py``, ``menu.py``); the pandera schema, the checks and Dagster's column
metadata, and the docs table are derived from that. What a POS's wire format looks like does not belong here, nor what
AuraConnect already holds.
"""
