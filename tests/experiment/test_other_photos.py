"""Photos of other channels and values, from their files to a checked submission, by commands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from tests.workspaces import workspace_in
from toolkit.cli.main import run
from toolkit.data.contest import open_contest
from toolkit.data.images import read_image
from toolkit.objects.object_bank import ObjectStore
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.train.checkpoint import load_checkpoint

SIDE = 64
RECIPE = """
seed = 3
[data]
root = "data"
val = "val.json"
test = "test.json"
truth = "truth.json"
channels = 4
value_range = {value_range}
image_size = [64, 64]
workers = 0
[model]
name = "unet"
encoder = "tu-mobilenetv3_small_100"
weights = "none"
[loss]
name = "dice_ce"
[optimizer]
name = "adamw"
lr = 3e-3
[[augment.train]]
name = "scale_shift_rotate"
[[augment.train]]
name = "hflip"
[[augment.train]]
name = "brightness_contrast"
[[augment.mix]]
name = "mixup"
[pseudo]
mix = "concat"
[train]
epochs = 2
batch_size = 4
device = "cpu"
[predict]
views = "tile,size=64x64,overlap=0.25:hflip"
[[postprocess]]
name = "dense_crf"
[submission]
name = "mask_string"
size = [32, 32]
"""


def photo(rng: np.random.Generator, row: int) -> tuple[np.ndarray, list[list[float]]]:
    """12 bits of 4 channels; a square that the fourth alone shows."""
    values = rng.integers(200, 1200, (SIDE, SIDE, 4)).astype(np.uint16)
    x, y = 8 + 3 * (row % 5), 6 + 5 * (row % 3)
    values[y : y + 28, x : x + 30, 3] += 2800
    return values, [[x, y, x + 30, y, x + 30, y + 28, x, y + 28]]


def write_tiff(path: Path, values: np.ndarray) -> None:
    planar = np.moveaxis(values, -1, 0)
    tifffile.imwrite(path, planar, planarconfig="separate", photometric="minisblack",
                     compression="lzw")  # fmt: skip


def write_npy(path: Path, values: np.ndarray) -> None:
    np.save(path, (values / 4096).astype(np.float32))


def write_contest(root: Path, ending: str, write: Callable[[Path, np.ndarray], None]) -> None:
    rng, row = np.random.default_rng(0), 0
    categories = [{"id": 1, "name": "weed"}]
    for name, count in (("train", 10), ("val", 4), ("test", 4)):
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        (root / name).mkdir(parents=True)
        for number in range(count):
            values, outline = photo(rng, row := row + 1)
            file = f"{name}/{number}.{ending}"
            write(root / file, values)
            images.append({"id": number, "file_name": file, "width": SIDE, "height": SIDE})
            annotations.append(
                {"id": number, "image_id": number, "category_id": 1, "segmentation": outline}
            )
        whole = {"images": images, "annotations": annotations, "categories": categories}
        (root / f"{'truth' if name == 'test' else name}.json").write_text(json.dumps(whole))
        if name == "test":
            (root / "test.json").write_text(json.dumps({**whole, "annotations": []}))


KINDS = {
    "tif": (write_tiff, "[0, 4095]"),
    "npy": (write_npy, "[0.0, 1.0]"),
}


@pytest.fixture(params=KINDS)
def project(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The working folder, with a recipe of 4 channels and its data."""
    write, value_range = KINDS[request.param]
    root = tmp_path / "project"
    (root / "recipes").mkdir(parents=True)
    (root / "plugins").mkdir()
    (root / "recipes" / "field.toml").write_text(RECIPE.format(value_range=value_range))
    write_contest(root / "data", request.param, write)
    monkeypatch.chdir(root)
    monkeypatch.setenv("TRASH_CACHE", str(tmp_path / "cache"))
    return root


def test_four_channels_go_from_their_files_to_a_checked_submission(
    project: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["data", "check", "recipes/field.toml"]) == 0
    assert "no problems" in capsys.readouterr().out
    assert run(["recipe", "check", "recipes/field.toml"]) == 0
    capsys.readouterr()
    assert run(["recipe", "run", "recipes/field.toml", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["submission"]["rows"] == 4
    assert 0 <= result["submission"]["score"]["mean_iou"] <= 1

    best = next((project / "runs").glob("field*/best.pt"))
    checkpoint = load_checkpoint(best)
    assert checkpoint.mean == (0.5,) * 4
    assert checkpoint.std == (0.25,) * 4
    shapes = [tensor.shape for tensor in checkpoint.model_state.values() if tensor.ndim == 4]
    assert shapes[0][1] == 4

    file = next((project / "submissions").glob("*.csv"))
    assert run(["submission", "check", str(file)]) == 0
    assert run(["submission", "show", str(file), "-o", "sheet.png"]) == 0
    assert cv2.imread("sheet.png").std() > 5
    (label_set,) = (path.parent for path in (tmp_path / "cache").rglob("labels.bin"))
    assert run(["pseudo", "show", str(label_set), "-o", "page.html"]) == 0
    assert "data:image/jpeg" in Path("page.html").read_text()

    assert run(["predict", str(best), "--split", "val"]) == 0


NETWORK = """
from toolkit import Component, hookimpl

def three(context):
    from torch import nn
    return nn.Sequential(nn.Conv2d(3, 3, 1, groups=3), nn.Conv2d(3, context.n_classes, 1))

@hookimpl
def trash_models():
    return [Component("three", three, "each channel alone, RGB")]
"""


def mistakes(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run([*arguments]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("project", ["tif"], indirect=True)
def test_what_does_not_fit_is_told_before_the_training(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "plugins" / "three.py").write_text(NETWORK)
    check = ("recipe", "check", "recipes/field.toml")
    colours = '[{name="hflip"}, {name="augmix"}, {name="one_of", of=[{name="clahe"}]}]'
    told = mistakes(capsys, *check, "--set", f"augment.train={colours}")
    assert "augmentation augmix needs RGB photos, these have 4 channels" in told
    assert "augmentation clahe needs RGB photos, these have 4 channels" in told

    told = mistakes(capsys, *check, "--set", "data.mean=[0.5, 0.5, 0.5]")
    assert "data.mean" in told
    assert "must have 4 figures, one per channel, not [0.5, 0.5, 0.5]" in told
    told = mistakes(capsys, *check, "--set", "data.bit_depth=12")
    assert "data.value_range" in told
    assert "must be unset beside bit_depth, which says it too" in told
    told = mistakes(capsys, *check, "--set", "data.value_range=[5, 5]")
    assert "must be [low, high] with low below high" in told

    run_ = ("recipe", "run", "recipes/field.toml")
    text = (project / "recipes" / "field.toml").read_text()
    text = text.replace("channels = 4\n", "").replace("value_range = [0, 4095]", "bit_depth = 12")
    (project / "recipes" / "rgb.toml").write_text(text)
    capsys.readouterr()
    assert run(["data", "check", "recipes/rgb.toml"]) == 2
    told = " ".join(capsys.readouterr().out.split())
    assert "warning: channels that are not read (1)" in told
    assert "10 of 10 images are TIFF of 4 channels, which are read as RGB: train/0.tif, " in told
    assert "train/0.tif: it has 4 channels, 3 expected" in told
    told = mistakes(capsys, *run_, "--set", "data.channels=5")
    assert "10 of 10 images cannot be used: train/0.tif: it has 4 channels, 5 expected" in told
    assert not (project / "runs").exists() or not list((project / "runs").glob("*/best.pt"))

    told = mistakes(capsys, *run_, "--unset", "pseudo", "--set", 'model={name="three"}')
    assert "model three takes no photos of 4 channels: " in told


def test_objects_of_four_channels_are_cut_out_shown_and_pasted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rare = """
extends = "field.toml"
[objects]
classes = ["weed"]
min_area = 100
[[augment.train]]
name = "object_mix"
p = 0.7
"""
    (project / "recipes" / "rare.toml").write_text(rare)
    assert run(["data", "objects", "cut", "rare", "-o", "bank"]) == 0
    assert run(["data", "objects", "show", "bank", "-o", "bank.png"]) == 0
    assert run(["data", "objects", "show", "rare", "-o", "mixed.png"]) == 0
    assert cv2.imread("bank.png").std() > 5
    assert len(cv2.imread("mixed.png")) > len(cv2.imread("bank.png"))

    bank = ObjectStore(Path("bank"))
    recipe = load_recipe(Path("rare"), project=Project(project)).recipe
    train = open_contest(workspace_in(Project(project)), recipe.data).train
    assert len(bank) == len(train)
    for position, record in enumerate(train.images):
        cut_out = bank[position]
        assert cut_out.file_name == record.file_name
        place = tuple(
            slice(first, first + part)
            for first, part in zip(cut_out.corner, cut_out.alpha.shape, strict=True)
        )
        photo = read_image(train.path(position), record)
        np.testing.assert_array_equal(cut_out.image, photo[place])
        # The fourth channel alone shows the object.
        assert cut_out.image[..., 3][cut_out.alpha > 0].min() > 150

    short = ["--unset", "pseudo", "--unset", "postprocess", "--set", "predict.views=none"]
    assert run(["recipe", "check", "rare", "--unset", "pseudo"]) == 0
    assert run(["recipe", "run", "rare", *short, "--json"]) == 0, capsys.readouterr().err
    capsys.readouterr()

    (value_range,) = {record.value_range for record in train.images}
    given = f"{rare}\n[data]\nvalue_range = [-1, 5000]\n".replace(
        "min_area", 'bank = "bank"\nmin_area'
    )
    (project / "recipes" / "given.toml").write_text(given)
    told = " ".join(mistakes(capsys, "recipe", "run", "given", *short).split())
    assert "bank is of other photos: it has 4 channels and the value range" in told
    assert f"value range {[*value_range]}" in told
    assert "those of train have 4 channels and the value range [-1.0, 5000.0]" in told


@pytest.mark.parametrize("project", ["tif"], indirect=True)
def test_a_run_goes_on_is_found_by_others_and_takes_no_other_photos(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = ["recipe", "run", "recipes/field.toml", "--json", "--unset", "pseudo"]
    plain += ["--unset", "postprocess", "--set", "predict.views=none"]
    assert run([*plain, "--set", "train.epochs=1"]) == 0
    capsys.readouterr()
    assert run([*plain, "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["submission"]["rows"] == 4
    best = next((project / "runs").glob("field*/best.pt"))
    assert load_checkpoint(best.with_name("last.pt")).epoch == 2

    # Other values for the same numbers.
    text = (project / "recipes" / "field.toml").read_text()
    (project / "recipes" / "dark.toml").write_text(text.replace("[0, 4095]", "[0, 65535]"))
    told = mistakes(capsys, "predict", str(best), "--recipe", "recipes/dark.toml")
    assert "was trained with data.value_range = [0.0, 4095.0]" in told
    assert "the photos of test are read with [0.0, 65535.0]" in told

    # Somebody else's clone, with the photos elsewhere, has the same keys of caches.
    clone = tmp_path / "clone"
    shutil.copytree(project / "recipes", clone / "recipes")
    shutil.copytree(project / "data", clone / "elsewhere")
    monkeypatch.chdir(clone)
    monkeypatch.setenv("TRASH_CACHE", str(tmp_path / "other"))
    assert run([*plain, "--data", "elsewhere", "--set", "train.epochs=1"]) == 0
    for kind in ("images", "masks"):
        ours, theirs = (
            {path.name for path in (tmp_path / cache / kind).iterdir()}
            for cache in ("cache", "other")
        )
        assert ours == theirs


@pytest.mark.parametrize("project", ["tif"], indirect=True)
def test_a_smoke_run_is_one_of_rgb(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    colours = '[{name="augmix"}]'
    word = ["--smoke", "--json", "--unset", "pseudo", "--set", f"augment.first={colours}"]
    assert run(["recipe", "run", "recipes/field.toml", *word, "--set", "predict.views=none"]) == 0
    assert json.loads(capsys.readouterr().out)["submission"]["rows"] == 2


@pytest.mark.parametrize(
    ("value_range", "warning"),
    [
        ("[0, 4095]", None),
        ("[0, 10]", "100% of the values become 0 or 255: data.value_range = [0, 10] does not fit"),
        ("[0, 65535]", "nearly all values become 15 of the 256 levels (1 to 15): data.value_range"),
        (
            "[0.0, 1e9]",
            "100% of the values become 0 or 255: data.value_range = [0, 1e+09] does not",
        ),
    ],
)
def test_a_range_that_the_values_do_not_fill_is_told(
    value_range: str,
    warning: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_contest(tmp_path / "data", "tif", write_tiff)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "weeds.toml").write_text(RECIPE.format(value_range=value_range))
    for cached in ("true", "false"):
        options = ["--set", f"data.cache_images={cached}", "--unset", "pseudo"]
        assert run(["recipe", "run", "weeds", "--limit", "4", *options]) == 0
        errors = capsys.readouterr().err
        if warning is None:
            assert "does not fit" not in errors
        else:
            assert f"warning: in 4 photos of train, {warning}" in errors
