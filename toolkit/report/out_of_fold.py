"""Images with their maps by networks that were not trained on them: the validation images of each.

Of a series with folds these are all training images, each predicted by the runs that held it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.data.contest import open_contest
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.predict.exposure import validation_obstacle
from toolkit.predict.member import Member
from toolkit.predict.members import (
    MemberRef,
    choose_prediction_device,
    load_members,
    prediction_recipe,
)
from toolkit.predict.predictor import predict_split
from toolkit.predict.store import ProbabilityStore
from toolkit.report.label_judgement import JudgedImage
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class _Judge:
    member: Member
    split: Split


def out_of_fold_images(
    workspace: Workspace,
    choices: Sequence[MemberRef],
    *,
    data_root: Path | None = None,
    device: str | None = None,
) -> list[JudgedImage]:
    """Return the validation images of networks, predicted where that was not done before.

    An image that several networks left out has the maps of all of them.

    Args:
        workspace: the project, its components, and who is told what happens.
        choices: checkpoints with their views; at least one.
        data_root: where the data lie on this machine; default: where the recipes say.
        device: where to predict; default: what the recipes allow.

    Raises:
        UsageError: a checkpoint is named twice, has no validation images, was trained on some of
            them, or differs from the first one in its classes or in the labels of an image; data
            or photos are missing.
    """
    if len(set(choices)) < len(choices):
        raise UsageError("the same checkpoint is named twice")
    # All of them are looked at before the first one predicts.
    judges = [_judge(workspace, choice, data_root, device) for choice in choices]
    _require_same_classes(judges)
    found: dict[str, JudgedImage] = {}
    for judge in judges:
        recipe = judge.member.recipe
        store = predict_split(
            judge.member,
            judge.split,
            cache=workspace.project.cache,
            store=recipe.predict.store,
            progress=workspace.progress,
        )
        judge.member.release()
        for row in range(len(judge.split)):
            image = JudgedImage(judge.split, row, ((store, row),), recipe.data.decoded_size)
            name = str(judge.split.path(row).resolve())
            found[name] = _both(found[name], image, store) if name in found else image
    return list(found.values())


def _judge(
    workspace: Workspace, choice: MemberRef, data_root: Path | None, device: str | None
) -> _Judge:
    recipe = prediction_recipe(choice, workspace.project, None, data_root)
    if recipe.train.on == "all":
        raise UsageError(
            f'{choice.path} was trained on all images (train.on = "all"): it has no validation '
            "images that it could judge",
            "Name runs that leave images out, or a series: trash recipe run RECIPE --folds.",
        )
    contest = open_contest(workspace, recipe.data)
    if not len(contest.val):
        raise UsageError(f"{choice.path} has no validation images that it could judge")
    (member,) = load_members(
        [choice],
        contest.class_names,
        workspace.registry,
        choose_prediction_device(recipe, device),
    )
    obstacle = validation_obstacle(member, recipe, contest)
    if obstacle is not None:
        raise UsageError(
            f"{choice.path} {obstacle}",
            "It learned their labels, wrong ones too. Perhaps its annotation or split files have "
            "changed since.",
        )
    return _Judge(member, contest.val)


def _require_same_classes(judges: Sequence[_Judge]) -> None:
    first = judges[0]
    for judge in judges[1:]:
        names, others = first.split.labels.class_names, judge.split.labels.class_names
        if names != others:
            raise UsageError(
                "the runs have different classes\n"
                f"{first.member.path}: {', '.join(names)}\n{judge.member.path}: "
                f"{', '.join(others)}",
                "Name runs of one contest.",
            )


def _both(image: JudgedImage, other: JudgedImage, store: ProbabilityStore) -> JudgedImage:
    """Return an image that two networks judge."""
    one, two = image.split.images[image.row], other.split.images[other.row]
    if (one.annotations, one.mask) != (two.annotations, two.mask):
        raise UsageError(
            f"{image.name} has other labels in {image.split.file} than in {other.split.file}",
            "Name runs that were made from the same annotations.",
        )
    return JudgedImage(image.split, image.row, (*image.maps, (store, other.row)), image.size)
