"""Running a study: every variant with every seed, unless a finished run of it is there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.experiment.find import unfinished_run
from toolkit.experiment.planning.all_data import refuse_to_score
from toolkit.experiment.planning.keys import result_key
from toolkit.experiment.planning.planner import make_plan
from toolkit.experiment.run_folder import RunFolder
from toolkit.experiment.study.comparable import (
    refuse_seed,
    require_comparable,
    require_equal_classes,
)
from toolkit.experiment.study.image_noise import ScoredRun, images_difference
from toolkit.experiment.study.scores import SeedScores, StudyRow
from toolkit.metrics.checked import CheckedMetric
from toolkit.metrics.scores import build_metrics, metric_name, shown_metrics, stored_score
from toolkit.plugin.component_text import parse_component
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.plugin.registry import Registry
from toolkit.predict.store import remove_stores
from toolkit.project import Project
from toolkit.recipe.find import find_recipe, study_name
from toolkit.recipe.load import LoadedRecipe, load_recipe
from toolkit.recipe.problems import shown_path
from toolkit.recipe.study import Study, split_address, unknown_variant
from toolkit.train.checkpoint import checkpoint_digest
from toolkit.train.fit import OnEpoch
from toolkit.train.history import validation_scores
from toolkit.wording import some_of
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class StudyItem:
    """A recipe, or a variant of a study, that is compared with others.

    Attributes:
        name: what it is called in tables.
        path: of the recipe or variant.
        set_: `--set` texts that it is loaded with.
    """

    name: str
    path: Path
    set_: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What is compared with each other.

    Attributes:
        name: of the study, or of the first of several recipes: names its page and table.
        title: of the study; "" for several recipes.
        items: the first is what the others are compared with.
        seeds: that each of them is run with, in place of its own.
        metric: to compare by; None = that of the first.
    """

    name: str
    title: str
    items: tuple[StudyItem, ...]
    seeds: tuple[int, ...]
    metric: str | None = None


PART = "-part"
"""Behind the name of a study of which a part was compared: it replaces nothing of the whole."""


def comparison_of_study(
    project: Project,
    study: Study,
    *,
    only: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    set_: Sequence[str] = (),
    metric: str | None = None,
) -> Comparison:
    """Return what a study compares; of a part of it the name ends in `PART`.

    Args:
        project: has the study.
        study: with variants.
        only: variants to compare with the first one; default: all.
        seeds: in place of those of the study.
        set_: `--set` texts for all variants.
        metric: in place of that of the study.

    Raises:
        UsageError: it has no such variant.
    """
    for name in only:
        if name not in study.variants:
            raise unknown_variant(study, name)
    first, *others = study.variants
    chosen = [first, *(name for name in others if not only or name in only)]
    is_part = len(chosen) < len(study.variants) or set(seeds or study.seeds) != set(study.seeds)
    return Comparison(
        study_name(study.path, project) + (PART if is_part else ""),
        study.title,
        tuple(StudyItem(name, study.address(name), tuple(set_)) for name in chosen),
        study.seeds if seeds is None else tuple(seeds),
        metric or study.metric,
    )


def comparison_of_recipes(
    project: Project,
    paths: Sequence[Path],
    seeds: Sequence[int],
    *,
    set_: Sequence[str] = (),
    metric: str | None = None,
) -> Comparison:
    """Return what compares recipes, and those in folders, with the first of them.

    Raises:
        UsageError: no such recipe, or a folder without recipes.
    """
    found = recipes_in(paths, project)
    items = [StudyItem(n, p, tuple(set_)) for n, p in zip(short_names(found), found, strict=True)]
    return Comparison(f"compare-{found[0].stem}", "", tuple(items), tuple(seeds), metric)


Execute = Callable[[LoadedRecipe, bool, OnEpoch | None], RunFolder | None]
"""Runs a recipe and returns its folder; the flag says whether an interrupted run goes on, and who
watches it is called after every epoch."""


def run_comparison(
    workspace: Workspace, comparison: Comparison, execute: Execute | None
) -> list[StudyRow]:
    """Run every variant with every seed, unless a finished run of it is there, and collect scores.

    Seeds come in the outer loop, so that an interrupted study has whole rounds.

    Args:
        workspace: the project, its components, and who is told what happens.
        comparison: what is compared.
        execute: runs a recipe; None = nothing is run, and only finished runs are collected.

    Raises:
        UsageError: a recipe or its data are wrong, classes differ, a seed is named twice, or there
            will be no score by the metric; nothing was run.
        TrashError: a run failed; the finished ones are found again next time.
    """
    loaded = recipes_with_seeds(workspace, comparison)
    recipes = list(loaded.values())
    spec = (
        recipes[0].recipe.metric
        if comparison.metric is None
        else parse_component(comparison.metric)
    )
    name = metric_name(workspace.registry, spec)
    _require_scores(name, recipes, workspace.registry)
    if execute is not None:
        seed = comparison.seeds[0]
        require_comparable(workspace, {each.name: loaded[each, seed] for each in comparison.items})
    known = {key: state_of(workspace, recipe) for key, recipe in loaded.items()}
    for (_, seed), state in known.items():
        if state.finished is not None:
            _outcome(state.finished, seed, name)
    runs: dict[StudyItem, list[tuple[RunFolder, int]]] = {item: [] for item in comparison.items}
    for number, ((item, seed), recipe) in enumerate(loaded.items(), start=1):
        what = f"{number}/{len(loaded)} {item.name}, seed {seed}"
        run = known[item, seed].finished
        if run is not None and execute is not None:
            workspace.progress.say(f"{what}: finished before, {run.name}")
        elif execute is not None:
            workspace.progress.say(what)
            run = execute(recipe, known[item, seed].resumable, None)
        if run is not None:
            runs[item].append((run, seed))
    finished = {item: found for item, found in runs.items() if found}
    if not finished:
        return []
    require_equal_classes(
        {i.name: each[0][0].manifest()["classes"] for i, each in finished.items()}
    )
    run, _ = next(iter(finished.values()))[0]
    context = Context(tuple(run.manifest()["classes"]))
    measure = build_metrics(workspace.registry, spec, context).metric
    first_seed = comparison.seeds[0]
    rows: list[StudyRow] = []
    scored: list[list[ScoredRun]] = []
    for item, found in finished.items():
        row = _row(item.name, loaded[item, first_seed], found, measure, name)
        scored.append([(run, score) for (run, _), score in zip(found, row.deciding, strict=True)])
        if rows and [seed for _, seed in found] == [each.seed for each in rows[0].outcomes]:
            row = replace(row, over_first=images_difference(measure, scored[-1], scored[0]))
        rows.append(row)
    return rows


def _row(
    name: str,
    loaded: LoadedRecipe,
    runs: Sequence[tuple[RunFolder, int]],
    measure: CheckedMetric,
    metric: str,
) -> StudyRow:
    return StudyRow(
        name,
        shown_path(loaded.path),
        loaded.recipe.title,
        tuple(runs[0][0].manifest()["classes"]),
        metric,
        measure.larger_is_better,
        tuple(_outcome(run, seed, metric) for run, seed in runs),
        reference=loaded.recipe.reference,
    )


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return what recipes are called in a table: as short as it tells them apart."""
    addresses = [split_address(path) for path in paths]
    names = [
        path.stem if each is None else each[1] for path, each in zip(paths, addresses, strict=True)
    ]
    return names if len(set(names)) == len(names) else [shown_path(path) for path in paths]


def forget_maps(run: RunFolder, project: Project) -> None:
    """Delete the probability maps of a finished run: those of a whole study fill a disk.

    Its scores, counts and page are there; whoever wants its maps predicts them again.
    """
    remove_stores(project.cache, checkpoint_digest(run.best))


def _require_scores(metric: str, recipes: Sequence[LoadedRecipe], registry: Registry) -> None:
    """Refuse a metric that is neither built in nor that of every recipe: runs have no score by it.

    Raises:
        UsageError: with the recipes whose runs have none.
    """
    if metric in shown_metrics(registry):
        return
    others = [each for each in recipes if metric_name(registry, each.recipe.metric) != metric]
    if others:
        names = list(dict.fromkeys(shown_path(each.path) for each in others))
        raise UsageError(
            f"no run of {some_of(names)} is scored by {metric}",
            "Runs are scored by the built-in metrics with their defaults "
            f"({', '.join(shown_metrics(registry))}) and by the [metric] of their recipe: "
            "set it for all with --set.",
        )


def recipes_with_seeds(
    workspace: Workspace, comparison: Comparison
) -> dict[tuple[StudyItem, int], LoadedRecipe]:
    """Return every recipe with every seed, by both; the seeds in the outer loop.

    Raises:
        UsageError: a recipe is wrong, or a seed named twice.
    """
    if len(set(comparison.seeds)) < len(comparison.seeds):
        raise UsageError("the same seed is named twice")
    for item in comparison.items:
        refuse_seed(item.set_)
    loaded = {
        (item, seed): load_recipe(
            item.path,
            project=workspace.project,
            registry=workspace.registry,
            set_=(*item.set_, f"seed={seed}"),
        )
        for seed in comparison.seeds
        for item in comparison.items
    }
    for recipe in loaded.values():
        refuse_to_score(recipe, "a comparison")
    seed = comparison.seeds[0]
    _warn_of_unlike_validations(
        workspace, {item.name: loaded[item, seed] for item in comparison.items}
    )
    return loaded


def _warn_of_unlike_validations(workspace: Workspace, recipes: Mapping[str, LoadedRecipe]) -> None:
    """Warn where validation decides between native crops and resized photos."""
    if all(each.recipe.data.truth for each in recipes.values()):
        return
    cropped, resized = (
        [name for name, each in recipes.items() if (each.recipe.data.crops is None) == whole]
        for whole in (False, True)
    )
    if cropped and resized:
        workspace.progress.say(
            f"warning: validation scores of {some_of(cropped)} (data.crops) and {some_of(resized)} "
            "(resized photos) are of different pixels and tell little about each other; with "
            "data.truth their submissions are compared"
        )


@dataclass(frozen=True)
class VariantState:
    """What is there of a variant with a seed.

    Attributes:
        finished: the newest finished run that would score the same if it were run again.
        resumable: whether a run of it was cut after a finished epoch.
    """

    finished: RunFolder | None
    resumable: bool = False


def state_of(workspace: Workspace, loaded: LoadedRecipe) -> VariantState:
    """Return what is there of a recipe; its data are opened only where runs have its name."""
    project = workspace.project
    if not any(project.runs.glob(f"{loaded.name}-*")):
        return VariantState(None)
    final = make_plan(workspace.silent, loaded).final
    wanted = result_key(workspace, final)
    for run, manifest in _finished(loaded.name, project):
        if manifest.get("result_key") == wanted:
            return VariantState(run)
    cut = unfinished_run(final.key, project.runs)
    return VariantState(None, cut is not None and cut.name.rpartition("-")[0] == loaded.name)


def _finished(name: str, project: Project) -> Iterator[tuple[RunFolder, dict[str, Any]]]:
    for path in sorted(project.runs.glob(f"{name}-*"), reverse=True):
        run = RunFolder(path)
        try:
            manifest = run.manifest()
        except UsageError:  # another version's, or a folder of somebody else
            continue
        if manifest["status"] == "finished" and path.name.rpartition("-")[0] == name:
            yield run, manifest


def _outcome(run: RunFolder, seed: int, metric: str) -> SeedScores:
    manifest = run.manifest()
    result = manifest["result"]
    score = (result.get("submission") or {}).get("score")
    if score and score.get("metrics", {}).get(metric, 0) is None:
        score = None  # the truth of the test split gives it no value
    iou = score["iou"] if score else result["scores"]["val_iou"]
    return SeedScores(
        seed=seed,
        run=run.name,
        validation=_by(metric, validation_scores(result["scores"]), run),
        test=_by(metric, score, run) if score else None,
        iou=tuple(math.nan if value is None else value for value in iou),
        seconds=result.get("seconds"),
        record=manifest.get("record"),
    )


def _by(metric: str, scores: Mapping[str, Any], run: RunFolder) -> float:
    score = stored_score(scores, metric)
    if score is None:
        raise UsageError(
            f"{run.name} has no score by {metric}",
            "It was scored by another metric, or before there were several: choose one that all "
            f"have, --metric {DEFAULT_METRIC} for example, or remove the run to repeat it.",
        )
    return score


def recipes_in(paths: Sequence[Path], project: Project) -> tuple[Path, ...]:
    """Return the files of recipes, each once, and each folder replaced by those in it, by name.

    Raises:
        UsageError: no such recipe, or a folder without recipes.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        inside = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not inside:
            raise UsageError(f"there are no recipes in the folder {path}")
        for recipe in inside:
            file = find_recipe(recipe, project)
            found.setdefault(file.resolve(), file)
    return tuple(found.values())
