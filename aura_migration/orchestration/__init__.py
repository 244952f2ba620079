"""Dagster: partitions, resources, assets, checks, jobs, sensors. The only folder that imports it.

An asset's body reads, calls a stage of ``migration`` and shows what came back. No arithmetic, no SQL, no field names of a
POS belong here; and importing it must need no database, network, secret, pandas or pandera.
"""
