"""Which stages two recipes share, by the digests of all that decides them."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.errors import TrashError
from toolkit.experiment.output_dirs import output_dirs_of
from toolkit.experiment.planning.planner import make_plan
from toolkit.experiment.planning.stage_states import StageState, states_of
from toolkit.recipe.load import LoadedRecipe
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class SharedStages:
    """What two recipes have in common.

    Attributes:
        same_training: whether both train the same network; None = not known.
        stages: those of the first recipe that the second one has, too, with their states.
        not_compared: why nothing is known; empty otherwise.
    """

    same_training: bool | None = None
    stages: tuple[StageState, ...] = ()
    not_compared: str = ""

    def __str__(self) -> str:
        if self.not_compared:
            return f"stages were not compared: {self.not_compared}"
        what = "one training, which runs once for both" if self.same_training else "two trainings"
        stages = [
            f"{each.what} ({each.state}{f', {each.where}' if each.where else ''})"
            for each in self.stages
        ]
        return f"{what}; shared stages: {', '.join(stages) or 'none'}"


def shared_stages(workspace: Workspace, first: LoadedRecipe, second: LoadedRecipe) -> SharedStages:
    """Compare the plans of two recipes; their data must be on this machine."""
    for loaded in (first, second):
        root = loaded.recipe.data.root
        if not workspace.project.path(root).is_dir():
            return SharedStages(not_compared=f"{root} is not on this machine (--data DIR)")
    try:
        plans = [make_plan(workspace.silent, loaded) for loaded in (first, second)]
    except TrashError as error:
        return SharedStages(not_compared=error.message)
    keys = {stage.key for stage in plans[1].stages}
    states = states_of(plans[0], output_dirs_of(workspace.project), resume=False, is_part=True)
    same = plans[0].final.key == plans[1].final.key
    return SharedStages(same, tuple(each for each in states if each.stage.key in keys))
