"""A few unlabelled images of odd sizes, and teachers small enough to predict in milliseconds.

Run as a script it makes a label set in a process of its own, for the tests that kill processes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from toolkit import Component, Prediction
from toolkit.data.labels import LabelMap
from toolkit.data.split import Split
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.reader import ImageRecord
from toolkit.plugin.registry import Entry, Registry
from toolkit.predict.members import MemberRef
from toolkit.progress import Progress, SilentProgress
from toolkit.project import Project
from toolkit.pseudo.label_set import LabelSet
from toolkit.pseudo.make import context_of, make_label_set
from toolkit.pseudo.record import record_label_set
from toolkit.pseudo.select import build_selection
from toolkit.recipe.schema import Recipe
from toolkit.train.checkpoint import Checkpoint, save_checkpoint
from toolkit.workspace import Workspace

CLASSES = ("Background", "Paper", "Glass")
SIZES = ((20, 30), (16, 24), (31, 17), (8, 40), (20, 30), (12, 12))
ORIGIN = {"teachers": ["a", "b@hflip"], "round": 1}


def write_split(root: Path, sizes: tuple[tuple[int, int], ...] = SIZES) -> Split:
    """Write smooth random images, unless they are there."""
    rng = np.random.default_rng(0)
    records = []
    for number, (height, width) in enumerate(sizes):
        name = f"test/{number}.png"
        if not (root / name).exists():
            blots = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            image = cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC)
            (root / "test").mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / name), image)
        records.append(ImageRecord(number, name, width, height))
    return Split(
        "test",
        root / "test.json",
        root,
        tuple(records),
        LabelMap(CLASSES, {}),
        "max-id",
        255,
        "digest",
    )


class Tiny(nn.Module):
    """One convolution, strong enough to be sure of some pixels and in doubt of others."""

    def __init__(self, n_classes: int = 3) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, n_classes, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layer(images)
        return 4 * logits


def make_registry(*entries: Entry) -> Registry:
    model = Component("tiny", lambda context: Tiny(context.n_classes), "tiny")
    return Registry([*load_registry(None).entries(), Entry("model", model, "test"), *entries])


def make_recipe(**pseudo: Any) -> Recipe:
    values = {
        "data": {"image_size": [16, 24]},
        "model": {"name": "tiny"},
        "loss": {"name": "cross_entropy"},
        "train": {"device": "cpu"},
        "predict": {"store": "f32"},
        "submission": {"name": "mask_string", "size": [10, 14]},
        "pseudo": pseudo,
    }
    return Recipe.model_validate_json(json.dumps(values))


def write_teacher(path: Path, seed: int, classes: tuple[str, ...] = CLASSES) -> MemberRef:
    torch.manual_seed(seed)
    recipe = make_recipe().model_dump(mode="json", exclude_defaults=True)
    save_checkpoint(
        path,
        Checkpoint(
            model_state=Tiny(len(classes)).state_dict(),
            recipe=recipe,
            class_names=classes,
            image_size=(16, 24),
            mean=(0.4, 0.4, 0.4),
            std=(0.2, 0.2, 0.2),
            scores={},
            epoch=1,
        ),
    )
    return MemberRef(path)


def make(
    teachers: list[MemberRef],
    split: Split,
    home: Path,
    registry: Registry | None = None,
    name: str = "key",
    progress: Progress | None = None,
    **pseudo: Any,
) -> LabelSet:
    """Make a set in `home/pseudo/name`."""
    recipe = make_recipe(**pseudo)
    assert recipe.pseudo is not None
    return make_label_set(
        Workspace(Project(home), registry or make_registry(), progress or SilentProgress()),
        teachers,
        split,
        recipe.pseudo,
        recipe,
        folder=home / "pseudo" / name,
        cache=home,
        origin=ORIGIN,
    )


def random_predictions(split: Split, seed: int = 0) -> Iterator[Prediction]:
    """Sure in parts, in doubt in others; another agreement in every pixel."""
    rng = np.random.default_rng(seed)
    for record in split.images:
        size = (record.height, record.width)
        scores = np.exp(3 * rng.standard_normal((len(CLASSES), *size)))
        maps: NDArray[np.float32] = (scores / scores.sum(axis=0)).astype(np.float32)
        yield Prediction(record.file_name, maps, rng.random(size, dtype=np.float32))


def record(split: Split, folder: Path, *select: dict[str, Any], soft: bool = False) -> LabelSet:
    """Make a set from random predictions."""
    recipe = make_recipe(select=list(select), soft=soft)
    assert recipe.pseudo is not None
    selection = build_selection(recipe.pseudo.select, make_registry(), context_of(split, recipe))
    return record_label_set(
        folder,
        list(random_predictions(split)),
        split,
        selection,
        soft=soft,
        origin=ORIGIN,
        warnings=(),
        progress=SilentProgress(),
    )


def files_of(folder: Path) -> dict[str, bytes]:
    """Content of every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _dying(limit: int) -> Entry:
    """A selector that kills its process at its n-th image."""
    count = 0

    def select(prediction: Prediction) -> NDArray[np.uint8]:
        nonlocal count
        count += 1
        if count == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        labels: NDArray[np.uint8] = prediction.probabilities.argmax(axis=0).astype(np.uint8)
        return labels

    return Entry("selector", Component("dying", lambda context: select, "dies"), "test")


if __name__ == "__main__":
    home, limit = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    make(
        [MemberRef(home / "a.pt"), MemberRef(home / "b.pt")],
        write_split(home / "data"),
        home,
        make_registry(_dying(limit)),
        select=[{"name": "dying"}],
        soft=True,
    )
