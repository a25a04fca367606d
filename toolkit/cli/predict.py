"""`trash predict`: one checkpoint's probability maps on a split."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.prediction_options import DataRoot, Device, PredictionRecipe, Store, Views
from toolkit.cli.session import open_workspace
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.suggestions import did_you_mean

_SPLITS = ("test", "val", "train")


def predict(
    checkpoint: Annotated[
        str,
        typer.Argument(
            help="Checkpoint or run (NAME or runs/NAME: its best.pt); @views after it, as in "
            "a.pt@geometric:hflip*rot90, or @tile for large images."
        ),
    ],
    split: Annotated[str, typer.Option("--split", help="Images: test, val or train.")] = "test",
    views: Views = None,
    store: Store = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Images per forward pass.")
    ] = None,
    recipe: PredictionRecipe = None,
    data_root: DataRoot = None,
    device: Device = None,
    json_: Json = False,
) -> None:
    """Write a checkpoint's probability maps and print the folder of the store."""
    if split not in _SPLITS:
        raise UsageError(f"--split {split}: unknown", did_you_mean(split, _SPLITS))
    from toolkit.data.contest import open_contest
    from toolkit.experiment.find import find_checkpoint
    from toolkit.predict.members import (
        choose_prediction_device,
        load_members,
        prediction_recipe,
    )
    from toolkit.predict.predictor import predict_split
    from toolkit.predict.writer import gigabytes
    from toolkit.submission.submit_options import with_options
    from toolkit.wording import counted

    project = find_project()
    workspace = open_workspace(project)
    choice = find_checkpoint(checkpoint, project, views)
    used = with_options(prediction_recipe(choice, project, recipe, data_root), store=store)
    contest = open_contest(workspace, used.data)
    images = {"test": contest.test, "val": contest.val, "train": contest.train}[split]
    if images is None:
        raise UsageError("data.test is unset: there are no test images", "Add --split val.")
    where = choose_prediction_device(used, device)
    (member,) = load_members([choice], contest.class_names, workspace.registry, where)
    found = predict_split(
        member,
        images,
        cache=project.cache,
        store=used.predict.store,
        progress=workspace.progress,
        batch_size=batch_size,
    )
    figures = {
        "store": str(found.folder),
        "images": len(found),
        "classes": len(found.class_names),
        "views": len(member.views),
        "numbers": found.index.dtype,
        "bytes": found.index.offsets[-1],
    }
    if json_:
        console.print_json(figures)
        return
    console.note(
        f"{counted(len(found), 'image', 'images')} of {split}, "
        f"{counted(len(found.class_names), 'class', 'classes')}, "
        f"{counted(len(member.views), 'view', 'views')}, {found.index.dtype}, "
        f"{gigabytes(found.index.offsets[-1])}"
    )
    console.print_result(str(found.folder))
