"""A bank of objects that lie in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.plugin.interfaces import CutOut


@dataclass(frozen=True, eq=False)
class MemoryBank:
    """An `ObjectBank` of a few objects, for recipes that are checked without data and for tests.

    Attributes:
        objects: at least one.
    """

    objects: tuple[CutOut, ...]

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, position: int) -> CutOut:
        return self.objects[position]

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels that it has objects of, in ascending order."""
        return tuple(sorted({each.label for each in self.objects}))

    def of(self, label: int) -> Sequence[int]:
        """Return the positions of the objects of a label."""
        return [position for position, each in enumerate(self.objects) if each.label == label]
