"""`trash data split`: folds of the training images."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.data.options import DataRoot
from toolkit.cli.options import Json
from toolkit.cli.session import open_workspace
from toolkit.project import find_project


def split(
    source: Annotated[
        Path,
        typer.Argument(metavar="RECIPE|JSON", help="Recipe (its data.train) or COCO JSON."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Split file to write.")],
    root: DataRoot = None,
    folds: Annotated[int, typer.Option(min=2, help="Number of folds.")] = 5,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed, where several divisions are equally good.")
    ] = 0,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Images that stay in one fold: those with one value of a key of their COCO JSON "
            "(key:scene_id), in one folder (folder), with one match of the first capture group in "
            "their file_name ('name:^(\\d+)_'), or that look alike (near-duplicates).",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a split file that has other content.")
    ] = False,
    json_: Json = False,
) -> None:
    """Divide training images into folds of equal class content and write the split file.

    Copies of one photo, whatever their file names, are put into one fold, and so are groups.
    """
    from toolkit.data.annotation_sets import read_annotations
    from toolkit.data.content_digests import photo_contents
    from toolkit.data.contest import require_folder
    from toolkit.data.folds import class_presence, make_folds, write_folds
    from toolkit.data.groups import GroupRule, find_groups, group_warnings, require_keys
    from toolkit.data.near_files import not_found
    from toolkit.data.sources import find_sources
    from toolkit.files import exists
    from toolkit.wording import counted

    rule = None if groups is None else GroupRule.parse(groups)
    project = find_project()
    found = find_sources([source], project, root)[0][0]
    require_folder(found.data, found.root)
    if not exists(found.file):
        raise not_found(found.file, "data.train")
    workspace = open_workspace(project, found.data.components)
    progress = workspace.progress
    if rule:
        require_keys(workspace, found.data, rule)
    coco = read_annotations(workspace, found.data, found.file, found.root)
    grouped = find_groups(workspace, coco, rule, found.root) if rule else None
    contents = photo_contents(coco, found.root, project.cache, progress)
    made = make_folds(coco, folds, seed, contents, grouped)
    is_new = write_folds(output, made, coco, seed, grouped, overwrite=force)
    if grouped:
        progress.say(str(grouped))
        for warning in group_warnings(grouped, contents, folds):
            progress.say(f"warning: {warning}")
    known = Counter(content for content in contents if content is not None)
    copies = [count for count in known.values() if count > 1]
    if copies:
        photos = counted(len(copies), "photo", "photos")
        progress.say(f"{sum(copies)} images are copies of {photos}: copies are kept in one fold")
    if absent := contents.count(None):
        progress.say(
            f"warning: {absent} of {len(contents)} photos are not under {found.root} (--data): "
            "copies among them cannot be found"
        )
    if not is_new:
        progress.say(f"{output} is there already, with these folds: unchanged")
    presence = class_presence(coco)
    counts = [presence[list(rows)].sum(axis=0).tolist() for rows in made.rows]
    names = [category.name for category in coco.categories]
    n_groups = grouped.count_in(made.rows) if grouped else None
    if json_:
        console.print_json(
            {
                "file": str(output),
                "written": is_new,
                "folds": [
                    {
                        "images": len(rows),
                        "images_of": dict(zip(names, own, strict=True)),
                        **({"groups": n_groups[fold]} if n_groups else {}),
                    }
                    for fold, (rows, own) in enumerate(zip(made.rows, counts, strict=True))
                ],
            }
        )
        return
    columns = [f"fold {fold}" for fold in range(folds)]
    console.print_table(
        ("images of", *columns),
        [
            ("any class", *(len(rows) for rows in made.rows)),
            *((name, *(own[row] for own in counts)) for row, name in enumerate(names)),
            *([("(groups)", *n_groups)] if n_groups else []),
        ],
        numeric=columns,
    )
    console.print_result(str(output))
