"""Sandbox POS: Square, Toast and Clover as local HTTP servers with the wire format, limits and faults of the real ones.

What belongs here: a second, independent reading of each POS's public API documentation, so that the product can be
proven over real HTTP. It therefore imports nothing else of `aura_migration`, and nothing of the product imports it
except the command line. Facts that no documentation confirms are named switches, never hard-wired behaviour.
"""
