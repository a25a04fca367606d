"""A contest of a few drawn images and components small enough to train in milliseconds.

Run as a script it trains in a process of its own, for the tests that kill or multiply processes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from toolkit import Component, ComponentSpec, Context, MetricScore
from toolkit.builtins.metrics import trash_metrics
from toolkit.builtins.readers import trash_readers
from toolkit.data.contest import Contest, open_contest
from toolkit.plugin.interfaces import Sample
from toolkit.plugin.registry import BUILTIN, Entry, Registry
from toolkit.plugin.tracker import TrackedRun
from toolkit.progress import Progress, SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Augment, Data, Recipe, Train
from toolkit.train.fit import FitResult, fit
from toolkit.train.tracking import Tracking
from toolkit.workspace import Workspace

CLASSES = ("Background", "Red", "Blue")
SIZE = 16


def write_contest(root: Path, train: int = 10, val: int = 5) -> Path:
    """Draw one red and one blue rectangle per image."""
    rng = np.random.default_rng(0)
    categories = [{"id": 3, "name": "Red"}, {"id": 7, "name": "Blue"}]
    for split, count in (("train", train), ("val", val)):
        images, annotations = [], []
        for number in range(count):
            name = f"{split}/{number}.png"
            images.append({"id": number, "file_name": name, "width": SIZE, "height": SIZE})
            picture = rng.integers(60, 140, (SIZE, SIZE, 3), dtype=np.uint8)
            for category, colour in ((3, (200, 20, 20)), (7, (20, 20, 200))):
                x, y = (int(v) for v in rng.integers(0, SIZE - 6, 2))
                picture[y : y + 6, x : x + 6] = colour
                corners = [x, y, x + 6, y, x + 6, y + 6, x, y + 6]
                annotations.append(
                    {
                        "id": len(annotations),
                        "image_id": number,
                        "category_id": category,
                        "segmentation": [corners],
                        "area": 36,
                        "bbox": [x, y, 6, 6],
                        "iscrowd": 0,
                    }
                )
            (root / split).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / name), picture[:, :, ::-1])
        content = {"images": images, "annotations": annotations, "categories": categories}
        (root / f"{split}.json").write_text(json.dumps(content))
    return root


def write_uneven_contest(root: Path) -> Path:
    """Draw the same, with blue rectangles annotated in 3 of 10 training images alone."""
    path = write_contest(root) / "train.json"
    content = json.loads(path.read_text())
    content["annotations"] = [
        each for each in content["annotations"] if each["category_id"] == 3 or each["image_id"] < 3
    ]
    path.write_text(json.dumps(content))
    return root


class TinyNet(nn.Module):
    """Two convolutions, without normalisation; with dropout and other outputs on demand."""

    def __init__(
        self, n_classes: int, dropout: float, auxiliary: bool, norm: bool, presence: bool = False
    ) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8) if norm else nn.Identity()
        self.drop = nn.Dropout(dropout)
        self.head = nn.Conv2d(8, n_classes, 1)
        self.auxiliary = nn.Conv2d(8, n_classes, 1) if auxiliary else None
        self.presence = nn.Linear(8, n_classes) if presence else None

    def forward(self, images: torch.Tensor) -> Any:
        features = self.drop(self.norm(self.body(images)).relu())
        if self.auxiliary is None and self.presence is None:
            return self.head(features)
        outputs = {"main": self.head(features)}
        if self.auxiliary is not None:
            outputs["aux"] = self.auxiliary(features)
        if self.presence is not None:
            outputs["presence"] = self.presence(features.mean(dim=(2, 3)))
        return outputs


def tiny(
    context: Context,
    *,
    dropout: float = 0.0,
    auxiliary: bool = False,
    norm: bool = False,
    presence: bool = False,
) -> nn.Module:
    return TinyNet(context.n_classes, dropout, auxiliary, norm, presence)


def cross_entropy(context: Context, *, explode_at: int = 0, broken_gradient: bool = False) -> Any:
    """`explode_at`: number of the call that returns NaN."""
    calls = 0

    def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        summed = functional.cross_entropy(
            logits, target, ignore_index=context.ignore_index, reduction="sum"
        )
        value = summed / (target != context.ignore_index).sum().clamp(min=1)
        if broken_gradient:
            value = value + (logits * 0).sum().sqrt()
        return value * float("nan") if calls == explode_at else value

    return loss


def adam(context: Context, parameters: Any, *, lr: float = 0.01) -> Any:
    return torch.optim.AdamW(parameters, lr=lr)


def sgd(context: Context, parameters: Any, *, lr: float = 0.01) -> Any:
    """Unlike Adam it notices a gradient of the wrong size."""
    return torch.optim.SGD(parameters, lr=lr)


def decay(context: Context, optimizer: Any) -> Any:
    steps = context.total_steps
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + 3 * step / steps))


_finished = 0
"""Epochs that this process has finished; in the one after `TINY_HANG_AFTER` it hangs."""


class _Mirror:
    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if str(_finished) == os.environ.get("TINY_HANG_AFTER"):
            time.sleep(1e6)
        if rng.random() < 0.5:
            return sample
        return Sample(sample.image[:, ::-1].copy(), sample.mask[:, ::-1].copy(), sample.file_name)


class _IgnoreEdges:
    """Ignores a strip of its own width in every image, so that images count differently."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        mask = sample.mask.copy()
        mask[:, : int(rng.integers(0, SIZE))] = 255
        return Sample(sample.image, mask, sample.file_name)


class _Blend:
    """MixUp with one share per batch."""

    def __call__(
        self, sample: Sample, partner: Sample, rng: np.random.Generator, batch_rng: Any
    ) -> Sample:
        share = float(batch_rng.uniform(0.2, 0.8))
        image = sample.image * share + partner.image * (1 - share)
        return Sample(
            image.astype(np.uint8), sample.mask, sample.file_name, partner.mask.copy(), share
        )


class BrokenTracker:
    """Works once."""

    def __init__(self, run_dir: Path) -> None:
        self.calls = 0

    def log(self, epoch: int, figures: Any) -> None:
        self.calls += 1
        if self.calls > 1:
            raise ConnectionError("server gone")

    def close(self) -> None:
        raise AssertionError("a dropped tracker is not closed")


class FileTracker:
    """Writes what it is told."""

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / "tracked.txt"

    def log(self, epoch: int, figures: Any) -> None:
        with self.path.open("a") as file:
            file.write(f"{epoch} {sorted(figures)}\n")

    def close(self) -> None:
        with self.path.open("a") as file:
            file.write("closed\n")


def _draw(context: Context, run_dir: Path) -> Any:
    torch.rand(3)
    np.random.rand()
    return FileTracker(run_dir)


def _refuse(context: Context, run_dir: Path) -> Any:
    raise ImportError("package is missing")


class _Errors:
    """The share of the pixels that are wrong."""

    larger_is_better = False

    def __call__(self, counts: NDArray[np.int64]) -> MetricScore:
        total = counts.sum(0)
        return MetricScore(float(1 - np.trace(total) / total.sum()))


class Log(SilentProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.rows: list[dict[str, Any]] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def row(self, figures: Any) -> None:
        self.rows.append(dict(figures))


def make_registry() -> Registry:
    components = {
        "model": [Component("tiny", tiny, "")],
        "loss": [Component("cross_entropy", cross_entropy, "")],
        "optimizer": [Component("adamw", adam, ""), Component("sgd", sgd, "")],
        "scheduler": [Component("constant", decay, "")],
        "augmentation": [
            Component("mirror", lambda context: _Mirror(), ""),
            Component("ignore_edges", lambda context: _IgnoreEdges(), ""),
        ],
        "mix": [Component("blend", lambda context: _Blend(), "")],
        "metric": [Component("errors", lambda context: _Errors(), "")],
        "reader": trash_readers(),
        "tracker": [
            Component("broken", lambda context, run_dir: BrokenTracker(run_dir), ""),
            Component("absent", _refuse, ""),
            Component("draws", _draw, ""),
            Component("file", lambda context, run_dir: FileTracker(run_dir), ""),
        ],
    }
    entries = [
        Entry(kind, component, "test") for kind, found in components.items() for component in found
    ]
    return Registry([*entries, *(Entry("metric", each, BUILTIN) for each in trash_metrics())])


def make_recipe(
    *,
    model: dict[str, Any] | None = None,
    loss: dict[str, Any] | None = None,
    augment: tuple[str, ...] = ("mirror",),
    mix: tuple[str, ...] = (),
    auxiliary: dict[str, Any] | None = None,
    trackers: tuple[str, ...] = (),
    metric: str | None = None,
    data: dict[str, Any] | None = None,
    optimizer: str = "adamw",
    lr: float = 0.01,
    seed: int = 1,
    **train: Any,
) -> Recipe:
    settings: dict[str, Any] = {"epochs": 3, "batch_size": 4, "device": "cpu", **train}
    return Recipe(
        seed=seed,
        data=Data.model_validate(
            {
                "train": "train.json",
                "val": "val.json",
                "image_size": (SIZE, SIZE),
                "workers": 0,
                **(data or {}),
            },
            strict=False,  # a request in JSON has arrays
        ),
        model=ComponentSpec(name="tiny", **(model or {})),
        loss=ComponentSpec(name="cross_entropy", **(loss or {})),
        optimizer=ComponentSpec(name=optimizer, lr=lr),
        auxiliary=auxiliary or {},
        augment=Augment(
            train=tuple(ComponentSpec(name=name, p=1.0) for name in augment),
            mix=tuple(ComponentSpec(name=name, p=0.7) for name in mix),
        ),
        train=Train(**settings),
        metric=None if metric is None else ComponentSpec(name=metric),
        trackers=tuple(ComponentSpec(name=name) for name in trackers),
    )


def open_tiny(root: Path, recipe: Recipe) -> Contest:
    data = recipe.data.model_copy(update={"root": str(root)})
    return open_contest(Workspace(Project(root), make_registry(), SilentProgress()), data)


def train(
    root: Path,
    run_dir: Path,
    recipe: Recipe,
    *,
    progress: Progress = SilentProgress(),  # noqa: B008 - it has no state
    **options: Any,
) -> FitResult:
    """Train on the contest in `root`."""
    workspace = Workspace(Project(root.parent), make_registry(), progress)
    options = {"cache": root.parent / "cache", **options}
    run = TrackedRun(run_dir.name, run_dir.name, folder=run_dir)
    with Tracking(recipe.trackers, workspace.registry, run, progress) as tracking:
        contest = open_tiny(root, recipe)
        return fit(workspace, recipe, contest, run_dir, tracking=tracking, **options)


def main() -> None:
    """Arguments: contest folder, run folder, JSON with `recipe` (for make_recipe) and `resume`."""
    torch.set_num_threads(1)
    root, run_dir, request = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])

    def count(epoch: int, figures: dict[str, float]) -> None:
        global _finished
        _finished = epoch

    train(
        root,
        run_dir,
        make_recipe(**request["recipe"]),
        resume=request.get("resume", False),
        on_epoch=count,
    )


if __name__ == "__main__":
    main()
    # As the command ends where several processes trained together: see `toolkit.cli.main`.
    os._exit(0)
