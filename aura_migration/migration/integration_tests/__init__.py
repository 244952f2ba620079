"""Integration tests of a location against its POS: orders, stock, payments, reports. Run before go-live and on demand."""

from aura_migration.migration.integration_tests.results import TestResult
from aura_migration.migration.integration_tests.running import run_integration_tests

__all__ = ["TestResult", "run_integration_tests"]
