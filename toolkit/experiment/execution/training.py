"""Executing a training stage: a run from its data to a scored submission."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from toolkit.data.contest import Contest, open_contest
from toolkit.errors import TrashError, UsageError
from toolkit.experiment.execution.launch import launch
from toolkit.experiment.execution.manifest import now, with_record
from toolkit.experiment.execution.outcome import recorded, recorded_by_worker
from toolkit.experiment.execution.pages import PageWriters
from toolkit.experiment.execution.result import RunResult
from toolkit.experiment.execution.stage_inputs import StageInputs
from toolkit.experiment.execution.submit import SubmissionResult, plan_submission, submit
from toolkit.experiment.execution.tracked_run import end_scores, track_worst_images, tracking_of
from toolkit.experiment.output_dirs import OutputDirs
from toolkit.experiment.run_folder import LATER_LINEAGE, LINEAGE, RunFolder
from toolkit.files import write_text_atomic
from toolkit.predict.members import MemberRef
from toolkit.recipe.error_location import with_location
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.schema import Recipe
from toolkit.recipe.show import as_toml, resolved_values
from toolkit.recipe.trial import Trial
from toolkit.train.artifacts import Artifacts
from toolkit.train.distributed import find_world
from toolkit.train.fit import FitResult, OnEpoch, fit
from toolkit.train.tracking import Tracking
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class Job:
    """Everything that one training needs to run.

    Attributes:
        workspace: the project, its components, and who is told what happens.
        loaded: the recipe.
        recipe: its values for this training.
        dirs: where files go.
        inputs: what earlier stages left for it, on disk.
        command: words of the command that goes on with it after an interruption.
        identity: entries of the manifest that say what its run stands for; empty in a process of
            several devices, which reads them there.
        trial: what it is a part of; None = of a real run.
        pages: makes the pictures that trackers get; None = no pictures.
        watch: called after each epoch with its figures; may raise `RunStopped`.
    """

    workspace: Workspace
    loaded: LoadedRecipe
    recipe: Recipe
    dirs: OutputDirs
    inputs: StageInputs
    command: tuple[str, ...]
    identity: Mapping[str, Any] = field(default_factory=dict)
    trial: Trial | None = None
    pages: PageWriters | None = None
    watch: OnEpoch | None = None

    @property
    def own_recipe(self) -> LoadedRecipe:
        """The recipe with its values for this training."""
        return replace(self.loaded, recipe=self.recipe)

    def tell(self, hook: str, **arguments: Any) -> None:
        """Call a life-cycle hook of the plugins."""
        for failure in self.workspace.registry.notify(hook, **arguments):
            self.workspace.progress.say(f"warning: plugin {failure.source}: {failure.message}")


def run_training(
    job: Job, run: RunFolder, contest: Contest, *, resume: bool, devices: int
) -> RunResult | None:
    """Train and submit in the folder of a run that nobody else executes.

    Args:
        job: what is to be trained.
        run: the run; with `resume` it has finished epochs.
        contest: the opened data.
        resume: continue after the last finished epoch.
        devices: number of processes.

    Returns:
        The result, or None when the processes of several devices did it.

    Raises:
        UsageError: the run cannot be resumed; its manifest is as it was.
        TrashError: it failed; what was finished is kept.
    """
    with (
        run.alone(),
        _renewed(job, run, contest) if resume else nullcontext(),
        tracking_of(job.workspace, job.own_recipe, run) as tracking,
    ):

        def say_how_to_go_on(cause: BaseException) -> None:
            if job.dirs.kept and run.has_epochs:
                job.workspace.progress.say(f"the finished epochs are kept in {run.path}")
                job.workspace.progress.say(f"to continue: trash {shlex.join(job.command)} --resume")
            elif isinstance(cause, KeyboardInterrupt):
                job.workspace.progress.say("no epoch had finished: nothing to resume")

        try:
            with recorded(run, say_how_to_go_on):
                if devices > 1:
                    launch(devices, run.path, _words(job, resume=resume))
                    return None
                result = _perform(job, run, contest, tracking, resume=resume)
            # Whoever interrupts this interrupts no run: it is done.
            track_worst_images(tracking, job.pages, job.workspace, run, contest)
            return result
        except UsageError:
            # Something was wrong from the start: nothing is left but a number.
            if not resume:
                run.remove_unused()
            raise


@contextmanager
def _renewed(job: Job, run: RunFolder, contest: Contest) -> Iterator[None]:
    """Let a run stand for the training that it is resumed as; not if that adds no epoch to it.

    Raises:
        UsageError: it cannot be resumed; nothing of it is changed.
    """
    artifacts = Artifacts(run.path, job.recipe, contest, {}, job.inputs.keys)
    done = artifacts.read_state().history.last_epoch
    before = run.manifest()
    recipe = run.recipe.read_text(encoding="utf-8") if run.recipe.is_file() else None
    again = {**before, "status": "running", "resumed": now(), **job.identity}
    if job.dirs.kept:
        again = with_record(again, run.name.rpartition("-")[0])
    run.update(**{**again, "ended": None, "error": None})
    keep_recipe(job, run)
    try:
        yield
    except BaseException:
        # A full disk may refuse this too: the first error is the one to show.
        with suppress(OSError, TrashError):
            if artifacts.read_state().history.last_epoch == done:
                ended = {key: value for key, value in run.manifest().items() if key in _ENDING}
                if "record" not in before:  # of a version that wrote none
                    run.remove_record()
                finished = before["status"] == "finished"
                run.write_manifest(before if finished else {**before, **ended})
                if recipe is not None:
                    write_text_atomic(run.recipe, recipe)
        raise


_ENDING = ("status", "ended", "error")
"""Entries of the manifest that say how an attempt ended."""


def _words(job: Job, *, resume: bool) -> list[str]:
    """Return the command of one of several processes."""
    if not job.inputs.is_part:
        return sys.argv[1:]  # it reports as this command was asked to
    again = ["--resume"] if resume else []
    return ["recipe", "run", *job.loaded.words, *again]


def work(
    workspace: Workspace,
    loaded: LoadedRecipe,
    dirs: OutputDirs,
    run: RunFolder,
    *,
    resume: bool,
    pages: PageWriters | None = None,
) -> RunResult | None:
    """Do this process's share of a run that several processes train."""
    if not find_world().is_main:
        workspace = workspace.silent
    with recorded_by_worker(run):
        inputs = StageInputs.from_json(run.manifest()["given"])
        recipe = loaded.recipe
        if "pseudo-labels" not in inputs.keys:
            recipe = recipe.model_copy(update={"pseudo": None})
        job = Job(workspace, loaded, recipe, dirs, inputs, (), pages=pages)
        contest = open_contest(workspace, recipe.data)
        with tracking_of(workspace, job.own_recipe, run) as tracking:
            result = _perform(job, run, contest, tracking, resume=resume)
            track_worst_images(tracking, pages, workspace, run, contest)
        return None if inputs.is_part else result


def _perform(
    job: Job, run: RunFolder, contest: Contest, tracking: Tracking, *, resume: bool
) -> RunResult | None:
    """Train and, in the main process, submit."""
    is_main = find_world().is_main
    job.workspace.progress.say(f"run {run.name}")
    if is_main:
        recipe = job.recipe.model_dump(mode="json")
        job.tell("trash_run_started", run_dir=run.path, recipe=recipe)

    def on_epoch(epoch: int, figures: dict[str, float]) -> None:
        job.tell("trash_epoch_finished", run_dir=run.path, epoch=epoch, figures=figures)
        if job.watch is not None:
            job.watch(epoch, figures)

    try:
        fitted = fit(
            job.workspace,
            job.recipe,
            contest,
            run.path,
            tracking=tracking,
            cache=job.dirs.cache,
            resume=resume,
            # Trying whether a recipe works must not wait for a download.
            pretrained=job.trial is None or job.trial.kind != "smoke",
            inputs=job.inputs.open(
                job.workspace.project.path(job.recipe.data.root), job.dirs.cache
            ),
            lineage=_lineage(run),
            on_epoch=on_epoch,
        )
    except TrashError as error:
        raise with_location(error, job.loaded) from error.__cause__
    if not is_main:
        return None
    result = RunResult(run, fitted, _submitted(job, run, contest, fitted), job.trial)
    run.update(status="finished", ended=now(), result=result.as_json())
    tracking.finished(end_scores(result.as_json()))
    job.tell("trash_run_finished", run_dir=run.path, result=result.as_json())
    return result


def _submitted(
    job: Job, run: RunFolder, contest: Contest, fitted: FitResult
) -> SubmissionResult | None:
    if contest.test is None:
        return None
    members = (MemberRef(fitted.best, job.recipe.predict.views), *job.inputs.members)
    plan = plan_submission(job.recipe, contest, job.workspace.registry, n_members=len(members))
    # The views of this recipe, which may have changed since the checkpoint was saved.
    return submit(
        job.workspace,
        members,
        job.recipe,
        contest,
        output=job.dirs.submissions / f"{run.name}{plan.format.suffix}",
        cache=job.dirs.cache,
        overwrite=True,
        recorded=job.dirs.kept,
    )


def keep_recipe(job: Job, run: RunFolder) -> None:
    """Write the resolved recipe of a training into its run."""
    values = resolved_values(job.own_recipe, job.workspace.registry)
    write_text_atomic(run.recipe, as_toml(values))


def _lineage(run: RunFolder) -> Mapping[str, Any]:
    manifest = run.manifest()
    known = (*LINEAGE, *(key for key in LATER_LINEAGE if key in manifest))
    return {"run": run.name, **{key: manifest[key] for key in known}}
