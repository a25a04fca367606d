"""Photos without a mask in a folder of somebody's data: told, and left out by a list."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from toolkit.data.annotation_sets import masks_of
from toolkit.data.data_survey import survey_data
from toolkit.data.survey import Survey, relative_path
from toolkit.errors import UsageError
from toolkit.files import is_file, write_text_atomic
from toolkit.plugin.reader import ImageRecord, MaskFile
from toolkit.recipe.data_folder import data_file
from toolkit.wording import part_of, some_of
from toolkit.workspace import Workspace

SplitKey = Literal["train", "val", "truth"]

_READER = "masks"
_SHOWN = 3


@dataclass(frozen=True)
class SplitMasks:
    """The photos of a split some of which have no mask.

    Attributes:
        key: of `[data]`.
        name: the folder or list.
        whole: (photo, mask), relative to the root, of those that have one.
        missing: (photo, mask) of those whose mask is not there; at least one.
    """

    key: SplitKey
    name: str
    whole: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """How many photos have no mask, with the first names."""
        total = len(self.whole) + len(self.missing)
        has = part_of(
            len(self.missing), total, ("photo", "photos"), ("has no mask", "have no mask")
        )
        shown = [f"{photo} (no {mask})" for photo, mask in self.missing]
        return f"{self.name}: {has}: {some_of(shown, _SHOWN)}"


def survey_masks(workspace: Workspace, folder: Path) -> tuple[Survey, tuple[SplitMasks, ...]]:
    """Look at a folder, and whether each photo has its mask.

    Test photos some of which have no mask have no truth; nothing else needs theirs.

    Args:
        workspace: has the readers.
        folder: of the data.

    Returns:
        What the folder holds, and the splits that lack masks.

    Raises:
        UsageError: the folder holds nothing that is known, or what is there is damaged.
    """
    found = survey_data(folder)
    if found.format is None or found.format.name != _READER:
        return found, ()
    lacking = []
    named: dict[SplitKey, str | None] = {
        "train": found.train,
        "val": found.val,
        "truth": found.truth,
    }
    for key, name in named.items():
        if name is None:
            continue
        try:
            pairs = masks_of(workspace, found.data, data_file(found.root, name), found.root)
        except UsageError:  # told by whoever reads them, after what was found
            continue
        missing = [pair for pair in pairs if not is_file(pair[1].path)]
        whole = [pair for pair in pairs if is_file(pair[1].path)]
        if not missing:
            continue
        split = SplitMasks(key, name, _names(whole, found.root), _names(missing, found.root))
        if key != "truth":
            lacking.append(split)
            continue
        notes = (f"no truth, as not all test photos have masks: {split.text}",) if whole else ()
        found = replace(found, truth=None, notes=(*found.notes, *notes))
    return found, tuple(lacking)


def _names(
    pairs: Sequence[tuple[ImageRecord, MaskFile]], root: Path
) -> tuple[tuple[str, str], ...]:
    return tuple((record.file_name, relative_path(mask.path, root)) for record, mask in pairs)


def missing_masks_error(lacking: Sequence[SplitMasks], folder: str) -> UsageError:
    """Return what to say and to do before the table of a folder can be used."""
    return UsageError(
        f"the table above needs a mask of every photo. {'; '.join(each.text for each in lacking)}",
        "Add the masks, or take these photos out of the folder or list: trash recipe new NAME "
        f"--data {folder} writes lists of the others.",
    )


def leave_out(
    workspace: Workspace, name: str, found: Survey, lacking: Sequence[SplitMasks], force: bool
) -> Survey:
    """Write a list of the photos with masks of each split that lacks some, and name it instead.

    Args:
        workspace: the project, and who is told what is left out.
        name: of the recipe.
        found: what the folder holds.
        lacking: the splits.
        force: replace lists that are there.

    Raises:
        UsageError: a split has no photo with a mask, or another list of that name is there.
    """
    project = workspace.project
    for split in lacking:
        if not split.whole:
            raise UsageError(split.text, "Are the masks elsewhere? Name them: data.format.masks.")
        file = project.recipes / "splits" / f"{name}_{split.key}.txt"
        shown = file.relative_to(project.root).as_posix()
        parameters = found.format.parameters if found.format else {}
        photos = str(parameters.get("photos") or ".")
        lines = [
            os.path.relpath(photo, photos)
            # Where a list said which masks they are, nothing else does.
            + ("" if "masks" in parameters else f"\t{mask}")
            for photo, mask in split.whole
        ]
        text = "\n".join(lines) + "\n"
        if not force and is_file(file) and file.read_text(encoding="utf-8") != text:
            raise UsageError(f"{shown} is there and lists other photos", "--force replaces it.")
        write_text_atomic(file, text)
        workspace.progress.say(f"left out, {split.text}. {shown} lists the others")
        listed = relative_path(file, found.root)
        is_train = split.key == "train"
        found = replace(found, train=listed) if is_train else replace(found, val=listed)
    return found
