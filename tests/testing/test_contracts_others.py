"""Every registered component keeps its contract, and contracts find broken components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
import torch

from tests.testing.contract_pieces import assert_finds, registry_with
from toolkit import Component, Context, Sample
from toolkit.plugin.registry import Entry, Registry
from toolkit.testing import check_component, examine

# Augmentations: module level, so that only what is meant to be unpicklable is.


def as_float(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, image=sample.image / 255)


def crop_image(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, image=sample.image[:-1])


def as_view(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, image=sample.image[:, ::-1], mask=sample.mask[:, ::-1])


def blend_labels(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, mask=((sample.mask.astype(int) + sample.mask[::-1]) // 2).astype("u1"))


def paint_background(sample: Sample, rng: np.random.Generator) -> Sample:
    mask = sample.mask.copy()
    mask[:4] = 0
    return replace(sample, mask=mask)


def global_noise(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, image=sample.image ^ np.random.randint(0, 9, (1, 1, 3), np.uint8))


def in_place(sample: Sample, rng: np.random.Generator) -> Sample:
    sample.image[:4] = 0
    return sample


class Counting:
    calls = 0

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        Counting.calls += 1
        return replace(sample, image=sample.image ^ np.uint8(Counting.calls % 200))


SHAPE = "Returns uint8 image (H, W, 3) and mask (H, W) of the network's size, in memory order"
RANDOMNESS = "Depends on its generator alone: not on earlier calls, nor on global random state"


def grey(sample, rng):
    mean = cv2.cvtColor(cv2.cvtColor(sample.image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return replace(sample, image=mean)


def flip_without_axis(sample, rng):
    """OpenCV drops the axis of a single channel."""
    return replace(sample, image=cv2.flip(sample.image, 1), mask=cv2.flip(sample.mask, 1))


CHANNELS = "Takes photos of 1 and of 4 channels too, or says that it needs RGB (`needs_rgb`)"

AUGMENTATIONS = [
    (SHAPE, as_float),
    (SHAPE, crop_image),
    (SHAPE, as_view),
    (
        "Gives the mask no label that was not there: nearest interpolation, no filled border",
        blend_labels,
    ),
    ("Takes masks that are all background or all ignored", paint_background),
    (RANDOMNESS, Counting()),
    (RANDOMNESS, global_noise),
    ("Survives pickling, as loader processes need it, and then does the same", lambda s, rng: s),
    ("Leaves the sample as it was: cached arrays are shared", in_place),
    (CHANNELS, grey),
    (CHANNELS, flip_without_axis),
]


@pytest.mark.parametrize(("rule", "augmentation"), AUGMENTATIONS)
def test_broken_augmentations_are_found(rule: str, augmentation: object) -> None:
    assert_finds("augmentation", lambda context: augmentation, rule)


def test_what_says_that_it_needs_rgb_is_tried_with_rgb_alone() -> None:
    component = Component("broken", lambda context: grey, "for a test", needs_rgb=True)
    check_component("augmentation", "broken", Registry([Entry("augmentation", component, "test")]))
    found = examine("augmentation", "broken", registry_with("augmentation", lambda context: grey))
    (finding,) = found.findings
    assert "it fails on photos of 1 channel: " in finding.message
    assert "if it needs RGB, set needs_rgb = True in its Component" in finding.message


@dataclass(frozen=True)
class Paints:
    """Gives a square in the corner of the mask, or all of it (None), a label."""

    label: int
    size: int | None = 2

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        mask = sample.mask.copy()
        mask[: self.size, : self.size] = self.label
        return replace(sample, mask=mask)


def pasting(label: int, size: int | None = 2) -> Callable[[Context], Paints]:
    def factory(context: Context) -> Paints:
        assert 1 in context.objects().labels
        return Paints(label, size)

    return factory


@pytest.mark.parametrize("size", [2, None])
def test_labels_of_the_bank_may_be_pasted_by_who_asked_for_it(size: int | None) -> None:
    check_component("augmentation", "broken", registry_with("augmentation", pasting(1, size)))


@pytest.mark.parametrize("factory", [lambda context: Paints(1), pasting(2)])
def test_other_labels_are_still_invented(factory: object) -> None:
    assert_finds("augmentation", factory, "Takes masks that are all background or all ignored")


def test_labels_beyond_the_bank_are_still_found() -> None:
    rule = "Gives the mask no label that was not there: nearest interpolation, no filled border"
    assert_finds("augmentation", pasting(9), rule)


# The other kinds.


class Turned:
    def __init__(self, forward, inverse):
        self.forward, self.inverse = forward, inverse


class Format:
    suffix = ".npy"
    size = (8, 8)

    def __init__(self, sort: bool = False, crop: bool = False):
        self.sort, self.crop = sort, crop

    def write(self, target, rows):
        rows = [(n, m[:8, :8] if self.crop else m[:: len(m) // 8, :: len(m) // 8]) for n, m in rows]
        np.save(target, np.array(sorted(rows) if self.sort else rows, dtype=object))

    def read(self, path):
        rows = list(np.load(path, allow_pickle=True))
        return iter(sorted(rows, key=lambda row: row[0]) if self.sort else rows)


class Ascent(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad.neg_()
        super().step(closure)


def _stack_all(maps):
    return np.mean(np.stack(list(maps)), axis=0, dtype=np.float32)


OTHERS = [
    (
        "postprocessor",
        "Returns float32 probabilities of the same shape that sum to 1 over the classes",
        lambda context: lambda p, image: p * 2,
    ),
    (
        "postprocessor",
        "Leaves maps and image as they were",
        lambda context: lambda p, image: np.copyto(p, p[::-1].copy()) or p,
    ),
    (
        "view",
        "Undoes itself exactly, on images and maps that are not square, of even and odd sides",
        lambda context: Turned(lambda x: x.rot90(1, (2, 3)), lambda x: x.rot90(1, (2, 3))),
    ),
    (
        "view",
        "Lays its maps over the image to within one of their own pixels, if it resamples",
        lambda context: Turned(lambda x: x[..., 8:-8, 8:-8], lambda x: x),
    ),
    (
        "view",
        "Keeps sides that are multiples of 32 so: encoders need it",
        lambda context: Turned(
            lambda x: torch.nn.functional.pad(x, (1, 1)), lambda x: x[..., 1:-1]
        ),
    ),
    (
        "ensembler",
        "Takes the maps one by one: each may be overwritten when the next is asked for",
        lambda context: _stack_all,
    ),
    (
        "ensembler",
        "Returns float32 probabilities of the members' shape that sum to 1 over the classes",
        lambda context: lambda maps: sum(maps),
    ),
    (
        "ensembler",
        "Keeps the labels when all members agree",
        lambda context: lambda maps: sum(m[::-1] for m in maps) / np.float32(3),
    ),
    (
        "selector",
        "Returns uint8 (H, W) labels with `ignore_index` where not trusted, or None",
        lambda context: lambda p, name: p.argmax(0),
    ),
    (
        "selector",
        "Gives a trusted pixel the most probable class: doubt becomes ignored, never background",
        lambda context: lambda p, name: np.where(p.max(0) > 0.9, p.argmax(0), 0).astype(np.uint8),
    ),
    ("optimizer", "Lowers a quadratic", lambda context, parameters: Ascent(parameters, lr=0.01)),
    (
        "scheduler",
        "Steps once per optimiser step of the run, with finite learning rates of at least 0",
        lambda context, optimizer: torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 1 - step / 10
        ),
    ),
    (
        "submission_format",
        "Reads back the ids, in order, and the labels that it wrote, from a stream of rows",
        lambda context: Format(sort=True),
    ),
    (
        "submission_format",
        "Brings labels of any size to its own by nearest neighbour",
        lambda context: Format(crop=True),
    ),
    (
        "submission_format",
        "Refuses a file that was cut off with a TrashError, or yields the images before the cut",
        lambda context: Format(),
    ),
    (
        "tracker",
        "Can be made again in the folder of an interrupted run and repeat its last epoch",
        lambda context, run_dir: (run_dir / "log").mkdir() or Silent(),
    ),
]


class Silent:
    def log(self, epoch, figures):
        pass

    def close(self):
        pass


@pytest.mark.parametrize(("kind", "rule", "factory"), OTHERS)
def test_broken_components_are_found(kind: str, rule: str, factory: object) -> None:
    assert_finds(kind, factory, rule)
