"""The control plane over HTTP: endpoints, live progress, sign-in to the POS, webhooks in. FastAPI only.

Every endpoint asks ``migration`` for what it does; nothing here plans, loads or judges, and nothing here knows Dagster: work is
asked for by request rows. What people see in a browser is in ``console``.
"""
