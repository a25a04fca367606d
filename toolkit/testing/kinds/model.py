"""The contract of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.testing.contract import Rule, Subject, require
from toolkit.train.outputs import MAIN, main_output, output_shapes

_SIZES = ((64, 64), (33, 65), (96, 40))


def _images(subject: Subject, batch: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, subject.context.channels, height, width, generator=generator)


@torch.inference_mode()
def _logits(network: nn.Module, images: Tensor) -> Tensor:
    return main_output(network.eval()(images))


def keeps_size(subject: Subject) -> None:
    """Maps (B, 3, H, W) to finite logits (B, C, H, W), at odd sizes and for one image too."""
    network = subject.component
    require(
        isinstance(network, nn.Module), f"it is a {type(network).__name__}, not a torch.nn.Module"
    )
    for height, width in _SIZES:
        with torch.inference_mode():
            output = network.eval()(_images(subject, 1, height, width))
        output_shapes(output, (1, subject.context.n_classes, height, width), subject.entry.name)
        for name, values in _outputs(output).items():
            require(_finite(values), f"output {name} at {height} × {width} is not finite")


def _outputs(output: Any) -> dict[str, Tensor]:
    return dict(output) if isinstance(output, Mapping) else {MAIN: output}


def follows_the_class_list(subject: Subject) -> None:
    """Has one channel per class of the run."""
    names = (*subject.context.class_names, *(f"class {number}" for number in range(7)))
    network = subject.build(
        class_names=names,
        pixel_share=tuple(1 / len(names) for _ in names),
        image_counts=tuple(9 for _ in names),
    )
    channels = _logits(network, _images(subject, 1, 64, 64)).shape[1]
    require(channels == len(names), f"{channels} channels for {len(names)} classes")


def returns_logits(subject: Subject) -> None:
    """Returns logits, not probabilities."""
    logits = _logits(subject.component, _images(subject, 1, 64, 64))
    sums = logits.sum(dim=1)
    require(
        not torch.allclose(sums, torch.ones_like(sums), atol=1e-3),
        "the channels sum to 1: leave the softmax to the loss and to the predictor",
    )


def learns(subject: Subject) -> None:
    """Sends a finite gradient to every parameter, at a batch of two and an odd size."""
    network = subject.component.train()
    outputs = _outputs(network(_images(subject, 2, 65, 97)))
    torch.autograd.backward(torch.stack([o.square().mean() for o in outputs.values()]).sum())
    trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
    require(bool(trained), "no parameter can be trained")
    # Distributed training waits for the gradient of every parameter.
    unused = [name for name, parameter in trained.items() if parameter.grad is None]
    require(not unused, f"{len(unused)} parameters get no gradient, for example {unused[:1]}")
    broken = [name for name, p in trained.items() if p.grad is not None and not _finite(p.grad)]
    require(not broken, f"the gradient of {broken[:1]} is not finite")


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())


def treats_images_alone(subject: Subject) -> None:
    """Gives an image the same logits alone and in a batch, when not training."""
    network = subject.component
    images = _images(subject, 2, 64, 64)
    together, alone = _logits(network, images)[:1], _logits(network, images[:1])
    require(
        torch.allclose(together, alone, rtol=1e-3, atol=1e-4),
        f"logits differ by {(together - alone).abs().max():.3g}",
    )


def looks_at_photos(subject: Subject) -> None:
    """Looks at the photo, and leaves it as it was."""
    images = _images(subject, 2, 64, 64)
    before = images.clone()
    first, second = _logits(subject.component, images)
    require(torch.equal(images, before), "it changed the images in place")
    require(not torch.equal(first, second), "two different photos have the same logits")


def state_round_trips(subject: Subject) -> None:
    """Gives the same logits after its state is loaded into a fresh network."""
    network, fresh = subject.component, subject.build()
    fresh.load_state_dict(network.state_dict())
    images = _images(subject, 1, 64, 64)
    require(
        torch.equal(_logits(network, images), _logits(fresh, images)),
        "the logits differ: something that matters is not in the state dict",
    )


RULES: tuple[Rule, ...] = (
    keeps_size,
    follows_the_class_list,
    returns_logits,
    learns,
    treats_images_alone,
    looks_at_photos,
    state_round_trips,
)
