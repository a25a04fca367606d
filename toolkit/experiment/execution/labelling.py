"""Executing a labelling stage: makes or finds the pseudo-label set, and its page for review."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.experiment.execution.lineage import describe_checkpoint
from toolkit.experiment.execution.pages import PageWriters
from toolkit.experiment.output_dirs import OutputDirs
from toolkit.experiment.planning.plan import Labelling, PlannedMember, Training
from toolkit.predict.members import MemberRef
from toolkit.pseudo.exchange import make_label_set_from_file
from toolkit.pseudo.label_set import LabelSet
from toolkit.pseudo.make import make_label_set
from toolkit.recipe.problems import shown_path
from toolkit.submission.side_car import portable_path
from toolkit.wording import counted
from toolkit.workspace import Workspace


def page_of(folder: Path) -> Path:
    """Return where the page to review a set is, beside its folder."""
    return folder.with_name(f"{folder.name}.html")


def run_labelling(
    workspace: Workspace,
    stage: Labelling,
    teachers: list[MemberRef],
    dirs: OutputDirs,
    pages: PageWriters | None,
) -> LabelSet:
    """Return the set of a stage; makes it and its page if they are missing.

    Args:
        workspace: the project, its components, and who is told what happens.
        stage: what is to be made.
        teachers: checkpoints of its teachers, all finished.
        dirs: where sets and caches are.
        pages: writes its page; None = no page.

    Raises:
        UsageError: a component, a teacher or a file of labels does not fit.
        TrashError: nothing was selected.
    """
    folder = dirs.label_set(stage.key)
    origin = _origin(stage, teachers, workspace.project.root)
    if stage.file is not None:
        made = make_label_set_from_file(
            workspace,
            stage.file,
            stage.unlabelled,
            stage.pseudo,
            stage.recipe,
            folder=folder,
            cache=dirs.cache,
            origin=origin,
        )
    else:
        made = make_label_set(
            workspace,
            teachers,
            stage.unlabelled,
            stage.pseudo,
            stage.recipe,
            folder=folder,
            cache=dirs.cache,
            origin=origin,
        )
    page = page_of(folder)
    if pages is not None and dirs.kept and not page.exists():
        pages.label_set(made, stage.unlabelled, page, workspace.progress)
        n_images = len(made.index.images)
        workspace.progress.say(
            f"{len(made)} of {counted(n_images, 'image', 'images')} selected; "
            f"review: {shown_path(page)}"
        )
    return made


def _portable_name(teacher: PlannedMember, root: Path) -> str:
    """Return what a teacher is called wherever the project lies."""
    if isinstance(teacher.network, Training):
        return teacher.name
    views = f"@{teacher.views}" if teacher.views is not None else ""
    return portable_path(teacher.network, root) + views


def _origin(stage: Labelling, teachers: list[MemberRef], root: Path) -> Mapping[str, Any]:
    names = [_portable_name(each, root) for each in stage.teachers]
    if stage.file is not None:
        names = [portable_path(stage.file, root)]
    return {
        "teachers": names,
        "checkpoints": [
            {**describe_checkpoint(each.path, root), "views": each.views} for each in teachers
        ],
        "round": stage.number,
        "ensemble": stage.pseudo.ensemble.model_dump(mode="json"),
        "postprocess": [each.model_dump(mode="json") for each in stage.pseudo.postprocess],
        "selection": [each.model_dump(mode="json") for each in stage.pseudo.select],
        "as_submitted": stage.pseudo.as_submitted,
        "soft": stage.pseudo.soft,
    }
