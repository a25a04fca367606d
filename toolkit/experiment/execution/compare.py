"""Several recipes with several seeds, side by side: mean and spread of their scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from statistics import mean, stdev
from typing import Any

from toolkit.errors import UsageError
from toolkit.experiment.execution.image_noise import ScoredRun, images_difference
from toolkit.experiment.planning.all_data import refuse_to_score
from toolkit.experiment.planning.keys import result_key
from toolkit.experiment.planning.planner import make_plan
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.bootstrap import PairedDifference
from toolkit.metrics.scores import (
    build_metrics,
    metric_name,
    metric_title,
    shown_metrics,
    stored_score,
)
from toolkit.plugin.component_text import parse_component
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.find import find_recipe
from toolkit.recipe.load import LoadedRecipe, load_recipe
from toolkit.recipe.problems import shown_path
from toolkit.train.history import validation_scores
from toolkit.wording import some_of
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class SeedScores:
    """Scores of one recipe with one seed.

    Attributes:
        seed: the seed.
        run: name of the run.
        validation: best validation score; the epoch was chosen by it, so it is a little too good.
        test: score of the submission on the test split, None where its truth is unknown.
        iou: IoU of every class, on the test split if it is known, else on validation; NaN where a
            class does not occur.
    """

    seed: int
    run: str
    validation: float
    test: float | None
    iou: tuple[float, ...]


@dataclass(frozen=True)
class Compared:
    """Scores of one recipe with all seeds.

    Attributes:
        recipe: path of its file.
        title: its title.
        class_names: names of the classes of `SeedScores.iou`.
        outcomes: one per seed.
        metric: name of the metric of these scores.
        larger_is_better: whether a larger score is the better one.
        over_first: how much better it is than the recipe named first on images drawn anew; None for
            that one itself, and where it cannot be told.
    """

    recipe: str
    title: str
    class_names: tuple[str, ...]
    metric: str
    larger_is_better: bool
    outcomes: tuple[SeedScores, ...]
    over_first: PairedDifference | None = None

    @property
    def deciding(self) -> tuple[float, ...]:
        """The score that counts, per seed: on the test split if its truth is known."""
        return tuple(o.validation if o.test is None else o.test for o in self.outcomes)


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of some figures; NaN where there are too few."""

    mean: float
    deviation: float

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "-"
        return f"{self.mean:.4f}" + (
            "" if math.isnan(self.deviation) else f" ± {self.deviation:.4f}"
        )


def spread(values: Sequence[float | None]) -> Spread:
    """Return mean and spread of the figures that are known."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    return Spread(mean(known) if known else math.nan, stdev(known) if len(known) > 1 else math.nan)


def gain(compared: Compared, first: Compared) -> Spread:
    """Return how much better a recipe scores than another, compared seed by seed."""
    sign = 1 if first.larger_is_better else -1
    pairs = zip(compared.deciding, first.deciding, strict=True)
    return spread([sign * (one - other) for one, other in pairs])


def within_noise(compared: Compared, first: Compared) -> bool:
    """Return whether a gain is less than two of its standard errors over the seeds."""
    found = gain(compared, first)
    # One seed has no spread (NaN): nothing is known of its noise.
    return not abs(found.mean) > 2 * found.deviation / math.sqrt(len(compared.outcomes))


def noise_in_words(compared: Sequence[Compared]) -> list[str]:
    """Return lines that name the recipes whose gain over the first may be noise, of either kind."""
    first, others = compared[0], compared[1:]
    if not others:
        return []
    seeds = len(first.outcomes)
    within = [one for one in others if seeds > 1 and within_noise(one, first)]
    few = [one for one in others if one.over_first is not None and one.over_first.within_noise]
    lines = [
        f"gain within noise ({of_what}): {', '.join(PurePath(one.recipe).stem for one in found)}"
        for of_what, found in (
            (f"two standard errors over {seeds} seeds", within),
            ("95 % interval over the images holds 0", few),
        )
        if found
    ]
    if seeds == 1:
        lines.insert(
            0, "one seed tells nothing of the noise between seeds: name several with --seeds"
        )
    return lines


Execute = Callable[[LoadedRecipe], RunFolder | None]


def compare(
    workspace: Workspace,
    paths: Sequence[Path],
    seeds: Sequence[int],
    *,
    set_: Sequence[str] = (),
    metric: str | None = None,
    execute: Execute,
) -> list[Compared]:
    """Run every recipe with every seed, unless a finished run of it is there, and collect scores.

    Seeds come in the outer loop, so that an interrupted comparison has whole rounds.

    Args:
        workspace: the project, its components, and who is told what happens.
        paths: the recipes; the first is what the others are measured against.
        seeds: seeds to run each of them with, in place of its own.
        set_: `--set` texts for all of them.
        metric: to compare by; default: that of the first recipe.
        execute: runs a recipe and returns the folder of its run.

    Raises:
        UsageError: a recipe is wrong, a seed named twice, or there will be no score by the metric;
            nothing was run.
        TrashError: a run failed; the finished ones are found again next time.
    """
    loaded = recipes_with_seeds(workspace, paths, seeds, set_)
    recipes = list(loaded.values())
    spec = recipes[0].recipe.metric if metric is None else parse_component(metric)
    name = metric_name(workspace.registry, spec)
    _require_scores(name, recipes, workspace.registry)
    known = {key: find_finished(workspace, recipe) for key, recipe in loaded.items()}
    for (_, seed), run in known.items():
        if run is not None:
            _outcome(run, seed, name)
    runs: dict[Path, list[tuple[RunFolder, int]]] = {path: [] for path in paths}
    for number, ((path, seed), recipe) in enumerate(loaded.items(), start=1):
        what = f"{number}/{len(loaded)} {shown_path(recipe.path)}, seed {seed}"
        run = known[path, seed]
        if run is not None:
            workspace.progress.say(f"{what}: finished before, {run.name}")
        else:
            workspace.progress.say(what)
            run = execute(recipe)
        if run is not None:
            runs[path].append((run, seed))
    finished = {path: found for path, found in runs.items() if found}
    if not finished:
        return []
    first, _ = next(iter(finished.values()))[0]
    context = Context(tuple(first.manifest()["classes"]))
    measure = build_metrics(workspace.registry, spec, context).metric
    compared: list[Compared] = []
    scored: list[list[ScoredRun]] = []
    for path, found in finished.items():
        outcomes = tuple(_outcome(run, seed, name) for run, seed in found)
        one = Compared(
            shown_path(loaded[path, seeds[0]].path),
            loaded[path, seeds[0]].recipe.title,
            tuple(found[0][0].manifest()["classes"]),
            name,
            measure.larger_is_better,
            outcomes,
        )
        scored.append([(run, score) for (run, _), score in zip(found, one.deciding, strict=True)])
        if compared:
            difference = images_difference(measure, scored[-1], scored[0])
            one = replace(one, over_first=difference)
        compared.append(one)
    return compared


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
    workspace: Workspace, paths: Sequence[Path], seeds: Sequence[int], set_: Sequence[str]
) -> dict[tuple[Path, int], LoadedRecipe]:
    """Return every recipe with every seed, by both; the seeds in the outer loop.

    Raises:
        UsageError: a recipe is wrong, or a seed named twice.
    """
    if len(set(seeds)) < len(seeds):
        raise UsageError("the same seed is named twice")
    loaded = {
        (path, seed): load_recipe(
            path,
            project=workspace.project,
            registry=workspace.registry,
            set_=(*set_, f"seed={seed}"),
        )
        for seed in seeds
        for path in paths
    }
    for recipe in loaded.values():
        refuse_to_score(recipe, "a comparison")
    _warn_of_unlike_validations(workspace, [loaded[path, seeds[0]] for path in paths])
    return loaded


def _warn_of_unlike_validations(workspace: Workspace, recipes: Sequence[LoadedRecipe]) -> None:
    """Warn where validation decides between native crops and resized photos."""
    if all(each.recipe.data.truth for each in recipes):
        return
    cropped, resized = (
        [PurePath(each.path).stem for each in recipes if (each.recipe.data.crops is None) == whole]
        for whole in (False, True)
    )
    if cropped and resized:
        workspace.progress.say(
            f"warning: validation scores of {some_of(cropped)} (data.crops) and {some_of(resized)} "
            "(resized photos) are of different pixels and tell little about each other; with "
            "data.truth their submissions are compared"
        )


def find_finished(workspace: Workspace, loaded: LoadedRecipe) -> RunFolder | None:
    """Return the newest finished run of a recipe that would score the same if it were run again."""
    candidates = list(_finished(loaded.name, workspace.project))
    if not candidates:
        return None
    final = make_plan(workspace.silent, loaded).final
    wanted = result_key(workspace, final)
    return next((run for run, found in candidates if found.get("result_key") == wanted), None)


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
    result = run.manifest()["result"]
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


def expanded(paths: Sequence[Path], project: Project) -> list[Path]:
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
    return list(found.values())


def table(compared: Sequence[Compared], *, per_class: bool) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows, best recipe first; gains are over the recipe named first."""
    first = compared[0]
    has_test = any(outcome.test is not None for outcome in first.outcomes)
    names = first.class_names if per_class else ()
    stems = [PurePath(one.recipe).stem for one in compared]
    unique = len(set(stems)) == len(stems)
    baseline = stems[0] if unique else first.recipe
    gained_on = "test" if has_test else "validation"
    title = metric_title(first.metric)
    columns = [
        *("recipe", "runs", *([f"test {title}"] if has_test else []), f"validation {title}"),
        f"{gained_on} gain over {baseline}",
    ]
    rows = []
    best_first = sorted(
        compared, key=lambda one: spread(one.deciding).mean, reverse=first.larger_is_better
    )
    for one in best_first:
        tests = [str(spread([outcome.test for outcome in one.outcomes]))] if has_test else []
        validation = spread([outcome.validation for outcome in one.outcomes])
        gained = "-" if one is first else str(gain(one, first))
        classes = [str(spread([o.iou[label] for o in one.outcomes])) for label in range(len(names))]
        shown = PurePath(one.recipe).stem if unique else one.recipe
        rows.append([shown, str(len(one.outcomes)), *tests, str(validation), gained, *classes])
    return [*columns, *names], rows


def class_table(compared: Sequence[Compared]) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of the IoU of every class: a row per class, a column per recipe."""
    columns, rows = table(compared, per_class=True)
    names = compared[0].class_names
    recipes = [row[0] for row in rows]
    label_rows = [
        [name, *(row[len(columns) - len(names) + label] for row in rows)]
        for label, name in enumerate(names)
    ]
    return ["IoU of the class", *recipes], label_rows


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
