"""A first recipe: `trash recipe new`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import write_text_atomic
from toolkit.project import Project
from toolkit.recipe.find import find_recipe
from toolkit.recipe.problems import shown_path
from toolkit.recipe.study import split_address

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*")

_CHILD = """\
# What: (one sentence: the idea that this experiment tests)
# Who:  {author}
# Run:  trash recipe run {path}
extends = {quoted}
title = "{name}"

# Write only what differs from {base}. All keys: trash recipe show {path} --origin
[train]
epochs = {epochs}
"""

_WHOLE = """\
# What: (one sentence: the idea that this experiment tests)
# Who:  {author}
# Run:  trash recipe run {path}
title = "{name}"
seed = 42

[data]
root = "data"                 # relative to the project; holds the files below and the images
train = "train.json"
val = "val.json"
test = "test.json"
image_size = [512, 512]       # height, width of the network input

[model]
name = "unetpp"
encoder = "efficientnet-b3"
weights = "imagenet"

[[augment.train]]
name = "hflip"
p = 0.5

[loss]
name = "dice_ce"

[optimizer]
name = "adamw"
lr = 1e-4

[train]
epochs = 20
batch_size = 16
precision = "bf16"
"""


def new_recipe(name: str, project: Project, base: Path | None, author: str, *, force: bool) -> Path:
    """Write `recipes/<name>.toml`: a child of `base`, or a whole recipe when there is none.

    Raises:
        UsageError: the name cannot be used, or the file is there already and `force` is False.
    """
    path = recipe_file(name, project, force=force)
    shown = path.relative_to(project.root).as_posix()
    values = {"name": path.stem, "path": shown, "author": " ".join(author.split())}
    if base is None:
        text = _WHOLE.format(**values)
    else:
        from toolkit.recipe.load import load_recipe
        from toolkit.recipe.show import as_toml

        relative = shown_base(base, path, project)
        text = _CHILD.format(
            **values,
            base=relative,
            quoted=as_toml({"x": relative}).strip().removeprefix("x = "),
            epochs=load_recipe(base, project=project).recipe.train.epochs,
        )
    write_text_atomic(path, text)
    return path


def recipe_file(name: str, project: Project, *, force: bool) -> Path:
    """Return where a new recipe goes.

    Raises:
        UsageError: the name cannot be used, or the file is there already and `force` is False.
    """
    name = name.removesuffix(".toml").removeprefix("recipes/")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a recipe",
            "Use letters, digits, _ . - and / for folders.",
        )
    path = project.recipes / f"{name}.toml"
    if path.exists() and not force:
        raise UsageError(
            f"{path.relative_to(project.root)} exists already",
            "Choose another name, or replace it with --force.",
        )
    return path


def shown_base(base: Path, path: Path, project: Project) -> str:
    """Return how a new recipe names the one that it extends: from its own folder.

    Raises:
        UsageError: there is no such recipe, or it is a variant of a study.
    """
    if split_address(base) is not None:
        raise UsageError(
            f"{base} is a variant of a study: only files can be extended",
            f"Copy it: trash recipe show {base} > {shown_path(path)}",
        )
    return Path(os.path.relpath(find_recipe(base, project), path.parent)).as_posix()
