"""Postprocessors tried on held-out images: one is kept only if it helps and harms no class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.metrics.scores import Metrics
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import Metric
from toolkit.postprocess.chain import build_chain
from toolkit.postprocess.labels import argmax_labels
from toolkit.search.cross_validation import (
    CrossValidatedScore,
    Gain,
    LeftOut,
    RepeatedKFold,
    fit_parts,
    gain_over,
    score_choices,
    unfitted,
)
from toolkit.search.disagreement import Confusions
from toolkit.search.held_out import HeldOut
from toolkit.search.results import CombinationResult
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class TriedPostprocessor:
    """A postprocessor on held-out images.

    Attributes:
        spec: as in a recipe.
        scored: its confusions; it has nothing fitted.
        gain: over the same combination without it.
        worse: classes that got clearly worse.
    """

    spec: ComponentSpec
    scored: CrossValidatedScore
    gain: Gain
    worse: tuple[str, ...]


@dataclass(frozen=True)
class PostprocessTrial:
    """Results of all postprocessors that were tried.

    Attributes:
        tried: each of them.
        kept: the best of those that clearly help and make no class clearly worse, or None.
        scored: of the rule itself: on every image by the choice that was made without it.
        gain: of the rule over no postprocessor.
    """

    tried: tuple[TriedPostprocessor, ...]
    kept: ComponentSpec | None
    scored: CrossValidatedScore
    gain: Gain


def try_postprocessors(
    workspace: Workspace,
    way: CombinationResult,
    specs: Sequence[ComponentSpec],
    held_out: HeldOut,
    division: RepeatedKFold,
    metrics: Metrics,
) -> PostprocessTrial:
    """Apply each postprocessor alone to the combined maps; choose one by cross-validation.

    As in nnU-Net, a step that does not help on held-out images is left out. A gain within its
    standard error is no help; a class is clearly worse when its part of
    the score falls by more than two.

    Args:
        workspace: the project, its components, and who is told what happens.
        way: how members are combined.
        specs: the postprocessors to try.
        held_out: the images.
        division: folds of the images.
        metrics: the contest's, of which one decides.
    """
    registry = workspace.registry
    context = Context(held_out.class_names, ignore_index=held_out.ignore_index)
    before = build_chain(way.postprocess, registry, context)
    chains = [build_chain(each, registry, context) for each in ((), *((spec,) for spec in specs))]
    ensembler = registry.build("ensembler", way.ensemble, context)
    metric, counting = metrics.metric, metrics.counting(held_out.ignore_index)
    found: Confusions = counting.zeros(len(chains), held_out.n_images)
    with workspace.progress.bar("postprocessing", held_out.n_images, "images") as bar:
        for image in range(held_out.n_images):
            split, position, stores = held_out.native(image)
            photo = read_picture(split.path(position), split.images[position])
            maps = (stores[member].read(position) for member in way.members)
            combined = before(ensembler(maps), photo)
            for row, chain in enumerate(chains):
                labels = argmax_labels(chain(combined.copy(), photo))
                found[row, image] = counting(held_out.sampling(labels), held_out.mask(image))
            bar.advance()
    plain, *others = (unfitted(each, metric) for each in found)
    tried = []
    for spec, scored in zip(specs, others, strict=True):
        gain = gain_over(scored, plain)
        worse = tuple(held_out.class_names[label] for label in gain.worse)
        tried.append(TriedPostprocessor(spec, scored, gain, worse))

    def rule(left_out: LeftOut) -> int:
        return _best(found[:, division.outside(left_out)], metric)

    fits = fit_parts(division, rule, "choosing a postprocessor", workspace.progress)
    scored = score_choices(fits, division, lambda row: found[row], metric)
    kept = specs[fits.whole - 1] if fits.whole else None
    return PostprocessTrial(tuple(tried), kept, scored, gain_over(scored, plain))


def _best(found: NDArray[np.int64], metric: Metric) -> int:
    """Return the row of the best postprocessor that helps and harms none, else 0: none."""
    plain = unfitted(found[0], metric)
    allowed = {0: 0.0}
    for row in range(1, len(found)):
        gain = gain_over(unfitted(found[row], metric), plain)
        if gain.clear and not gain.worse.size:
            allowed[row] = gain.score
    return max(allowed, key=lambda row: allowed[row])
