"""template_name: the image mirrored at its other diagonal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    from torch import Tensor


class OtherDiagonal:
    """Mirrors at the diagonal from the lower left; doing it twice undoes it."""

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) -> (B, 3, W, H)."""
        return images.rot90(2, (2, 3)).transpose(2, 3)

    def inverse(self, maps: Tensor) -> Tensor:
        """Maps (B, C, W, H) -> (B, C, H, W)."""
        return self.forward(maps)


def make(context: Context) -> OtherDiagonal:
    """Make the view."""
    return OtherDiagonal()


@hookimpl
def trash_views() -> list[Component]:
    """Offer the view under the name that recipes use."""
    return [Component("template_name", make, "mirrored at the other diagonal")]
