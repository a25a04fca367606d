"""What a command works with: the project, its components, and who is told what happens."""

from __future__ import annotations

from dataclasses import dataclass, replace

from toolkit.plugin.registry import Registry
from toolkit.progress import Progress, SilentProgress
from toolkit.project import Project


@dataclass(frozen=True)
class Workspace:
    """Project, registry and progress of one command, made once by the command line.

    A function takes it, as its first parameter, when it needs two of the three or hands them on: those
    that plan, execute, search and submit. A function that reads data, trains, predicts or draws, and
    itself uses one of the three, takes that one: a data loader does not know of a registry.

    Attributes:
        project: the project folder; relative paths are relative to it.
        registry: where components are found.
        progress: told what happens.
    """

    project: Project
    registry: Registry
    progress: Progress

    @property
    def silent(self) -> Workspace:
        """The same with a progress that shows nothing."""
        return replace(self, progress=SilentProgress())
