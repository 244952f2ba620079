"""Words of the trade: money, ids, hashes, the clock and the business day, errors.

Pure functions and small values only. Nothing in here imports another folder of this package, opens a connection or
reads the environment.
"""
