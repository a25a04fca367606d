"""The stages of a recipe: which trainings and pseudo-label sets it needs, in order.

Every stage has a key, the digest of all that decides what it makes: a training by its recipe, data,
plugins and the keys of what it is given; a set by its images, its selection and its teachers' keys.
Keys are known before anything is run, so that finished stages are found again, whoever made them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.data.contest import Contest
from toolkit.data.split import Split
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import shown_path
from toolkit.recipe.schema import Pseudo, Recipe


@dataclass(frozen=True)
class Training:
    """A network to be trained and submitted.

    Attributes:
        name: its runs are called after it: the recipe's name, with the round when there are
            several.
        loaded: the recipe.
        recipe: its values for this training; the round before the first has no pseudo-labels.
        contest: its data.
        key: digest of all that decides its weights.
        keys: name of each stage that it needs -> key of that stage; of each file -> its digest.
        labels: the pseudo-labels that it is trained on, or None.
        start: what its weights begin with, or None for those of the model.
        members: what its submission is combined with.
    """

    name: str
    loaded: LoadedRecipe
    recipe: Recipe
    contest: Contest
    key: str
    keys: Mapping[str, str]
    labels: Labelling | None = None
    start: Training | Path | None = None
    members: tuple[PlannedMember, ...] = ()

    @property
    def needs(self) -> Iterator[Stage]:
        """The stages before it."""
        if self.labels is not None:
            yield self.labels
        for source in (self.start, *(member.network for member in self.members)):
            if isinstance(source, Training):
                yield source


@dataclass(frozen=True)
class PlannedMember:
    """A network and the views it predicts with: a `MemberRef` once the network is trained.

    Attributes:
        network: a training of this plan, or a checkpoint that is there already.
        views: as in a recipe; None = those of its own recipe.
    """

    network: Training | Path
    views: str | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        views = f"@{self.views}" if self.views is not None else ""
        network = self.network
        return (network.name if isinstance(network, Training) else shown_path(network)) + views


@dataclass(frozen=True)
class Labelling:
    """A pseudo-label set to be made.

    Attributes:
        name: what people call it.
        pseudo: how.
        recipe: the recipe that it is made for.
        unlabelled: the images.
        teachers: who predicts them.
        file: submission file with their labels, in place of teachers.
        number: the round, from 1.
        key: digest of all that decides its labels; the name of its folder.
    """

    name: str
    pseudo: Pseudo
    recipe: Recipe
    unlabelled: Split
    teachers: tuple[PlannedMember, ...]
    file: Path | None
    number: int
    key: str

    @property
    def needs(self) -> Iterator[Stage]:
        """The stages before it."""
        for teacher in self.teachers:
            if isinstance(teacher.network, Training):
                yield teacher.network


Stage = Training | Labelling


@dataclass(frozen=True)
class Plan:
    """All stages of a recipe.

    Attributes:
        stages: in an order in which each finds what it needs; the last one is `final`.
        final: the training that the recipe is about.
    """

    stages: tuple[Stage, ...]
    final: Training


def in_order(final: Training) -> Plan:
    """Return the plan that ends with a training; what several stages need is in it once."""
    found: dict[str, Stage] = {}

    def visit(stage: Stage) -> None:
        if stage.key not in found:
            for needed in stage.needs:
                visit(needed)
            found[stage.key] = stage

    for needed in final.needs:
        visit(needed)
    # A member may be trained exactly as the recipe itself. It is a stage of its own all the same:
    # others may be taught by it, and the final training needs all of them when it is done.
    return Plan((*found.values(), final), final)
