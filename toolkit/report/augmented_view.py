"""The page of what augmentation makes of training images: each step alone, then whole batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.data.augment import apply_step
from toolkit.data.channels import rgb_picture
from toolkit.data.contest import Contest
from toolkit.data.dataset import SampleSource
from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.plugin.interfaces import Sample
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.schema import Recipe
from toolkit.report.data_view import ImageChoice, chosen_images
from toolkit.report.page import data_uri, write_page
from toolkit.report.run_content import swatches
from toolkit.report.thumbnails import class_colours, fitted, labels_png, photo_jpeg
from toolkit.seeds import Stream, generator
from toolkit.train.batches import Batches, open_batches
from toolkit.train.distributed import World
from toolkit.workspace import Workspace

_SIDE = 200
_PHOTO_BYTES, _LABEL_BYTES = 12_000, 5_000
_MOST_IMAGES = 24
"""On which each step is shown."""
_MOST_SAMPLES = 24
"""Of a batch that are shown."""
_EPOCHS = 3
"""In which a batch of each mix is looked for."""


@dataclass(frozen=True)
class Shot:
    """A sample as it is shown.

    Attributes:
        name: of its photo.
        width: of the pictures, pixels.
        height: of the pictures.
        photo: the address that holds it.
        labels: the same for its labels.
        second: the same for the labels that a mix adds; None without.
        before: place of the picture of what it was before; None = not shown.
        note: what else is said of it.
    """

    name: str
    width: int
    height: int
    photo: str
    labels: str
    second: str | None = None
    before: int | None = None
    note: str = ""


@dataclass(frozen=True)
class ShownStep:
    """An augmentation: its name and parameters, how often it is applied, and what it does."""

    name: str
    parameters: str
    p: float
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class ShownBatch:
    """A batch as the network gets it."""

    title: str
    note: str
    shots: tuple[Shot, ...]


def write_augmented_view(
    workspace: Workspace, loaded: LoadedRecipe, contest: Contest, choice: ImageChoice, path: Path
) -> int:
    """Write the page of the recipe's augmentation and return how many images each step is tried on.

    Images, batches and mixes are those of the training itself: its caches, its order, its seed.
    Pseudo-labelled images, which an earlier stage makes, are left out.

    Args:
        workspace: the project, its components, and who is told what happens.
        loaded: the recipe.
        contest: its data.
        choice: the training images.
        path: the HTML file.

    Raises:
        UsageError: no image fits, more than 24 are asked for, or something of the recipe is wrong.
        TrashError: an augmentation or a mix failed.
    """
    if choice.limit > _MOST_IMAGES:
        raise UsageError(
            f"each step is shown on at most {_MOST_IMAGES} images, not on {choice.limit}",
            f"Set --limit {_MOST_IMAGES}; another --seed shows others.",
        )
    # What is drawn depends on neither; processes would only have to be started.
    data = loaded.recipe.data.model_copy(update={"workers": 0})
    recipe = loaded.recipe.model_copy(update={"data": data, "pseudo": None})
    rows, _ = chosen_images(contest.train, choice)
    batches = open_batches(
        workspace,
        recipe,
        contest,
        cache=workspace.project.cache,
        world=World(),
        pretrained=False,
    )
    painter = _Painter(len(contest.class_names), recipe.data.ignore_index)
    source = batches.sources[0]
    originals = [_sample(source, row, choice.seed) for row in rows]
    shown_batches = list(_batches(recipe, batches, painter))
    content = {
        "title": f"{loaded.recipe.title or loaded.name}: augmentation",
        "what": "what training images become",
        "warnings": _warnings(loaded.recipe),
        "sections": [("steps", "Step by step"), ("batches", "Batches")],
        "footer": f"Written {now()} by trash {__version__} from {loaded.name}, seed {recipe.seed}.",
        "originals": [painter.shot(sample) for sample in originals],
        "steps": list(_steps(recipe, source, rows, choice.seed, painter)),
        "batches": shown_batches,
        "mixed": any(shot.second for batch in shown_batches for shot in batch.shots),
        "swatches": swatches(contest.class_names),
        "crops": recipe.data.crops is not None,
        "size": recipe.data.image_size,
        "unused": _unused_mixes(recipe, batches),
    }
    write_page(path, "augmented.html", **content)
    return len(rows)


def _warnings(recipe: Recipe) -> list[str]:
    if recipe.pseudo is None:
        return []
    return ["Pseudo-labelled images are made by an earlier stage; the batches here are without."]


def _sample(source: SampleSource, row: int, seed: int) -> Sample:
    """Return an image as an augmentation gets it; with crops the same part for every step."""
    return source.sample(row, generator(Stream.SHOWN_STEPS, seed, 0, row))


def _steps(
    recipe: Recipe, source: SampleSource, rows: Sequence[int], seed: int, painter: _Painter
) -> Iterator[ShownStep]:
    specs = recipe.augment.steps
    for number, (spec, step) in enumerate(zip(specs, source.pipeline.steps, strict=True), start=1):
        shots = []
        for place, row in enumerate(rows):
            before = _sample(source, row, seed)
            kept = before.image.copy(), before.mask.copy()
            after = apply_step(step, before, generator(Stream.SHOWN_STEPS, seed, number, row))
            same = np.array_equal(kept[0], after.image) and np.array_equal(kept[1], after.mask)
            shots.append(painter.shot(after, before=place, note="not changed" if same else ""))
        yield ShownStep(spec.name, _parameters(spec.parameters), step.p, tuple(shots))


def _parameters(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {_value(value)}" for key, value in parameters.items() if key != "p")


def _value(value: Any) -> str:
    """Return a value of a recipe as people write it; of components their names and parameters."""
    if isinstance(value, Mapping) and "name" in value:
        rest = _parameters({key: each for key, each in value.items() if key != "name"})
        return f"{value['name']} ({rest})" if rest else str(value["name"])
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)


def _batches(recipe: Recipe, batches: Batches, painter: _Painter) -> Iterator[ShownBatch]:
    """Yield the first batch of the training, and the first one of each mix that it has not."""
    shown = set()
    for epoch, step in _places(batches):
        mix = batches.mixing.choose(recipe.seed, epoch, step)
        name = mix.name if mix else None
        if (epoch, step) != (1, 0) and (name is None or name in shown):
            continue
        shown.add(name)
        yield _batch(batches, epoch, step, name, painter)


def _places(batches: Batches) -> Iterator[tuple[int, int]]:
    steps = batches.train.steps_per_epoch
    return ((epoch, step) for epoch in range(1, _EPOCHS + 1) for step in range(steps))


def _unused_mixes(recipe: Recipe, batches: Batches) -> list[str]:
    chosen = {batches.mixing.choose(recipe.seed, *place) for place in _places(batches)}
    names = {mix.name for mix in chosen if mix}
    return [mix.name for mix in batches.mixing.steps if mix.name not in names]


def _batch(
    batches: Batches, epoch: int, step: int, mix: str | None, painter: _Painter
) -> ShownBatch:
    batch = batches.train.step(epoch, step)
    images = batch.images.permute(0, 2, 3, 1).numpy()
    masks = batch.masks.numpy()
    seconds = None if batch.second_masks is None else batch.second_masks.numpy()
    names = [batches.train_names[index] for index in batch.indices.tolist()]
    shots = []
    for row in range(min(len(images), _MOST_SAMPLES)):
        second = None if seconds is None else seconds[row]
        sample = Sample(images[row], masks[row], names[row], second_mask=second)
        shots.append(painter.shot(sample))
    note = f"{len(images)} images"
    if len(shots) < len(images):
        note += f", of which {len(shots)} are shown"
    if seconds is not None:
        note += (
            f"; the labels count for {batch.share:.0%} of the loss, the second labels, of the "
            "image that was mixed in, for the rest"
        )
    title = f"Epoch {epoch}, step {step + 1}" + (f": mixed by {mix}" if mix else "")
    return ShownBatch(title, note, tuple(shots))


@dataclass(frozen=True)
class _Painter:
    n_labels: int
    ignore_index: int

    def shot(self, sample: Sample, before: int | None = None, note: str = "") -> Shot:
        photo = rgb_picture(np.ascontiguousarray(sample.image))
        size = fitted(photo.shape[:2], _SIDE)
        second = None
        if sample.second_mask is not None:
            second = self._labels(sample.second_mask, size)
        return Shot(
            sample.file_name,
            size[1],
            size[0],
            data_uri(photo_jpeg(photo, size, _PHOTO_BYTES), "jpeg"),
            self._labels(sample.mask, size),
            second,
            before,
            note,
        )

    def _labels(self, mask: NDArray[np.uint8], size: tuple[int, int]) -> str:
        known = mask != self.ignore_index
        shown = np.where(known, mask, np.uint8(0))
        png = labels_png(shown, known, class_colours(self.n_labels), size, _LABEL_BYTES)
        return data_uri(png, "png")
