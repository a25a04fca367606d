"""Scores of a network on a validation split."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from toolkit.data.loader import Batch
from toolkit.metrics.confusion import ConfusionMatrix, Scores, scores
from toolkit.train.criterion import Criterion
from toolkit.train.device import Compute
from toolkit.train.distributed import World
from toolkit.train.outputs import main_output


@dataclass(frozen=True)
class Evaluation:
    """Scores of a network on a split.

    Attributes:
        loss: mean over the counted pixels.
        scores: from one confusion matrix over all pixels of all images.
    """

    loss: float
    scores: Scores


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    criterion: Criterion,
    *,
    compute: Compute,
    world: World,
    n_classes: int,
    ignore_index: int,
    on_images: Callable[[int], None],
) -> Evaluation:
    """Score the network's main output on this process's images, added up over all processes.

    Args:
        model: the network on its device; it is left in evaluation mode.
        batches: every image of this process's share once.
        criterion: the training losses, of which the main one is measured.
        compute: how images go through the network.
        world: the processes that evaluate together.
        n_classes: number of labels.
        ignore_index: label of pixels that count for nothing.
        on_images: told after each batch how many images of all processes are done.
    """
    model.eval()
    world.share_buffers(model)
    confusion = ConfusionMatrix(n_classes, ignore_index)
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
        labels = logits.max(1).indices.to(torch.uint8)
        confusion.update(labels.cpu().numpy(), batch.masks.numpy())
        on_images(len(batch.images) * world.size)
    matrix = world.sum(torch.from_numpy(confusion.matrix)).numpy()
    total, pixels = world.sum(loss_sum).tolist()
    return Evaluation(loss=total / max(pixels, 1), scores=scores(matrix))
