"""The one HTTP client under all connectors; it knows no POS.

    client     PosClient: one request, with its limits, its token, its retries and its typed failure
    limits     documented limits as data, and Buckets, which makes every process keep them together
    allowance  the arithmetic of limits: slices, rolling windows, in-flight slots. Pure functions
    ledger     where that arithmetic's state lives: in PostgreSQL for all processes, in memory for one
    retry      whether, when and how often a failed request is repeated
    tokens     where the access token comes from, and how it is renewed by one process for all
    paging     walking cursors and pages without losing or doubling a row, and noticing a server that lies
    stats      what the traffic was like: attempts, refusals, latencies
    errors     the tree of failures, each saying whether a retry can help

Endpoints, wire formats, page sizes and the numbers of a vendor's limits do not belong here.
"""
