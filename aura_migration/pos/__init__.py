"""The POS connectors: the port they fill, the HTTP client they share, one folder per POS.

All that knows a POS's wire format is inside that POS's folder; one such folder never imports another. ``http/`` knows no
POS: numbers, header names and error codes of a vendor are passed in by its connector.
"""
