"""How often an epoch draws each real image: by its classes, or by weights from a file.

Background is no class, and pseudo-labelled images are not resampled. Every rule is a number of
draws per image and epoch on average; `Draws` rounds them to whole numbers, anew in each epoch. An
epoch always has the same number of images, so that schedules know their steps beforehand.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, fsum, inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.data.array_store import ArrayStore
from toolkit.data.near_files import not_found
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.files import is_file
from toolkit.project import Project
from toolkit.recipe.training_images import ImageSampling
from toolkit.suggestions import nearest
from toolkit.wording import counted, some_of

_FILE = "data.sampling.file"
_SHOWN = 60
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"


@dataclass(frozen=True)
class Draws:
    """How often each real image is drawn in an epoch.

    Attributes:
        expected: draws of each image on average, 0 or more; they sum to a whole number.
    """

    expected: tuple[float, ...]

    def __len__(self) -> int:
        return round(fsum(self.expected))

    def __call__(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the positions of an epoch's images, shuffled, int64 (len(self),).

        An image comes as often as `expected` says, rounded down or up by chance: systematic
        sampling (Madow 1949, "On the theory of systematic sampling, II") over images in random
        order keeps the average of each image and the sum of all exactly.
        """
        expected = np.asarray(self.expected)
        order = rng.permutation(np.flatnonzero(expected))
        ends = np.cumsum(expected[order])
        ends[-1] = len(self)  # the sum may miss it by its last digit
        times = np.diff(np.floor(ends + rng.random()), prepend=0.0).astype(np.int64)
        return rng.permutation(np.repeat(order, times))


def open_draws(
    sampling: ImageSampling,
    split: Split,
    present: NDArray[np.bool_],
    class_names: Sequence[str],
    project: Project,
) -> Draws:
    """Return how often each image of the training split is drawn.

    Args:
        sampling: as the recipe says.
        split: the training images.
        present: which image shows which class, see `classes_of_images`.
        class_names: names of the labels.
        project: the file of weights is relative to it.

    Raises:
        UsageError: no image has a class, or as `require_weights`.
    """
    if sampling.by == "weights":
        return weighted_draws(read_weights(_file_of(sampling, project), split))
    if not present.any():
        raise UsageError(
            f"no image of {split.name} shows a class other than {class_names[0]}: "
            f'data.sampling.by = "{sampling.by}" has nothing to go by',
            parameter="data.sampling.by",
        )
    if sampling.by == "balanced":
        return weighted_draws(balanced_weights(present))
    return repeated_draws(repeat_factors(present, sampling.threshold))


def classes_of_images(masks: ArrayStore) -> NDArray[np.bool_]:
    """Return which image shows which class but background, bool (images, labels - 1).

    What counts is the mask that is trained on: an object that is hidden, ignored, or too small for
    the size of the network's input, is not there.
    """
    return masks.holds[:, 1:]


def repeat_factors(present: NDArray[np.bool_], threshold: float) -> NDArray[np.float64]:
    """Return r(i) of every image, 1 or more: Gupta et al. 2019, "LVIS", arXiv:1908.03195.

    f(c) is the share of images with class c, r(c) = max(1, sqrt(threshold / f(c))), and r(i) the
    largest r(c) of the image's classes; 1 for an image without any.
    """
    share = present.mean(axis=0)
    of_class = np.ones(len(share))
    shown = share > 0
    of_class[shown] = np.maximum(1, np.sqrt(threshold / share[shown]))
    factors: NDArray[np.float64] = np.where(present, of_class, 1.0).max(axis=1, initial=1.0)
    return factors


def balanced_weights(present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return weights that draw every class equally often, and each of its images alike.

    An image with several classes may be drawn for each of them, one without any never is.
    """
    images = present.sum(axis=0)
    shown = images > 0
    weights: NDArray[np.float64] = (present[:, shown] / images[shown]).sum(axis=1)
    return weights


def repeated_draws(factors: NDArray[np.float64]) -> Draws:
    """Return the draws of repeat factors: an epoch has their sum, rounded up, of images.

    Each factor grows by what makes the sum whole, less than one image in the epoch.
    """
    total = fsum(factors)
    return Draws(tuple((factors * (ceil(total) / total)).tolist()))


def weighted_draws(weights: NDArray[np.float64]) -> Draws:
    """Return draws in proportion to weights: an epoch has as many images as the split."""
    return Draws(tuple((weights * (len(weights) / fsum(weights))).tolist()))


def summary(
    sampling: ImageSampling, draws: Draws, present: NDArray[np.bool_], class_names: Sequence[str]
) -> str:
    """Return what a sampling does, in a line: images, draws, and the classes drawn most often.

    The factor of a class is how often an image that shows it is drawn in an epoch, on average.
    """
    expected = np.asarray(draws.expected)
    factors = {
        name: float(expected[shows].mean())
        for name, shows in zip(class_names[1:], present.T, strict=True)
        if shows.any()
    }
    classes = [
        f"{name} ×{factors[name]:.1f}" for name in sorted(factors, key=lambda name: -factors[name])
    ]
    never = int((expected == 0).sum())
    parts = [
        f"sampling {sampling.by}: {counted(len(expected), 'image', 'images')}, "
        f"{len(draws)} per epoch",
        some_of(classes),
        f"{counted(never, 'image is', 'images are')} never drawn" if never else "",
    ]
    return "; ".join(filter(None, parts))


def require_weights(sampling: ImageSampling, split: Split, project: Project) -> None:
    """Refuse a sampling by weights without a file of them, and a file that nothing reads.

    Raises:
        UsageError: it is so, or the file is wrong, see `read_weights`.
    """
    if sampling.by == "weights":
        read_weights(_file_of(sampling, project), split)
    elif sampling.file is not None:
        raise UsageError(
            f'a file of weights is named, but sampling is by "{sampling.by}"',
            'Set data.sampling.by = "weights", or leave the file out.',
            parameter=_FILE,
        )


def _file_of(sampling: ImageSampling, project: Project) -> Path:
    if sampling.file is None:
        raise UsageError(
            'data.sampling.by = "weights" needs a file',
            'Name it: data.sampling.file = "weights.csv", with an image and its weight per line.',
            parameter="data.sampling.by",
        )
    return project.path(sampling.file)


def read_weights(path: Path, split: Split) -> NDArray[np.float64]:
    """Return the weight of every image of the training split, float64 (images,).

    The file lists every image of `data.train` once, with folds those of all folds: in a `.csv` as
    `name,weight`, with or without a header; in another file as name, blank, weight.

    Raises:
        UsageError: there is no file, a line is no name and weight, a weight is no number of 0 or
            more, a name is unknown, missing or repeated, or no image has a weight above 0.
    """
    if not is_file(path):
        raise not_found(path)
    names = (split.source or split).file_names
    listed = list(_lines(path, frozenset(names)))
    wrong = [
        f"line {line}: {text[:_SHOWN]!r}" for line, text, _, weight in listed if weight is None
    ]
    if wrong:
        raise UsageError(
            f"{path}: {counted(len(wrong), 'line is', 'lines are')} not an image and a weight of 0 "
            f"or more: {some_of(wrong)}",
            "Write name,weight in a .csv, name and weight with a blank between in another file.",
            parameter=_FILE,
        )
    weight_of = {name: weight for _, _, name, weight in listed if weight is not None}
    _require_same_names(path, [name for _, _, name, _ in listed], names)
    weights = np.array([weight_of[name] for name in split.file_names])
    if not weights.any():
        raise UsageError(f"{path}: no training image has a weight above 0", parameter=_FILE)
    return weights


def _require_same_names(path: Path, listed: Sequence[str], names: Sequence[str]) -> None:
    known, found = set(names), Counter(listed)
    unknown = [name for name in found if name not in known]
    missing = [name for name in names if name not in found]
    repeated = [name for name, times in found.items() if times > 1]
    problems = [
        f"{counted(len(group), 'image is', 'images are')} {what}: {some_of(group)}"
        for what, group in (
            ("not in data.train", unknown),
            ("without a weight", missing),
            ("listed more than once", repeated),
        )
        if group
    ]
    if not problems:
        return
    near = nearest(unknown[0], missing or names) if unknown else None
    raise UsageError(
        f"{path}: " + "; ".join(problems),
        f"{unknown[0]}: did you mean {near}?"
        if near
        else "It lists every image of data.train once, by its file_name; 0 leaves one out.",
        parameter=_FILE,
    )


def _lines(path: Path, names: frozenset[str]) -> Iterator[tuple[int, str, str, float | None]]:
    """Yield (line, its beginning, name, weight) of every line; weight None where it is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the weights: {error}", parameter=_FILE) from None
    is_table = path.suffix.lower() == ".csv"
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            fields = next(csv.reader([line])) if is_table else line.rsplit(None, 1)
        except csv.Error:  # a field of more than 131,072 characters
            fields = []
        name, weight = fields if len(fields) == 2 else (line, "")
        name, value = name.strip(), _weight(weight.strip())
        if value is None and number == 1 and is_table and name not in names:
            continue  # the header
        yield number, line[:_SHOWN], name, value


def _weight(text: str) -> float | None:
    value = float(text) if re.fullmatch(_NUMBER, text, re.IGNORECASE) else inf
    return value if 0 <= value < inf else None
