"""Searching for members and how to combine them, scored on held-out images by cross-validation."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.memory import keep_freed_memory
from toolkit.metrics.scores import Metrics, require_value, score_counts
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import DEFAULT_METRIC, Metric
from toolkit.plugin.registry import Registry
from toolkit.progress import Progress
from toolkit.search.class_factors import FactorFit
from toolkit.search.cross_validation import (
    Fit,
    Fits,
    LeftOut,
    RepeatedKFold,
    fit_parts,
    repeated_k_fold,
    score_choices,
    unfitted,
)
from toolkit.search.disagreement import Disagreement
from toolkit.search.greedy import Counts, select_greedily
from toolkit.search.held_out import HeldOut
from toolkit.search.means import MeanScores, counts_of, mean_spec, members_of
from toolkit.search.pixel_sample import sample_pixels
from toolkit.search.pixelwise import scaled_means, score_fits, stacked
from toolkit.search.results import CombinationResult, CombinationResults
from toolkit.search.stacking_fit import StackingFit
from toolkit.workspace import Workspace

SIMPLE_MEAN = "mean of all"
_UNFITTED = ("geometric", "power", "rank", "vote", "max")
_BEST_SINGLE, _BEST_PAIR, _GREEDY = "best single", "best pair", "greedy"
_STACKINGS = {"stacking": False, "stacking, matrices": True}
"""Whether there is a matrix per member."""
_CLASS_FACTORS = "mean, class factors"
_MOST_PAIRS = 45
_DIGITS = 5

Rule = Callable[[Callable[[Counts], float]], Counts]
"""Chooses a mean by a score of means."""


@dataclass(frozen=True)
class Effort:
    """How much a search tries.

    Attributes:
        rounds: members that the greedy selection adds.
        folds: parts that the images are divided into, for honest scores.
        repeats: how often they are divided anew.
        seed: of divisions and samples.
    """

    rounds: int = 12
    folds: int = 5
    repeats: int = 3
    seed: int = 0


@dataclass(frozen=True)
class Search:
    """The result of a search: every combination with its scores.

    Attributes:
        ways: every way that was tried; the simple mean first, then singles, pairs and the rest.
        chosen: the way with the best honest score, or the simple mean when none is clearly better.
        contested: share of the pixels that the members do not agree on.
        n_images: held-out images.
    """

    ways: tuple[CombinationResult, ...]
    chosen: CombinationResult
    contested: float
    n_images: int


def search(
    workspace: Workspace, held_out: HeldOut, names: Sequence[str], effort: Effort, metrics: Metrics
) -> Search:
    """Score singles, pairs, the mean of all and other combiners; select by cross-validation.

    Args:
        workspace: the project, its components, and who is told what happens.
        held_out: images that no member was trained on.
        names: short names of the members.
        effort: how much is tried.
        metrics: the contest's, of which one decides.

    Raises:
        TrashError: the mean of all members has no score, so that nothing can be compared with it.
    """
    metric = metrics.metric
    keep_freed_memory()
    division = repeated_k_fold(held_out.n_images, effort.folds, effort.repeats, effort.seed)
    ways = CombinationResults()
    folder = workspace.project.cache
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="search-") as temporary:
        counting = metrics.counting(held_out.ignore_index)
        contested = Disagreement(held_out, counting, Path(temporary), workspace.progress)
        means = MeanScores(contested, division, metric)
        everyone = means.confusions(counts_of(range(len(names)), len(names)))
        require_value(score_counts(everyone, metrics), metrics, everyone)
        _add_means(ways, names, means)
        if held_out.n_members > 1:
            _add_unfitted(ways, held_out, contested, workspace.registry, metric)
            _add_selections(ways, len(names), means, division, effort.rounds, workspace.progress)
    _add_pixelwise(ways, held_out, division, effort.seed, metrics, workspace.progress)
    return Search(ways.all(), ways.best(), contested.share, held_out.n_images)


def _add_means(ways: CombinationResults, names: Sequence[str], means: MeanScores) -> None:
    """Add the mean of all, every member alone, and every pair unless there are too many."""
    n = len(names)
    for name, members in _means(names):
        counts = counts_of(members, n)
        scored = unfitted(means.confusions(counts), means.metric)
        is_choice = len(members) < n
        ways.add(name, members, mean_spec(counts), scored, is_fitted=False, is_choice=is_choice)


def _means(names: Sequence[str]) -> list[tuple[str, tuple[int, ...]]]:
    everyone = tuple(range(len(names)))
    singles = [(names[member], (member,)) for member in everyone]
    pairs = [(f"{names[a]} + {names[b]}", (a, b)) for a, b in _pairs(len(names))]
    found: list[tuple[str, tuple[int, ...]]] = [*singles, *pairs]
    return [(SIMPLE_MEAN, everyone), *found] if len(names) > 1 else found


def way_names(names: Sequence[str]) -> list[str]:
    """Return the names of all ways that `search` tries for members of these names, in its order."""
    found = [name for name, _ in _means(names)]
    if len(names) > 1:
        found += [f"{name} of all" for name in _UNFITTED]
        found += [_BEST_SINGLE, *([_BEST_PAIR] if _pairs(len(names)) else []), _GREEDY]
    return [*found, *_STACKINGS, _CLASS_FACTORS]


def _pairs(n_members: int) -> list[tuple[int, int]]:
    if n_members < 3 or math.comb(n_members, 2) > _MOST_PAIRS:
        return []
    return list(itertools.combinations(range(n_members), 2))


def _add_unfitted(
    ways: CombinationResults,
    held_out: HeldOut,
    contested: Disagreement,
    registry: Registry,
    metric: Metric,
) -> None:
    everyone = range(held_out.n_members)
    for name in _UNFITTED:
        spec = ComponentSpec(name=name)
        ensembler = registry.build("ensembler", spec, Context(held_out.class_names))
        scored = unfitted(contested.score(ensembler, everyone), metric)
        ways.add(f"{name} of all", everyone, spec, scored, is_fitted=False)


def _add_selections(
    ways: CombinationResults,
    n: int,
    means: MeanScores,
    division: RepeatedKFold,
    rounds: int,
    progress: Progress,
) -> None:
    """Add the best single member, the best pair and the greedy selection, each chosen honestly."""
    singles = [counts_of((member,), n) for member in range(n)]
    pairs = [counts_of(pair, n) for pair in _pairs(n)]
    rules: dict[str, Rule] = {_BEST_SINGLE: lambda score: max(singles, key=score)}
    if pairs:
        rules[_BEST_PAIR] = lambda score: max(pairs, key=score)
    rules[_GREEDY] = lambda score: select_greedily(score, n, rounds)

    def select(rule: Rule, left_out: LeftOut) -> Counts:
        return rule(lambda counts: means.merit(counts, left_out))

    for name, rule in rules.items():
        fits = fit_parts(division, partial(select, rule), f"selecting: {name}", progress)
        scored = score_choices(fits, division, means.confusions, means.metric)
        members, _ = members_of(fits.whole)
        ways.add(name, members, mean_spec(fits.whole), scored, is_fitted=True)


def _add_pixelwise(
    ways: CombinationResults,
    held_out: HeldOut,
    division: RepeatedKFold,
    seed: int,
    metrics: Metrics,
    progress: Progress,
) -> None:
    """Add what is fitted to pixels: stacking, and factors of the classes.

    Single pixels have no boundaries: for a metric that looks at these, factors are fitted by the
    mIoU, as stacking is by cross entropy, and scored by the metric.
    """
    pixels = sample_pixels(held_out, seed, progress)
    everyone = range(held_out.n_members)
    by = metrics.metric if metrics.boundary is None else metrics.by_name[DEFAULT_METRIC]

    def fitted(fit: Callable[[NDArray[np.bool_]], Fit], name: str) -> Fits[Fit]:
        return fit_parts(
            division, lambda left_out: fit(division.outside(left_out)), f"fitting: {name}", progress
        )

    for name, matrix in _STACKINGS.items():
        numbers = fitted(StackingFit(pixels, matrix=matrix), name)
        parameters = {
            "weights": numbers.whole.weights.round(_DIGITS).tolist(),
            "bias": numbers.whole.bias.round(_DIGITS).tolist(),
        }
        scored = score_fits(numbers, division, held_out, stacked, metrics, progress)
        spec = ComponentSpec(name="stacking", **parameters)
        ways.add(name, everyone, spec, scored, is_fitted=True)
    factors = fitted(FactorFit(pixels, by), "factors of the classes")
    scored = score_fits(factors, division, held_out, scaled_means, metrics, progress)
    table = {"factors": dict(zip(held_out.class_names, factors.whole, strict=True))}
    ways.add(
        _CLASS_FACTORS,
        everyone,
        ComponentSpec(name="mean"),
        scored,
        is_fitted=True,
        postprocess=(ComponentSpec(name="class_bias", **table),),
    )
