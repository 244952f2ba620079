"""Which connectors there are: built in, and by entry point."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from aura_migration.core.errors import BadInput
from aura_migration.pos import registry
from aura_migration.pos.square import CONNECTOR


def plug(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    point = EntryPoint(name, value, registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == registry.GROUP else [])


def test_a_built_in_connector_is_found_by_name() -> None:
    assert registry.connector("square") is CONNECTOR
    assert CONNECTOR.pos == "square"


def test_an_unknown_pos_is_refused_with_what_there_is() -> None:
    with pytest.raises(BadInput) as caught:
        registry.connector("lightspeed")
    assert "'lightspeed'" in caught.value.what
    assert all(name in caught.value.remedy for name in ("square", "toast", "clover"))


def test_a_plugin_brings_a_pos_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, "mypos", "aura_migration.pos.square:CONNECTOR")
    assert registry.names() == ("square", "toast", "clover", "mypos")
    found: Any = registry.connector("mypos")
    assert found is CONNECTOR


def test_a_plugin_cannot_take_the_place_of_a_built_in_pos(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, "square", "json:dumps")
    assert registry.connector("square") is CONNECTOR
    assert registry.names() == ("square", "toast", "clover")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("json:dumps", "is no connector"),
        ("no_such_package_at_all:X", "cannot be loaded"),
        ("json:nothing", "cannot be loaded"),
    ],
)
def test_a_plugin_that_is_broken_is_named(monkeypatch: pytest.MonkeyPatch, value: str, named: str) -> None:
    plug(monkeypatch, "mypos", value)
    with pytest.raises(BadInput, match=named):
        registry.connector("mypos")


def test_naming_the_pos_imports_no_connector() -> None:
    code = (
        "import sys; from aura_migration.pos import registry; registry.names();"
        "print('aura_migration.pos.square' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
