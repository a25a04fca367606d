"""Executing a recipe: every stage of its plan that is not finished."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.errors import UsageError
from toolkit.experiment.execution.labelling import run_labelling
from toolkit.experiment.execution.launch import launched_run_dir
from toolkit.experiment.execution.manifest import identity_of, make_manifest, with_record
from toolkit.experiment.execution.outcome import terminated_as_interrupted
from toolkit.experiment.execution.pages import PageWriters, write_report
from toolkit.experiment.execution.result import RunResult
from toolkit.experiment.execution.stage_inputs import StageInputs
from toolkit.experiment.execution.training import Job, keep_recipe, run_training, work
from toolkit.experiment.output_dirs import OutputDirs, open_output_dirs, output_dirs_of
from toolkit.experiment.planning.plan import Labelling, Plan, PlannedMember, Stage, Training
from toolkit.experiment.planning.planner import make_plan
from toolkit.experiment.planning.preflight import (
    preflight_labelling,
    preflight_metric,
    preflight_photos,
    preflight_training,
    require_resumable,
    why_undecided_by,
)
from toolkit.experiment.planning.stage_states import FINISHED, run_of, states_of
from toolkit.experiment.run_folder import RunFolder, new_run
from toolkit.metrics.scores import metric_title
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.predict.members import MemberRef
from toolkit.recipe.load import LoadedRecipe, check_names
from toolkit.recipe.schema import Recipe
from toolkit.recipe.trial import Trial
from toolkit.train.fit import OnEpoch
from toolkit.workspace import Workspace


def execute(
    workspace: Workspace,
    loaded: LoadedRecipe,
    *,
    resume: bool = False,
    trial: Trial | None = None,
    devices: int = 1,
    pages: PageWriters | None = None,
    watch: OnEpoch | None = None,
) -> RunResult | None:
    """Do everything that a recipe describes, from its data to a scored submission.

    What it needs from other recipes, and its own rounds of pseudo-labels, is found again when it is
    finished, and continued when it was cut. With several devices as many new processes of this
    command train; the main one of them returns the result, all others None. SIGTERM ends a run as
    Ctrl-C does (the processes of several devices: see `launch`).

    Args:
        workspace: the project, its components, and who is told what happens.
        loaded: the recipe.
        resume: continue the newest run of the recipe itself that fits it, too.
        trial: that the recipe was loaded for; it keeps nothing.
        devices: number of processes that train together.
        pages: writes the pages of runs and pseudo-label sets; None = no page.
        watch: called after each epoch of the recipe's own training, on one device, with its
            figures; it may raise `RunStopped`.

    Raises:
        UsageError: the recipe, its data or the command are wrong.
        RunStopped: `watch` did; the finished epochs are kept.
        TrashError: a stage failed; what was finished is kept.
    """
    check_names(loaded, workspace.registry)
    if trial is not None and (resume or devices > 1):
        raise UsageError(
            f"--{trial.kind} keeps nothing and runs on one device",
            "Leave out --resume and --devices.",
        )
    run_dir = launched_run_dir()
    if run_dir is not None:
        run = RunFolder(run_dir)
        dirs = output_dirs_of(workspace.project)
        return work(workspace, loaded, dirs, run, resume=resume, pages=pages)
    with terminated_as_interrupted(), open_output_dirs(workspace.project, trial) as dirs:
        plan = make_plan(workspace, loaded, trial=trial)
        execution = _Execution(
            workspace, plan, loaded, dirs, devices, pages, trial=trial, watch=watch
        )
        return execution.all_stages(resume=resume)[1]


def execute_part(
    workspace: Workspace,
    loaded: LoadedRecipe,
    *,
    devices: int = 1,
    pages: PageWriters | None = None,
) -> RunFolder:
    """Execute a recipe as one part of a command that needs several, and return its run.

    Unlike `execute` it finds the training of the recipe itself again, too, or continues it.

    Raises:
        UsageError: the recipe, its data or the command are wrong.
        TrashError: a stage failed; what was finished is kept.
    """
    check_names(loaded, workspace.registry)
    launched_run_dir()  # refuses processes that something else started
    plan = make_plan(workspace, loaded)
    dirs = output_dirs_of(workspace.project)
    execution = _Execution(workspace, plan, loaded, dirs, devices, pages, is_part=True)
    with terminated_as_interrupted():
        return execution.all_stages(resume=False)[0]


@dataclass(frozen=True)
class _Execution:
    """The stages of one command."""

    workspace: Workspace
    plan: Plan
    loaded: LoadedRecipe
    dirs: OutputDirs
    devices: int
    pages: PageWriters | None
    is_part: bool = False
    trial: Trial | None = None
    watch: OnEpoch | None = None

    def all_stages(self, *, resume: bool) -> tuple[RunFolder, RunResult | None]:
        """Do what is not finished; return the last stage's run, and its result if it was done."""
        states = list(states_of(self.plan, self.dirs, resume=resume, is_part=self.is_part))
        ahead = [each.stage for each in states if each.state != FINISHED]
        for stage in ahead:
            self.preflight(stage)
        if len(ahead) > 1:
            for each in states:
                if each.where and each.state != FINISHED and isinstance(each.stage, Training):
                    require_resumable(each.stage, RunFolder(self.dirs.runs / each.where))
        for stage in ahead:
            preflight_photos(stage, self.dirs.cache, self.workspace.progress)
            if isinstance(stage, Training) and self.trial is None:
                preflight_metric(self.workspace, stage, self.dirs.cache)
        if len(states) > 1:
            for number, each in enumerate(states, start=1):
                found = f"{each.told}, {each.where}" if each.where else each.told
                self.workspace.progress.say(f"stage {number}/{len(states)}: {each.what}: {found}")
        for each in states:
            if each.note:
                self.workspace.progress.say(each.note)
        runs: dict[str, RunFolder] = {}
        result = None
        for each in states:
            if isinstance(each.stage, Labelling):
                teachers = [self.member(teacher, runs) for teacher in each.stage.teachers]
                run_labelling(self.workspace, each.stage, teachers, self.dirs, self.pages)
                continue
            if each.stage is self.plan.final and not self.is_part:
                resumed = bool(each.where)
                run = RunFolder(self.dirs.runs / each.where) if resumed else None
            else:  # an equal stage before it may have been done since
                run, resumed = run_of(each.stage, self.dirs)
            if run is None or resumed:
                job = self.job(each.stage, runs)
                run = run or self.new_run(each.stage, job)
                result = run_training(
                    job,
                    run,
                    each.stage.contest,
                    resume=resumed and run.has_epochs,
                    devices=self.devices,
                )
                if self.pages is not None and self.dirs.kept:
                    write_report(self.pages, self.workspace, run, each.stage.contest)
            runs[each.stage.key] = run
        return runs[self.plan.final.key], result

    def preflight(self, stage: Stage) -> None:
        """Refuse a stage that would fail later."""
        if isinstance(stage, Labelling):
            preflight_labelling(stage, self.workspace.registry)
        else:
            preflight_training(self.workspace, stage, self.dirs, devices=self.devices)

    def recipe_of(self, stage: Training) -> Recipe:
        """Return the recipe of a stage; the few images of a trial may be none of its metric."""
        if self.trial is None:
            return stage.recipe
        reason = why_undecided_by(self.workspace, stage, self.dirs.cache)
        if reason is None:
            return stage.recipe
        by = f"--{self.trial.kind} decides by {metric_title(DEFAULT_METRIC)} instead"
        self.workspace.progress.say(f"warning: {reason}; {by}")
        return stage.recipe.model_copy(update={"metric": None})

    def job(self, stage: Training, runs: dict[str, RunFolder]) -> Job:
        """Return a training with the results of the stages before it."""
        start = stage.start
        inputs = StageInputs(
            labels=None if stage.labels is None else self.dirs.label_set(stage.labels.key),
            start=runs[start.key].best if isinstance(start, Training) else start,
            members=tuple(self.member(member, runs) for member in stage.members),
            keys=stage.keys,
            is_part=self.is_part or stage is not self.plan.final,
        )
        words = ["recipe", "run", *self.loaded.words]
        if self.devices > 1:
            words += ["--devices", str(self.devices)]
        return Job(
            self.workspace,
            stage.loaded,
            self.recipe_of(stage),
            self.dirs,
            inputs,
            tuple(words),
            identity_of(self.workspace, stage, inputs),
            self.trial,
            self.pages,
            self.watch if stage is self.plan.final else None,
        )

    def member(self, planned: PlannedMember, runs: dict[str, RunFolder]) -> MemberRef:
        """Return the checkpoint of a finished network."""
        network = planned.network
        path = runs[network.key].best if isinstance(network, Training) else network
        return MemberRef(path, planned.views)

    def new_run(self, stage: Training, job: Job) -> RunFolder:
        """Make the folder of a run that begins now."""
        name = stage.name if self.trial is None else f"{stage.name}.{self.trial.kind}"
        run = new_run(name, self.dirs.runs, self.dirs.submissions)
        keep_recipe(job, run)
        manifest = make_manifest(job.identity, self.workspace.project)
        if self.trial is None:
            manifest = with_record(manifest, stage.name)
        else:
            manifest["trial"] = self.trial.option
        run.write_manifest(manifest)
        return run
