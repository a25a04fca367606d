"""`trash recipe new --data`: a recipe for somebody's own data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_project import workspace_of
from toolkit.cli.main import run
from toolkit.data.data_survey import survey_data
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty folder, as a newcomer has it."""
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def made(project: Project, name: str = "mine") -> Recipe:
    return load_recipe(Path(name), project=project).recipe


@pytest.mark.parametrize("outside", [True, False])
def test_the_demo_is_found_with_all_its_files(
    project: Project, demo_root: Path, capsys: Capture, outside: bool
) -> None:
    folder = demo_root
    if not outside:
        folder = Path("data/here")
        folder.parent.mkdir()
        folder.symlink_to(demo_root)
    assert run(["recipe", "new", "mine", "--data", str(folder), "--author", "Kim"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "recipes/mine.toml\n"
    assert "trash recipe run recipes/mine.toml --smoke" in captured.err
    data = made(project).data
    assert data.root == folder.as_posix()
    assert (data.train, data.val, data.test) == ("train.json", "val.json", "test.json")
    assert (data.truth, data.sample_submission) == ("test_truth.json", "sample_submission.csv")
    assert data.folds is None
    assert data.image_size == (64, 64)
    assert made(project).submission.parameters["columns"] == ["image_id", "PredictionString"]
    assert run(["recipe", "check", "mine"]) == 0


def test_what_it_writes_runs_at_once(project: Project, demo_root: Path, capsys: Capture) -> None:
    assert run(["recipe", "new", "mine", "--data", str(demo_root)]) == 0
    assert run(["recipe", "run", "mine", "--smoke"]) == 0
    assert "score" in capsys.readouterr().out


def test_another_recipe_can_say_all_but_the_data(project: Project, demo_root: Path) -> None:
    base = project.recipes / "base" / "b.toml"
    base.parent.mkdir(parents=True)
    base.write_text(
        '[model]\nname = "unet"\nencoder = "resnet18"\n[loss]\nname = "ce"\n'
        '[data]\nroot = "elsewhere"\nimage_size = [32, 64]\n'
    )
    assert run(["recipe", "new", "group/mine", "--data", str(demo_root), "--extends", "b"]) == 0
    recipe = made(project)
    assert (recipe.loss.name, recipe.data.image_size) == ("ce", (32, 64))
    assert (recipe.data.root, recipe.data.test) == (demo_root.as_posix(), "test.json")
    assert recipe.submission.parameters == {"columns": ["image_id", "PredictionString"]}


def write_coco(file: Path, names: list[str], annotations: int) -> None:
    square = {"segmentation": [[1, 1, 9, 1, 9, 9]], "area": 32, "bbox": [1, 1, 8, 8], "iscrowd": 0}
    content = {
        "images": [
            {"id": i, "file_name": name, "height": 40, "width": 90} for i, name in enumerate(names)
        ],
        "categories": [{"id": 7, "name": "B"}, {"id": 3, "name": "A"}],
        "annotations": [
            {"id": i, "image_id": i % len(names), "category_id": 3 + 4 * (i % 2), **square}
            for i in range(annotations)
        ],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


@pytest.fixture
def put_photos(tmp_path: Path) -> Callable[..., list[str]]:
    import cv2
    import numpy as np

    def put(folder: str, n: int, first: int = 0) -> list[str]:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        names = [f"{first + i}.png" for i in range(n)]
        for i, name in enumerate(names):
            photo = np.random.default_rng(first + i).integers(0, 255, (40, 90, 3), np.uint8)
            cv2.imwrite(str(tmp_path / folder / name), photo)
        return names

    return put


def test_one_file_is_divided_into_folds(
    project: Project, put_photos: Callable[..., list[str]], capsys: Capture
) -> None:
    names = put_photos("data/photos", 10)
    write_coco(project.root / "data/annotations/instances_default.json", names, 20)
    (project.root / "data/notes.json").write_text("[1]")
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0
    assert "folds of the training images are in recipes/splits/mine_5fold.json" in (
        capsys.readouterr().err
    )
    data = made(project).data
    assert (data.root, data.train) == ("data/photos", "../annotations/instances_default.json")
    assert data.folds is not None
    assert data.classes == ("A", "B")
    assert data.image_size == (32, 96)
    assert run(["recipe", "check", "mine"]) == 0


def test_names_of_files_are_told_apart(
    tmp_path: Path, put_photos: Callable[..., list[str]]
) -> None:
    names = put_photos("d", 6)
    for name, n in {"train_all": 6, "train_small": 2, "instances_val2017": 2, "test": 0}.items():
        write_coco(tmp_path / "d" / f"{name}.json", names, n)
    (tmp_path / "d" / "sample.csv").write_text(f"id,labels\n{names[0]},{'0 ' * 16}\n")
    found = survey_data(tmp_path / "d")
    assert (found.train, found.val) == ("train_small.json", "instances_val2017.json")
    assert (found.test, found.truth) == ("test.json", None)
    assert (found.columns, found.map_size) == (("id", "labels"), (4, 4))


@pytest.mark.parametrize("damage", ["}", '{"images": [{"id": 1}]}'])
def test_a_damaged_split_is_no_missing_one(
    project: Project, put_photos: Callable[..., list[str]], capsys: Capture, damage: str
) -> None:
    names = put_photos("d", 6)
    write_coco(project.root / "d/train.json", names[:4], 8)
    write_coco(project.root / "d/val.json", names[4:], 4)
    good = (project.root / "d/val.json").read_text()
    bad = good + damage if damage == "}" else damage
    (project.root / "d/backup.json").write_text(bad)
    (project.root / "d/config.json").write_text('{"epochs": 3}')
    assert run(["recipe", "new", "first", "--data", "d"]) == 0
    told = capsys.readouterr().err
    assert "warning: skipped: " in told
    assert "backup.json:1: " in told or "backup.json: images[0]" in told
    assert "config.json" not in told
    for name in ("val", "valid", "test"):
        (project.root / f"d/{name}.json").write_text(bad)
        assert run(["recipe", "new", "mine", "--data", "d"]) == 2
        assert f"{name}.json:" in capsys.readouterr().err
        assert not (project.recipes / "mine.toml").exists()
        (project.root / f"d/{name}.json").write_text(good if name == "val" else '{"images": []}')
    (project.root / "d/val.json").unlink()
    (project.root / "d/train.json").unlink()
    assert run(["recipe", "new", "mine", "--data", "d"]) == 2
    assert "backup.json" in capsys.readouterr().err


@pytest.mark.parametrize("by_class", [False, True])
def test_the_ids_of_the_sample_are_written_and_read_back(
    project: Project, put_photos: Callable[..., list[str]], by_class: bool
) -> None:
    from toolkit.experiment.planning.own_recipe import write_own_recipe
    from toolkit.submission.spec import expect, from_recipe

    names = {folder: put_photos(f"d/{folder}", 2, first) for folder, first in _FOLDERS.items()}
    for number, (folder, own) in enumerate(names.items()):
        write_coco(
            project.root / f"d/{folder}.json", [f"{folder}/{n}" for n in own], 4 - 2 * number
        )
    ids = [name.removesuffix(".png") for name in reversed(names["test"])]
    rows = [f"{each}_{label},1 1" for each in ids for label in (1, 2)]
    rows = rows if by_class else [f"{each},0" for each in ids]
    header = "ImageId_ClassId,EncodedPixels" if by_class else "id,labels"
    (project.root / "d/sample.csv").write_text("\n".join([header, *rows]) + "\n")
    workspace = workspace_of(project)
    path = write_own_recipe(workspace, "mine", "d", base=None, author="")
    parameters = made(project).submission.parameters
    assert (parameters["image_folder"], parameters["image_suffix"]) == ("test", ".png")
    found = expect(workspace, from_recipe(path, project))
    assert found.image_ids == tuple(f"test/{each}.png" for each in ids)
    assert run(["recipe", "check", "mine"]) == 0
    assert run(["recipe", "run", "mine", "--smoke"]) == 0


_FOLDERS = {"train": 0, "val": 10, "test": 20}


def test_a_recipe_of_wrong_data_is_kept_and_the_next_try_works(
    project: Project, put_photos: Callable[..., list[str]], capsys: Capture
) -> None:
    names = put_photos("d", 10)
    write_coco(project.root / "d/train.json", names, 20)
    good = (project.root / "d" / names[3]).read_bytes()
    (project.root / "d" / names[3]).write_bytes(good[:-40])
    command = ["recipe", "new", "mine", "--data", "d"]
    assert run(command) == 2
    told = capsys.readouterr().err
    assert names[3] in told
    assert "recipes/mine.toml was written. Mend the data or the recipe, then: trash recipe" in told
    (project.root / "d" / names[3]).write_bytes(good)
    assert run(["recipe", "check", "mine"]) == 0
    assert run(command) == 2
    assert "replace it with --force" in capsys.readouterr().err
    write_coco(project.root / "d/train.json", names[:8], 20)  # other folds
    assert run([*command, "--force"]) == 0


def test_folders_that_cannot_be_used_are_explained(
    project: Project, put_photos: Callable[..., list[str]], capsys: Capture
) -> None:
    root = project.root
    train, val = put_photos("coco/one", 2), put_photos("coco/two", 2, 2)
    write_coco(root / "coco/annotations/train.json", train, 2)
    write_coco(root / "coco/annotations/val.json", val, 2)
    write_coco(root / "lost/train.json", ["gone.png"], 1)
    write_coco(root / "bare/test.json", ["a.png"], 0)
    (root / "empty").mkdir()
    for folder, message in {
        "coco": "relative to different folders",
        "lost": "there is no gone.png",
        "bare": "bare holds no annotations that are known: it holds test.json",
        "empty": "empty holds no annotations that are known: it is empty",
        "emty": "--data emty: there is no such folder Did you mean empty?",
    }.items():
        assert run(["recipe", "new", "mine", "--data", folder]) == 2
        assert message in " ".join(capsys.readouterr().err.split())
        assert not (project.recipes / "mine.toml").exists()


@pytest.mark.parametrize("name", ["taco", "bags"])
def test_real_contests(project: Project, request: pytest.FixtureRequest, name: str) -> None:
    root: Any = request.getfixturevalue(f"{name}_root")
    assert run(["recipe", "new", "mine", "--data", str(root)]) == 0
    recipe = made(project)
    assert recipe.data.val == "val.json"
    assert recipe.data.test == {"taco": "test.json", "bags": None}[name]
    assert len(recipe.data.classes or ()) == {"taco": 11, "bags": 2}[name]
    shutil.rmtree(project.cache, ignore_errors=True)
