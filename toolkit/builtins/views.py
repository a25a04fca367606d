"""Built-in test-time views: flips, turns and the transpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    import torch

_AXES = (-2, -1)


@dataclass(frozen=True)
class Symmetry:
    """A left-right mirroring (or none) followed by quarter turns counter-clockwise.

    Odd numbers of turns swap height and width. Pixels are only moved, so the inverse is exact.
    """

    turns: int
    mirrored: bool

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, 3, H, W), or (B, 3, W, H) after an odd number of turns."""
        if self.mirrored:
            images = images.flip(-1)
        return images.rot90(self.turns, _AXES)

    def inverse(self, maps: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) maps of the turned image -> the same maps in the original orientation."""
        maps = maps.rot90(-self.turns, _AXES)
        return maps.flip(-1) if self.mirrored else maps


def _component(name: str, turns: int, mirrored: bool, summary: str) -> Component:
    def factory(context: Context) -> Symmetry:
        return Symmetry(turns, mirrored)

    return Component(name, factory, summary)


@hookimpl
def trash_views() -> Sequence[Component]:
    """The symmetries that the winning team used, and the rest of their group."""
    return [
        _component("hflip", 0, True, "mirror left and right"),
        _component("vflip", 2, True, "mirror top and bottom"),
        _component("rot90", 1, False, "turn by 90° counter-clockwise; height and width swap"),
        _component("rot180", 2, False, "turn by 180°"),
        _component("rot270", 3, False, "turn by 90° clockwise; height and width swap"),
        _component("transpose", 1, True, "mirror at the main diagonal; height and width swap"),
    ]
