"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.contest import Contest
from toolkit.errors import TrainingFailed, TrashError
from toolkit.memory import keep_freed_memory
from toolkit.metrics.scores import Metrics, build_metrics, merit, require_value
from toolkit.progress import Bar, Progress
from toolkit.recipe.schema import Recipe
from toolkit.seeds import seed_process
from toolkit.train.artifacts import Artifacts
from toolkit.train.batches import Batches, open_batches
from toolkit.train.build import build_learner
from toolkit.train.device import choose_device, explain_out_of_memory, peak_memory, say_device
from toolkit.train.distributed import World, find_world, join_processes
from toolkit.train.evaluate import Evaluation, evaluate
from toolkit.train.history import History
from toolkit.train.inputs import OpenedInputs
from toolkit.train.journal import Journal, numbers_of
from toolkit.train.learner import Learner, NonFiniteLoss
from toolkit.train.tracking import Tracking
from toolkit.workspace import Workspace

OnEpoch = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class FitResult:
    """Checkpoints and scores of a training.

    Attributes:
        best: checkpoint with the best validation score by the recipe's metric, or of the last
            epoch with `train.on = "all"`.
        last: checkpoint of the last epoch.
        best_epoch: epoch of `best`, counted from 1.
        epochs: number of finished epochs.
        scores: the record of the best epoch, as in metrics.jsonl.
        stopped_early: patience ran out before the last epoch.
        records: of all epochs, likewise.
        larger_is_better: whether a larger score by the recipe's metric is the better one.
    """

    best: Path
    last: Path
    best_epoch: int
    epochs: int
    scores: dict[str, Any]
    stopped_early: bool
    records: tuple[dict[str, Any], ...]
    larger_is_better: bool = True


def fit(
    workspace: Workspace,
    recipe: Recipe,
    contest: Contest,
    run_dir: Path,
    *,
    tracking: Tracking,
    cache: Path,
    resume: bool = False,
    pretrained: bool = True,
    inputs: OpenedInputs = OpenedInputs(),  # noqa: B008 - frozen
    lineage: Mapping[str, Any] | None = None,
    on_epoch: OnEpoch = lambda epoch, figures: None,
) -> FitResult:
    """Train a recipe and write best.pt, last.pt, state.pt and metrics.jsonl.

    Args:
        workspace: the project, its components, and who is told what happens.
        recipe: the resolved recipe.
        contest: the opened data.
        run_dir: folder of the run; made if it is missing.
        tracking: the trackers of the run, not yet opened; told of the training in the main process.
        cache: folder of decoded images and masks.
        resume: continue after the last finished epoch of this folder, exactly.
        pretrained: False when no downloaded or bundled weights may be loaded.
        inputs: what earlier stages made for it.
        lineage: where the run comes from (parents with paths and digests); goes into checkpoints.
        on_epoch: called in the main process after each epoch with its figures.

    Raises:
        UsageError: recipe, data or folder do not allow the training.
        TrashError: the loss is no number, memory or disk are full.
    """
    keep_freed_memory()
    world = find_world()
    device = choose_device(recipe.train.device, world.local_rank)
    if not world.is_main:
        workspace = workspace.silent
    else:
        say_device(device, recipe.train.precision, world.size, workspace.progress)
    with join_processes(world, device), explain_out_of_memory(_SMALLER_BATCH):
        batches = open_batches(
            workspace,
            recipe,
            contest,
            cache=cache,
            world=world,
            pretrained=pretrained,
            pseudo=inputs.pseudo,
        )
        seed_process(recipe.seed)
        learner = build_learner(
            recipe,
            workspace.registry,
            batches.context,
            device,
            world,
            inputs.start,
            workspace.progress,
        )
        metrics = build_metrics(workspace.registry, recipe.metric, batches.context)
        artifacts = Artifacts(run_dir, recipe, contest, lineage or {}, inputs.keys)
        history = artifacts.begin(learner, resume=resume, progress=workspace.progress)
        history.larger_is_better = metrics.metric.larger_is_better
        journal = None
        if world.is_main:
            tracking.open(batches.context, history.last_epoch)
            journal = Journal(
                artifacts.metrics,
                history.epochs,
                tracking,
                workspace.progress,
                metrics.deciding,
                class_names=batches.context.class_names,
                validates=history.validates,
            )
        while history.last_epoch < recipe.train.epochs:
            if history.is_stale(recipe.train.patience):
                break
            record, counts = _run_epoch(
                history.last_epoch + 1,
                recipe,
                batches,
                learner,
                metrics,
                world,
                tracking,
                workspace.progress,
            )
            history.epochs.append(record)
            if journal:
                artifacts.save(learner, history, counts, metrics.boundary)
                journal.add(record)
                on_epoch(record["epoch"], numbers_of(record))
        world.barrier()  # no process goes on to predict before the files are there
    return _result(artifacts, recipe, history)


def _result(artifacts: Artifacts, recipe: Recipe, history: History) -> FitResult:
    best = history.best
    assert best is not None  # the last epoch is validated, or `begin` refused
    return FitResult(
        best=artifacts.best,
        last=artifacts.last,
        best_epoch=best["epoch"],
        epochs=history.last_epoch,
        scores=best,
        stopped_early=history.last_epoch < recipe.train.epochs,
        records=tuple(history.epochs),
        larger_is_better=history.larger_is_better,
    )


_SMALLER_BATCH = (
    "Set a smaller train.device_batch_size, for example half of it: the effective batch stays "
    "the same and so does the result. Then run the recipe again."
)


def _run_epoch(
    epoch: int,
    recipe: Recipe,
    batches: Batches,
    learner: Learner,
    metrics: Metrics,
    world: World,
    tracking: Tracking,
    progress: Progress,
) -> tuple[dict[str, Any], NDArray[np.int64] | None]:
    """Train one epoch, validate if it is due, and return the record for metrics.jsonl.

    With it the counts of the validation images, see `Counting`, if it was validated.
    """
    is_due = epoch % recipe.train.validate_every == 0 or epoch == recipe.train.epochs
    validates = is_due and recipe.train.on != "all"
    trained_on = batches.train.steps_per_epoch * recipe.train.batch_size
    name = f"epoch {epoch}/{recipe.train.epochs}"
    started = time.perf_counter()
    with progress.bar(f"{name}: training", batches.train.images_per_epoch, "images") as bar:
        train_loss, learning_rate = _train(epoch, recipe, batches, learner, world, tracking, bar)
    trained = time.perf_counter()
    learner.end_epoch()
    evaluation = None
    if validates:
        with progress.bar(f"{name}: validation", batches.n_parts, batches.parts) as bar:
            evaluation = _validate(learner, batches, metrics, world, bar)
    _refuse_broken(epoch, learner, evaluation)
    score = None
    if evaluation:
        score = require_value(evaluation.scores, metrics, evaluation.counts)
        learner.validated(evaluation.loss, merit(metrics.metric, score))
    record = {
        "epoch": epoch,
        "lr": learning_rate,
        "train_loss": train_loss,
        "val_loss": evaluation.loss if evaluation else None,
        "metric": metrics.deciding,
        "val_score": score,
        "val_miou": evaluation.scores.mean_iou if evaluation else None,
        "val_iou": list(evaluation.scores.iou) if evaluation else None,
        "val_metrics": evaluation.scores.metrics if evaluation else None,
        "images_per_second": trained_on / (trained - started),
        "seconds": time.perf_counter() - started,
        "peak_memory": peak_memory(learner.compute.device),
    }
    return record, evaluation.counts if evaluation else None


def _train(
    epoch: int,
    recipe: Recipe,
    batches: Batches,
    learner: Learner,
    world: World,
    tracking: Tracking,
    bar: Bar,
) -> tuple[float, float]:
    """Train on every image once; return the mean loss and the last learning rate."""
    learner.begin_epoch()
    batches.train.set_epoch(epoch)
    pieces = iter(batches.train)
    earlier_steps = (epoch - 1) * batches.train.steps_per_epoch
    loss_sum, left = 0.0, batches.train.images_per_epoch
    for number in range(1, batches.train.steps_per_epoch + 1):
        whole_batch = list(islice(pieces, batches.accumulation))
        if number == 1:
            # Not before: a loader draws from torch's generator when it starts its workers, which
            # happens in the first epoch of a process only.
            seed_process(recipe.seed, epoch, world.rank)
        learning_rate = learner.learning_rate
        try:
            step = learner.step(whole_batch)
        except NonFiniteLoss as error:
            names = ", ".join(batches.train_names[index] for index in error.suspects)
            raise TrainingFailed(
                f"the loss became {error.loss} in epoch {epoch}, step {number} of "
                f"{batches.train.steps_per_epoch}, at learning rate {learning_rate:.3g}; "
                f"images: {names or 'of another process'}",
                "The checkpoints of the epochs before are kept. Try a lower optimizer.lr, "
                'train.clip_norm = 1.0 or train.precision = "fp32".',
            ) from None
        loss_sum += step.loss
        figures = {"lr": learning_rate}
        if step.gradient_norm is not None:
            figures["norm"] = step.gradient_norm
        # Both are numbers of the host already: nothing waits for the device here.
        tracking.log_step(earlier_steps + number, step.loss, figures)
        counted = min(
            recipe.train.batch_size, left
        )  # images that fill up the last batch came before
        left -= counted
        bar.advance(counted, loss=loss_sum / number, **figures)
    return loss_sum / batches.train.steps_per_epoch, learning_rate


def _validate(
    learner: Learner, batches: Batches, metrics: Metrics, world: World, bar: Bar
) -> Evaluation:
    left = batches.n_parts

    def count(images: int) -> None:
        nonlocal left
        images = min(images, left)  # this process's share may be one image larger than the others'
        left -= images
        bar.advance(images)

    return evaluate(
        learner.result,
        batches.validation,
        learner.criterion,
        compute=learner.compute,
        world=world,
        metrics=metrics,
        n_images=batches.n_validation,
        ignore_index=batches.context.ignore_index,
        on_images=count,
    )


def _refuse_broken(epoch: int, learner: Learner, evaluation: Evaluation | None) -> None:
    """Stop before weights that are no numbers replace good ones on disk."""
    if learner.is_finite() and (evaluation is None or abs(evaluation.loss) < float("inf")):
        return
    what = (
        "validation loss is no finite number" if learner.is_finite() else "weights are no numbers"
    )
    raise TrashError(
        f"after epoch {epoch} the {what}",
        "The checkpoints of the epochs before are kept. Try a lower optimizer.lr or "
        "train.clip_norm = 1.0.",
    )
