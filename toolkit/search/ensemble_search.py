"""`trash ensemble search` from candidates to the command that submits the best combination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.ensemble.combination import FitScores, write_combination
from toolkit.errors import UsageError
from toolkit.formats.label_rows import sampling_of
from toolkit.metrics.scores import build_metrics, direction
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.postprocess.chain import build_chain
from toolkit.search.candidates import Candidate, open_candidates
from toolkit.search.cross_validation import repeated_k_fold
from toolkit.search.export import as_combination, default_combination, is_plain, submit_command
from toolkit.search.held_out import HeldOut
from toolkit.search.postprocess_trial import PostprocessTrial, try_postprocessors
from toolkit.search.results import CombinationResult
from toolkit.search.search import Effort, Search, search, way_names
from toolkit.suggestions import did_you_mean
from toolkit.train.checkpoint import load_checkpoint
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class EnsembleSearchResult:
    """The result of a search.

    Attributes:
        search: every way with its scores.
        trial: of the postprocessors, if any were tried.
        file: the combination for `trash submit --combine`, unless a plain mean is best.
        command: the command line that submits it.
        metric: what decided.
    """

    search: Search
    trial: PostprocessTrial | None
    file: Path | None
    command: str
    metric: str

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return {
            "images": self.search.n_images,
            "metric": self.metric,
            "contested": self.search.contested,
            "ways": [_plain(way) for way in self.search.ways],
            "chosen": self.search.chosen.name,
            "postprocessors": [
                {
                    "component": dump(each.spec),
                    "score_if_fitted_on_all": each.scored.fitted_score,
                    "gain": each.gain.score,
                    "error": each.gain.error,
                    "worse": list(each.worse),
                    "kept": self.trial is not None and each.spec == self.trial.kept,
                }
                for each in (self.trial.tried if self.trial else ())
            ],
            "postprocessing_gain": None if self.trial is None else self.trial.gain.score,
            "file": None if self.file is None else str(self.file),
            "command": self.command,
        }


def _plain(way: CombinationResult) -> dict[str, Any]:
    return {
        "name": way.name,
        "members": list(way.members),
        "ensemble": dump(way.ensemble),
        "postprocess": [dump(spec) for spec in way.postprocess],
        "fitted": way.is_fitted,
        "score": way.scored.honest_score,
        "score_if_fitted_on_all": way.scored.fitted_score,
        "classes": way.scored.honest_classes.tolist(),
        "gain": way.gain.score,
        "error": way.gain.error,
    }


def dump(spec: ComponentSpec) -> dict[str, Any]:
    """Return a component as a recipe's table."""
    return {"name": spec.name, **spec.parameters}


def search_ensemble(
    workspace: Workspace,
    candidates: Sequence[Candidate],
    *,
    effort: Effort,
    postprocessors: Sequence[ComponentSpec] = (),
    wanted: str | None = None,
    metric: ComponentSpec | None = None,
    output: Path | None = None,
    data_root: Path | None = None,
    store: str | None = None,
    device: str | None = None,
) -> EnsembleSearchResult:
    """Predict held-out images, try every way to combine the candidates, and write the best one.

    Args:
        workspace: the project, its components, and who is told what happens.
        candidates: from `find_candidates`.
        effort: how much is tried.
        postprocessors: tried one by one on the chosen way; one that clearly helps is added to it.
        wanted: name of the way to choose; default: the best one.
        metric: decides; default: that of the first candidate's recipe.
        output: the combination; default: a new file in `submissions/ensembles/`.
        data_root: where the data lie on this machine.
        store: number type of the stored maps.
        device: where to predict.

    Raises:
        UsageError: candidates that do not fit together, a wrong postprocessor or metric, or no such
            way.
    """
    project = workspace.project
    names = [each.name for each in candidates]
    if wanted is not None and wanted not in (known := way_names(names)):
        hint = did_you_mean(wanted, known) or f"Ways: {'; '.join(known)}"
        raise UsageError(f"--way {wanted}: unknown", hint)
    first = load_checkpoint(candidates[0].members[0].path)
    build_chain(postprocessors, workspace.registry, Context(first.class_names))
    build_metrics(workspace.registry, metric, Context(first.class_names))
    opened = open_candidates(workspace, candidates, data_root=data_root, store=store, device=device)
    context = Context(opened.contest.class_names, ignore_index=opened.recipe.data.ignore_index)
    format_ = workspace.registry.build("submission_format", opened.recipe.submission, context)
    held_out = HeldOut(opened.parts, sampling_of(format_), project.cache, workspace.progress)
    if held_out.n_images < 2:
        raise UsageError(
            "one held-out image cannot be divided into parts", "Validate on more images."
        )
    metrics = build_metrics(workspace.registry, metric or opened.recipe.metric, context)
    found = search(workspace, held_out, names, effort, metrics)
    if wanted is not None:
        found = replace(found, chosen=next(way for way in found.ways if way.name == wanted))
    way, trial = found.chosen, None
    fitted_score, honest_score = way.scored.fitted_score, way.scored.honest_score
    if postprocessors:
        division = repeated_k_fold(held_out.n_images, effort.folds, effort.repeats, effort.seed)
        trial = try_postprocessors(workspace, way, postprocessors, held_out, division, metrics)
        if trial.kept is not None:
            way = replace(way, postprocess=(*way.postprocess, trial.kept))
            fitted_score = trial.scored.fitted_score
            # The members were combined by what all images fitted: only the gain is honest.
            honest_score += direction(metrics.metric) * trial.gain.score
    file = None
    if not is_plain(way, opened.members):
        file = output or default_combination(way, project)
        fitted = FitScores(
            what=way.name,
            images=held_out.n_images,
            fitted_score=fitted_score,
            honest_score=honest_score,
            mean_score=found.ways[0].scored.honest_score,
            metric=metrics.deciding,
            larger_is_better=metrics.metric.larger_is_better,
        )
        write_combination(
            file, as_combination(way, opened.members, fitted=fitted, root=project.root)
        )
    options = {"--data": data_root, "--store": store, "--device": device}
    command = submit_command(way, candidates, file, options)
    return EnsembleSearchResult(found, trial, file, command, metrics.deciding)
