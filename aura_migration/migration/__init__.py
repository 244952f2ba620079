"""The journey of one location: states, requests, stages in order, decisions, progress, audit trail.

Each stage function reads what the stage before it stored and stores its own result; Dagster assets, the CLI and later
the API call the same functions. Nothing here knows Dagster, a wire format or how a row is written.
"""
