"""How long every built-in loss takes forward and backward, beside other implementations.

    python tests/benchmarks/losses.py [image size]

CPU time of a batch of two with 12 classes, in one process and on one thread. Dice + cross entropy
and Lovász-softmax are timed in turns with segmentation-models-pytorch and with one-hot targets.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from segmentation_models_pytorch.losses import DiceLoss, LovaszLoss
from torch import Tensor
from torch.nn import functional

from toolkit import ComponentSpec, Context
from toolkit.plugin.discovery import load_registry

N_CLASSES, BATCH, REPEATS, IGNORED = 12, 2, 3, 255
Loss = Callable[[Tensor, Tensor], Tensor]


def make_batch(size: int) -> tuple[Tensor, Tensor]:
    """Return float32 logits that agree with most of a target of a few ellipses, and the target."""
    rng = np.random.default_rng(0)
    target = np.zeros((BATCH, size, size), np.uint8)
    for image in target:
        for _ in range(rng.integers(2, 5)):
            centre = rng.integers(0, size, 2).tolist()
            axes = rng.integers(size // 16, size // 4, 2).tolist()
            label = int(rng.integers(1, N_CLASSES))
            cv2.ellipse(image, centre, axes, int(rng.integers(180)), 0, 360, label, -1)
    labels = torch.from_numpy(target.astype(np.int64))
    noise = rng.standard_normal((BATCH, N_CLASSES, size, size)).astype(np.float32)
    logits = torch.from_numpy(noise) + 2 * one_hot(labels)
    labels[:, :8] = IGNORED
    return logits.requires_grad_(), labels


def one_hot(labels: Tensor) -> Tensor:
    return functional.one_hot(labels, N_CLASSES).movedim(-1, 1).float()


def obvious_dice_ce(logits: Tensor, target: Tensor) -> Tensor:
    counted = target != IGNORED
    truth = one_hot(torch.where(counted, target, 0)) * counted.unsqueeze(1)
    p = logits.softmax(dim=1) * counted.unsqueeze(1)
    dice = (2 * (p * truth).sum((0, 2, 3)) + 1) / ((p + truth).sum((0, 2, 3)) + 1)
    return 0.7 * functional.cross_entropy(logits, target, ignore_index=IGNORED) + 0.3 * (
        1 - dice.mean()
    )


def smp_dice_ce() -> Loss:
    dice = DiceLoss("multiclass", ignore_index=IGNORED, smooth=1.0)
    ce = torch.nn.CrossEntropyLoss(ignore_index=IGNORED)
    return lambda logits, target: 0.7 * ce(logits, target) + 0.3 * dice(logits, target)


def milliseconds(losses: list[Loss], logits: Tensor, target: Tensor) -> list[float]:
    """Return the best time of each, forward and backward; they take turns."""
    best = [float("inf")] * len(losses)
    for _ in range(REPEATS):
        for index, loss in enumerate(losses):
            logits.grad = None
            start = time.process_time()
            value = loss(logits, target)
            if value.requires_grad:
                value.backward()
            best[index] = min(best[index], time.process_time() - start)
    return [1e3 * seconds for seconds in best]


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    registry = load_registry(None)
    context = Context(
        tuple(f"class {c}" for c in range(N_CLASSES)),
        pixel_share=(1 / N_CLASSES,) * N_CLASSES,
        image_counts=(1,) * N_CLASSES,
    )

    def make(name: str, **parameters: object) -> Loss:
        loss: Loss = registry.build("loss", ComponentSpec(name=name, **parameters), context)
        return loss

    logits, target = make_batch(size)
    shape = (BATCH, N_CLASSES, size, size)
    print(f"logits {shape}, best CPU time of {REPEATS}, forward + backward")
    rows = [
        (entry.name, make(entry.name)) for entry in registry.entries("loss") if entry.name != "sum"
    ]
    rows += [
        ("dice, legacy", make("dice", legacy=True)),
        ("oh_my, legacy", make("oh_my", legacy=True)),
    ]
    for name, loss in rows:
        print(f"{name:<26}{milliseconds([loss], logits, target)[0]:>9.1f} ms")
    print()
    rivals = {
        "dice_ce": make("dice_ce"),
        "  torch + smp Dice": smp_dice_ce(),
        "  one-hot": obvious_dice_ce,
        "lovasz": make("lovasz"),
        "  smp": LovaszLoss("multiclass", ignore_index=IGNORED),
    }
    for name, best in zip(rivals, milliseconds(list(rivals.values()), logits, target), strict=True):
        print(f"{name:<26}{best:>9.1f} ms")


if __name__ == "__main__":
    main()
