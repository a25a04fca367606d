"""One recipe, many runs: every fold, or several seeds, with one summary and one submission."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.data.contest import Contest, open_contest
from toolkit.data.folds import read_folds
from toolkit.ensemble.labels_of_stores import confusions
from toolkit.ensemble.postprocessed_maps import postprocessed_maps
from toolkit.errors import UsageError
from toolkit.experiment.execution.compare import spread
from toolkit.experiment.execution.execute import execute_part
from toolkit.experiment.execution.labelling import WritePage
from toolkit.experiment.execution.submit import SubmissionResult, plan_submission, submit
from toolkit.experiment.planning.keys import result_key
from toolkit.experiment.planning.planner import load_for_run, make_plan
from toolkit.experiment.run_folder import RunFolder
from toolkit.files import write_json_atomic
from toolkit.formats.label_rows import sampling_of
from toolkit.metrics.confusion import ConfusionMatrix, Scores, scores
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.postprocess.chain import build_chain
from toolkit.predict.members import MemberRef, choose_prediction_device, load_members
from toolkit.predict.predictor import predict_split
from toolkit.predict.store import ProbabilityStore
from toolkit.progress import Progress, SilentProgress
from toolkit.project import Project
from toolkit.recipe.load import LoadedRecipe
from toolkit.submission.side_car import portable_path

SCHEMA = "trash-series"
VERSION = 1


@dataclass(frozen=True)
class Variant:
    """One run of a series.

    Attributes:
        seed: the seed.
        fold: the fold that is held out, or None.
        loaded: the recipe with both.
    """

    seed: int
    fold: int | None
    loaded: LoadedRecipe


@dataclass(frozen=True)
class VariantScores:
    """Scores of one run of a series.

    Attributes:
        seed: the seed.
        fold: the fold that was held out, or None.
        run: its name.
        checkpoint: its best checkpoint.
        validation: mIoU on the images that it validates on; its epoch was chosen by it.
        test: mIoU of its own submission, None where the truth is unknown or the submission was made
            by a recipe that predicts or writes in another way.
        store: folder of its maps of the images that it was not trained on.
    """

    seed: int
    fold: int | None
    run: str
    checkpoint: str
    validation: float
    test: float | None
    store: str


@dataclass(frozen=True)
class Series:
    """Scores and submission of a finished series.

    Attributes:
        path: the summary on disk.
        class_names: index = label.
        outcomes: one per run.
        out_of_fold: scores over all held-out images together, each predicted by the runs that were
            not trained on it: one confusion matrix, at the submission's size.
        submission: of all runs combined; None without a test split.
    """

    path: Path
    class_names: tuple[str, ...]
    outcomes: tuple[VariantScores, ...]
    out_of_fold: Scores
    submission: SubmissionResult | None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looks wrong in the submission."""
        return () if self.submission is None else self.submission.warnings

    def as_json(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        validation = spread([each.validation for each in self.outcomes])
        test = spread([each.test for each in self.outcomes])
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "classes": list(self.class_names),
            "runs": [asdict(each) for each in self.outcomes],
            "validation": asdict(validation),
            "test": asdict(test),
            "out_of_fold": asdict(self.out_of_fold),
            "submission": None if self.submission is None else str(self.submission.path),
            "submission_score": None
            if self.submission is None or self.submission.score is None
            else self.submission.score.mean_iou,
            "submission_warnings": list(self.warnings),
        }


def make_variants(
    path: Path,
    project: Project,
    registry: Registry,
    *,
    set_: Sequence[str],
    unset: Sequence[str],
    folds: bool,
    seeds: Sequence[int],
) -> list[Variant]:
    """Return the recipe once for every fold and seed; seeds in the outer loop.

    Raises:
        UsageError: the recipe has no folds, or a seed is named twice.
    """
    if len(set(seeds)) < len(seeds):
        raise UsageError("the same seed is named twice")
    recipe = load_for_run(path, project, set_, unset, smoke=False, registry=registry).recipe
    numbers: list[int | None] = [None]
    if folds:
        if recipe.data.folds is None:
            raise UsageError(
                f"{path} has no data.folds: there is nothing to cross-validate",
                "Make a split file: trash data split RECIPE -o recipes/splits/NAME.json, and set "
                "data.folds.file.",
            )
        train = open_contest(recipe.data, project, SilentProgress()).train
        source = train.source or train
        file = project.path(recipe.data.folds.file)
        numbers = list(range(len(read_folds(file, source.file, source.file_names).rows)))
    found = []
    for seed, fold in itertools.product(seeds or (recipe.seed,), numbers):
        own = [*set_, f"seed={seed}"] + ([] if fold is None else [f"data.folds.index={fold}"])
        loaded = load_for_run(path, project, own, unset, smoke=False, registry=registry)
        found.append(Variant(seed, fold, loaded))
    return found


def series_name(variants: Sequence[Variant], *, folds: bool, seeds: Sequence[int]) -> str:
    """Return what a series is called: its recipe, and what differs from run to run."""
    return variants[0].loaded.name + ".folds" * folds + ".seeds" * bool(seeds)


def run_series(
    variants: Sequence[Variant],
    name: str,
    registry: Registry,
    project: Project,
    progress: Progress,
    *,
    devices: int = 1,
    write_page: WritePage | None = None,
) -> Series:
    """Run every variant that is not finished, then score and submit all of them together.

    Args:
        variants: from `make_variants`.
        name: of the summary and the submission.
        registry: where components are found.
        project: where runs are.
        progress: told what happens.
        devices: number of processes that train together.
        write_page: writes the page to review a pseudo-label set; None = no page.

    Raises:
        UsageError: the recipe or its data are wrong.
        TrashError: a run failed; finished ones are found again next time.
    """
    runs = []
    for number, variant in enumerate(variants, start=1):
        fold = "" if variant.fold is None else f", fold {variant.fold}"
        progress.say(f"{number}/{len(variants)}: seed {variant.seed}{fold}")
        runs.append(
            execute_part(
                variant.loaded, registry, project, progress, devices=devices, write_page=write_page
            )
        )
    stores = [
        _held_out_store(variant, run, registry, project, progress)
        for variant, run in zip(variants, runs, strict=True)
    ]
    outcomes = tuple(
        _outcome(variant, run, store, registry, project)
        for variant, run, store in zip(variants, runs, stores, strict=True)
    )
    series = Series(
        project.runs / f"{name}.json",
        tuple(runs[0].manifest()["classes"]),
        outcomes,
        _out_of_fold(variants, stores, registry, project, progress),
        _submission(variants, runs, name, registry, project, progress),
    )
    write_json_atomic(series.path, series.as_json())
    return series


def _contest(variant: Variant, project: Project) -> Contest:
    return open_contest(variant.loaded.recipe.data, project, SilentProgress())


def _held_out_store(
    variant: Variant, run: RunFolder, registry: Registry, project: Project, progress: Progress
) -> ProbabilityStore:
    """Return the maps of the images that a run validated on."""
    recipe, contest = variant.loaded.recipe, _contest(variant, project)
    device = choose_prediction_device(recipe, None)
    choice = MemberRef(run.best, recipe.predict.views)
    (member,) = load_members([choice], contest.class_names, registry, device)
    return predict_split(
        member, contest.val, cache=project.cache, store=recipe.predict.store, progress=progress
    )


def _outcome(
    variant: Variant,
    run: RunFolder,
    store: ProbabilityStore,
    registry: Registry,
    project: Project,
) -> VariantScores:
    final = make_plan(variant.loaded, registry, project, SilentProgress()).final
    manifest = run.manifest()
    result = manifest["result"]
    # A run is found by its training: its submission may have other views, steps or another format.
    as_now = manifest.get("result_key") == result_key(final, registry, project)
    score = (result.get("submission") or {}).get("score") if as_now else None
    return VariantScores(
        seed=variant.seed,
        fold=variant.fold,
        run=run.name,
        checkpoint=portable_path(run.best, project.root),
        validation=result["scores"]["val_miou"],
        test=score["mean_iou"] if score else None,
        store=portable_path(store.folder, project.root),
    )


def _out_of_fold(
    variants: Sequence[Variant],
    stores: Sequence[ProbabilityStore],
    registry: Registry,
    project: Project,
    progress: Progress,
) -> Scores:
    """Score all held-out images: those of a fold by the runs of all seeds that held it out."""
    total: ConfusionMatrix | None = None
    for fold in dict.fromkeys(variant.fold for variant in variants):
        chosen = [row for row, variant in enumerate(variants) if variant.fold == fold]
        variant = variants[chosen[0]]
        recipe, contest = variant.loaded.recipe, _contest(variant, project)
        context = Context(contest.class_names, recipe.data.image_size, recipe.data.ignore_index)
        found = confusions(
            postprocessed_maps(
                [stores[row] for row in chosen],
                contest.val,
                build_chain(recipe.member_postprocess, registry, context),
            ),
            contest.val,
            registry.build("ensembler", recipe.ensemble, context),
            build_chain(recipe.postprocess, registry, context),
            sampling_of(registry.build("submission_format", recipe.submission, context)),
            progress,
        )[0]
        if total is None:
            total = found
        else:
            total.matrix += found.matrix
    assert total is not None
    return scores(total.matrix)


def _submission(
    variants: Sequence[Variant],
    runs: Sequence[RunFolder],
    name: str,
    registry: Registry,
    project: Project,
    progress: Progress,
) -> SubmissionResult | None:
    recipe, contest = variants[0].loaded.recipe, _contest(variants[0], project)
    if contest.test is None:
        return None
    members = [MemberRef(run.best, recipe.predict.views) for run in runs]
    suffix = plan_submission(recipe, contest, registry, n_members=len(members)).format.suffix
    return submit(
        members,
        recipe,
        contest,
        registry,
        output=project.submissions / f"{name}{suffix}",
        cache=project.cache,
        progress=progress,
        project=project,
        overwrite=True,
        # Every image validates one fold and teaches the others: no division is unseen by all.
        validate=all(variant.fold is None for variant in variants),
    )
