"""Snapshots: the immutable raw export of a location or a merchant, its manifest and the certificates of completeness.

What a body means does not belong here: that is the business of the connector that fetched it.
"""
