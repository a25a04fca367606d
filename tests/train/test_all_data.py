"""`train.on = "all"`: as if training and validation images stood in one file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import Log, make_recipe, make_registry, open_tiny, train, write_contest

from toolkit import UsageError
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.train.batches import open_batches
from toolkit.train.checkpoint import load_checkpoint
from toolkit.train.distributed import World
from toolkit.workspace import Workspace


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A contest with `both.json`, which holds training and validation images, and `other.json`."""
    folder = tmp_path_factory.mktemp("all")
    root = write_contest(folder / "contest")
    train, val = (json.loads((root / f"{name}.json").read_text()) for name in ("train", "val"))
    for image in val["images"]:
        image["id"] += 100
    for annotation in val["annotations"]:
        annotation["id"] += 1000
        annotation["image_id"] += 100
    both = {key: train[key] + val[key] for key in ("images", "annotations")}
    (root / "both.json").write_text(json.dumps({**both, "categories": train["categories"]}))
    elsewhere = write_contest(folder / "elsewhere", train=20, val=3)
    shutil.move(elsewhere / "val", root / "other")
    other = json.loads((elsewhere / "val.json").read_text())
    for image in other["images"]:
        image["file_name"] = image["file_name"].replace("val/", "other/")
    (root / "other.json").write_text(json.dumps(other))
    return root


RICH: dict[str, Any] = {
    "augment": ("mirror", "ignore_edges"),
    "mix": ("blend",),
    "model": {"norm": True, "dropout": 0.2},
    "epochs": 4,
}


def test_it_trains_as_on_one_file_of_all_images(root: Path, tmp_path: Path) -> None:
    on_all = train(root, tmp_path / "all", make_recipe(on="all", **RICH))
    data = {"train": "both.json", "val": "other.json"}
    recipe = make_recipe(**RICH)
    merged = recipe.model_copy(update={"data": recipe.data.model_copy(update=data)})
    reference = train(root, tmp_path / "merged", merged)
    a, b = (load_checkpoint(result.last).model_state for result in (on_all, reference))
    assert all(torch.equal(a[name], b[name]) for name in a)
    losses = [[each["train_loss"] for each in found.records] for found in (on_all, reference)]
    assert losses[0] == losses[1]


def test_components_know_the_pixels_of_all_images(root: Path, tmp_path: Path) -> None:
    found = []
    for on, file in (("all", "train.json"), (None, "both.json"), (None, "train.json")):
        recipe = make_recipe(on=on)
        val = "val.json" if file == "train.json" else "other.json"
        data = recipe.data.model_copy(update={"train": file, "val": val})
        recipe = recipe.model_copy(update={"data": data})
        workspace = Workspace(Project(root.parent), make_registry(), SilentProgress())
        contest = open_tiny(root, recipe)
        batches = open_batches(
            workspace, recipe, contest, cache=tmp_path, world=World(), pretrained=False
        )
        context = batches.context
        found.append((context.pixel_share, context.image_counts, context.steps_per_epoch))
    assert found[0] == found[1] != found[2]


def test_nothing_is_scored_and_the_last_epoch_is_the_best(root: Path, tmp_path: Path) -> None:
    shown = Log()
    result = train(root, tmp_path / "run", make_recipe(on="all", epochs=3), progress=shown)
    columns = ["epoch", "lr", "train loss", "images/s", "seconds"]
    assert [list(row) for row in shown.rows] == [columns] * 3
    assert (result.best_epoch, result.epochs, result.stopped_early) == (3, 3, False)
    for record in result.records:
        measured = {key for key, value in record.items() if value is not None}
        assert {"epoch", "train_loss", "lr"} <= measured
        assert not any(key.startswith("val_") for key in measured)
    best, last = load_checkpoint(result.best), load_checkpoint(result.last)
    assert best.epoch == last.epoch == 3
    assert best.scores.keys() == {"train_loss"}


class Cut(BaseException):
    """Stands for anything that ends a process."""


def test_it_is_resumed_exactly_and_not_as_another_training(root: Path, tmp_path: Path) -> None:
    recipe = make_recipe(on="all", **RICH)

    def cut(epoch: int, figures: dict[str, float]) -> None:
        if epoch == 2:
            raise Cut

    whole = train(root, tmp_path / "whole", recipe)
    with pytest.raises(Cut):
        train(root, tmp_path / "cut", recipe, on_epoch=cut)
    resumed = train(root, tmp_path / "cut", recipe, resume=True)
    a, b = (load_checkpoint(result.best).model_state for result in (whole, resumed))
    assert all(torch.equal(a[name], b[name]) for name in a)
    with pytest.raises(UsageError, match=r"train\.on: was 'all', is None"):
        train(root, tmp_path / "cut", make_recipe(**RICH), resume=True)
