"""Built-in test-time views: flips, turns, the transpose, other sizes and shifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    import torch

_AXES = (-2, -1)
_GRID = 32
"""What the sides of a network's input must be multiples of: encoders halve them five times."""


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


@dataclass(frozen=True)
class Scale:
    """The image at another size; both sides become the nearest multiple of 32, and at least 32.

    Smaller sizes are made with antialiasing, as training images are. Maps stay at the resolution
    that the network gives them: they are resized once, to the size of the photo.
    """

    factor: float

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, 3, h, w), bilinear."""
        from torch.nn import functional

        height, width = images.shape[-2:]
        size = (self._side(height), self._side(width))
        antialias = self.factor < 1
        return functional.interpolate(
            images, size, mode="bilinear", align_corners=False, antialias=antialias
        )

    def inverse(self, maps: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) -> the same maps: they lie over the image already."""
        return maps

    def _side(self, side: int) -> int:
        return max(1, floor(side * self.factor / _GRID + 0.5)) * _GRID


@dataclass(frozen=True)
class Shift:
    """The image shifted down and to the right on the grid of 32 pixels that become one cell.

    Its sides grow by 32 pixels, filled with its own reflection: nothing is lost and nothing wraps
    around, so that the inverse, which cuts them off again, is exact everywhere.
    """

    pixels: int
    counts_pixels = True

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, 3, H + 32, W + 32)."""
        rows, columns = (self._reflected_indices(side, images) for side in images.shape[-2:])
        return images.index_select(-2, rows).index_select(-1, columns)

    def inverse(self, maps: torch.Tensor) -> torch.Tensor:
        """(B, C, H + 32, W + 32) -> (B, C, H, W)."""
        end = self.pixels - _GRID
        return maps[..., self.pixels : end, self.pixels : end]

    def _reflected_indices(self, side: int, images: torch.Tensor) -> torch.Tensor:
        """Return which of 0…side-1 each of side + 32 rows shows, mirrored as often as needed."""
        import torch

        period = max(2 * side - 2, 1)
        places = torch.arange(-self.pixels, side + _GRID - self.pixels, device=images.device)
        within = places.remainder(period)
        return within.minimum(period - within) if side > 1 else within


def _symmetry(name: str, turns: int, mirrored: bool, summary: str) -> Component:
    def factory(context: Context) -> Symmetry:
        return Symmetry(turns, mirrored)

    return Component(name, factory, summary)


def _scale(factor: float) -> Component:
    def factory(context: Context) -> Scale:
        return Scale(factor)

    summary = f"at {factor:g} times the size, to multiples of {_GRID} pixels"
    return Component(f"scale{factor:g}", factory, summary)


def _shift(pixels: int) -> Component:
    def factory(context: Context) -> Shift:
        return Shift(pixels)

    summary = f"{pixels} pixels down and right on the network's grid, edges mirrored"
    return Component(f"shift{pixels}", factory, summary)


@hookimpl
def trash_views() -> Sequence[Component]:
    """The group of symmetries of the square, and the sizes and shifts that are common elsewhere."""
    return [
        _symmetry("hflip", 0, True, "mirror left and right"),
        _symmetry("vflip", 2, True, "mirror top and bottom"),
        _symmetry("rot90", 1, False, "turn by 90° counter-clockwise; height and width swap"),
        _symmetry("rot180", 2, False, "turn by 180°"),
        _symmetry("rot270", 3, False, "turn by 90° clockwise; height and width swap"),
        _symmetry("transpose", 1, True, "mirror at the main diagonal; height and width swap"),
        *map(_scale, (0.5, 0.75, 1.25, 1.5, 1.75, 2.0)),
        *map(_shift, (8, 16, 24)),
    ]
