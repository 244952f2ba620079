"""Clover as a local server: OAuth v2, permissions, four-way rate limits, inventory and merchant configuration.

Clover has one merchant per location, so a chain is several merchants that share nothing but names. What belongs here is
Clover's behaviour only; faults, clock, request log and control surface come from `sandbox.core`.
"""
