"""The endpoints, a module per subject. Each exports ``router``; the application has those listed here."""

from __future__ import annotations

from fastapi import APIRouter

from aura_migration.api.routes import (
    connect,
    decisions,
    evidence,
    integrations,
    journey,
    lookups,
    migrations,
    notifications,
    steps,
    system,
    trainings,
    webhooks,
    window,
)

ROUTERS: tuple[APIRouter, ...] = (
    system.router,
    connect.router,
    integrations.router,
    migrations.router,
    journey.router,
    steps.router,
    decisions.router,
    evidence.router,
    lookups.router,
    trainings.router,
    window.looked_at,
    window.router,
    webhooks.router,
    notifications.router,
    evidence.trail,
)
