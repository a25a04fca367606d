"""template_name keeps the contract of its kind. Add what it promises beyond."""

from pathlib import Path

from toolkit.plugin.discovery import load_registry
from toolkit.project import Project
from toolkit.testing import check_component

PROJECT = Project(Path(__file__).parents[2])


def test_keeps_its_contract() -> None:
    """Fails with every broken rule in words."""
    registry = load_registry(PROJECT)
    check_component("template_kind", "template_name", registry)
