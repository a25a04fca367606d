"""The contract of a view."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from toolkit.testing.contract import Rule, Subject, require

_H, _W = 6, 10
_LARGE_H, _LARGE_W = 96, 160


def inverse_is_exact(subject: Subject) -> None:
    """Undoes itself exactly, on images and maps that are not square, of even and odd sides."""
    view = subject.build()
    exact = []
    for channels, height, width in ((3, _H, _W), (subject.context.n_classes, _H + 1, _W + 1)):
        shape = 2, channels, height, width
        original = torch.arange(math.prod(shape)).reshape(shape).float()
        seen = view.forward(original)
        require(seen.shape[:2] == original.shape[:2], f"forward gives {tuple(seen.shape)}")
        back = view.inverse(seen)
        require(back.shape[:2] == original.shape[:2], f"inverse gives {tuple(back.shape)}")
        exact.append(back.shape == original.shape)
        if exact[-1]:
            require(torch.equal(back, original), "inverse(forward(x)) is not x")
    require(exact[0] == exact[1], "the size comes back changed for even or for odd sides alone")


def gives_the_networks_maps_back(subject: Subject) -> None:
    """Gives maps back in the order of the network's classes: channels of photos are no classes."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, _H, _W, generator=generator)
    weights = torch.rand(subject.context.n_classes, 3, generator=generator)

    def network(seen: torch.Tensor) -> torch.Tensor:
        return torch.einsum("kc,bchw->bkhw", weights, seen)

    view = subject.build()
    expected = network(images)
    back = view.inverse(network(view.forward(images)))
    if back.shape == expected.shape:
        require(
            torch.allclose(back, expected, atol=1e-5),
            "the maps of a network that looks at single pixels come back changed",
        )


def keeps_places(subject: Subject) -> None:
    """Lays its maps over the image to within one of their own pixels, if it resamples."""
    size = _LARGE_H, _LARGE_W
    rows, columns = torch.arange(size[0]).float(), torch.arange(size[1]).float()
    places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]
    view = subject.build()
    back = view.inverse(view.forward(torch.cat([places, places[:, :1]], 1)))[:, :2]
    laid = functional.interpolate(back, size, mode="bilinear", align_corners=False)
    pixel = max(1.0, *(whole / own for whole, own in zip(size, back.shape[-2:], strict=True)))
    wrong = float((laid - places).abs().max())
    require(wrong <= pixel, f"pixels of an image of {size} are {wrong:.1f} from their place")


def fits_networks(subject: Subject) -> None:
    """Keeps sides that are multiples of 32 so: encoders need it."""
    seen = subject.build().forward(torch.zeros(1, 3, _LARGE_H, _LARGE_W))
    sides = seen.shape[-2:]
    require(
        all(side % 32 == 0 for side in sides),
        f"forward turns {_LARGE_H} × {_LARGE_W} into {sides[0]} × {sides[1]}",
    )


def leaves_inputs(subject: Subject) -> None:
    """Leaves its input as it was."""
    view = subject.build()
    images = torch.rand(1, 3, _H, _W, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    seen = view.forward(images)
    kept = seen.clone()
    view.inverse(seen)
    require(torch.equal(images, before), "forward changed the images in place")
    require(torch.equal(seen, kept), "inverse changed the maps in place")


RULES: tuple[Rule, ...] = (
    inverse_is_exact,
    gives_the_networks_maps_back,
    keeps_places,
    fits_networks,
    leaves_inputs,
)
