"""Scores of a network on a validation split."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from toolkit.data.loader import Batch
from toolkit.metrics.scores import Metrics, Scores, score_counts
from toolkit.train.criterion import Criterion
from toolkit.train.device import Compute
from toolkit.train.distributed import World
from toolkit.train.outputs import main_output


@dataclass(frozen=True)
class Evaluation:
    """Scores of a network on a split.

    Attributes:
        loss: mean over the counted pixels.
        scores: of all images, by all metrics.
        counts: pixels of every image, int64 (images, C, C), rows truth, columns predictions; see
            `Counting` for metrics that look at boundaries.
    """

    loss: float
    scores: Scores
    counts: NDArray[np.int64]


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    criterion: Criterion,
    *,
    compute: Compute,
    world: World,
    metrics: Metrics,
    n_images: int,
    ignore_index: int,
    on_images: Callable[[int], None],
) -> Evaluation:
    """Score the network's main output on this process's images, added up over all processes.

    Args:
        model: the network on its device; it is left in evaluation mode.
        batches: every image of this process's share once, whole or in parts.
        criterion: the training losses, of which the main one is measured.
        compute: how images go through the network.
        world: the processes that evaluate together.
        metrics: of the contest.
        n_images: images of all processes.
        ignore_index: label of pixels that count for nothing.
        on_images: told after each batch how many images, or parts, of all processes are done.
    """
    model.eval()
    world.share_buffers(model)
    counting = metrics.counting(ignore_index)
    own = counting.zeros(n_images)
    loss_sum = torch.zeros(2, dtype=torch.float64)
    for batch in batches:
        with compute.autocast():
            output = model(compute.images(batch.images))
        logits = main_output(output).float()
        target = batch.masks.to(compute.device, non_blocking=True).long()
        counted = int((batch.masks != ignore_index).sum())
        mean = criterion.main(logits, target).item()
        loss_sum += torch.tensor([mean * counted, counted], dtype=torch.float64)
        # max(1).indices is several times faster than argmax(dim=1) on CPUs.
        labels = logits.max(1).indices.to(torch.uint8).cpu().numpy()
        masks = batch.masks.numpy()
        for image, predicted, true in zip(batch.indices.tolist(), labels, masks, strict=True):
            own[image] += counting(predicted, true)
        on_images(len(batch.images) * world.size)
    # A process counts nothing of the others' images: the sum puts all of them together.
    counts = world.sum(torch.from_numpy(own)).numpy()
    total, pixels = world.sum(loss_sum).tolist()
    return Evaluation(total / max(pixels, 1), score_counts(counts, metrics), counts)
