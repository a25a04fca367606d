"""One recipe, many runs: every fold, or several seeds, with one summary and one submission."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.data.contest import Contest, open_contest
from toolkit.data.folds import read_folds
from toolkit.ensemble.labels_of_stores import ensemble_counts
from toolkit.ensemble.postprocessed_maps import postprocessed_maps
from toolkit.errors import UsageError
from toolkit.experiment.execution.execute import execute_part
from toolkit.experiment.execution.pages import PageWriters
from toolkit.experiment.execution.series_record import series_record_name, write_series_record
from toolkit.experiment.execution.submit import SubmissionResult, plan_submission, submit
from toolkit.experiment.planning.all_data import refuse_to_score
from toolkit.experiment.planning.keys import result_key
from toolkit.experiment.planning.planner import load_for_run, make_plan
from toolkit.experiment.planning.preflight import preflight_metric
from toolkit.experiment.run_folder import RunFolder
from toolkit.experiment.study.scores import spread
from toolkit.files import write_json_atomic
from toolkit.formats.label_rows import sampling_of
from toolkit.metrics.bootstrap import with_intervals
from toolkit.metrics.counts_file import SUFFIX, ImageCounts, image_counts, write_counts
from toolkit.metrics.scores import Scores, build_metrics, score_counts, stored_score
from toolkit.plugin.interfaces import Context
from toolkit.postprocess.chain import build_chain
from toolkit.predict.members import MemberRef, choose_prediction_device, load_members
from toolkit.predict.predictor import predict_split
from toolkit.predict.store import ProbabilityStore
from toolkit.recipe.load import LoadedRecipe
from toolkit.submission.side_car import portable_path
from toolkit.train.history import validation_score
from toolkit.workspace import Workspace

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
        validation: score on the images that it validates on; its epoch was chosen by it.
        test: score of its submission, None where the truth is unknown or the submission was made
            by a recipe that predicts or writes in another way.
        store: folder of its maps of the images that it was not trained on.
        record: name of its record; None = it was run before there were any.
    """

    seed: int
    fold: int | None
    run: str
    checkpoint: str
    validation: float
    test: float | None
    store: str
    record: str | None


@dataclass(frozen=True)
class Series:
    """Scores and submission of a finished series.

    Attributes:
        path: the summary on disk.
        class_names: index = label.
        outcomes: one per run.
        out_of_fold: scores over all held-out images together, each predicted by the runs that were
            not trained on it, at the submission's size.
        submission: of all runs combined; None without a test split.
        record: name of its record.
    """

    path: Path
    class_names: tuple[str, ...]
    outcomes: tuple[VariantScores, ...]
    out_of_fold: Scores
    submission: SubmissionResult | None
    record: str

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
            "metric": self.out_of_fold.metric,
            "runs": [asdict(each) for each in self.outcomes],
            "validation": asdict(validation),
            "test": asdict(test),
            "out_of_fold": asdict(self.out_of_fold),
            "submission": None if self.submission is None else str(self.submission.path),
            "submission_score": None
            if self.submission is None or self.submission.score is None
            else self.submission.score.deciding,
            "submission_warnings": list(self.warnings),
            "record": self.record,
        }


def make_variants(
    workspace: Workspace,
    path: Path,
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
    loaded = load_for_run(workspace, path, set_, unset)
    refuse_to_score(loaded, "a series of runs")
    recipe = loaded.recipe
    numbers: list[int | None] = [None]
    if folds:
        if recipe.data.folds is None:
            raise UsageError(
                f"{path} has no data.folds: there is nothing to cross-validate",
                "Make a split file: trash data split RECIPE -o recipes/splits/NAME.json, and set "
                "data.folds.file.",
            )
        train = open_contest(workspace.silent, recipe.data).train
        source = train.source or train
        file = workspace.project.path(recipe.data.folds.file)
        numbers = list(range(len(read_folds(file, source.file, source.file_names).rows)))
    found = []
    for seed, fold in itertools.product(seeds or (recipe.seed,), numbers):
        own = [*set_, f"seed={seed}"] + ([] if fold is None else [f"data.folds.index={fold}"])
        loaded = load_for_run(workspace, path, own, unset)
        found.append(Variant(seed, fold, loaded))
    return found


def series_name(variants: Sequence[Variant], *, folds: bool, seeds: Sequence[int]) -> str:
    """Return what a series is called: its recipe, and what differs from run to run."""
    return variants[0].loaded.name + ".folds" * folds + ".seeds" * bool(seeds)


def run_series(
    workspace: Workspace,
    variants: Sequence[Variant],
    name: str,
    *,
    devices: int = 1,
    pages: PageWriters | None = None,
) -> Series:
    """Run every variant that is not finished, then score and submit all of them together.

    Args:
        workspace: the project, its components, and who is told what happens.
        variants: from `make_variants`.
        name: of the summary and the submission.
        devices: number of processes that train together.
        pages: writes the pages of runs and pseudo-label sets; None = no page.

    Raises:
        UsageError: the recipe or its data are wrong.
        TrashError: a run failed; finished ones are found again next time.
    """
    for variant in {variant.fold: variant for variant in variants}.values():
        stage = make_plan(workspace.silent, variant.loaded).final
        preflight_metric(workspace, stage, workspace.project.cache)
    runs = []
    for number, variant in enumerate(variants, start=1):
        fold = "" if variant.fold is None else f", fold {variant.fold}"
        workspace.progress.say(f"{number}/{len(variants)}: seed {variant.seed}{fold}")
        runs.append(execute_part(workspace, variant.loaded, devices=devices, pages=pages))
    stores = [
        _held_out_store(workspace, variant, run)
        for variant, run in zip(variants, runs, strict=True)
    ]
    outcomes = tuple(
        _outcome(workspace, variant, run, store)
        for variant, run, store in zip(variants, runs, stores, strict=True)
    )
    class_names = tuple(runs[0].manifest()["classes"])
    out_of_fold, counts = _out_of_fold(workspace, variants, stores)
    path = workspace.project.runs / f"{name}.json"
    series = Series(
        path,
        class_names,
        outcomes,
        out_of_fold,
        _submission(workspace, variants, runs, name),
        series_record_name(workspace.project, path),
    )
    of = " ".join(run.name for run in runs)
    write_counts(series.path.with_suffix(SUFFIX), of, class_names, {"out_of_fold": counts})
    write_json_atomic(series.path, series.as_json())
    write_series_record(
        workspace.project, series.record, series.as_json(), path, variants[0].loaded
    )
    return series


def _contest(workspace: Workspace, variant: Variant) -> Contest:
    return open_contest(workspace.silent, variant.loaded.recipe.data)


def _held_out_store(workspace: Workspace, variant: Variant, run: RunFolder) -> ProbabilityStore:
    """Return the maps of the images that a run validated on."""
    recipe, contest = variant.loaded.recipe, _contest(workspace, variant)
    device = choose_prediction_device(recipe, None)
    choice = MemberRef(run.best, recipe.predict.views)
    (member,) = load_members([choice], contest.class_names, workspace.registry, device)
    return predict_split(
        member,
        contest.val,
        cache=workspace.project.cache,
        store=recipe.predict.store,
        progress=workspace.progress,
    )


def _outcome(
    workspace: Workspace, variant: Variant, run: RunFolder, store: ProbabilityStore
) -> VariantScores:
    final = make_plan(workspace.silent, variant.loaded).final
    manifest = run.manifest()
    result = manifest["result"]
    # A run is found by its training: its submission may have other views, steps or another format.
    as_now = manifest.get("result_key") == result_key(workspace, final)
    score = (result.get("submission") or {}).get("score") if as_now else None
    return VariantScores(
        seed=variant.seed,
        fold=variant.fold,
        run=run.name,
        checkpoint=portable_path(run.best, workspace.project.root),
        validation=validation_score(result["scores"]),
        test=stored_score(score) if score else None,
        store=portable_path(store.folder, workspace.project.root),
        record=manifest.get("record"),
    )


def _out_of_fold(
    workspace: Workspace, variants: Sequence[Variant], stores: Sequence[ProbabilityStore]
) -> tuple[Scores, ImageCounts]:
    """Score all held-out images: those of a fold by the runs of all seeds that held it out."""
    registry = workspace.registry
    recipe = variants[0].loaded.recipe
    class_names = _contest(workspace, variants[0]).class_names
    metrics = build_metrics(registry, recipe.metric, Context(class_names))
    counts = []
    names: list[str] = []
    for fold in dict.fromkeys(variant.fold for variant in variants):
        chosen = [row for row, variant in enumerate(variants) if variant.fold == fold]
        variant = variants[chosen[0]]
        recipe, contest = variant.loaded.recipe, _contest(workspace, variant)
        context = Context(contest.class_names, recipe.data.image_size, recipe.data.ignore_index)
        found = ensemble_counts(
            postprocessed_maps(
                [stores[row] for row in chosen],
                contest.val,
                build_chain(recipe.member_postprocess, registry, context),
            ),
            contest.val,
            registry.build("ensembler", recipe.ensemble, context),
            build_chain(recipe.postprocess, registry, context),
            sampling_of(registry.build("submission_format", recipe.submission, context)),
            metrics.counting(contest.val.ignore_index),
            workspace.progress,
        )[0]
        counts.append(found)
        names += contest.val.file_names
    every = np.concatenate(counts)
    scores = with_intervals(score_counts(every, metrics), every, metrics)
    return scores, image_counts(names, every, metrics.boundary)


def _submission(
    workspace: Workspace, variants: Sequence[Variant], runs: Sequence[RunFolder], name: str
) -> SubmissionResult | None:
    project = workspace.project
    recipe, contest = variants[0].loaded.recipe, _contest(workspace, variants[0])
    if contest.test is None:
        return None
    members = [MemberRef(run.best, recipe.predict.views) for run in runs]
    suffix = plan_submission(
        recipe, contest, workspace.registry, n_members=len(members)
    ).format.suffix
    return submit(
        workspace,
        members,
        recipe,
        contest,
        output=project.submissions / f"{name}{suffix}",
        cache=project.cache,
        overwrite=True,
        # Every image validates one fold and teaches the others: no division is unseen by all.
        validate=all(variant.fold is None for variant in variants),
    )
