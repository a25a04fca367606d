"""Checks that no validation image is trained on, directly or through a teacher.

Photos are compared by content: equal names in two folders mean nothing, other names hide nothing.
"""

from __future__ import annotations

from pathlib import Path
from posixpath import normpath

from toolkit.data.contest import Contest, open_contest
from toolkit.data.guards import equal_photos
from toolkit.data.photo_set import PhotoSet
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.experiment.planning.plan import Labelling, PlannedMember, Training
from toolkit.objects.object_bank import ObjectStore
from toolkit.predict.exposure import Exposure, combined_exposure, exposure_in
from toolkit.predict.member import stored_recipe
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.train.checkpoint import load_checkpoint
from toolkit.train.start import LEAVE_OUT, OTHER_CLASSES, SAME_CLASSES
from toolkit.wording import counted, name_differences, some_of
from toolkit.workspace import Workspace


def exposure_of(network: Training | Path, project: Project) -> Exposure:
    """Return the photos that reach the weights of a training, or reached those of a checkpoint."""
    if isinstance(network, Path):
        return exposure_in(load_checkpoint(network).lineage, str(network))
    found = Exposure(PhotoSet.of(network.contest.train.contents))
    if network.recipe.train.on == "all":
        found |= Exposure(PhotoSet.of(network.contest.val.contents))
    bank = network.recipe.objects.bank
    if bank is not None and project.path(bank).is_dir():
        sources = ObjectStore(project.path(bank)).index.sources
        found |= Exposure(PhotoSet.of(source.digest for source in sources))
    if network.labels is not None:
        found |= _exposure_of_labels(network.labels, project)
    if network.start is not None:
        found |= exposure_of(network.start, project)
    return found


def _exposure_of_labels(labels: Labelling, project: Project) -> Exposure:
    found = Exposure(PhotoSet.of(labels.unlabelled.contents))
    if labels.file is not None:  # whoever made it
        found |= Exposure(unrecorded=(str(labels.file),))
    return found | combined_exposure(exposure_of(each.network, project) for each in labels.teachers)


def refuse_unlabelled(unlabelled: Split, contest: Contest) -> str | None:
    """Refuse images to be pseudo-labelled that validate, or that have real labels.

    Returns:
        What is odd: a contest may have copies of training images among those that it tests on.

    Raises:
        UsageError: names them.
    """
    validating = equal_photos(unlabelled, contest.val)
    if validating:
        raise UsageError(
            counted(len(validating), "image", "images")
            + " of those to be pseudo-labelled also validate: "
            + some_of(validating),
            "A score on images that were trained on means nothing: leave them out.",
        )
    training = equal_photos(unlabelled, contest.train)
    names = {normpath(name) for name in contest.train.file_names}
    if any(normpath(name) in names for name in training):
        raise UsageError(
            counted(len(training), "image", "images")
            + " of those to be pseudo-labelled are also trained on: "
            + some_of(training),
            "They have real labels already: leave them out.",
        )
    if training:
        return (
            f"{counted(len(training), 'image', 'images')} to be pseudo-labelled: also among the "
            f"training images, which have real labels: {some_of(training)}"
        )
    return None


def refuse_teacher(
    workspace: Workspace, teacher: PlannedMember, contest: Contest, data: Data
) -> str | None:
    """Refuse a teacher of other classes, or one that was trained on validation images.

    Args:
        workspace: the project, its components, and who is told what happens.
        teacher: who is to label.
        contest: data of the student.
        data: where those are.

    Returns:
        What cannot be told: a checkpoint of an older version notes no photos, and the data that it
        was trained on are not here; or photos of equal names that are not equal files.

    Raises:
        UsageError: names the classes or the images.
    """
    _refuse_classes("the teacher", teacher, contest)
    return _refuse_seen(workspace, "the teacher", teacher, contest, data)


def refuse_start(
    workspace: Workspace,
    start: PlannedMember,
    contest: Contest,
    data: Data,
    *,
    new_head: bool = False,
) -> str | None:
    """Refuse to begin with weights of other classes, or that were trained on validation images.

    Args:
        workspace: the project, its components, and who is told what happens.
        start: the network whose weights they are.
        contest: data of the training that begins with them.
        data: where those are.
        new_head: whether the weights are meant to be of other classes: the same are refused.

    Returns:
        What cannot be told, see `refuse_teacher`.

    Raises:
        UsageError: names the classes or the images.
    """
    if not new_head:
        _refuse_classes("the start", start, contest, OTHER_CLASSES)
    elif _class_names(start.network) == contest.class_names:
        raise UsageError(f"{start.name} {SAME_CLASSES}", LEAVE_OUT)
    return _refuse_seen(workspace, "the start", start, contest, data)


def refuse_member(
    workspace: Workspace, member: PlannedMember, contest: Contest, data: Data
) -> None:
    """Refuse a member of other classes; which images it has seen is told with the score.

    Args:
        workspace: not used.
        member: a network that the submission is combined with.
        contest: data of the submission.
        data: where those are.

    Raises:
        UsageError: names the classes.
    """
    _refuse_classes("the member", member, contest)


def _refuse_seen(
    workspace: Workspace, what: str, source: PlannedMember, contest: Contest, data: Data
) -> str | None:
    network, whose = source.network, f"{what} {source.name}"
    if isinstance(network, Training):
        _refuse_images(whose, exposure_of(network, workspace.project), contest)
        return _equal_names(whose, network.contest, contest)
    checkpoint = load_checkpoint(network)
    exposure = exposure_in(checkpoint.lineage, source.name)
    _refuse_images(whose, exposure, contest)
    if not exposure.unrecorded:
        return None
    trained = stored_recipe(network, checkpoint).data
    try:
        here = trained.model_copy(update={"root": data.root, "demo": None})
        contents = open_contest(workspace, here).train.contents
    except TrashError:
        return (
            f"{source.name}: the images that it was trained on are not here, so whether it has "
            "seen validation images is not known"
        )
    _refuse_images(whose, Exposure(PhotoSet.of(contents)), contest)
    return None


def _equal_names(whose: str, trained_on: Contest, contest: Contest) -> str | None:
    """Say which validation images have the names of training images that are other files."""
    names = {normpath(name) for name in trained_on.train.file_names}
    found = [name for name in contest.val.file_names if normpath(name) in names]
    if not found:
        return None
    return (
        f"{whose} is trained on {counted(len(found), 'image', 'images')} with the name of a "
        f"validation image but other content: {some_of(found)}\n"
        "  If they are the same photos in another size or quality, the validation score is too "
        "high."
    )


def _class_names(network: Training | Path) -> tuple[str, ...]:
    if isinstance(network, Training):
        return network.contest.class_names
    return load_checkpoint(network).class_names


def _refuse_classes(what: str, source: PlannedMember, contest: Contest, hint: str = "") -> None:
    names = _class_names(source.network)
    found = name_differences(contest.class_names, names)
    if found:
        raise UsageError(
            f"{what} {source.name} has other classes: its list {' and '.join(found)}\n"
            f"recipe: {', '.join(contest.class_names)}\n"
            f"{what.removeprefix('the ')}: {', '.join(names)}",
            hint or f"{what.capitalize()} needs the classes of the recipe, in the same order.",
        )


def _refuse_images(whose: str, exposure: Exposure, contest: Contest) -> None:
    seen = exposure.of(contest.val)
    if seen:
        raise UsageError(
            f"{whose} was trained on "
            f"{counted(len(seen), 'validation image', 'validation images')}: {some_of(seen)}",
            "What it learnt of them would be carried over, and the score would mean nothing: train "
            "both on the same division of the images.",
        )
