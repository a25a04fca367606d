"""Which stages of a plan are finished, which are to be resumed, and which are still to be done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.experiment.find import finished_run, unfinished_run
from toolkit.experiment.output_dirs import OutputDirs
from toolkit.experiment.planning.plan import Labelling, Plan, Stage, Training
from toolkit.experiment.planning.resume import run_to_resume
from toolkit.experiment.run_folder import RunFolder
from toolkit.recipe.problems import shown_path
from toolkit.wording import counted

FINISHED = "finished"
RESUMED = "to be resumed"
SUBMITTED_AGAIN = "finished; to be submitted again"
TRAINED_LONGER = "finished; to be trained longer"
TO_DO = "to do"


@dataclass(frozen=True)
class StageState:
    """A stage, and whether it is finished.

    Attributes:
        stage: the stage.
        state: "finished" (nothing is done), "to be resumed" after its last finished epoch, "to do",
            or what `--resume` does with a finished run.
        where: run or folder that holds it; empty when there is none.
        before: earlier run that finished it, when it is run again; else empty.
        note: which runs are passed over and why; else empty.
    """

    stage: Stage
    state: str
    where: str
    before: str = ""
    note: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the state as plain values."""
        return {
            "what": self.what,
            "state": self.state,
            "where": self.where,
            "finished_before": self.before,
            "note": self.note,
            "key": self.stage.key,
        }

    @property
    def told(self) -> str:
        """The state in words, with the run that has finished it before."""
        return f"{self.state} (finished before: {self.before})" if self.before else self.state

    @property
    def what(self) -> str:
        """What it does, in words."""
        if isinstance(self.stage, Training):
            return f"train {self.stage.name}"
        file, teachers = self.stage.file, [each.name for each in self.stage.teachers]
        source = shown_path(file) if file is not None else ", ".join(teachers)
        return f"label {counted(len(self.stage.unlabelled), 'image', 'images')} by {source}"


def states_of(
    plan: Plan, dirs: OutputDirs, *, resume: bool, is_part: bool = False
) -> Iterator[StageState]:
    """Yield the state of each stage.

    The last one is run again unless it is to be resumed, or is a part of something larger.
    """
    goes_on = False
    for stage in plan.stages:
        if isinstance(stage, Labelling):
            folder = dirs.label_set(stage.key)
            done = folder.exists()
            yield StageState(stage, FINISHED if done else TO_DO, folder.name if done else "")
            continue
        if stage is plan.final and not is_part:
            yield _state_of_final(stage, plan, dirs, resume=resume, goes_on=goes_on)
            continue
        run, resumed = run_of(stage, dirs)
        if run is None:
            yield StageState(stage, TO_DO, "")
        else:
            goes_on = goes_on or resumed
            yield StageState(stage, RESUMED if resumed else FINISHED, run.name)


def _state_of_final(
    stage: Training, plan: Plan, dirs: OutputDirs, *, resume: bool, goes_on: bool
) -> StageState:
    """Return the state of the last stage; `goes_on`: one before it is to be resumed."""
    if not resume:
        finished = finished_run(stage.key, dirs.runs)
        return StageState(stage, TO_DO, "", before=finished.name if finished else "")
    # A recipe of one stage has nothing else that could be resumed. Where a stage before this one
    # was cut, its own run has never begun: older ones of other settings do not matter.
    single = len(plan.stages) == 1
    chosen = run_to_resume(stage, dirs.runs, required=single, may_begin=goes_on)
    if chosen.run is None:
        return StageState(stage, TO_DO, "", note=chosen.note)
    return StageState(
        stage, _state_of_resumed(stage, chosen.run), chosen.run.name, note=chosen.note
    )


def _state_of_resumed(stage: Training, run: RunFolder) -> str:
    manifest = run.manifest()
    if manifest["status"] != "finished":
        return RESUMED
    return SUBMITTED_AGAIN if manifest.get("training") == stage.key else TRAINED_LONGER


def run_of(stage: Training, dirs: OutputDirs) -> tuple[RunFolder | None, bool]:
    """Return the run of a training, if there is one, and whether it is to be resumed."""
    finished = finished_run(stage.key, dirs.runs)
    if finished is not None:
        return finished, False
    return unfinished_run(stage.key, dirs.runs), True
