"""What every command that needs components does first."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.cli import console
from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import builtin_registry, load_registry, plugins_enabled
from toolkit.plugin.first_use import remember_files, unseen_files
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.problems import shown_path
from toolkit.workspace import Workspace

Named = tuple[str, ComponentSpec]
"""Kind of a component, and how a recipe names it."""


def open_registry(project: Project) -> Registry:
    """Load the plugins; say which files run for the first time, and in a line each which failed."""
    if plugins_enabled():
        _name_new_files(project)
    registry = load_registry(project)
    for failure in registry.failures:
        where = f" ({shown_path(failure.file)})" if failure.file else ""
        console.warn(f"plugin {failure.source}{where} was skipped: {failure.message}")
    return registry


def open_workspace(project: Project, needed: Sequence[Named] | None = None) -> Workspace:
    """Return what a command works with: its project, the loaded plugins, and the terminal.

    Args:
        project: the project folder.
        needed: the only components that the command needs, see `open_components`; None = any.
    """
    registry = open_registry(project) if needed is None else open_components(project, *needed)
    return Workspace(project, registry, console.make_progress())


def open_components(project: Project, *needed: Named) -> Registry:
    """Return a registry with these components; plugins are loaded only for foreign ones.

    A file that was written under a built-in's plain name was written by the built-in: of two
    formats with one name neither can be used by that name.
    """
    registry = builtin_registry()
    try:
        for kind, spec in needed:
            registry.find(kind, spec.name)
    except UsageError:
        return open_registry(project)
    return registry


def _name_new_files(project: Project) -> None:
    files, all_new = unseen_files(project.plugins)
    if not files:
        return
    what = "first use of the plugins in" if all_new else "new or changed plugins in"
    console.note(
        f"{what} {shown_path(project.plugins)}, which run now: {', '.join(files)} "
        "(--no-plugins leaves them out)"
    )
    remember_files(project.plugins)
