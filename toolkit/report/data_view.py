"""The page of images with their labels, to look through them by class, name and share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.data.contest import Contest
from toolkit.data.images import read_picture
from toolkit.data.masks import paint_mask
from toolkit.data.split import Split
from toolkit.data.split_statistics import sampled_rows
from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.recipe.load import LoadedRecipe
from toolkit.report.page import data_uri, write_page
from toolkit.report.run_content import swatches
from toolkit.report.thumbnails import class_colours, fitted, labels_png, photo_jpeg
from toolkit.suggestions import did_you_mean
from toolkit.wording import counted

_BYTES = 4_500_000
"""Of all pictures of a page, about."""
_LARGEST, _SMALLEST = 42_000, 3_500
_SIDE, _SMALL_SIDE = 420, 220
_MANY = 150
"""Images from which on they are shown smaller."""
_LABEL_SHARE = 0.25
"""Of the bytes of an image, for its labels."""
_SHARES = 6
"""Classes of an image that are named."""


@dataclass(frozen=True)
class ImageChoice:
    """Which images are shown.

    Attributes:
        class_name: that they show; None = any.
        name: part of their file names, in small or capital letters.
        limit: at most so many.
        seed: of the sample, if there are more.
    """

    class_name: str | None = None
    name: str = ""
    limit: int = 120
    seed: int = 0


@dataclass(frozen=True)
class ViewCard:
    """An image with its labels.

    Attributes:
        name: its `file_name`.
        width: of the pictures, pixels.
        height: of the pictures.
        photo: the address that holds it.
        labels: the same for its labels; None in a split without.
        shares: label -> share of the labelled pixels, the background apart, the largest first.
    """

    name: str
    width: int
    height: int
    photo: str
    labels: str | None
    shares: dict[int, float]

    @property
    def foreground(self) -> float:
        """Share of the labelled pixels that are of any class but the background."""
        return sum(self.shares.values())

    @property
    def largest(self) -> list[tuple[int, float]]:
        """The classes that are named, with their shares."""
        return list(self.shares.items())[:_SHARES]


def split_of(contest: Contest, name: str) -> Split:
    """Return a split by its name.

    Raises:
        UsageError: the recipe has none of this name.
    """
    found = getattr(contest, name)
    if not isinstance(found, Split):
        raise UsageError(f"the recipe has no {name} split", f"Name it: data.{name}.")
    return found


def chosen_images(split: Split, choice: ImageChoice) -> tuple[list[int], int]:
    """Return the positions of the images that are shown, and of how many they are a sample.

    Raises:
        UsageError: the class is unknown, the split has no labels, or no image fits.
    """
    fitting = list(range(len(split)))
    if choice.class_name is not None:
        names = split.labels.class_names[1:]
        if choice.class_name not in names:
            raise UsageError(
                f"no class is called {choice.class_name}", did_you_mean(choice.class_name, names)
            )
        label = names.index(choice.class_name) + 1
        fitting = [row for row in fitting if label in split.labels_of_images[row]]
    part = choice.name.casefold()
    rows = [row for row in fitting if part in split.images[row].file_name.casefold()]
    if not rows:
        wanted = [
            f"shows {choice.class_name}" if choice.class_name is not None else "",
            f"has {choice.name!r} in its name" if choice.name else "",
        ]
        raise UsageError(
            f"no image of {split.name} " + " and ".join(filter(None, wanted)),
            "trash data report RECIPE counts the images of each class.",
        )
    return [rows[place] for place in sampled_rows(len(rows), choice.limit, choice.seed)], len(rows)


def write_data_view(
    contest: Contest, loaded: LoadedRecipe, split_name: str, choice: ImageChoice, path: Path
) -> int:
    """Write the page of some images of a split and return their number.

    Args:
        contest: of the recipe.
        loaded: the recipe.
        split_name: "train", "val" or "test".
        choice: which images.
        path: the HTML file.

    Raises:
        UsageError: see `split_of` and `chosen_images`, or a photo cannot be read.
    """
    split = split_of(contest, split_name)
    rows, n_fitting = chosen_images(split, choice)
    cards = view_cards(split, rows, labelled=split_name != "test")
    write_page(path, "view.html", **_content(loaded, split, choice, cards, n_fitting))
    return len(cards)


def _content(
    loaded: LoadedRecipe,
    split: Split,
    choice: ImageChoice,
    cards: Sequence[ViewCard],
    n_fitting: int,
) -> dict[str, Any]:
    names = split.labels.class_names
    what = [f"of the {split.name} split"]
    if choice.class_name is not None:
        what.append(f"that show {choice.class_name}")
    if choice.name:
        what.append(f"with “{choice.name}” in their names")
    shown = counted(len(cards), "image", "images")
    if len(cards) < n_fitting:
        shown = f"{len(cards)} of {n_fitting} images, drawn with seed {choice.seed},"
    return {
        "title": f"{loaded.recipe.title or loaded.name}: {split.name}",
        "what": "images of a recipe",
        "warnings": [],
        "sections": [("images", "Images")],
        "footer": f"Written {now()} by trash {__version__} from the data of {loaded.name}.",
        "text": " ".join([shown, *what]) + ".",
        "cards": cards,
        "labelled": any(card.labels for card in cards),
        "swatches": swatches(names),
        "present": sorted({label for card in cards for label in card.shares}),
    }


def view_cards(split: Split, rows: Sequence[int], *, labelled: bool) -> list[ViewCard]:
    """Return the cards of images, smaller ones where there are many.

    Raises:
        UsageError: a photo or a mask cannot be read.
    """
    most = int(min(max(_BYTES / max(len(rows), 1), _SMALLEST), _LARGEST))
    side = _SIDE if len(rows) <= _MANY else _SMALL_SIDE
    colours = class_colours(len(split.labels.class_names))

    def card(row: int) -> ViewCard:
        record = split.images[row]
        photo = read_picture(split.path(row), record)
        height, width = fitted(photo.shape[:2], side)
        picture, shares = None, {}
        if labelled:
            mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
            known = mask != split.ignore_index
            size = height, width
            png = labels_png(
                np.where(known, mask, np.uint8(0)), known, colours, size, int(most * _LABEL_SHARE)
            )
            picture, shares = data_uri(png, "png"), _shares(mask, len(colours))
        jpeg = photo_jpeg(photo, (height, width), most if not labelled else most * 3 // 4)
        return ViewCard(record.file_name, width, height, data_uri(jpeg, "jpeg"), picture, shares)

    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(card, rows))


def _shares(mask: NDArray[np.uint8], n_labels: int) -> dict[int, float]:
    counts = np.bincount(mask.ravel(), minlength=n_labels)[:n_labels]
    total = max(int(counts.sum()), 1)
    order = np.argsort(-counts[1:], kind="stable") + 1
    return {int(label): float(counts[label]) / total for label in order if counts[label]}
