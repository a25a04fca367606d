from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from toolkit.cli.main import run
from toolkit.data.images import read_image
from toolkit.data.resize import resize_image
from toolkit.predict.store import ProbabilityStore, open_store
from toolkit.train.checkpoint import Checkpoint, save_checkpoint

PLUGIN = """
from toolkit import Component, hookimpl

def flat(context):
    from torch import nn
    return nn.Conv2d(3, context.n_classes, 1)

@hookimpl
def trash_models():
    return [Component("flat", flat, "A single convolution.")]
"""


@pytest.fixture
def project(tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "flat_net.py").write_text(PLUGIN)
    data = {"root": str(demo_root), "val": "val.json", "test": "test.json"}
    write_checkpoint(tmp_path / "a.pt", demo_root / "train.json", data, (32, 32))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    return tmp_path


def write_checkpoint(path: Path, train: Path, data: dict[str, str], size: tuple[int, int]) -> None:
    content = json.loads(train.read_text())
    classes = ("Background", *(entry["name"] for entry in content["categories"]))
    recipe = {"data": data, "model": {"name": "flat"}, "loss": {"name": "cross_entropy"}}
    torch.manual_seed(0)
    save_checkpoint(
        path,
        Checkpoint(
            model_state=nn.Conv2d(3, len(classes), 1).state_dict(),
            recipe=recipe,
            class_names=classes,
            image_size=size,
            mean=(0.4,) * 3,
            std=(0.2,) * 3,
            scores={},
            epoch=1,
        ),
    )


def predicted(
    capsys: pytest.CaptureFixture[str], checkpoint: str, *options: str
) -> ProbabilityStore:
    assert run(["predict", checkpoint, "--store", "f32", *options]) == 0
    return open_store(Path(capsys.readouterr().out.strip()))


def flat_map(checkpoint: Path, image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What the single convolution says of every pixel of an image."""
    state = torch.load(checkpoint, weights_only=True)["model_state"]
    weight, bias = (state[name].double().numpy() for name in ("weight", "bias"))
    logits = (image / 255 - 0.4) / 0.2 @ weight[:, :, 0, 0].T + bias
    grown = np.exp(logits - logits.max(-1, keepdims=True))
    maps: NDArray[np.float64] = (grown / grown.sum(-1, keepdims=True)).transpose(2, 0, 1)
    return maps


@pytest.fixture
def odd_photos(project: Path, bags_root: Path) -> list[Path]:
    """Six real photos of six sizes; b.pt, a network for 96 x 160 pixels, predicts them as val."""
    content = json.loads((bags_root / "val.json").read_text())
    by_size = {(image["height"], image["width"]): image for image in content["images"]}
    images = [by_size[size] for size in sorted(by_size)[:: len(by_size) // 5][:6]]
    ids = {image["id"] for image in images}
    annotations = [each for each in content["annotations"] if each["image_id"] in ids]
    few = {**content, "images": images, "annotations": annotations}
    (project / "few.json").write_text(json.dumps(few))
    data = {"root": str(bags_root), "val": str(project / "few.json")}
    write_checkpoint(project / "b.pt", bags_root / "train.json", data, (96, 160))
    return [bags_root / image["file_name"] for image in images]


def test_views_that_move_pixels_agree_on_odd_photos(
    odd_photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    plain = predicted(capsys, "b.pt", "--split", "val")
    assert len(set(plain.sizes)) == 6
    for views in ("d4", "geometric:hflip*rot90*shift8", "max:rot270+transpose"):
        store = predicted(capsys, f"b.pt@{views}", "--split", "val")
        assert store.folder != plain.folder
        for position in range(6):
            np.testing.assert_allclose(store.read(position), plain.read(position), atol=1e-4)


def test_scaled_views_of_odd_photos_stay_near(
    odd_photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    plain = predicted(capsys, "b.pt", "--split", "val")
    store = predicted(capsys, "b.pt@hflip*scale0.75+scale1.25", "--split", "val")
    for position in range(6):
        difference = np.abs(store.read(position) - plain.read(position))
        assert 0 < difference.mean() < 0.02


@pytest.mark.parametrize(
    "views", ["tile", "tile,overlap=0.5,size=64x96:d4", "tile,size=512x500,geometric:hflip*shift16"]
)
def test_windows_show_odd_photos_at_their_own_size(
    odd_photos: list[Path], capsys: pytest.CaptureFixture[str], views: str
) -> None:
    store = predicted(capsys, f"b.pt@{views}", "--split", "val", "--batch-size", "3")
    for position, path in enumerate(odd_photos):
        expected = flat_map(Path("b.pt"), read_image(path, None))
        np.testing.assert_allclose(store.read(position), expected, atol=1e-4)


def test_windows_of_a_resized_photo_make_a_map_of_its_own_size(
    odd_photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    store = predicted(capsys, "b.pt@tile,scale=0.5", "--split", "val")
    for position, path in enumerate(odd_photos):
        image = read_image(path, None)
        height, width = (round(side / 2) for side in image.shape[:2])
        small = flat_map(Path("b.pt"), resize_image(image, (height, width)))
        laid = cv2.resize(small.transpose(1, 2, 0), image.shape[1::-1]).transpose(2, 0, 1)
        np.testing.assert_allclose(store.read(position), laid, atol=1e-4)


def test_store_says_how_it_was_looked_at(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    views = [
        "none",
        "hflip",
        "geometric:hflip",
        "max:hflip",
        "tile:hflip",
        "tile,overlap=0.5:hflip",
    ]
    stores = [predicted(capsys, f"a.pt@{text}") for text in views]
    assert [store.index.origin["views"] for store in stores] == views
    assert len({store.folder for store in stores}) == len(views)
    # Nothing new where nothing new was asked for: stores of earlier versions are found again.
    assert list(stores[1].index.origin) == [
        "checkpoint",
        "model_code",
        "views",
        "views_digest",
        "precision",
        "images",
        "procedure",
    ]
    assert predicted(capsys, "a.pt", "--views", " mean : hflip").folder == stores[1].folder


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ("geometrc:hflip", "Did you mean geometric:hflip?"),
        ("hflip*scale0.8", "Did you mean scale0.5?"),
        ("tile,overlap=1:hflip", "overlap=1: not a share from 0 to 0.9"),
    ],
)
def test_wrong_views_are_explained(
    project: Path, capsys: pytest.CaptureFixture[str], views: str, message: str
) -> None:
    assert run(["predict", f"a.pt@{views}"]) == 2
    assert message in capsys.readouterr().err


def test_a_killed_prediction_of_windows_is_continued(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, calls = nn.Conv2d.forward, []

    def interrupted(self: nn.Conv2d, images: torch.Tensor) -> torch.Tensor:
        calls.append(len(images))
        if len(calls) == 6:
            raise KeyboardInterrupt
        return forward(self, images)

    monkeypatch.setattr(nn.Conv2d, "forward", interrupted)
    # 64 x 64 pixels are 3 x 3 windows of 32: two passes for each image.
    assert run(["predict", "a.pt@tile", "--batch-size", "5"]) == 130
    assert run(["predict", "a.pt@tile", "--batch-size", "5"]) == 0
    assert "2 of 5 images were predicted before" in capsys.readouterr().err
    assert calls == [5, 4] * 5 + [5, 4]


def test_prints_the_folder_of_the_store(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "a.pt", "--views", "hflip*rot90", "--store", "u8"]) == 0
    captured = capsys.readouterr()
    folder = Path(captured.out.strip())
    store = open_store(folder)
    assert folder.parent == project / ".trash" / "stores"
    assert (len(store), store.index.dtype, store.sizes[0]) == (5, "u8", (64, 64))
    assert "5 images of test, 12 classes, 4 views, u8" in captured.err
    assert run(["predict", "a.pt@hflip*rot90", "--store", "u8"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)


@pytest.mark.parametrize(("split", "images"), [("test", 5), ("val", 6), ("train", 12)])
def test_json_of_every_split(
    project: Path, capsys: pytest.CaptureFixture[str], split: str, images: int
) -> None:
    assert run(["predict", "a.pt", "--split", split, "--batch-size", "5", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["images"], figures["classes"]) == (images, 12)
    assert figures["bytes"] == images * 12 * 64 * 64 * 2


def test_unknown_split_is_a_usage_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "a.pt", "--split", "valid"]) == 2
    assert "Did you mean val?" in capsys.readouterr().err


def test_a_killed_prediction_is_continued(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, calls = nn.Conv2d.forward, []

    def interrupted(self: nn.Conv2d, images: torch.Tensor) -> torch.Tensor:
        calls.append(len(images))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return forward(self, images)

    monkeypatch.setattr(nn.Conv2d, "forward", interrupted)
    assert run(["predict", "a.pt", "--batch-size", "2"]) == 130
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "the maps of 4 of 5 images are kept: the same command goes on after them",
        "interrupted",
    ]
    assert run(["predict", "a.pt", "--batch-size", "2"]) == 0
    assert "4 of 5 images were predicted before" in capsys.readouterr().err
    assert calls == [2, 2, 1, 1]
