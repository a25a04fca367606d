"""Choosing the members of an ensemble: checkpoints, each with its views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from toolkit.errors import UsageError
from toolkit.plugin.registry import Registry
from toolkit.predict.member import Member, load_member, stored_recipe
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.train.checkpoint import load_checkpoint
from toolkit.train.device import choose_device
from toolkit.wording import name_differences


@dataclass(frozen=True)
class MemberRef:
    """A checkpoint and the views to predict it with; None = those of its own recipe.

    What says more of a member holds one: `Candidate`, `MemberResult`. A `PlannedMember` may have no
    checkpoint yet; a `FittedMember` and a `SideCarMember` are how files keep a member.
    """

    path: Path
    views: str | None = None


def parse_member_ref(text: str, views: str | None = None) -> MemberRef:
    """Return the member that a command line names, with its own views in `a.pt@hflip*rot90`.

    Args:
        text: as written.
        views: for a member without views of its own.
    """
    path, at, own = text.rpartition("@")
    if at and not Path(text).exists():
        return MemberRef(Path(path), own)
    return MemberRef(Path(text), views)


def prediction_recipe(
    choice: MemberRef, project: Project, path: Path | None, data_root: Path | None
) -> Recipe:
    """Return the recipe that says which data to predict and how to combine, write and so on.

    Args:
        choice: the first member; its own recipe counts unless another is named.
        project: the project folder.
        path: a recipe file, or its name below `recipes/`, to take in its place.
        data_root: where the data lie on this machine, in place of `data.root`.

    Raises:
        UsageError: no such file, or a wrong recipe.
    """
    if path is not None:
        recipe = load_recipe(path, project=project).recipe
    else:
        recipe = stored_recipe(choice.path, load_checkpoint(choice.path))
    if data_root is None:
        return recipe
    data = recipe.data.model_copy(update={"root": str(data_root.resolve())})
    return recipe.model_copy(update={"data": data})


def choose_prediction_device(recipe: Recipe, wanted: str | None) -> torch.device:
    """Return the device to predict on.

    By default it is the best one of this machine, or the CPU if the recipe trains there: a
    checkpoint that was trained on a GPU must be usable on a machine without one.

    Raises:
        UsageError: `wanted` is not on this machine.
    """
    return choose_device(wanted or ("cpu" if recipe.train.device == "cpu" else "auto"))


def load_members(
    choices: Sequence[MemberRef | Path],
    class_names: Sequence[str],
    registry: Registry,
    device: torch.device,
) -> list[Member]:
    """Load the members and check that all of them predict the same classes in the same order.

    Args:
        choices: the checkpoints.
        class_names: the contest's classes, index = label.
        registry: where models and views are found.
        device: where to predict.

    Raises:
        UsageError: a file is no checkpoint, or has other classes; both lists are named.
    """
    if not choices:
        raise UsageError("there is no checkpoint to predict with")
    members = []
    for choice in choices:
        choice = choice if isinstance(choice, MemberRef) else MemberRef(choice)
        member = load_member(choice.path, registry, device, choice.views)
        found = name_differences(class_names, member.class_names)
        if found:
            raise UsageError(
                f"{choice.path}: its class list {' and '.join(found)}\n"
                f"contest:    {', '.join(class_names)}\n"
                f"checkpoint: {', '.join(member.class_names)}",
                "Name the data it was trained for with --recipe or --data, or leave it out.",
            )
        members.append(member)
    return members
