from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_training import CLASSES, SIZE, TinyNet
from torch.nn import functional

from toolkit import Context
from toolkit.data.loader import Batch
from toolkit.metrics.scores import build_metrics
from toolkit.plugin.discovery import load_registry
from toolkit.train.criterion import Criterion, WeightedLoss
from toolkit.train.device import make_compute
from toolkit.train.distributed import World
from toolkit.train.evaluate import Evaluation, evaluate

COMPUTE = make_compute(
    torch.device("cpu"),
    precision="fp32",
    channels_last=False,
    mean=(0.5, 0.5, 0.5),
    std=(0.2, 0.2, 0.2),
)


def _loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits, target, ignore_index=255)


def _batches(sizes: tuple[int, ...]) -> list[Batch]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (sum(sizes), 3, SIZE, SIZE), generator=generator)
    masks = torch.randint(0, len(CLASSES), (sum(sizes), SIZE, SIZE), generator=generator)
    masks[0, :9] = 255
    masks[2, 3:] = 255
    whole = Batch(images.to(torch.uint8), masks.to(torch.uint8), torch.arange(sum(sizes)))
    ends = np.cumsum(sizes)
    return [
        Batch(*(part[end - size : end] for part in whole[:3]))
        for size, end in zip(sizes, ends, strict=True)
    ]


def _evaluate(model: Any, sizes: tuple[int, ...]) -> Evaluation:
    done: list[int] = []
    evaluation = evaluate(
        model,
        _batches(sizes),
        Criterion(WeightedLoss("main", 1.0, _loss)),
        compute=COMPUTE,
        world=World(),
        metrics=build_metrics(load_registry(None), None, Context(CLASSES)),
        n_images=sum(sizes),
        ignore_index=255,
        on_images=done.append,
    )
    assert done == list(sizes)
    return evaluation


def _model(**options: Any) -> TinyNet:
    torch.manual_seed(0)
    return TinyNet(len(CLASSES), **{"dropout": 0.5, "auxiliary": False, "norm": True, **options})


def test_agrees_with_counting_pixel_by_pixel() -> None:
    model = _model()
    evaluation = _evaluate(model.train(), (2, 2, 1))
    (batch,) = _batches((5,))
    with torch.no_grad():
        logits = model.eval()(COMPUTE.images(batch.images))
    labels = logits.argmax(1)
    ious = []
    for label in range(len(CLASSES)):
        both = either = 0
        for ours, theirs in zip(labels.ravel().tolist(), batch.masks.ravel().tolist(), strict=True):
            if theirs != 255:
                both += ours == theirs == label
                either += label in (ours, theirs)
        ious.append(both / either)
    assert evaluation.scores.iou == tuple(ious)
    assert evaluation.scores.mean_iou == sum(ious) / len(ious)
    assert evaluation.scores.metrics["miou"] == evaluation.scores.deciding == sum(ious) / len(ious)
    # The mean over all counted pixels, although the batches have different numbers of them.
    np.testing.assert_allclose(evaluation.loss, _loss(logits, batch.masks.long()), rtol=1e-5)


def test_every_image_is_counted_in_its_own_row_whatever_the_batches() -> None:
    model = _model()
    whole = _evaluate(model, (5,)).counts
    np.testing.assert_array_equal(_evaluate(model, (2, 2, 1)).counts, whole)
    (batch,) = _batches((5,))
    labelled = (batch.masks.numpy() != 255).sum((1, 2))
    np.testing.assert_array_equal(whole.sum((1, 2)), labelled)
    assert len(set(labelled.tolist())) > 1


def test_only_the_main_output_counts(tmp_path: Path) -> None:
    plain, both = _model(), _model(auxiliary=True)
    both.load_state_dict(plain.state_dict(), strict=False)
    assert _evaluate(both, (5,)).scores == _evaluate(plain, (5,)).scores


def test_the_network_is_not_changed() -> None:
    model = _model().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    _evaluate(model, (3, 2))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
