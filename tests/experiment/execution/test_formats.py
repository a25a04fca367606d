"""Data in other formats than COCO, from the recipe to a checked submission, by the commands."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.tiny_project import RECIPE
from tests.workspaces import open_truth
from toolkit.cli.main import run
from toolkit.data.masks import paint_mask
from toolkit.data.split import Split
from toolkit.formats.run_length import RunLength
from toolkit.project import Project
from toolkit.train.checkpoint import load_checkpoint

SPLITS = {"train": "train", "val": "val", "test_truth": "test"}
COLOURS = np.random.default_rng(3).permutation(256)[: 3 * 12].reshape(12, 3).astype(np.uint8)
Write = Callable[[Path, NDArray[np.uint8]], None]


def as_json(capsys: pytest.CaptureFixture[str], *command: str) -> Any:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def copy_photos(demo_root: Path, root: Path, write: Write) -> dict[str, Split]:
    """Copy the demo's photos to `root/<split>/` and write the mask of each by `write`."""
    found = {}
    for file, split in SPLITS.items():
        annotated = open_truth(demo_root / f"{file}.json")
        for record in annotated.images:
            name = Path(record.file_name).name
            (root / split).mkdir(parents=True, exist_ok=True)
            shutil.copy(demo_root / record.file_name, root / split / name)
            labels = paint_mask(record, annotated.labels, "max-id", 255)
            write(root / f"{split}annot" / f"{Path(name).stem}.png", labels)
        found[split] = annotated
    return found


def write_image(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def palette_image(values: NDArray[Any]) -> Image.Image:
    image = Image.fromarray(values.astype(np.uint8), "P")
    image.putpalette([*range(256)] * 3)
    return image


def write_recipe(project: Project, name: str, root: Path, data: str) -> None:
    """Write the recipe `tiny` with other data; its metric and format are the same."""
    head, _, rest = RECIPE.partition("[data]")
    after = rest[rest.index("[model]") :]
    text = f'{head}[data]\nroot = "{root}"\nimage_size = [32, 32]\nworkers = 0\n{data}\n{after}'
    (project.recipes / f"{name}.toml").write_text(text)


def classes_of(splits: dict[str, Split]) -> tuple[str, ...]:
    return splits["train"].labels.class_names


def weights_of(result: dict[str, Any]) -> dict[str, torch.Tensor]:
    return load_checkpoint(Path(result["checkpoint"])).model_state


def test_painted_masks_train_the_same_network_as_coco(
    project: Project, demo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels as pixel values, photos under the same names: all that is made of them is the same."""
    root = tmp_path / "data" / "masks"
    splits = {}
    for file in ("train", "val", "test_truth"):
        annotated = open_truth(demo_root / f"{file}.json")
        for record in annotated.images:
            photo = root / record.file_name
            photo.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(demo_root / record.file_name, photo)
            labels = paint_mask(record, annotated.labels, "max-id", 255)
            write_image(photo.with_suffix(".mask.png"), palette_image(labels))
        lines = [record.file_name for record in annotated.images]
        (root / f"{file}.txt").write_text("\n".join(lines))
        splits[file] = annotated
    names = json.dumps(splits["train"].labels.class_names[1:])
    data = f"""train = "train.txt"
val = "val.txt"
test = "test_truth.txt"
truth = "test_truth.txt"
classes = {names}
[data.format]
name = "masks"
masks = "{{path}}.mask.png"
"""
    write_recipe(project, "masked", root, data)
    short = ["--set", "train.epochs=1"]
    masked = as_json(capsys, "recipe", "run", "masked", *short)
    plain = as_json(capsys, "recipe", "run", "tiny", *short)
    for name, weights in weights_of(plain).items():
        assert torch.equal(weights, weights_of(masked)[name]), name
    assert masked["scores"]["val_miou"] == plain["scores"]["val_miou"]
    assert masked["submission"]["score"] == plain["submission"]["score"]
    files = [Path(each["submission"]["path"]).read_text() for each in (masked, plain)]
    assert sorted(files[0].splitlines()) == sorted(files[1].splitlines())
    # The same data, read again, are the same stage.
    (state,) = as_json(capsys, "recipe", "run", "masked", *short, "--plan")
    assert state["finished_before"] == "masked-001"


def test_folders_with_void_go_to_a_checked_submission(
    project: Project, demo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As CamVid: index PNGs beside the folders of photos, 255 = void, a test folder of photos."""
    root = tmp_path / "data" / "camvid"

    def write(path: Path, labels: NDArray[np.uint8]) -> None:
        values = labels.copy()
        values[:4] = 255
        write_image(path, Image.fromarray(values))

    names = classes_of(copy_photos(demo_root, root, write))
    (root / "classes.txt").write_text("\n".join(names) + "\n")
    data = """train = "train"
val = "val"
test = "test"
truth = "test"
[data.format]
name = "masks"
masks = "{folder}annot/{stem}.png"
classes = "classes.txt"
ignore = [255]
"""
    write_recipe(project, "camvid", root, data)
    assert run(["data", "check", "recipes/camvid.toml"]) == 0, capsys.readouterr().out
    result = as_json(capsys, "recipe", "run", "camvid", "--set", "train.epochs=1")
    path = result["submission"]["path"]
    assert run(["submission", "check", path]) == 0, capsys.readouterr().err
    for options in ([], ["--truth", "camvid"]):
        command = ["submission", "show", path, "-o", str(tmp_path / "a.png"), *options]
        assert run(command) == 0, capsys.readouterr().err
    score = as_json(capsys, "submission", "score", path, "--truth", "camvid")
    assert score["metrics"] == result["submission"]["score"]["metrics"]
    for pair in ([path, "camvid"], ["camvid", path]):
        difference = as_json(capsys, "submission", "diff", *pair)
        assert difference["mean_iou"] == pytest.approx(score["mean_iou"])
        # Four of 64 rows are void: one of the 16 of the file.
        assert sum(map(sum, difference["confusion"]["pixels"])) == 5 * 15 * 16
    side_car = json.loads(Path(path).with_suffix(".json").read_text())
    assert side_car["reader"]["name"] == "masks"
    assert side_car["class_names"] == list(names)


def test_colour_coded_masks_go_to_a_checked_submission(
    project: Project, demo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data" / "coloured"

    def write(path: Path, labels: NDArray[np.uint8]) -> None:
        write_image(path, Image.fromarray(COLOURS[labels]))

    splits = copy_photos(demo_root, root, write)
    for split in SPLITS.values():
        rows = [f"{split}/{path.name},{split}annot/{path.stem}.png" for path in photos(root, split)]
        (root / f"{split}.csv").write_text("\n".join(["image,mask", *rows]))
    table = "\n".join(
        f'"{name}" = {COLOURS[label].tolist()}' for label, name in enumerate(classes_of(splits))
    )
    data = f"""train = "train.csv"
val = "val.csv"
test = "test.csv"
truth = "test.csv"
[data.format]
name = "masks"
[data.format.colours]
{table}
"""
    write_recipe(project, "coloured", root, data)
    result = as_json(capsys, "recipe", "run", "coloured", "--set", "train.epochs=1")
    path = result["submission"]["path"]
    assert run(["submission", "check", path]) == 0
    scores = as_json(capsys, "submission", "score", path, "--truth", "coloured")
    assert scores["metrics"] == result["submission"]["score"]["metrics"]
    # What the run keeps is a recipe again, with the names of the classes as keys.
    kept = tomllib.loads((project.runs / "coloured-001" / "recipe.toml").read_text())
    table = kept["data"]["format"]["colours"]
    assert table == {name: COLOURS[row].tolist() for row, name in enumerate(classes_of(splits))}
    # One pixel of a colour that is not in the table stops it before anything is trained.
    mask = next((root / "trainannot").iterdir())
    pixels = np.asarray(Image.open(mask)).copy()
    pixels[0, 0] = (1, 2, 3)
    write_image(mask, Image.fromarray(pixels))
    assert run(["recipe", "run", "coloured", "--set", "train.epochs=1"]) == 2
    errors = " ".join(capsys.readouterr().err.split())
    assert "1 colour that data.format does not name: [1, 2, 3] (1 pixels in trainannot/" in errors


def test_run_lengths_go_to_a_checked_submission(
    project: Project, demo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As Kaggle has them; the table of the test images is what the submission should be."""
    root = tmp_path / "data" / "kaggle"
    columns, cells = ("ImageId_ClassId", "EncodedPixels"), ("{image}_{label}", "{pixels}")
    splits = copy_photos(demo_root, root, lambda path, labels: None)
    names = classes_of(splits)
    table = RunLength((64, 64), columns, cells, names, image_suffix=".jpg")
    for split, annotated in splits.items():
        rows = [
            (
                f"{split}_{Path(record.file_name).name}",
                paint_mask(record, annotated.labels, "max-id", 255),
            )
            for record in annotated.images
        ]
        with (root / f"{split}.csv").open("wb") as file:
            table.write(file, rows)
        for photo in photos(root, split):  # those of train and val are in one folder
            place = root / ("test" if split == "test" else "photos")
            place.mkdir(exist_ok=True)
            photo.rename(place / f"{split}_{photo.name}")
    format_ = f'{{name = "rle_csv", columns = {json.dumps(columns)}, cells = {json.dumps(cells)}'
    data = f"""train = "train.csv"
val = "val.csv"
test = "test"
classes = {json.dumps(names[1:])}
format = {format_}, photos = "photos"}}
"""
    write_recipe(project, "kaggle", root, data)
    submission = [
        'submission.name="run_length"',
        "submission.size=[64,64]",
        f"submission.columns={json.dumps(columns)}",
        f"submission.cells={json.dumps(cells)}",
        'submission.image_suffix=".jpg"',
        'submission.image_folder="test"',
    ]
    options = [word for text in submission for word in ("--set", text)]
    result = as_json(capsys, "recipe", "run", "kaggle", "--set", "train.epochs=1", *options)
    path = result["submission"]["path"]
    assert run(["submission", "check", path]) == 0, capsys.readouterr().err
    plain = as_json(capsys, "recipe", "run", "tiny", "--set", "train.epochs=1")
    for name, weights in weights_of(plain).items():
        assert torch.equal(weights, weights_of(result)[name]), name


def photos(root: Path, split: str) -> list[Path]:
    return sorted((root / split).iterdir())
