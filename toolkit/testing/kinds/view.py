"""The contract of a view."""

from __future__ import annotations

import torch

from toolkit.testing.contract import CONTEXT, Rule, Subject, require

_H, _W = 6, 10


def inverse_is_exact(subject: Subject) -> None:
    """Undoes itself exactly, on images and maps that are not square."""
    view = subject.build()
    for channels in (3, CONTEXT.n_classes):
        original = torch.arange(2 * channels * _H * _W).reshape(2, channels, _H, _W).float()
        seen = view.forward(original)
        require(seen.shape[:2] == original.shape[:2], f"forward gives {tuple(seen.shape)}")
        require(
            sorted(seen.shape[2:]) == sorted(original.shape[2:]),
            f"forward turns {_H} × {_W} into {seen.shape[2]} × {seen.shape[3]}",
        )
        back = view.inverse(seen)
        require(back.shape == original.shape, f"inverse gives {tuple(back.shape)}")
        require(torch.equal(back, original), "inverse(forward(x)) is not x")


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


RULES: tuple[Rule, ...] = (inverse_is_exact, leaves_inputs)
