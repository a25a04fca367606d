"""What a command works with: the project, its components, and who is told what happens."""

from __future__ import annotations

from dataclasses import dataclass, replace

from toolkit.plugin.registry import Registry
from toolkit.progress import Progress, SilentProgress
from toolkit.project import Project


@dataclass(frozen=True)
class Workspace:
    """Project, registry and progress of one command, made once by the command line.

    A function that needs two of the three, or hands them on, takes it as its first parameter: in
    `experiment`, `search`, `submission` and `pseudo`, and `fit` and `open_batches`, which need all
    three. All others take what they use: a data loader does not know of a registry.

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
