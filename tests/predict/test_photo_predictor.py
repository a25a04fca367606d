"""Photos in memory against what `trash predict` writes for the same files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.cli.two_checkpoints import two_checkpoints
from toolkit.cli.main import run
from toolkit.data.images import read_image
from toolkit.errors import TrashError, UsageError
from toolkit.predict.photo_predictor import load_predictor
from toolkit.predict.store import MAPS, open_store

__all__ = ["two_checkpoints"]


@pytest.mark.parametrize(
    "views", [None, "d4", "geometric:hflip*scale0.75", "tile,overlap=0.3,scale=1.6:hflip"]
)
def test_a_photo_has_the_map_that_trash_predict_writes(
    two_checkpoints: Path, demo_root: Path, capsys: pytest.CaptureFixture[str], views: str | None
) -> None:
    options = [] if views is None else ["--views", views]
    options += ["--split", "val", "--store", "f32", "--batch-size", "1", "--json"]
    assert run(["predict", "a.pt", *options]) == 0
    store = open_store(Path(json.loads(capsys.readouterr().out)["store"]))
    written = np.fromfile(store.folder / MAPS, np.float32)
    predictor = load_predictor("a.pt", views)
    assert predictor.class_names == store.class_names
    for position, name in enumerate(store.file_names):
        photo = read_image(demo_root / name, None)
        begin, end = (offset // 4 for offset in store.index.offsets[position : position + 2])
        found = predictor.probabilities(photo)
        assert found.dtype == np.float32
        assert found.shape == (len(store.class_names), *photo.shape[:2])
        np.testing.assert_array_equal(found.ravel(), written[begin:end])
        labels = predictor.labels(photo)
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, found.argmax(0))
        assert len(np.unique(labels)) > 1


def test_a_photo_may_have_any_size_and_order_in_memory(two_checkpoints: Path) -> None:
    predictor = load_predictor(two_checkpoints / "a.pt", device="cpu", project=two_checkpoints)
    rng = np.random.default_rng(0)
    photo = cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), (33, 21))
    found = predictor.probabilities(photo)
    assert found.shape[1:] == (21, 33)
    blue_first = np.ascontiguousarray(photo[..., ::-1])
    np.testing.assert_array_equal(predictor.probabilities(blue_first[..., ::-1]), found)


@pytest.mark.parametrize(
    ("photo", "told"),
    [
        (np.zeros((8, 8, 3)), "this is float64 of shape (8, 8, 3)"),
        (np.zeros((3, 8, 8), np.uint8), "this is uint8 of shape (3, 8, 8)"),
        (np.zeros((8, 8), np.uint8), "this is uint8 of shape (8, 8)"),
        (np.zeros((0, 8, 3), np.uint8), "this is uint8 of shape (0, 8, 3)"),
        (Image.new("RGB", (8, 4)), "this is Image of shape (4, 8, 3)"),
    ],
)
def test_what_is_no_photo_is_refused(two_checkpoints: Path, photo: Any, told: str) -> None:
    predictor = load_predictor("a.pt")
    with pytest.raises(UsageError) as refused:
        predictor.probabilities(photo)
    assert "a.pt is uint8 of shape (height, width, 3)" in refused.value.message
    assert told in refused.value.message
    assert "read_image" in refused.value.hint


def test_what_cannot_predict_is_told_at_once(two_checkpoints: Path) -> None:
    with pytest.raises(UsageError, match=r"c\.pt"):
        load_predictor("c.pt")
    with pytest.raises(UsageError, match="hflop"):
        load_predictor("a.pt", "hflop")
    (two_checkpoints / "plugins" / "tiny_net.py").unlink()
    with pytest.raises(UsageError, match="tiny"):
        load_predictor("a.pt")


def test_an_output_that_is_not_finite_is_no_map(two_checkpoints: Path) -> None:
    predictor = load_predictor("a.pt")
    for weights in predictor.passes.model.parameters():
        weights.data.fill_(float("nan"))
    with pytest.raises(TrashError, match="the photo: the network's output is not finite"):
        predictor.labels(np.zeros((8, 8, 3), np.uint8))
