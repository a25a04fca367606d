"""Test-time views and their products: several looks at one image, averaged as probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.files import digest_of
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, View
from toolkit.plugin.registry import Registry
from toolkit.recipe.components import NO_VIEWS, view_names

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Product:
    """Views applied one after the other; without any it is the identity."""

    factors: tuple[View, ...] = ()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> the images as the network sees them; H and W may swap."""
        for view in self.factors:
            images = view.forward(images)
        return images

    def inverse(self, maps: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) from the network -> the maps in the original orientation."""
        for view in reversed(self.factors):
            maps = view.inverse(maps)
        return maps


@dataclass(frozen=True)
class ViewSet:
    """The views that one member is predicted with.

    The member's map is the mean over views of *probabilities* (softmax first), not of logits.

    Attributes:
        text: the specification, as in "hflip*rot90".
        views: different views, the identity first.
        digest: hash of what the views do to an image; equal effects have equal digests.
    """

    text: str
    views: tuple[Product, ...]
    digest: str

    def __len__(self) -> int:
        return len(self.views)


def parse_views(text: str, registry: Registry, context: Context | None = None) -> ViewSet:
    """Return the views that `text` stands for.

    Each name is a factor {identity, view} and the factors are multiplied: `hflip*rot90` is the
    identity, hflip, rot90 and both. Products that do the same to an image are kept once, so that
    `hflip*rot90*rot180` are the 8 symmetries of the square. "none" is the identity alone.

    Raises:
        UsageError: an unknown view or a missing name.
    """
    names = view_names(text)
    context = context or Context(class_names=())
    effects = {_effect(Product()): Product()}
    for name in names:
        view = registry.build("view", ComponentSpec(name=name), context)
        for product in [Product((*known.factors, view)) for known in effects.values()]:
            effects.setdefault(_effect(product), product)
    return ViewSet("*".join(names) or NO_VIEWS, tuple(effects.values()), digest_of(*effects))


def _effect(product: Product) -> bytes:
    """Return what a view and its inverse do to a picture in which no two pixels are alike."""
    import torch

    probe = torch.rand((1, 3, 32, 48), generator=torch.Generator().manual_seed(0))
    seen = product.forward(probe)
    parts = [str(tuple(seen.shape)).encode()]
    parts += [values.contiguous().numpy().tobytes() for values in (seen, product.inverse(seen))]
    return b"".join(parts)
