"""Time per image of test-time views: one pass per view, and all views of a shape in one pass.

    OMP_NUM_THREADS=1 python tests/benchmarks/views.py [image size]

Both ways take turns in one process, on the GPU (bf16) if there is one, else in CPU time. Batches of
one image are what is left at the end of a split and what `--batch-size 1` gives; full batches hold
as many images and views either way.

One H100 at 512 px: one pass is 1.4 to 1.8 times as fast for hflip, 1.7 to 3.1 for hflip*rot90, 4.0
to 5.2 for d4, 1.4 to 2.3 with two scales. On two CPU cores there is no clear difference.
"""

from __future__ import annotations

import sys
import time
from itertools import repeat
from unittest import mock

import numpy as np
import torch
from torch import nn
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from toolkit.plugin.discovery import load_registry
from toolkit.predict.passes import Passes
from toolkit.predict.views import parse_views
from toolkit.train.device import choose_device, make_compute

N_CLASSES, REPEATS = 12, 5
VIEWS = ("hflip", "hflip*rot90", "d4", "hflip*scale0.75+scale1.25")


class Network(nn.Module):
    """Torchvision's network with its logits alone."""

    def __init__(self) -> None:
        super().__init__()
        self.network = lraspp_mobilenet_v3_large(weights_backbone=None, num_classes=N_CLASSES)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(images)["out"]
        return logits


def seconds(passes: Passes, n_images: int, size: int) -> float:
    clock = time.process_time if passes.compute.device.type == "cpu" else time.perf_counter
    images = [np.zeros((size, size, 3), np.uint8)] * n_images
    started = clock()
    for _ in passes.maps(images, repeat((size, size))):
        pass
    return (clock() - started) / n_images


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    device = choose_device("auto")
    compute = make_compute(
        device,
        precision="fp32" if device.type == "cpu" else "bf16",
        channels_last=True,
        mean=(0.5,) * 3,
        std=(0.2,) * 3,
    )
    model = compute.place(Network().eval())
    print(f"{device}, {size} px, milliseconds per image: one pass per view / one batch")
    for text in VIEWS:
        for batch_size, n_images in ((8, 1), (8, 16)):
            passes = Passes(model, compute, parse_views(text, load_registry(None)), batch_size)
            best = dict.fromkeys(("loop", "batch"), float("inf"))
            for _ in range(REPEATS):
                for way, together in (("loop", set()), ("batch", {device.type})):
                    with mock.patch("toolkit.predict.passes._FASTER_TOGETHER", together):
                        best[way] = min(best[way], seconds(passes, n_images, size))
            print(
                f"{text:28} {n_images:2} images: {best['loop'] * 1e3:7.1f} /"
                f" {best['batch'] * 1e3:7.1f}   x {best['loop'] / best['batch']:.2f}"
            )


if __name__ == "__main__":
    main()
