"""Pausing the cycle collector."""

from __future__ import annotations

import gc

import pytest

from aura_migration.core import collector


def test_the_collector_rests_inside_the_block_and_is_as_before_afterwards() -> None:
    assert gc.isenabled()
    with collector.paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_failure_inside_the_block_does_not_leave_the_collector_off() -> None:
    with pytest.raises(ValueError, match="no"), collector.paused():
        raise ValueError("no")
    assert gc.isenabled()
