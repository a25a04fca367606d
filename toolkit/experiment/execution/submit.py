"""From checkpoints to a validated leaderboard file with its side-car."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.contest import Contest
from toolkit.data.split import Split
from toolkit.ensemble.combination import Combination, FitScores, FittedMember, refuse_other_members
from toolkit.ensemble.combine import probe_ensembler
from toolkit.ensemble.labels_of_stores import EnsembleScores, evaluate_ensemble, labels_of_stores
from toolkit.ensemble.postprocessed_maps import postprocessed_maps
from toolkit.errors import UsageError
from toolkit.formats.label_rows import sampling_of
from toolkit.metrics.counts_file import image_counts, write_counts
from toolkit.metrics.scores import (
    NO_PIXEL,
    Metrics,
    Scores,
    build_metrics,
    stored_metric,
    without_value,
)
from toolkit.plugin.interfaces import Context, Ensembler, SubmissionFormat
from toolkit.plugin.registry import Registry
from toolkit.postprocess.chain import Chain, build_chain
from toolkit.predict.exposure import validation_obstacle
from toolkit.predict.member import Member, require_same_photos
from toolkit.predict.members import MemberRef, choose_prediction_device, load_members
from toolkit.predict.predictor import predict_split
from toolkit.predict.store import ProbabilityStore
from toolkit.progress import Progress
from toolkit.recipe.schema import Recipe
from toolkit.submission.check import CheckReport
from toolkit.submission.class_balance import share_warnings
from toolkit.submission.record import make_side_car
from toolkit.submission.score import count_submission, scores_of
from toolkit.submission.side_car import (
    checkpoint_name,
    counts_path,
    portable_path,
    refuse_output,
    write_side_car,
)
from toolkit.submission.spec import row_order
from toolkit.submission.team_record import write_with_record
from toolkit.submission.write import write_checked
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class MemberResult:
    """A member of a submission.

    Attributes:
        name: short name for people.
        member: its checkpoint and views, those of its own recipe written out.
        validation: its own scores on the validation split; None when it was not validated.
    """

    name: str
    member: MemberRef
    validation: Scores | None

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return {
            "name": self.name,
            "path": str(self.member.path),
            "views": self.member.views,
            "validation": None if self.validation is None else asdict(self.validation),
        }


@dataclass(frozen=True)
class SubmissionResult:
    """Files and scores of a submission.

    Attributes:
        path: the validated file.
        digest: of the file.
        side_car: the JSON beside it.
        rows: number of images in it.
        members: what was combined.
        validation: scores of the same combination and postprocessing on the validation split, at
            the submission's size; None when it was not validated.
        score: scores against the truth of the test split; None when it is unknown.
        class_shares: share of all pixels per class name.
        fitted: how good a fitted combination is on images that it was not fitted to.
        warnings: what looks wrong in a file that is valid in form.
    """

    path: Path
    digest: str
    side_car: Path
    rows: int
    members: tuple[MemberResult, ...]
    validation: Scores | None
    score: Scores | None
    class_shares: dict[str, float]
    fitted: FitScores | None
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return {
            **asdict(self),
            "path": str(self.path),
            "side_car": str(self.side_car),
            "members": [each.as_json() for each in self.members],
        }


def submit(
    workspace: Workspace,
    members: Sequence[MemberRef | Path],
    recipe: Recipe,
    contest: Contest,
    *,
    output: Path,
    cache: Path,
    device: str | None = None,
    overwrite: bool = False,
    validate: bool = True,
    combination: Combination | None = None,
    recorded: bool = True,
) -> SubmissionResult:
    """Predict the test split, combine, postprocess, write, check and record a submission.

    Members that were predicted before are read from their stores. Images are streamed: memory grows
    neither with their number nor with the number of members.

    Args:
        workspace: the project, its components, and who is told what happens.
        members: checkpoints, each with its views or those of its recipe.
        recipe: says how to combine, postprocess, store and write.
        contest: the test split to submit, and the validation split to score on.
        output: the file to write; its side-car lies beside it.
        cache: folder of caches.
        device: "auto", "cpu", "cuda" or "mps"; default: what the recipe allows.
        overwrite: replace `output` when it is there.
        validate: predict the validation split too and score what is submitted on it.
        combination: what `recipe` combines by, when it was fitted: only its own members fit, and
            its metric decides.
        recorded: whether the team is told of it.

    Raises:
        UsageError: members, recipe or output do not fit; nothing was predicted.
        TrashError: the file that was written is not valid; it is not kept.
    """
    progress = workspace.progress
    test = contest.test
    if test is None:
        raise UsageError("data.test is unset: there is nothing to submit")
    where = choose_prediction_device(recipe, device)
    loaded = load_members(members, contest.class_names, workspace.registry, where)
    for member in loaded:
        require_same_photos(member, test)
    root = workspace.project.root
    if combination is not None:
        recipe = with_fitted_metric(workspace, recipe, combination, loaded)
    plan = plan_submission(recipe, contest, workspace.registry, len(loaded))
    refuse_output(output, overwrite, plan.format.suffix)
    validate = validate and _is_honest(loaded, recipe, contest, progress)

    def predict(member: Member, split: Split) -> ProbabilityStore:
        return predict_split(
            member, split, cache=cache, store=recipe.predict.store, progress=progress
        )

    stores, held_out = [], []
    for member in loaded:
        stores.append(predict(member, test))
        if validate:
            held_out.append(predict(member, contest.val))
        member.release()
    found = plan.evaluate(held_out, contest.val, progress) if validate else None
    report = plan.write(stores, test, output, progress)
    counts = {}
    if found is not None:
        images = image_counts(contest.val.file_names, found.counts, plan.metrics.boundary)
        counts["validation"] = images
    score = None
    if contest.truth is not None:
        counting = plan.metrics.counting(contest.truth.ignore_index)
        tested = count_submission(output, plan.format, contest.truth, counting, progress)
        counts["test"] = image_counts(contest.truth.file_names, tested, plan.metrics.boundary)
        score = _test_score(tested, plan.metrics, progress)
    side_car = make_side_car(
        workspace,
        output,
        recipe,
        contest,
        loaded,
        report,
        found=found,
        score=score,
        fitted=combination.fitted if combination is not None else None,
    )
    write_counts(counts_path(output), side_car.digest, contest.class_names, counts)
    if recorded:
        lineages = [member.checkpoint.lineage for member in loaded]
        side_car_file = write_with_record(workspace.project, output, side_car, lineages)
    else:
        side_car_file = write_side_car(output, side_car)
    failures = workspace.registry.notify(
        "trash_submission_written", path=output, side_car=side_car.as_json()
    )
    for failure in failures:
        progress.say(f"warning: plugin {failure.source}: {failure.message}")
    alone = found.members if found else [None] * len(loaded)
    return SubmissionResult(
        path=output,
        digest=side_car.digest,
        side_car=side_car_file,
        rows=report.n_rows,
        members=tuple(
            MemberResult(
                checkpoint_name(portable_path(each.path, root)),
                MemberRef(each.path, each.views.text),
                own,
            )
            for each, own in zip(loaded, alone, strict=True)
        ),
        validation=found.combined if found else None,
        score=score,
        class_shares=dict(zip(contest.class_names, report.class_shares, strict=True)),
        fitted=side_car.fitted,
        warnings=(
            *report.warnings,
            *share_warnings(report.class_shares, side_car.validation_shares, contest.class_names),
        ),
    )


def with_fitted_metric(
    workspace: Workspace, recipe: Recipe, combination: Combination, members: Sequence[Member]
) -> Recipe:
    """Return a recipe whose metric is that of a fitted combination.

    Raises:
        UsageError: the combination was fitted to other members.
    """
    root = workspace.project.root
    refuse_other_members(combination, [_fitted_member(member, root) for member in members])
    metric = stored_metric(workspace.registry, combination.fitted.metric)
    return recipe.model_copy(update={"metric": metric})


@dataclass(frozen=True)
class LabelPlan:
    """The components that turn stores into labels and score them; made by `plan_labels`.

    Attributes:
        format: of the submission, whose size labels and truth get.
        member_postprocess: of each member's maps.
        ensembler: combines them.
        postprocess: of the combined map.
        metrics: score the labels.
    """

    format: SubmissionFormat
    member_postprocess: Chain
    ensembler: Ensembler
    postprocess: Chain
    metrics: Metrics


@dataclass(frozen=True)
class SubmissionPlan(LabelPlan):
    """The components that turn stores into a file too; made by `plan_submission`.

    Attributes:
        image_ids: the images in the order of rows.
    """

    image_ids: tuple[str, ...]

    def evaluate(
        self, stores: Sequence[ProbabilityStore], split: Split, progress: Progress
    ) -> EnsembleScores:
        maps = postprocessed_maps(stores, split, self.member_postprocess)
        return evaluate_ensemble(
            maps,
            split,
            self.ensembler,
            self.postprocess,
            sampling_of(self.format),
            self.metrics,
            progress,
        )

    def write(
        self,
        stores: Sequence[ProbabilityStore],
        test: Split,
        output: Path,
        progress: Progress,
    ) -> CheckReport:
        """Write the file under a temporary name, check it, and only then give it its name."""
        position_of = {name: row for row, name in enumerate(test.file_names)}
        order = [position_of[image_id] for image_id in self.image_ids]
        maps = postprocessed_maps(stores, test, self.member_postprocess)
        labels = labels_of_stores(maps, test, self.ensembler, self.postprocess, order)
        n_classes = len(test.labels.class_names)
        return write_checked(output, self.format, labels, self.image_ids, n_classes, progress)


def plan_submission(
    recipe: Recipe, contest: Contest, registry: Registry, n_members: int
) -> SubmissionPlan:
    """Build what combines, postprocesses and writes; cheap, so that mistakes show before the work.

    Raises:
        UsageError: a component is unknown or does not fit, or the sample submission lists other
            images than the test split.
    """
    assert contest.test is not None
    plan = plan_labels(recipe, contest.class_names, registry, n_members)
    image_ids = row_order(contest.test.file_names, contest.sample_submission, plan.format)
    return SubmissionPlan(**vars(plan), image_ids=image_ids)


def plan_labels(
    recipe: Recipe, class_names: tuple[str, ...], registry: Registry, n_members: int
) -> LabelPlan:
    """Build what combines, postprocesses and scores.

    Raises:
        UsageError: a component is unknown or does not fit.
    """
    context = Context(class_names, recipe.data.image_size, recipe.data.ignore_index)
    return LabelPlan(
        format=registry.build("submission_format", recipe.submission, context),
        ensembler=probe_ensembler(
            registry.build("ensembler", recipe.ensemble, context), context.n_classes, n_members
        ),
        member_postprocess=build_chain(recipe.member_postprocess, registry, context),
        postprocess=build_chain(recipe.postprocess, registry, context),
        metrics=build_metrics(registry, recipe.metric, context),
    )


def _test_score(counts: NDArray[np.int64], metrics: Metrics, progress: Progress) -> Scores | None:
    """Score the file as the leaderboard does; what has no score is told, and no failure."""
    if not counts.any():
        progress.say(f"warning: no score on the test split: {NO_PIXEL}")
        return None
    scores = scores_of(counts, metrics)
    if scores.deciding is None:
        progress.say(f"warning: no score on the test split: {without_value(metrics, counts)}")
    return scores


def _fitted_member(member: Member, root: Path) -> FittedMember:
    return FittedMember(portable_path(member.path, root), member.digest, member.views.text)


def _is_honest(
    members: Sequence[Member], recipe: Recipe, contest: Contest, progress: Progress
) -> bool:
    """Whether no member was trained on the validation images; warns of those that were."""
    reasons = {each.path: validation_obstacle(each, recipe, contest) for each in members}
    for path, reason in reasons.items():
        if reason is not None:
            progress.say(f"warning: no validation score: {path} {reason}")
    return not any(reasons.values())
