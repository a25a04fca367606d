"""What a study would do: which of its runs are there, and which stages are to be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.experiment.output_dirs import output_dirs_of
from toolkit.experiment.planning.plan import Labelling
from toolkit.experiment.planning.planner import make_plan
from toolkit.experiment.planning.stage_states import FINISHED, StageState, states_of
from toolkit.experiment.study.run import Comparison, recipes_with_seeds, state_of
from toolkit.recipe.problems import shown_path
from toolkit.wording import counted, part_of
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class PlannedRun:
    """A recipe with a seed, and what a comparison would do about it.

    Attributes:
        recipe: path of its file.
        seed: the seed.
        run: name of the finished run that counts; None = it would be run.
        stages: states of its stages; none if it is finished.
    """

    recipe: str
    seed: int
    run: str | None
    stages: tuple[StageState, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        stages = [each.as_json() for each in self.stages]
        return {"recipe": self.recipe, "seed": self.seed, "run": self.run, "stages": stages}

    def rows(self) -> list[tuple[str, int, str, str, str]]:
        """Return rows for a person: recipe, seed, stage, state, where it is."""
        if self.run is not None:
            return [(self.recipe, self.seed, "all", FINISHED, self.run)]
        return [(self.recipe, self.seed, each.what, each.told, each.where) for each in self.stages]


def planned_runs(workspace: Workspace, comparison: Comparison) -> list[PlannedRun]:
    """Return what `run_comparison` would do, in its order; nothing is trained.

    Raises:
        UsageError: a recipe or its data are wrong, or a seed is named twice.
    """
    dirs = output_dirs_of(workspace.project)
    planned = []
    for (_, seed), loaded in recipes_with_seeds(workspace, comparison).items():
        found = state_of(workspace, loaded)
        run = found.finished
        plan = make_plan(workspace, loaded) if run is None else None
        states = states_of(plan, dirs, resume=found.resumable) if plan else ()
        name = None if run is None else run.name
        planned.append(PlannedRun(shown_path(loaded.path), seed, name, tuple(states)))
    return planned


def in_a_sentence(planned: Sequence[PlannedRun]) -> str:
    """Say how many runs are finished, and how much is to be done for the others.

    A stage that several recipes need is done once.
    """
    trainings = labellings = 0
    made: set[str] = set()
    for each in planned:
        for number, state in enumerate(each.stages, start=1):
            # The recipe itself is always run; what it needs, where no run before has made it.
            if state.state == FINISHED or (number < len(each.stages) and state.stage.key in made):
                continue
            made.add(state.stage.key)
            is_labelling = isinstance(state.stage, Labelling)
            labellings += is_labelling
            trainings += not is_labelling
    to_do = [counted(trainings, "training", "trainings")]
    to_do += [counted(labellings, "labelling", "labellings")] if labellings else []
    finished = sum(each.run is not None for each in planned)
    told = part_of(finished, len(planned), ("run", "runs"), ("is", "are"))
    return f"{told} finished; to do: {' and '.join(to_do)}"
