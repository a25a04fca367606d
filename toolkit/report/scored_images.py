"""Scored images on a page: classes, confusion, probabilities, and the images worth a look."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.split import Split
from toolkit.metrics.calibration import Calibration, CalibrationSums
from toolkit.metrics.formulas import all_pixels
from toolkit.metrics.scores import Metrics, image_scores, metric_title
from toolkit.predict.store import ProbabilityStore
from toolkit.report.class_figures import class_figures, known, matrix_of
from toolkit.report.image_cards import ImageCard, ShownLabels, image_cards, painted
from toolkit.report.line_chart import ChartLine, line_chart
from toolkit.report.run_content import Chart, Epochs, class_curves, swatches
from toolkit.report.validation import worst_first

SAMPLED = 4096
"""Pixels of an image, about, whose probabilities are looked at, on a regular grid."""

_WORST, _BEST, _DOUBTFUL, _MISTAKEN = 16, 6, 10, 12
"""Images that are shown, of each kind; one may be of several."""
_LEAST_RELIABLE = 100
"""Pixels from which a bin of the reliability diagram is drawn."""


@dataclass(frozen=True)
class Probabilities:
    """What predicted probabilities tell, measured on about `SAMPLED` pixels of each image.

    Attributes:
        calibration: of all images.
        confidences: mean probability of the predicted class in every image, (images,) 0…1.
        views: what they were predicted with, for people.
    """

    calibration: Calibration
    confidences: NDArray[np.float64]
    views: str


class ProbabilitySums:
    """Adds up what `Probabilities` needs, image by image.

    Args:
        split: the labelled images.
    """

    def __init__(self, split: Split) -> None:
        self._split = split
        self._sums = CalibrationSums(len(split.labels.class_names), split.ignore_index)
        self._confidences = np.zeros(len(split))

    def step(self, row: int) -> int:
        """Return n, of whose every n-th row and column the grid of an image is made."""
        record = self._split.images[row]
        return max(1, round(math.sqrt(record.height * record.width / SAMPLED)))

    def add(self, row: int, probabilities: NDArray[np.float32]) -> None:
        """Add the grid of the image at a position, float32 (C, H / step, W / step)."""
        step = self.step(row)
        self._sums.add(probabilities, painted(self._split, row)[::step, ::step])
        self._confidences[row] = probabilities.max(0).mean()

    def result(self, views: str) -> Probabilities:
        """Return what all that was added tells; `views` is what it was predicted with."""
        return Probabilities(self._sums.result(), self._confidences, views)


def probabilities_of(split: Split, store: ProbabilityStore, views: str) -> Probabilities:
    """Return what the maps of a store tell; only the grids are read."""
    sums = ProbabilitySums(split)
    for row in range(len(split)):
        sums.add(row, store.read(row, sums.step(row)))
    return sums.result(views)


@dataclass(frozen=True)
class Pictures:
    """The images that are shown, and what probabilities tell.

    Attributes:
        cards: of some images.
        n_images: of how many.
        probabilities: None where only labels are known.
    """

    cards: tuple[ImageCard, ...]
    n_images: int
    probabilities: Probabilities | None


def pictures_of(
    split: Split,
    counts: NDArray[np.int64],
    metrics: Metrics,
    labels: Callable[[Sequence[int]], ShownLabels],
    probabilities: Probabilities | None,
) -> Pictures:
    """Return the images with the worst and best scores, in doubt, and with a class's worst errors.

    Args:
        split: the images.
        counts: of every image, see `Counting`.
        metrics: of the contest.
        labels: returns those of the images at some positions, of one prediction.
        probabilities: what is known of them.

    Raises:
        UsageError: a photo cannot be read.
    """
    scores = image_scores(metrics.metric, counts)
    confidences = None if probabilities is None else probabilities.confidences
    missed, alarms = _wrong_shares(counts)

    def figures(row: int) -> dict[str, float | str | None]:
        return {
            "score": known(scores[row]),
            "confidence": None if confidences is None else known(confidences[row]),
            "miss": float(missed[row, 1:].sum()),
            "misses": _by_class(missed[row]),
            "alarm": float(alarms[row, 1:].sum()),
            "alarms": _by_class(alarms[row]),
        }

    merits = scores if metrics.metric.larger_is_better else -scores
    rows = _shown_rows(merits, confidences, missed, alarms)
    shown = labels(rows)
    (predicted,) = shown.predicted
    cards = image_cards(split, rows, [("prediction", predicted)], figures, shown.truth)
    return Pictures(cards, len(split), probabilities)


def _wrong_shares(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return shares of each image's known pixels, (images, C): missed of a class, and false."""
    pixels = all_pixels(counts)
    right = np.diagonal(pixels, axis1=1, axis2=2)
    whole = np.maximum(pixels.sum((1, 2)), 1)[:, None]
    return (pixels.sum(2) - right) / whole, (pixels.sum(1) - right) / whole


def _by_class(shares: NDArray[np.float64]) -> str:
    """Return shares as the script of the page reads them: "3:0.0125 7:0.4"."""
    return " ".join(f"{label}:{shares[label]:.5g}" for label in np.flatnonzero(shares))


def _shown_rows(
    merits: NDArray[np.float64],
    confidences: NDArray[np.float64] | None,
    missed: NDArray[np.float64],
    alarms: NDArray[np.float64],
) -> list[int]:
    order = worst_first(merits)
    chosen = dict.fromkeys([*order[:_WORST], *order[max(_WORST, len(order) - _BEST) :]])
    if confidences is not None:
        chosen |= dict.fromkeys(np.argsort(confidences, kind="stable")[:_DOUBTFUL].tolist())
    chosen |= dict.fromkeys(_mistaken_rows(missed[:, 1:], alarms[:, 1:], chosen))
    return list(chosen)


def _mistaken_rows(
    missed: NDArray[np.float64], alarms: NDArray[np.float64], shown: dict[int, None]
) -> list[int]:
    """Return images that are not shown yet, in which some class has its largest errors."""
    shares = np.concatenate([missed, alarms], axis=1)
    if not shares.size:
        return []
    rows, largest = shares.argmax(0), shares.max(0)
    classes = np.argsort(-largest, kind="stable")
    found = dict.fromkeys(rows[[each for each in classes if largest[each] > 0]].tolist())
    return [row for row in found if row not in shown][:_MISTAKEN]


def scored_content(
    counts: NDArray[np.int64] | None,
    metrics: Metrics,
    pictures: Pictures | None,
    images: str,
    epochs: Epochs = (),
) -> dict[str, Any]:
    """Return what the template `scored.html` shows.

    Args:
        counts: of every image, see `Counting`; None = not known.
        metrics: of the contest.
        pictures: None = there are none.
        images: what the images are called: "validation images".
        epochs: of the training.
    """
    told = pictures.probabilities if pictures else None
    return {
        "class_rows": [] if counts is None else _class_rows(counts, told, epochs, metrics),
        "has_epochs": bool(epochs),
        "matrix": None if counts is None else matrix_of(counts),
        "swatches": swatches(metrics.class_names),
        "pictures": pictures,
        "images_text": images,
        "sampled": SAMPLED,
        "told": told,
        "reliability": None if told is None else _reliability(told.calibration),
        "deciding": metric_title(metrics.deciding),
        "larger_is_better": metrics.metric.larger_is_better,
    }


def scored_sections(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (id, name) of the sections that `scored.html` makes of its content."""
    sections = [
        ("classes", "Classes", content["class_rows"]),
        ("confusion", "Confusion", content["matrix"]),
        ("probabilities", "Probabilities", content["told"]),
        ("images", "Images", content["pictures"]),
    ]
    return [(name, title) for name, title, there in sections if there]


def _class_rows(
    counts: NDArray[np.int64], told: Probabilities | None, epochs: Epochs, metrics: Metrics
) -> list[dict[str, Any]]:
    names = metrics.class_names
    given = None if told is None else told.calibration.true_probability
    lines = class_curves(epochs, len(names))
    return [
        {
            "figures": each,
            "true_probability": None if given is None else known(given[each.label]),
            "curve": lines[each.label],
        }
        for each in class_figures(counts, names)
    ]


def _reliability(calibration: Calibration) -> Chart:
    """Return the diagram of how often predictions of a confidence are right."""
    accuracy, pixels = calibration.accuracy, calibration.pixels
    points = [
        (float(confidence), float(right))
        for confidence, right, number in zip(calibration.confidence, accuracy, pixels, strict=True)
        if number >= _LEAST_RELIABLE
    ]
    ideal = ChartLine("ideal", [(0.0, 0.0), (1.0, 1.0)], is_ideal=True)
    return Chart(
        "Reliability",
        line_chart(
            "share of right pixels over the predicted probability",
            "probability of the predicted class",
            [ChartLine("predicted", points), ideal],
            y_range=(0.0, 1.0),
        ),
        "Below the ideal line the predictions are too sure of themselves.",
    )
