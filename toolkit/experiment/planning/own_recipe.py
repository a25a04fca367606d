"""`trash recipe new --data`: a recipe for somebody's own data and this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from toolkit.data.annotation_sets import read_annotations
from toolkit.data.content_digests import photo_contents
from toolkit.data.folds import make_folds, write_folds
from toolkit.data.survey import Survey
from toolkit.experiment.planning.missing_masks import leave_out, survey_masks
from toolkit.files import write_text_atomic
from toolkit.formats.id_style import id_style
from toolkit.plugin.component import N_RGB, ComponentSpec
from toolkit.plugin.interfaces import Context, PretrainedModel
from toolkit.progress import Progress
from toolkit.project import Project
from toolkit.recipe.data_folder import data_file
from toolkit.recipe.new import recipe_file, shown_base
from toolkit.shapes_only import ShapesOnly
from toolkit.train.device import choose_device
from toolkit.train.network import build_network
from toolkit.wording import counted
from toolkit.workspace import Workspace

_FOLDS = 5
_STRIDE = 32
_DEFAULT_MAP = (256, 256)

_HEAD = """\
# What: (one sentence: the idea that this experiment tests)
# Who:  {author}
# Run:  trash recipe run {path}
"""


@dataclass(frozen=True)
class _Machine:
    """What fits a machine: a network, and how it is trained.

    Attributes:
        why: said beside the network.
        largest: longest side of the network's input, pixels.
    """

    why: str
    model: str
    encoder: str
    weights: str
    largest: int
    epochs: int
    batch_size: int
    precision: str
    workers: int
    lr: float


_GPU = _Machine("for a GPU", "unetpp", "efficientnet-b3", "imagenet", 512, 40, 16, "bf16", 4, 5e-4)
_CPU = _Machine(
    "small: this machine has no GPU",
    "fpn",
    "tu-tf_efficientnet_lite0",
    "efficientnet-lite0",
    224,
    12,
    8,
    "fp32",
    0,
    1e-3,
)


def write_own_recipe(
    workspace: Workspace,
    name: str,
    folder: str,
    *,
    base: Path | None,
    author: str,
    force: bool = False,
) -> Path:
    """Write `recipes/<name>.toml` for the data in a folder; returns the file.

    Without a validation split its folds are written to `recipes/splits/`, and so is a list of the
    photos with masks where some have none.

    Args:
        workspace: the project, its components, and who is told what happens.
        name: of the recipe.
        folder: of the data, as a recipe names it.
        base: recipe that it extends, which then says all but the data; None = one for this machine.
        author: for the header.
        force: replace a recipe, and its folds, that are there.

    Raises:
        UsageError: the name cannot be used or is taken, or the folder holds no data that can be
            used.
    """
    project = workspace.project
    path = recipe_file(name, project, force=force)
    found, lacking = survey_masks(workspace, project.path(folder))
    root = folder if found.root == project.path(folder) else _from(found.root, project)
    tell_survey(found, workspace.progress)
    found = leave_out(workspace, path.stem, found, lacking, force)
    folds = None if found.val is not None else write_folds_of(workspace, path.stem, found, force)
    shown = path.relative_to(project.root).as_posix()
    machine = _GPU if choose_device("auto").type == "cuda" else _CPU
    head = _HEAD.format(author=author, path=shown)
    data = data_lines(found, root, folds)
    if base is None:
        lines = [
            head + f"title = {_text(path.stem)}",
            "seed = 42",
            "",
            "[data]",
            *data,
            *_network(workspace, found, machine),
            "",
            *_submission(found),
        ]
    else:
        extends = shown_base(base, path, project)
        sizes = _submission(found, whole=False)
        lines = [head + f"extends = {_text(extends)}", f"title = {_text(path.stem)}", "", "[data]"]
        lines += [*data, *(["", *sizes] if sizes else [])]
    write_text_atomic(path, "\n".join(lines) + "\n")
    return path


def data_lines(found: Survey, root: str, folds: str | None) -> list[str]:
    """Return the keys of a recipe's `[data]`.

    Args:
        found: what the folder holds.
        root: the folder, as a recipe names it.
        folds: split file where there is no validation split; None = it is still to be made.
    """
    lines = [f"root = {_text(root)}", *_files(found, folds)]
    if found.format is not None:
        lines += [f"format.name = {_text(found.format.name)}"]
        for key, value in found.format.parameters.items():
            if isinstance(value, dict):
                lines += [f"format.{key}.{_text(name)} = {_value(v)}" for name, v in value.items()]
            else:
                lines.append(f"format.{key} = {_value(value)}")
    if found.background is not None:
        lines.append(f"background = {_text(found.background)}   # label 0")
    lines += [f"{key} = {_value(value)}" for key, value in found.values.items()]
    return [*lines, *_classes(found)]


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _from(root: Path, project: Project) -> str:
    inside = root.is_relative_to(project.root)
    return (root.relative_to(project.root) if inside else root).as_posix()


def tell_survey(found: Survey, progress: Progress) -> None:
    """Say what was found in a folder, and what was guessed."""
    files = {
        "train": found.train,
        "val": found.val,
        "test": found.test,
        "truth": found.truth,
        "sample submission": found.sample,
    }
    for what, file in files.items():
        if file is not None:
            progress.say(f"found {what}: {file}")
    for problem in found.broken:
        progress.say(f"warning: skipped: {problem}")
    for note in found.notes:
        progress.say(f"guessed: {note}")
    progress.say(
        f"found {counted(len(found.classes), 'class', 'classes')}: {', '.join(found.classes)}"
    )


def write_folds_of(workspace: Workspace, name: str, found: Survey, force: bool) -> str:
    """Write folds of the training images for a folder without validation split.

    Args:
        workspace: the project, its components, and who is told what happens.
        name: of the split file.
        found: what the folder holds.
        force: replace other folds of that name.

    Returns:
        The file, as a recipe names it.

    Raises:
        UsageError: the annotations are wrong, or other folds of that name are there.
    """
    project = workspace.project
    coco = read_annotations(workspace, found.data, data_file(found.root, found.train), found.root)
    file = project.recipes / "splits" / f"{name}_{_FOLDS}fold.json"
    contents = photo_contents(coco, found.root, project.cache, workspace.progress)
    write_folds(file, make_folds(coco, _FOLDS, 0, contents), coco, 0, overwrite=force)
    shown = file.relative_to(project.root).as_posix()
    workspace.progress.say(
        f"there is no validation split: folds of the training images are in {shown}"
    )
    return shown


def _files(found: Survey, folds: str | None) -> list[str]:
    lines = [f"train = {_text(found.train)}"]
    if found.val is not None:
        lines.append(f"val = {_text(found.val)}")
    elif folds is None:
        lines.append("# there is no validation split: trash data split makes folds")
    else:
        lines.append(f"folds = {{ file = {_text(folds)}, index = 0 }}   # 1 of {_FOLDS} validates")
    for key, file in (
        ("test", found.test),
        ("truth", found.truth),
        ("sample_submission", found.sample),
    ):
        if file is not None:
            lines.append(f"{key} = {_text(file)}")
    return lines


def _classes(found: Survey) -> list[str]:
    names = ", ".join(map(_text, found.classes))
    return [f"classes = [{names}]   # labels 1, 2, …"]


def _network(workspace: Workspace, found: Survey, machine: _Machine) -> list[str]:
    """Return the lines from the size of the network's input to the training."""
    size = _input_size(found.image_size, machine.largest)
    encoder, weights = machine.encoder, machine.weights
    lacking: list[str] = []
    context = Context(
        (found.background or "Background", *found.classes),
        size,
        pretrained=False,
        report_missing=lacking.append,
        channels=found.data.n_channels,
    )
    spec = ComponentSpec(name=machine.model, **{"encoder": encoder, "weights": weights})
    with torch.device("meta"), ShapesOnly():
        model = build_network(workspace.registry, spec, context)
    for what in lacking:
        workspace.progress.say(f"warning: {what}")
    theirs = model.normalisation if isinstance(model, PretrainedModel) else None
    lines = [
        f"image_size = [{size[0]}, {size[1]}]       # of the network's input; the photos' median "
        f"is {found.image_size[0]} x {found.image_size[1]}",
        f"workers = {machine.workers}",
    ]
    if theirs is not None and context.channels == N_RGB:
        lines += [
            f"mean = {[round(each, 4) for each in theirs.mean]}   # as the weights were trained",
            f"std = {[round(each, 4) for each in theirs.std]}",
        ]
    return [
        *lines,
        "",
        f"[model]                          # {machine.why}",
        f"name = {_text(machine.model)}",
        f"encoder = {_text(encoder)}",
        f"weights = {_text(weights)}",
        "",
        "[loss]",
        'name = "dice_ce"',
        "",
        "[optimizer]",
        'name = "adamw"',
        f"lr = {machine.lr}",
        "",
        "[scheduler]",
        'name = "cosine"',
        "warmup = 0.1",
        "",
        "[[augment.train]]",
        'name = "hflip"',
        "",
        "[[augment.train]]",
        'name = "brightness_contrast"',
        "",
        "[train]",
        f"epochs = {machine.epochs}",
        f"batch_size = {machine.batch_size}",
        f"precision = {_text(machine.precision)}",
        "",
        "[predict]",
        'views = "hflip"',
    ]


def _input_size(photo: tuple[int, int], largest: int) -> tuple[int, int]:
    """Return the photos' size, made smaller if need be, as multiples of the networks' stride."""
    factor = min(1.0, largest / max(photo))
    height, width = (max(1, round(side * factor / _STRIDE)) * _STRIDE for side in photo)
    return height, width


def _submission(found: Survey, *, whole: bool = True) -> list[str]:
    """Return the lines of the format; of a child (`whole=False`) those that the data say."""
    columns = found.columns
    by_class = any("class" in column.casefold() for column in columns)
    lines = [f"columns = [{', '.join(map(_text, columns))}]"] if columns else []
    if by_class:
        lines.insert(0, 'name = "run_length"')
        if len(columns) == 3:
            lines.append('cells = ["{image}", "{label}", "{pixels}"]')
    elif whole or lines:
        lines.insert(0, 'name = "mask_string"')
    # With two columns the class stands behind the image: IMAGE_CLASS.
    ids = [
        each.rpartition("_")[0] if by_class and len(columns) == 2 else each
        for each in found.sample_ids
    ]
    style = id_style(ids, found.test_names)
    if style is not None and style.folder:
        lines.append(f"image_folder = {_text(style.folder)}    # the ids leave it out")
    if style is not None and style.suffix:
        lines.append(f"image_suffix = {_text(style.suffix)}    # the ids leave it out")
    if found.map_size is not None:
        lines.append(f"size = [{found.map_size[0]}, {found.map_size[1]}]")
    elif whole:
        lines.append(
            f"size = [{_DEFAULT_MAP[0]}, {_DEFAULT_MAP[1]}]     # check it with the contest's rules"
        )
    return ["[submission]", *lines] if lines else []
