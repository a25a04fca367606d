"""Checkpoints against a truth, each alone or combined, for the page of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toolkit.data.contest import open_contest
from toolkit.data.guards import require_files
from toolkit.data.photo_rules import with_photo_rules
from toolkit.data.split import Split
from toolkit.ensemble.combination import Combination
from toolkit.ensemble.labels_of_stores import ensemble_counts, labels_of_stores
from toolkit.ensemble.postprocessed_maps import postprocessed_maps
from toolkit.errors import UsageError
from toolkit.experiment.execution.submit import LabelPlan, plan_labels, with_fitted_metric
from toolkit.formats.label_rows import sampling_of
from toolkit.plugin.component_text import component_text
from toolkit.predict.exposure import exposure_in
from toolkit.predict.member import Member, member_name
from toolkit.predict.members import MemberRef, choose_prediction_device, load_members
from toolkit.predict.predictor import predict_split
from toolkit.predict.store import ProbabilityStore
from toolkit.recipe.problems import shown_path
from toolkit.recipe.schema import Recipe
from toolkit.report.evaluation import Evaluated, EvaluationResult, undecided
from toolkit.report.image_cards import Labels, LabelsOf, ShownLabels
from toolkit.report.scored_images import ProbabilitySums
from toolkit.submission.spec import truth_split
from toolkit.submission.truth import truth_file
from toolkit.train.checkpoint import load_checkpoint
from toolkit.wording import some_of
from toolkit.workspace import Workspace

SplitName = Literal["val", "test", "train"]


@dataclass(frozen=True)
class LabelledImages:
    """Which images score checkpoints.

    Attributes:
        split: of the recipe; "test" are those of `data.truth`.
        truth: annotations in place of a split, see `truth_file`.
        data_root: the folder of photos and annotations on this machine.
    """

    split: SplitName = "val"
    truth: Path | None = None
    data_root: Path | None = None


def evaluate_checkpoints(
    workspace: Workspace,
    choices: Sequence[MemberRef],
    recipe: Recipe,
    images: LabelledImages,
    *,
    together: bool,
    combination: Combination | None = None,
    device: str | None = None,
) -> EvaluationResult:
    """Predict labelled images and count the pixels, as a submission of them would be scored.

    Images that were predicted before are read from their stores.

    Args:
        workspace: the project, its components, and who is told what happens.
        choices: the checkpoints.
        recipe: says how to combine, postprocess and score; and, where `images` name a split, which
            data.
        images: which images.
        together: whether they are combined; else each is scored alone.
        combination: what `recipe` combines by, when it was fitted.
        device: where to predict; default: what the recipe allows.

    Raises:
        UsageError: there is no such split, checkpoints or recipe do not fit the images, or a
            checkpoint is named twice.
    """
    split = _open(workspace, choices[0], recipe, images)
    where = choose_prediction_device(recipe, device)
    members = load_members(choices, split.labels.class_names, workspace.registry, where)
    names = _names(members)
    if combination is not None:
        recipe = with_fitted_metric(workspace, recipe, combination, members)
    groups = [list(members)] if together else [[each] for each in members]
    plans = [
        plan_labels(recipe, split.labels.class_names, workspace.registry, len(group))
        for group in groups
    ]
    stores = []
    for member in members:
        stores.append(_predict(workspace, member, split, recipe))
        member.release()
    coming = iter(stores)
    predictions = [
        _StoredPrediction(split, plan, [next(coming) for _ in group])
        for plan, group in zip(plans, groups, strict=True)
    ]
    plan = plans[0]
    evaluated = [
        _evaluated(
            workspace,
            each,
            group,
            [names[member.path, member.views.text] for member in group],
            recipe,
        )
        for each, group in zip(predictions, groups, strict=True)
    ]
    shown = ShownLabels(tuple(each.labels_of() for each in predictions[:2]))
    return EvaluationResult(
        evaluated=tuple(evaluated),
        truth=_title(split, images),
        image_ids=split.file_names,
        metrics=plan.metrics,
        size=plan.format.size,
        photos=split,
        labels=lambda rows: shown,
        warnings=(*_trained_on(members, split), *undecided(evaluated, plan.metrics)),
    )


def _open(workspace: Workspace, first: MemberRef, recipe: Recipe, images: LabelledImages) -> Split:
    """Return the labelled images with their photos.

    Raises:
        UsageError: nothing labels them, their photos are not there, or the classes are not those
            of the checkpoint.
    """
    data = recipe.data
    if images.truth is None:
        contest = open_contest(workspace, data)
        if images.split != "test":
            return {"val": contest.val, "train": contest.train}[images.split]
        if contest.truth is None:
            raise UsageError(
                "data.truth is unset: the recipe does not name the truth of its test images",
                "Name annotations of them with --truth FILE, or add --split val.",
            )
        truth, known = contest.truth, [contest.train.exif_applied]
    else:
        root = workspace.project.path(data.root)
        file = truth_file(images.truth, workspace.project, images.data_root, (data, root))
        if file is None:
            raise UsageError(
                f"{shown_path(images.truth)}: checkpoints are scored against annotations",
                "Name a COCO JSON or a recipe with data.truth; files are compared with "
                "trash submission diff.",
            )
        background, *classes = load_checkpoint(first.path).class_names
        # By name: another file may number the same classes otherwise.
        named = {"classes": tuple(classes), "background": background}
        truth = truth_split(
            workspace,
            file,
            data.model_copy(update=named),
            classes=f"the checkpoint {shown_path(first.path)}",
        )
        truth, known = replace(truth, cache=workspace.project.cache), []
    if not len(truth):
        raise UsageError(f"{truth.file}: no images")
    require_files(truth)
    truth.read_contents(workspace.progress)
    return with_photo_rules([truth], data, workspace.progress, known)[0]


def _title(split: Split, images: LabelledImages) -> str:
    file = shown_path(split.file)
    return file if images.truth is not None else f"{images.split} ({file})"


def _names(members: Sequence[Member]) -> dict[tuple[Path, str], str]:
    """Return a name for each checkpoint and its views, another one for each.

    Raises:
        UsageError: one is named twice.
    """
    keys = [(each.path, each.views.text) for each in members]
    if len(set(keys)) < len(keys):
        twice = next(each for each in keys if keys.count(each) > 1)
        raise UsageError(f"{shown_path(twice[0])} is named twice")
    short = [member_name(path) for path, _ in keys]
    with_views = [f"{name}@{views}" for name, (_, views) in zip(short, keys, strict=True)]
    paths = [f"{shown_path(path)}@{views}" for path, views in keys]
    unique = next(each for each in (short, with_views, paths) if len(set(each)) == len(keys))
    return dict(zip(keys, unique, strict=True))


def _predict(
    workspace: Workspace, member: Member, split: Split, recipe: Recipe
) -> ProbabilityStore:
    return predict_split(
        member,
        split,
        cache=workspace.project.cache,
        store=recipe.predict.store,
        progress=workspace.progress,
    )


@dataclass(frozen=True)
class _StoredPrediction:
    split: Split
    plan: LabelPlan
    stores: Sequence[ProbabilityStore]

    def labels_of(self) -> LabelsOf:
        """Return what gives the labels of an image, uint8 (H, W) at the size of its photo.

        Postprocessors need whole maps: one image at a time has them, however many threads ask.
        """
        plan, lock = self.plan, Lock()
        if len(self.stores) == 1 and not (plan.member_postprocess.steps or plan.postprocess.steps):
            return self.stores[0].read_labels
        maps = postprocessed_maps(self.stores, self.split, plan.member_postprocess)

        def labels(row: int) -> Labels:
            with lock:
                (found,) = labels_of_stores(
                    maps, self.split, plan.ensembler, plan.postprocess, [row]
                )
            return found

        return labels


def _evaluated(
    workspace: Workspace,
    prediction: _StoredPrediction,
    members: Sequence[Member],
    names: Sequence[str],
    recipe: Recipe,
) -> Evaluated:
    split, plan = prediction.split, prediction.plan
    sums = ProbabilitySums(split)

    def see(row: int, probabilities: NDArray[np.float32]) -> None:
        step = sums.step(row)
        sums.add(row, probabilities[:, ::step, ::step])

    counts, *alone = ensemble_counts(
        postprocessed_maps(prediction.stores, split, plan.member_postprocess),
        split,
        plan.ensembler,
        plan.postprocess,
        sampling_of(plan.format),
        plan.metrics.counting(split.ignore_index),
        workspace.progress,
        see,
    )
    views = ", ".join(dict.fromkeys(each.views.text for each in members))
    several = len(members) > 1
    facts = [
        ("checkpoint", f"{shown_path(each.path)}, views {each.views.text}") for each in members
    ]
    chains = {
        "combined by": [recipe.ensemble] if several else [],
        "postprocessing of members": recipe.member_postprocess,
        "postprocessing": recipe.postprocess,
    }
    facts += [
        (name, ", ".join(map(component_text, steps))) for name, steps in chains.items() if steps
    ]
    return Evaluated(
        name=" + ".join(names),
        counts=counts,
        facts=tuple(facts),
        probabilities=sums.result(views),
        members=tuple(zip(names, alone, strict=True)) if several else (),
    )


def _trained_on(members: Sequence[Member], split: Split) -> list[str]:
    """Return which members know the images, by the photos that they note."""
    found = []
    for member in members:
        seen = exposure_in(member.checkpoint.lineage, "").of(split)
        if seen:
            found.append(
                f"{shown_path(member.path)} was trained on {len(seen)} of the {len(split)} images: "
                f"{some_of(seen)}; its scores say little of other images"
            )
    return found
