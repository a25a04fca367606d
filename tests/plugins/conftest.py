from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.plugin.discovery import load_registry
from toolkit.plugin.registry import Registry
from toolkit.project import Project


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The built-in components and the plugins that are shipped."""
    return load_registry(Project(Path(__file__).parents[2]))
