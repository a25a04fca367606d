"""What every command that needs plugins does first."""

from __future__ import annotations

from toolkit.cli import console
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.problems import shown_path


def open_registry(project: Project) -> Registry:
    """Load the plugins and say in one line each which of them failed."""
    registry = load_registry(project)
    for failure in registry.failures:
        where = f" ({shown_path(failure.file)})" if failure.file else ""
        console.warn(f"plugin {failure.source}{where} was skipped: {failure.message}")
    return registry
