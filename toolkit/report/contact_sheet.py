"""Contact sheets of the objects of a bank, and of images with pasted objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from toolkit.data.augment import AugmentStep, Pipeline
from toolkit.data.channels import rgb_picture
from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.data.resize import resize_image, resize_labels
from toolkit.data.split import Split
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, CutOut, ObjectBank, Sample
from toolkit.plugin.registry import Registry
from toolkit.recipe.schema import Recipe
from toolkit.report.sheet import (
    Picture,
    coloured,
    grid,
    legend,
    line,
    stacked,
    tile_width,
)
from toolkit.report.thumbnails import class_colours, fitted

_COLUMNS = 12
_TILE = tile_width(_COLUMNS)
_MIXES_PER_ROW = 2
_CHECKER = (150, 180)
"""Two greys, so that neither a dark nor a bright edge disappears."""
_SQUARE = 8
_MIX = "object_mix"


def bank_sheet(
    bank: ObjectBank, class_names: Sequence[str], count: int, rng: np.random.Generator
) -> Picture:
    """Return up to `count` random objects of each class, the largest first, under its name.

    Objects lie on a grey checker, smaller than they are if need be and never larger.
    """
    parts = []
    for label in bank.labels:
        positions = bank.of(label)
        chosen = rng.choice(len(positions), min(count, len(positions)), replace=False)
        objects = sorted(
            (bank[positions[each]] for each in chosen.tolist()),
            key=lambda cut_out: -cv2.countNonZero(cut_out.alpha),
        )
        number = f"{len(positions)} {'object' if len(positions) == 1 else 'objects'}"
        shown = f", {len(objects)} of them here" if len(objects) < len(positions) else ""
        parts.append(line(f"{label}  {class_names[label]}: {number}{shown}"))
        parts.append(grid([_tile(cut_out) for cut_out in objects], _COLUMNS))
    return stacked(parts)


def _tile(cut_out: CutOut) -> Picture:
    rows, columns = np.indices((_TILE, _TILE), sparse=True)
    dark = (rows // _SQUARE + columns // _SQUARE) % 2
    tile = np.repeat(np.take(_CHECKER, dark)[..., None], 3, axis=2).astype(np.uint8)
    height, width = fitted(cut_out.alpha.shape, _TILE)
    image = resize_image(rgb_picture(cut_out.image), (height, width)).astype(np.float32)
    weight = resize_image(cut_out.alpha, (height, width))[..., None]
    top, left = (_TILE - height) // 2, (_TILE - width) // 2
    place = tile[top : top + height, left : left + width]
    place[:] = np.round(place + (image - place) * (weight / np.float32(255)))
    return tile


def mix_pipeline(
    recipe: Recipe, class_names: Sequence[str], bank: ObjectBank, registry: Registry
) -> Pipeline:
    """Return the recipe's `object_mix` steps, or the default one, applied to every image.

    Args:
        recipe: whose augmentation it is.
        class_names: index = label.
        bank: of the objects to paste.
        registry: where augmentations are found.

    Raises:
        UsageError: an augmentation is unknown, or has wrong parameters.
    """
    context = Context(
        class_names=tuple(class_names),
        image_size=recipe.data.image_size,
        ignore_index=recipe.data.ignore_index,
        objects=lambda: bank,
        channels=recipe.data.n_channels,
    )
    mix = registry.find("augmentation", _MIX)
    specs = [
        spec for spec in recipe.augment.steps if registry.find("augmentation", spec.name) is mix
    ] or [ComponentSpec(name=_MIX)]
    always = [
        AugmentStep(spec.name, registry.build("augmentation", spec, context), 1) for spec in specs
    ]
    return Pipeline(tuple(always), context.image_size)


def mixed_samples(
    split: Split,
    pipeline: Pipeline,
    count: int,
    rng: np.random.Generator,
) -> list[tuple[Sample, Sample]]:
    """Return up to `count` random images of a split, each before and after the pipeline.

    Raises:
        TrashError: an image cannot be read, or a step fails.
    """
    pairs = []
    rows = rng.choice(len(split), min(count, len(split)), replace=False)
    for row in sorted(rows.tolist()):
        record = split.images[row]
        mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
        before = Sample(
            image=resize_image(read_image(split.path(row), record), pipeline.image_size),
            mask=resize_labels(mask, pipeline.image_size),
            file_name=record.file_name,
        )
        # An augmentation may write in place.
        copied = replace(before, image=before.image.copy(), mask=before.mask.copy())
        pairs.append((before, pipeline(copied, rng)))
    return pairs


def mixed_sheet(pairs: Iterable[tuple[Sample, Sample]], class_names: Sequence[str]) -> Picture:
    """Return images before and after pasting, and the labels afterwards, under a legend."""
    colours = class_colours(len(class_names))
    columns = 3 * _MIXES_PER_ROW
    width = tile_width(columns)
    tiles: list[Picture] = []
    seen: set[int] = set()
    for before, after in pairs:
        pictures = rgb_picture(before.image), rgb_picture(after.image)
        labels = coloured(pictures[1], after.mask, colours)
        size = max(1, round(width * labels.shape[0] / labels.shape[1])), width
        tiles += [resize_image(each, size) for each in (*pictures, labels)]
        seen.update(np.unique(after.mask).tolist())
    title = "Pasted into training images: before, after, labels afterwards"
    return stacked([line(title), *legend(seen, class_names, colours), grid(tiles, columns)])
