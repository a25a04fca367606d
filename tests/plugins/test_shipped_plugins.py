"""Every shipped plugin keeps the contract of its kind, is used and is named in the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.plugin.discovery import project_plugins
from toolkit.plugin.registry import Registry
from toolkit.testing import check_component

ROOT = Path(__file__).parents[2]
PLUGINS = [name for name, _ in project_plugins(ROOT / "plugins")]


def test_there_are_examples() -> None:
    assert {"class_threshold", "foreground_cutmix"} <= set(PLUGINS)


@pytest.mark.parametrize("name", PLUGINS)
def test_a_shipped_plugin_keeps_its_contract(name: str, registry: Registry) -> None:
    assert not registry.failures
    (entry,) = [entry for entry in registry.entries() if entry.source == name]
    assert entry.name == name, "a file of one component has its name"
    check_component(entry.kind, name, registry)


@pytest.mark.parametrize("name", PLUGINS)
def test_a_shipped_plugin_is_used_by_a_recipe_and_named_in_the_readme(name: str) -> None:
    recipes = (ROOT / "recipes").glob("**/*.toml")
    assert any(f'name = "{name}"' in path.read_text() for path in recipes)
    assert f"`{name}.py`" in (ROOT / "plugins" / "README.md").read_text()
