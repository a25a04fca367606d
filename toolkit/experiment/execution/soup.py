"""`trash ensemble average`: checkpoints of one network become one checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toolkit.data.contest import open_contest
from toolkit.data.images import DecodedImages, open_images
from toolkit.data.masks import open_masks
from toolkit.data.split import Split
from toolkit.ensemble.weight_averaging import average_states, estimate_batch_norm
from toolkit.errors import UsageError
from toolkit.experiment.execution.lineage import describe_checkpoint
from toolkit.metrics.confusion import Counting
from toolkit.metrics.scores import Scores, build_metrics, metric_name, require_value, score_counts
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.plugin.registry import Registry
from toolkit.predict.exposure import combined_exposure, divisions_of, exposure_in, refuse_exposed
from toolkit.predict.member import Member
from toolkit.predict.members import (
    MemberRef,
    choose_prediction_device,
    load_members,
    prediction_recipe,
)
from toolkit.progress import Progress
from toolkit.submission.side_car import checkpoint_name, portable_path
from toolkit.train.checkpoint import save_checkpoint
from toolkit.train.device import Compute, make_compute
from toolkit.train.outputs import main_output
from toolkit.workspace import Workspace

_MOST_IMAGES = 1024
"""Training images that batch norm is estimated on: more change nothing that can be seen."""


@dataclass(frozen=True)
class Averaged:
    """The mean of several checkpoints.

    Attributes:
        path: the checkpoint that was written.
        batch_norms: number of layers whose statistics were recomputed.
        scores: on the validation split, at the size of the network's input.
        members: name and validation score by the same metric of each checkpoint that was averaged;
            None = it has none.
    """

    path: Path
    batch_norms: int
    scores: Scores
    members: tuple[tuple[str, float | None], ...]


def average_checkpoints(
    workspace: Workspace,
    paths: Sequence[Path],
    weights: Sequence[float],
    output: Path,
    *,
    data_root: Path | None = None,
    device: str | None = None,
) -> Averaged:
    """Write the mean of checkpoints, with batch-norm statistics of training images, validated.

    Args:
        workspace: the project, its components, and who is told what happens.
        paths: checkpoints of one network, trained on one division of the images: seeds that began
            with the same weights, epochs or snapshots of one run.
        weights: one per checkpoint; empty = equal.
        output: the checkpoint to write.
        data_root: where the data lie on this machine.
        device: where to run the network.

    Raises:
        UsageError: checkpoints of other networks, classes, input sizes, normalisation or divisions.
    """
    project = workspace.project
    recipe = prediction_recipe(MemberRef(paths[0]), project, None, data_root)
    contest = open_contest(workspace, recipe.data)
    where = choose_prediction_device(recipe, device)
    members = load_members(paths, contest.class_names, workspace.registry, where)
    _refuse_strangers(members)
    refuse_exposed(members, contest.val)
    weights = list(weights) or [1.0] * len(paths)
    state = average_states([each.checkpoint.model_state for each in members], weights)
    first = members[0]
    mixed = replace(first, checkpoint=replace(first.checkpoint, model_state=state))
    compute = make_compute(
        where,
        precision=first.precision,
        channels_last=recipe.train.channels_last,
        mean=first.checkpoint.mean,
        std=first.checkpoint.std,
    )
    model = compute.place(mixed.model)
    size, batch_size = first.checkpoint.image_size, recipe.train.batch_size
    rows = np.unique(np.linspace(0, len(contest.train) - 1, _MOST_IMAGES).astype(int))
    training = contest.train.part("train", [int(row) for row in rows])
    batch_norms = estimate_batch_norm(model, _batches(training, size, batch_size), compute)
    context = Context(contest.class_names, size, recipe.data.ignore_index)
    metrics = build_metrics(workspace.registry, recipe.metric, context)
    counts = _validation_counts(
        model,
        contest.val,
        size,
        compute,
        metrics.counting(contest.val.ignore_index),
        project.cache,
        workspace.progress,
    )
    found = score_counts(counts, metrics)
    save_checkpoint(
        output,
        replace(
            first.checkpoint,
            model_state=model.state_dict(),
            scores={
                "val_score": require_value(found, metrics, counts),
                "val_miou": found.mean_iou,
                "val_iou": list(found.iou),
            },
            epoch=max(each.checkpoint.epoch for each in members),
            lineage={
                "run": output.stem,
                "weights": list(weights),
                "data": first.checkpoint.lineage.get("data"),
                "photos": combined_exposure(
                    exposure_in(each.checkpoint.lineage, str(each.path)) for each in members
                ).as_json(),
                "parents": [
                    {"kind": "average", **describe_checkpoint(path, project.root)} for path in paths
                ],
            },
        ),
    )
    names = [checkpoint_name(portable_path(path, project.root)) for path in paths]
    own = [_own_score(each, found.metric, workspace.registry) for each in members]
    return Averaged(output, batch_norms, found, tuple(zip(names, own, strict=True)))


def _refuse_strangers(members: Sequence[Member]) -> None:
    first = members[0]
    for member in members:
        if member.recipe.data.crops is not None:
            raise UsageError(
                f"{member.path} was trained on native crops; weights are averaged and scored on "
                "whole photos that are resized",
                "Combine such networks with trash submit --ensemble.",
            )
    divisions = divisions_of(members)
    for member, division in zip(members[1:], divisions[1:], strict=True):
        ours, theirs = first.checkpoint, member.checkpoint
        for what, a, b in (
            ("model", first.recipe.model, member.recipe.model),
            ("input size", ours.image_size, theirs.image_size),
            ("normalisation", (ours.mean, ours.std), (theirs.mean, theirs.std)),
            ("division of the images", divisions[0], division),
        ):
            if a != b:
                raise UsageError(
                    f"{member.path} has another {what} than {first.path}",
                    "Only weights of one network, trained on one division of the images, can be "
                    "averaged; combine others with trash submit --ensemble.",
                )


def _own_score(member: Member, metric: str, registry: Registry) -> float | None:
    """Return the validation score of a checkpoint by a metric; None where it holds none by it."""
    scores = member.checkpoint.scores
    with suppress(UsageError):  # its metric may be that of a plugin which is not here
        if metric_name(registry, member.recipe.metric) == metric and "val_score" in scores:
            return _number(scores["val_score"])
    return _number(scores.get("val_miou")) if metric == DEFAULT_METRIC else None


def _number(score: object) -> float | None:
    return score if isinstance(score, float) else None


def _batches(split: Split, size: tuple[int, int], batch_size: int) -> Iterator[Tensor]:
    """Yield uint8 (B, 3, H, W); a smaller rest is left out, as every batch counts alike."""
    images = DecodedImages(split, size)
    batch_size = min(batch_size, len(images))
    for first in range(0, len(images) - batch_size + 1, batch_size):
        batch = np.stack([images[row] for row in range(first, first + batch_size)])
        yield torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))


@torch.inference_mode()
def _validation_counts(
    model: torch.nn.Module,
    split: Split,
    size: tuple[int, int],
    compute: Compute,
    counting: Counting,
    cache: Path,
    progress: Progress,
) -> NDArray[np.int64]:
    images = open_images(split, None, size, progress)
    masks = open_masks(split, cache, size, progress)
    counts = []
    with progress.bar(f"scoring on {split.name}", len(split), "images") as bar:
        for row in range(len(split)):
            image = torch.from_numpy(np.ascontiguousarray(images[row].transpose(2, 0, 1)))
            with compute.autocast():
                logits = main_output(model(compute.images(image[None]))).float()
            labels = logits[0].max(0).indices.to(torch.uint8).cpu().numpy()
            counts.append(counting(labels, masks[row]))
            bar.advance()
    return np.stack(counts)
