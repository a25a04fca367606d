"""What the page on data shows of photos: sizes, brightness, normalisation, drift, look-alikes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.data.drift import PropertyDrift, property_drifts
from toolkit.data.images import read_picture
from toolkit.data.near_pairs import NearPair
from toolkit.data.photo_measures import PhotoMeasures
from toolkit.data.split import Split
from toolkit.data.split_statistics import SplitStatistics
from toolkit.plugin.component import N_RGB
from toolkit.recipe.schema import Data
from toolkit.report.bar_chart import bar_chart
from toolkit.report.line_chart import ChartLine, line_chart
from toolkit.report.page import data_uri
from toolkit.report.run_content import Chart
from toolkit.report.thumbnails import fitted, photo_jpeg

_BINS = 16
"""Bars of brightness; 256 levels are divided by it."""
_MOST_SIZES = 8
_MOST_CHANNELS = 6
"""Channels that are drawn, and compared between splits."""
_MOST_PAIRS = 18
_FEW = 30
"""Photos below which hardly any difference can be told."""
_PAIR_SIDE, _PAIR_BYTES = 200, 14_000

Counted = Sequence[tuple[Split, SplitStatistics]]
"""The splits of a contest with what they hold, the training split first."""


@dataclass(frozen=True)
class SizeRow:
    """Photos of one size: their number in each split."""

    width: int
    height: int
    photos: tuple[int, ...]


def size_rows(splits: Counted) -> tuple[list[SizeRow], int]:
    """Return the commonest sizes of photos, and how many other sizes there are."""
    counts = [
        Counter((record.width, record.height) for record in split.images) for split, _ in splits
    ]
    total: Counter[tuple[int, int]] = sum(counts, Counter())
    rows = [
        SizeRow(*size, tuple(each[size] for each in counts))
        for size, _ in total.most_common(_MOST_SIZES)
    ]
    return rows, len(total) - len(rows)


def brightness_chart(splits: Counted) -> Chart:
    """Return how bright the photos of each split are."""
    edges = np.arange(_BINS + 1) * (256 / _BINS)
    series = []
    for split, found in splits:
        counts, _ = np.histogram(found.photos.brightness, edges)
        series.append((split.name, (counts / counts.sum()).tolist()))
    return Chart(
        "Brightness of photos",
        bar_chart(
            "share of the photos with such a brightness",
            "mean of all values of a photo, 0…255",
            [f"{edge:.0f}" for edge in edges[:-1]],
            series,
        ),
        "Share of the photos of each split; each bar begins at its number.",
    )


def values_chart(photos: PhotoMeasures) -> Chart:
    """Return how often each value is in the channels of the training photos."""
    histogram = photos.histogram.reshape(len(photos.histogram), -1, 4).sum(axis=2)
    names = channel_names(len(histogram))
    lines = [
        ChartLine(name, [(2 + 4 * place, float(share)) for place, share in enumerate(values)])
        for name, values in zip(names, histogram[:_MOST_CHANNELS], strict=False)
    ]
    more = len(histogram) - len(lines)
    return Chart(
        "Values of the training photos",
        line_chart("share of the pixels over their value, by channel", "value", lines),
        "Share of the pixels within four values; peaks at both ends are clipped light and shade."
        + (f" {more} more channels are not drawn." if more else ""),
    )


def channel_names(channels: int) -> list[str]:
    """Return what the channels of photos are called."""
    if channels == N_RGB:
        return ["red", "green", "blue"]
    return [f"channel {number}" for number in range(1, channels + 1)]


@dataclass(frozen=True)
class ChannelRow:
    """A channel: its figures in the training photos and in the recipe, all of 0…1.

    Attributes:
        name: of the channel.
        mean: of the photos.
        std: standard deviation of the photos.
        recipe_mean: what the recipe subtracts.
        recipe_std: what it then divides by.
    """

    name: str
    mean: float
    std: float
    recipe_mean: float
    recipe_std: float

    @property
    def normalised_mean(self) -> float:
        """Mean of what the network gets."""
        return (self.mean - self.recipe_mean) / self.recipe_std

    @property
    def normalised_std(self) -> float:
        """Standard deviation of what the network gets."""
        return self.std / self.recipe_std


def channel_rows(photos: PhotoMeasures, data: Data) -> list[ChannelRow]:
    """Return the channels of the training photos beside the recipe's normalisation."""
    means, stds = photos.mean_and_std
    return [
        ChannelRow(name, *map(float, figures))
        for name, *figures in zip(
            channel_names(len(means)), means, stds, data.mean, data.std, strict=True
        )
    ]


@dataclass(frozen=True)
class Drift:
    """How far the photos of the other splits are from the training photos.

    Attributes:
        splits: (name, its differences) of each.
        sentences: what it means.
    """

    splits: tuple[tuple[str, tuple[PropertyDrift, ...]], ...]
    sentences: tuple[str, ...]


def drift_of(splits: Counted) -> Drift:
    """Return how the photos of each split differ from those of the first one."""
    train_split, train = splits[0]
    ours = _properties(train_split, train)
    found, sentences = [], []
    for split, statistics in splits[1:]:
        theirs = _properties(split, statistics)
        each = tuple(property_drifts(ours, theirs))
        found.append((split.name, each))
        sentences.append(_sentence(split.name, each, len(statistics.rows)))
    return Drift(tuple(found), tuple(sentences))


def _properties(split: Split, found: SplitStatistics) -> Mapping[str, NDArray[np.float64]]:
    photos = found.photos
    records = [split.images[row] for row in found.rows]
    means = photos.means
    colours = {
        name: means[:, channel]
        for channel, name in enumerate(channel_names(means.shape[1])[:_MOST_CHANNELS])
    }
    properties = {
        "megapixels": np.array([each.width * each.height / 1e6 for each in records]),
        "width / height": np.array([each.width / each.height for each in records]),
        "brightness": photos.brightness,
        "contrast": photos.contrast,
        "saturation": photos.saturation,
        "detail": photos.detail,
        **(colours if len(colours) > 1 else {}),
    }
    if found.labels is not None:
        properties["share of objects"] = found.labels.foreground[list(found.rows)]
    return properties


def _sentence(split: str, found: Sequence[PropertyDrift], n_photos: int) -> str:
    told = sorted((each for each in found if each.is_told), key=lambda each: -each.distance)
    if not told:
        few = n_photos < _FEW
        return (
            f"The {split} photos are like the training photos: chance explains all differences."
            + (" With so few of them only the largest differences can be told." if few else "")
        )
    most = told[0]
    before, after = (f"{value:.3g}" for value in most.medians)
    others = ", ".join(each.name for each in told[1:4])
    return (
        f"The {split} photos differ from the training photos in {most.name} most: its median is "
        f"{after} in place of {before} (distance {most.distance:.2f}; chance explains "
        f"{most.by_chance:.2f})"
        + (f". They differ in {others} too" if others else "")
        + (f", and in {len(told) - 4} other properties." if len(told) > 4 else ".")
    )


@dataclass(frozen=True)
class PairPicture:
    """One of two photos that look alike."""

    split: str
    name: str
    picture: str
    width: int
    height: int


@dataclass(frozen=True)
class PairCard:
    """Two photos that look alike, and how much."""

    one: PairPicture
    other: PairPicture
    text: str
    crosses: bool


def pair_cards(pairs: Sequence[NearPair]) -> list[PairCard]:
    """Return the pairs that there is room for, the first ones."""
    return [
        PairCard(
            _pair_picture(*pair.one), _pair_picture(*pair.other), _likeness(pair), pair.crosses
        )
        for pair in pairs[:_MOST_PAIRS]
    ]


def _pair_picture(split: Split, row: int) -> PairPicture:
    record = split.images[row]
    photo = read_picture(split.path(row), record)
    height, width = fitted(photo.shape[:2], _PAIR_SIDE)
    jpeg = photo_jpeg(photo, (height, width), _PAIR_BYTES)
    return PairPicture(split.name, record.file_name, data_uri(jpeg, "jpeg"), width, height)


def _likeness(pair: NearPair) -> str:
    if pair.is_same:
        return "the same file"
    return f"{pair.bits} of 255 bits of their hashes differ" + (
        ", one is mirrored" if pair.mirrored else ""
    )
