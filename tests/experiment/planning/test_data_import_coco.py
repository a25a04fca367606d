"""`trash data import` of COCO files as tools export them, and of photos with other values."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from tests.tiny_project import workspace_of
from toolkit.cli.main import run
from toolkit.data.contest import Contest, open_contest
from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.data.split import Split
from toolkit.project import Project
from toolkit.recipe.load import load_recipe

Capture = pytest.CaptureFixture[str]
SPLITS = {"train": "train", "val": "val", "test": "test_truth"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty folder, as a newcomer has it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return Project(tmp_path)


def read(demo_root: Path, split: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((demo_root / f"{SPLITS[split]}.json").read_text())
    for number, record in enumerate(content["images"]):
        record["photo"] = demo_root / record["file_name"]
        record["file_name"] = f"{split}{number}.jpg"
    return content


def put(content: dict[str, Any], file: Path, photos: Path) -> None:
    """Write a file, and its photos into a folder."""
    photos.mkdir(parents=True, exist_ok=True)
    for record in content["images"]:
        shutil.copy(record.pop("photo"), photos / Path(record["file_name"].replace("\\", "/")).name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def roboflow(demo_root: Path, root: Path) -> None:
    for split, folder in (("train", "train"), ("val", "valid"), ("test", "test")):
        content = read(demo_root, split)
        for each in content["categories"]:
            each |= {"id": each["id"] + 1, "supercategory": "litter"}
        for each in content["annotations"]:
            each["category_id"] += 1
        content["categories"].insert(0, {"id": 0, "name": "litter", "supercategory": "none"})
        put(content, root / folder / "_annotations.coco.json", root / folder)


def coco_2017(demo_root: Path, root: Path) -> None:
    for split in SPLITS:
        name = f"{split}2017"
        put(read(demo_root, split), root / "annotations" / f"instances_{name}.json", root / name)


def label_studio(demo_root: Path, root: Path) -> None:
    content = read(demo_root, "train")
    for record in content["images"]:
        record["file_name"] = "images\\" + record["file_name"]
    put(content, root / "result.json", root / "images")


def opened(project: Project) -> Contest:
    data = load_recipe(Path("mine"), project=project).recipe.data
    return open_contest(workspace_of(project), data)


@pytest.mark.parametrize(
    "layout", [roboflow, coco_2017, label_studio], ids=lambda each: each.__name__
)
def test_exports_of_tools_are_found(
    project: Project, demo_root: Path, layout: Callable[[Path, Path], None], capsys: Capture
) -> None:
    layout(demo_root, project.root / "data")
    assert run(["data", "import", "data"]) == 0, capsys.readouterr().err
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0, capsys.readouterr().err
    contest = opened(project)
    names = {
        split: [f"{split}{number}" for number in range(len(read(demo_root, split)["images"]))]
        for split in SPLITS
    }
    if layout is label_studio:
        stems = [Path(n).stem for n in (*contest.train.file_names, *contest.val.file_names)]
        assert sorted(stems) == sorted(names["train"])
        return
    for name, split in (("train", contest.train), ("val", contest.val), ("test", contest.test)):
        assert split is not None
        assert [Path(each).stem for each in split.file_names] == names[name]
    assert contest.class_names[1:] == tuple(
        each["name"] for each in read(demo_root, "train")["categories"]
    )


def bands(photo: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return a photo of four channels with 12 bits."""
    wide = photo.astype(np.uint16) * 16
    return np.concatenate([wide, wide[..., :1]], axis=2)


def write_photos(split: Split, root: Path, kind: str) -> None:
    for position, record in enumerate(split.images):
        photo = read_image(split.path(position), record)
        path = (root / record.file_name).with_suffix(f".{kind}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "tif":
            tifffile.imwrite(path, bands(photo), photometric="minisblack", planarconfig="contig")
        else:
            np.save(path, photo.astype(np.float32) / 255)


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("tif", ["channels = 4", "bit_depth = 12"]),
        ("npy", ["value_range = [0.0, 1.0]"]),
    ],
)
def test_photos_of_other_values_go_on_to_a_checked_submission(
    project: Project, demo_root: Path, kind: str, lines: list[str], capsys: Capture
) -> None:
    root = project.root / "data"
    for file in ("train", "val", "test", "test_truth"):
        content = json.loads((demo_root / f"{file}.json").read_text())
        for record in content["images"]:
            record["file_name"] = Path(record["file_name"]).with_suffix(f".{kind}").as_posix()
        (root / f"{file}.json").write_text(json.dumps(content))
    plain = Path("plain.toml")
    plain.write_text(
        f'[data]\nroot = "{demo_root}"\nval = "val.json"\ntest = "test.json"\n'
        '[model]\nname = "unet"\n[loss]\nname = "ce"\n'
    )
    source = open_contest(workspace_of(project), load_recipe(plain, project=project).recipe.data)
    for split in (source.train, source.val, source.test):
        assert split is not None
        write_photos(split, root, kind)
    assert run(["data", "import", "data"]) == 0, capsys.readouterr().err
    told = capsys.readouterr()
    for line in lines:
        assert line in told.out.splitlines()
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0, capsys.readouterr().err
    assert run(["data", "check", "mine"]) == 0
    contest = opened(project)
    first = read_image(contest.train.path(0), contest.train.images[0])
    wanted = read_image(source.train.path(0), source.train.images[0])
    np.testing.assert_array_equal(first[..., :3], wanted)
    painted = paint_mask(contest.train.images[0], contest.train.labels, "max-id", 255)
    assert painted.any()
    capsys.readouterr()
    short = ["--set", "train.epochs=1", "--set", "data.image_size=[64,64]", "--json"]
    assert run(["recipe", "run", "mine", *short]) == 0, capsys.readouterr().err
    result = json.loads(capsys.readouterr().out)
    assert result["submission"]["score"]["metrics"]["miou"] > 0
    assert run(["submission", "check", result["submission"]["path"]]) == 0
