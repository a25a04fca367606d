"""A look at a folder of somebody's data: what is which split, in which format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toolkit.data.coco_survey import DamagedFile, coco_survey
from toolkit.data.mask_survey import mask_survey, refuse_unread_masks
from toolkit.data.survey import Survey
from toolkit.data.table_survey import table_survey
from toolkit.data.value_guess import guess_values
from toolkit.errors import UsageError
from toolkit.wording import some_of


def survey_data(folder: Path) -> Survey:
    """Look for COCO JSON files, else for masks as files, else for tables of run lengths.

    Raises:
        UsageError: there is none of them, says what is there; files of theirs are damaged, or masks
            are of a kind that is not read.
    """
    damaged: DamagedFile | None = None
    found = None
    try:
        found = coco_survey(folder)
    except DamagedFile as error:  # a JSON of something else, perhaps
        damaged = error
    found = found or mask_survey(folder) or table_survey(folder)
    if found is None:
        refuse_unread_masks(folder)
        if damaged is not None:
            raise damaged
        inside = sorted(each.name for each in folder.iterdir())
        raise UsageError(
            f"{folder} holds no annotations that are known: "
            + (f"it holds {some_of(inside)}" if inside else "it is empty"),
            "Known are COCO JSON files with annotations; photos and masks that are called alike, "
            "in folders, lists or side by side; CSV files with run lengths. Other formats are a "
            "plugin: trash plugin new NAME --kind reader",
        )
    values, notes = guess_values(found.root, found.photos)
    return replace(found, values=values, notes=(*found.notes, *notes))
