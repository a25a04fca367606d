"""Searching values of a recipe with Optuna: asked and told here, kept in a journal file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.data.contest import open_contest
from toolkit.errors import TrainingFailed, UsageError
from toolkit.experiment.execution.outcome import RunStopped
from toolkit.experiment.study.comparable import refuse_seed
from toolkit.experiment.study.journal import locked, open_journal
from toolkit.experiment.study.run import Comparison, Execute, StudyItem, state_of
from toolkit.experiment.study.search_space import SearchKey, search_space
from toolkit.files import digest_of
from toolkit.metrics.scores import build_metrics, metric_name
from toolkit.plugin.interfaces import Context
from toolkit.project import Project
from toolkit.recipe.find import study_name
from toolkit.recipe.load import LoadedRecipe, load_recipe
from toolkit.recipe.study import BASE, Study
from toolkit.seeds import Stream, generator
from toolkit.train.fit import OnEpoch
from toolkit.train.history import validation_score
from toolkit.wording import counted
from toolkit.workspace import Workspace

if TYPE_CHECKING:
    import optuna

_WARM_UP_TRIALS = 4
"""Trials that are never stopped early, so that there is a median."""

_FAILURE = "failure"
"""Attribute of a trial whose values cannot be trained: why."""


@dataclass(frozen=True)
class SearchTrial:
    """One try of a search.

    Attributes:
        number: from 1.
        set_: `--set` texts of its values.
        score: best validation score by the recipe's metric; of a stopped trial that of the epochs
            that it had, None without one.
        state: "finished", "stopped" after an epoch that was worse than the median, or "failed":
            cut, or of values that cannot be trained.
        epochs: number of its epochs; None = not known.
    """

    number: int
    set_: tuple[str, ...]
    score: float | None
    state: str
    epochs: int | None


@dataclass(frozen=True)
class SearchResult:
    """What a search has found.

    Attributes:
        keys: that it changes.
        trials: in their order.
        larger_is_better: whether a larger score is the better one.
        metric: by which trials are ranked, on validation images.
    """

    keys: tuple[SearchKey, ...]
    trials: tuple[SearchTrial, ...]
    larger_is_better: bool
    metric: str

    def best(self, count: int) -> list[SearchTrial]:
        """Return the best finished trials, of equal values one."""
        sign = -1 if self.larger_is_better else 1
        finished = [each for each in self.trials if each.state == "finished"]
        ranked = sorted(finished, key=lambda each: sign * (each.score or 0.0))
        distinct = {each.set_: each for each in reversed(ranked)}
        return [each for each in ranked if distinct[each.set_] is each][:count]


def run_search(
    workspace: Workspace, study: Study, execute: Execute | None, *, set_: Sequence[str] = ()
) -> SearchResult:
    """Try values until the search has its trials; an interrupted search goes on where it was.

    Args:
        workspace: the project, its components, and who is told what happens.
        study: with a search.
        execute: runs a recipe; None = nothing is run, and what is there is returned.
        set_: `--set` texts for all trials.

    Raises:
        UsageError: the space is wrong, Optuna is missing, or another process does this search.
        TrashError: a run failed for another reason than its values; the trials before it are kept.
    """
    assert study.search is not None
    optuna = _optuna()
    if study.metric is not None:
        raise UsageError(
            "a search is decided by the recipe's metric",
            f'Name it in the study: [shared] metric = "{study.metric}", not in [study].',
        )
    refuse_seed(set_)
    keys = search_space(workspace, study, tuple(set_))
    shared = (*set_, f"seed={study.seeds[0]}")
    base = _loaded(workspace, study, shared)
    larger = _larger_is_better(workspace, base)
    metric = metric_name(workspace.registry, base.recipe.metric)
    path = workspace.project.runs / f"{study_name(study.path, workspace.project)}.search.journal"
    if execute is None and not path.is_file():
        return SearchResult(tuple(keys), (), larger, metric)
    with locked(path):
        found = _optuna_study(optuna, path, study, keys, base, larger=larger)
        if execute is not None:
            _give_up_cut_trials(optuna, found)
            _try(workspace, study, found, keys, shared, execute)
        trials = tuple(_trial(each, keys) for each in found.trials)
    if trials and all(each.state != "finished" for each in trials):
        workspace.progress.say(
            f"warning: none of {counted(len(trials), 'trial', 'trials')} is finished: there are no "
            "values to compare the base with"
        )
    return SearchResult(tuple(keys), trials, larger, metric)


def comparison_of_search(
    project: Project, study: Study, found: SearchResult, *, set_: Sequence[str] = ()
) -> Comparison:
    """Return what is run with all seeds: the base, and the best trials."""
    assert study.search is not None
    path = study.address(BASE)
    best = [
        StudyItem(f"trial {each.number}", path, (*set_, *each.set_))
        for each in found.best(study.search.best)
    ]
    items = (StudyItem(BASE, path, tuple(set_)), *best)
    return Comparison(study_name(study.path, project), study.title, items, study.seeds)


def _try(
    workspace: Workspace,
    study: Study,
    found: optuna.study.Study,
    keys: Sequence[SearchKey],
    shared: Sequence[str],
    execute: Execute,
) -> None:
    import optuna

    assert study.search is not None
    samplers = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    pruned = optuna.trial.TrialState.PRUNED
    ended = (optuna.trial.TrialState.COMPLETE, pruned)
    while (done := len(found.get_trials(deepcopy=False, states=ended))) < study.search.trials:
        # Every trial draws from a seed of its own: with one for all, a search that goes on in
        # another process would draw once more what it has drawn before.
        seed = generator(Stream.TRIALS, study.search.seed, done).integers(2**31)
        found.sampler = samplers[study.search.sampler](seed=int(seed))
        trial = found.ask()
        texts = tuple(_suggested(trial, key) for key in keys)
        loaded = _loaded(workspace, study, (*shared, *texts))
        state = state_of(workspace, loaded)
        what = f"trial {done + 1}/{study.search.trials} {', '.join(texts)}"
        run = state.finished
        if run is not None:
            workspace.progress.say(f"{what}: finished before, {run.name}")
        else:
            workspace.progress.say(what)
            prune_before = loaded.recipe.train.epochs if study.search.prune else 0
            watch = _watch(trial, prune_before)
            try:
                run = execute(loaded, state.resumable, watch)
            except RunStopped as stop:
                workspace.progress.say(stop.message)
                found.tell(trial, state=pruned)
                continue
            except TrainingFailed as failure:
                # The values are to blame. For the sampler, too, they are as bad as can be.
                workspace.progress.say(f"warning: {failure.message}")
                trial.set_user_attr(_FAILURE, failure.message)
                found.tell(trial, state=pruned)
                continue
        if run is None:
            raise UsageError("a search runs on one device")
        result = run.manifest()["result"]
        trial.set_user_attr("epochs", result["epochs"])
        score = validation_score(result["scores"])
        if math.isnan(score):
            trial.set_user_attr(_FAILURE, "no score")
            found.tell(trial, state=pruned)
        else:
            found.tell(trial, score)


def _watch(trial: optuna.trial.Trial, prune_before: int) -> OnEpoch:
    """Return what stops a trial of little promise after an epoch before `prune_before`."""

    def watch(epoch: int, figures: dict[str, float]) -> None:
        trial.set_user_attr("epochs", epoch)
        score = figures.get("val_score")
        if score is None:
            return
        trial.report(score, epoch)
        if epoch < prune_before and trial.should_prune():
            raise RunStopped(f"stopped after epoch {epoch}: its score is below the median")

    return watch


def _suggested(trial: optuna.trial.Trial, key: SearchKey) -> str:
    if key.choices:
        return key.assignment(trial.suggest_categorical(key.key, key.choices))
    if key.whole:
        value: float = trial.suggest_int(key.key, int(key.low), int(key.high), log=key.log)
    else:
        value = float(f"{trial.suggest_float(key.key, key.low, key.high, log=key.log):.4g}")
        value = min(max(value, key.low), key.high)
    return key.assignment(value)


def _trial(trial: Any, keys: Sequence[SearchKey]) -> SearchTrial:
    """Return one of Optuna's frozen trials as ours."""
    texts = []
    for key in keys:
        if key.key in trial.params:
            value = trial.params[key.key]
            if not key.choices and not key.whole:
                value = min(max(float(f"{value:.4g}"), key.low), key.high)
            texts.append(key.assignment(value))
    score = trial.value
    if score is None and trial.intermediate_values:
        score = trial.intermediate_values[max(trial.intermediate_values)]
    states = {"COMPLETE": "finished", "PRUNED": "stopped"}
    state = "failed" if _FAILURE in trial.user_attrs else states.get(trial.state.name, "failed")
    return SearchTrial(trial.number + 1, tuple(texts), score, state, trial.user_attrs.get("epochs"))


def _loaded(workspace: Workspace, study: Study, set_: Sequence[str]) -> LoadedRecipe:
    return load_recipe(
        study.address(BASE), project=workspace.project, registry=workspace.registry, set_=set_
    )


def _larger_is_better(workspace: Workspace, base: LoadedRecipe) -> bool:
    context = Context(open_contest(workspace.silent, base.recipe.data).class_names)
    return build_metrics(workspace.registry, base.recipe.metric, context).metric.larger_is_better


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise UsageError(
            "a search needs the package optuna", "pip install 'trash-toolkit[search]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _optuna_study(
    optuna: Any,
    path: Path,
    study: Study,
    keys: Sequence[SearchKey],
    base: LoadedRecipe,
    *,
    larger: bool,
) -> optuna.study.Study:
    """Open the search in its journal: another space, base or sampler is another one."""
    search = study.search
    assert search is not None
    values = search.model_dump(exclude={"trials", "best", "space"})
    found: optuna.study.Study = optuna.create_study(
        storage=open_journal(path),
        study_name=digest_of(repr((keys, base.digest, values))),
        load_if_exists=True,
        direction="maximize" if larger else "minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_WARM_UP_TRIALS),
    )
    return found


def _give_up_cut_trials(optuna: Any, found: optuna.study.Study) -> None:
    """Try the values of a trial that was cut again, first of all: its run goes on."""
    for cut in found.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        found.tell(cut.number, state=optuna.trial.TrialState.FAIL)
        if cut.params:
            found.enqueue_trial(cut.params)
