"""Guards between stages: no validation image may teach, directly or through a teacher."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from posixpath import normpath

from toolkit.data.contest import Contest, Split, open_contest
from toolkit.data.listing import some_of
from toolkit.ensemble.agreement import differences
from toolkit.errors import TrashError, UsageError
from toolkit.experiment.plan import Source, Training
from toolkit.predict.member import stored_recipe
from toolkit.progress import Progress
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.train.checkpoint import load_checkpoint


def refuse_unlabelled(unlabelled: Split, contest: Contest) -> None:
    """Refuse images to be pseudo-labelled that validate, or that have real labels.

    Raises:
        UsageError: names them.
    """
    validating = _shared(unlabelled.file_names, contest.val.file_names)
    if validating:
        raise UsageError(
            f"{len(validating)} images to be pseudo-labelled are validation images: "
            f"{some_of(validating)}",
            "A score on images that were trained on means nothing: leave them out.",
        )
    training = _shared(unlabelled.file_names, contest.train.file_names)
    if training:
        raise UsageError(
            f"{len(training)} images to be pseudo-labelled are training images: "
            f"{some_of(training)}",
            "They have real labels already: leave them out.",
        )


def refuse_teacher(
    teacher: Source, contest: Contest, data: Data, project: Project, progress: Progress
) -> str | None:
    """Refuse a teacher of other classes, or one that was trained on validation images.

    Args:
        teacher: who is to label.
        contest: data of the student.
        data: where those are.
        project: the project folder.
        progress: told while the teacher's data are opened.

    Returns:
        What cannot be told: the data that a checkpoint was trained on are not here.

    Raises:
        UsageError: names the classes or the images.
    """
    if isinstance(teacher.network, Training):
        _refuse_classes(teacher, teacher.network.contest.class_names, contest)
        _refuse_images(teacher, teacher.network.contest.train.file_names, contest)
        return None
    checkpoint = load_checkpoint(teacher.network)
    _refuse_classes(teacher, checkpoint.class_names, contest)
    trained = stored_recipe(teacher.network, checkpoint).data
    try:
        here = trained.model_copy(update={"root": data.root, "demo": None})
        names = open_contest(here, project, progress).train.file_names
    except TrashError:
        return (
            f"{teacher.name}: the images that it was trained on are not here, so whether it has "
            "seen validation images cannot be told"
        )
    _refuse_images(teacher, names, contest)
    return None


def _refuse_classes(teacher: Source, class_names: Sequence[str], contest: Contest) -> None:
    found = differences(contest.class_names, class_names)
    if found:
        raise UsageError(
            f"the teacher {teacher.name} has other classes: its list {' and '.join(found)}\n"
            f"student: {', '.join(contest.class_names)}\n"
            f"teacher: {', '.join(class_names)}",
            "Teachers need the classes of the student, in the same order.",
        )


def _refuse_images(teacher: Source, trained_on: Iterable[str], contest: Contest) -> None:
    seen = _shared(trained_on, contest.val.file_names)
    if seen:
        raise UsageError(
            f"the teacher {teacher.name} was trained on {len(seen)} validation images of the "
            f"student: {some_of(seen)}",
            "Its labels would carry them over: train teacher and student on the same division.",
        )


def _shared(names: Iterable[str], others: Iterable[str]) -> list[str]:
    taken = {normpath(name) for name in others}
    return [name for name in names if normpath(name) in taken]
