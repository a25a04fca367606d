"""Test-time views and products of views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.data.resize import resize_tensor
from toolkit.files import digest_of
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, CountsPixels, View
from toolkit.plugin.registry import Registry
from toolkit.recipe.views import (
    MEAN,
    NAMED_PRODUCTS,
    Merge,
    Tiling,
    ViewPlan,
    check_view,
    read_views,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Product:
    """Views applied one after the other; without any it is the identity."""

    factors: tuple[View, ...] = ()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> the images as the network sees them."""
        for view in self.factors:
            images = view.forward(images)
        return images

    def inverse(self, maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """(B, C, h, w) from the network -> the maps in the original orientation.

        Args:
            maps: of what `forward` returned, at any resolution.
            size: (H, W) of the images before `forward`.
        """
        sizes = self._sizes(size) if any(map(_counts_pixels, self.factors)) else ()
        for position in reversed(range(len(self.factors))):
            view = self.factors[position]
            if _counts_pixels(view):
                maps = resize_tensor(maps, sizes[position])
            maps = view.inverse(maps)
        return maps

    def _sizes(self, size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Return (height, width) after every factor."""
        import torch

        image = torch.zeros((1, 3, *size))
        sizes = []
        for view in self.factors:
            image = view.forward(image)
            sizes.append((image.shape[-2], image.shape[-1]))
        return tuple(sizes)


def _counts_pixels(view: View) -> bool:
    return isinstance(view, CountsPixels) and view.counts_pixels


@dataclass(frozen=True)
class ViewSet:
    """The views that one member is predicted with.

    Attributes:
        text: the specification, as in "geometric:hflip*rot90".
        views: different views, the identity first.
        merge: how they become one map.
        tiling: how an image is cut; None = it is resized to the network's input as a whole.
        digest: hash of what is done to an image; equal effects have equal digests.
    """

    text: str
    views: tuple[Product, ...]
    merge: Merge
    tiling: Tiling | None
    digest: str

    def __len__(self) -> int:
        return len(self.views)


def parse_views(text: str, registry: Registry, context: Context | None = None) -> ViewSet:
    """Return the views that `text` stands for; `toolkit.recipe.views` says how it is written.

    Each factor is {identity, alternatives} and the factors are multiplied: `hflip*rot90` is the
    identity, hflip, rot90 and both. Products that do the same to an image are kept once, so that
    `hflip*rot90*rot180` are the 8 symmetries of the square.

    Raises:
        UsageError: an unknown view, or a text that cannot be read.
    """
    plan = read_views(text)
    effects = _products(plan, registry, context or Context(class_names=()))
    ways: list[str] = [] if plan.merge == MEAN else [plan.merge]
    ways += [] if plan.tiling is None else [plan.tiling.text]
    return ViewSet(
        text=plan.text,
        views=tuple(effects.values()),
        merge=plan.merge,
        tiling=plan.tiling,
        digest=digest_of(*effects, *ways),
    )


def _products(plan: ViewPlan, registry: Registry, context: Context) -> dict[bytes, Product]:
    """Return the different products, by their effect."""
    effects = {_effect(Product()): Product()}
    for factor in plan.factors:
        alternatives: list[Product] = []
        for name in factor:
            check_view(name, registry)
            if name in NAMED_PRODUCTS:
                named = read_views(NAMED_PRODUCTS[name])
                alternatives += _products(named, registry, context).values()
            else:
                view = registry.build("view", ComponentSpec(name=name), context)
                alternatives.append(Product((view,)))
        known = tuple(effects.values())
        for alternative in alternatives:
            for first in known:
                product = Product(first.factors + alternative.factors)
                effects.setdefault(_effect(product), product)
    return effects


def _effect(product: Product) -> bytes:
    """Return what a view and its inverse do to a picture in which no two pixels are alike."""
    import torch

    random = torch.Generator().manual_seed(0)
    probe = torch.rand((1, 3, 32, 48), generator=random)
    seen = product.forward(probe)
    undone = product.inverse(seen, (32, 48))
    if not torch.equal(undone, probe):
        # It resamples: sizes that are rounded must show, rounding of numbers must not.
        probe = torch.rand((1, 3, 160, 224), generator=random, dtype=torch.float64)
        seen = product.forward(probe)
        undone = product.inverse(seen, (160, 224)).round(decimals=6)
        seen = seen.round(decimals=6)
    parts = [str(tuple(seen.shape)).encode()]
    parts += [values.contiguous().numpy().tobytes() for values in (seen, undone)]
    return b"".join(parts)
