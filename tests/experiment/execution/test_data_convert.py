"""`trash data convert`: from one format to another and back, every label as it was."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.tiny_project import RECIPE, workspace_of
from toolkit.cli.main import run
from toolkit.data.contest import Contest, open_contest
from toolkit.data.masks import paint_mask
from toolkit.project import Project
from toolkit.recipe.load import load_recipe

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def mine(project: Project, demo_root: Path) -> Project:
    """The project with the demo's data in a folder of its own, and a crowd that is ignored."""
    shutil.copytree(demo_root, project.root / "data")
    path = project.root / "data" / "train.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["iscrowd"] = 1
    path.write_text(json.dumps(content))
    text = RECIPE.replace("{root}", "data")
    crowd = '[data.format]\nname = "coco"\nignore_crowd = true\n\n[model]'
    (project.recipes / "tiny.toml").write_text(text.replace("[model]", crowd))
    return project


def write_recipe(project: Project, name: str, table: str) -> None:
    """Write the recipe `tiny` with another `[data]` table."""
    head, _, rest = RECIPE.partition("[data]")
    model = rest[rest.index("[model]") :]
    (project.recipes / f"{name}.toml").write_text(f"{head}{table}\n{model}")


def opened(project: Project, name: str) -> Contest:
    return open_contest(workspace_of(project), load_recipe(Path(name), project=project).recipe.data)


def labels_of(contest: Contest) -> dict[str, Any]:
    return {
        f"{split.name} {record.file_name}": paint_mask(
            record, split.labels, split.overlap, split.ignore_index
        )
        for split in (contest.train, contest.val, contest.truth)
        if split is not None
        for record in split.images
    }


def convert(project: Project, capsys: Capture, recipe: str, to: str, name: str) -> Contest:
    capsys.readouterr()
    assert run(["data", "convert", recipe, "--to", to, "-o", name]) == 0, capsys.readouterr().err
    told = capsys.readouterr()
    assert "every label is the same" in told.err
    write_recipe(project, name, told.out)
    return opened(project, name)


def test_what_training_leaves_out_is_converted(mine: Project, capsys: Capture) -> None:
    content = json.loads((mine.root / "data" / "train.json").read_text())
    found = next(each for each in content["annotations"] if not each["iscrowd"])
    names = {each["id"]: each["name"] for each in content["categories"]}
    image = next(each for each in content["images"] if each["id"] == found["image_id"])
    (mine.root / "list.csv").write_text(
        "image,annotation,label,left,top,width,height,verdict\n"
        f"{image['file_name']},{found['id']},{names[found['category_id']]},0,0,1,1,wrong\n"
    )
    before = labels_of(opened(mine, "tiny"))
    recipe = mine.recipes / "tiny.toml"
    recipe.write_text(recipe.read_text().replace("[data]", '[data]\nexclude = "list.csv"', 1))
    excluded = labels_of(opened(mine, "tiny"))
    assert any(not np.array_equal(before[name], labels) for name, labels in excluded.items())
    # Ids in other files are others: a list would not fit them.
    after = labels_of(convert(mine, capsys, "tiny", "coco", "as_coco"))
    assert all(np.array_equal(before[name], labels) for name, labels in after.items())


def test_to_masks_and_back(mine: Project, capsys: Capture) -> None:
    plain = opened(mine, "tiny")
    masks = convert(mine, capsys, "tiny", "masks", "painted")
    back = convert(mine, capsys, "painted", "coco", "again")
    first = labels_of(plain)
    assert any((labels == 255).any() for labels in first.values())
    for contest in (masks, back):
        assert contest.class_names == plain.class_names
        assert contest.test is not None
        assert plain.test is not None
        assert contest.test.file_names == plain.test.file_names
        other = labels_of(contest)
        assert other.keys() == first.keys()
        for name, labels in first.items():
            np.testing.assert_array_equal(other[name], labels, err_msg=name)
    # Any program shows them: values are labels, colours are far apart.
    (first_mask, *_) = sorted((mine.root / "painted" / "masks" / "train").glob("*.png"))
    with Image.open(first_mask) as image:
        assert image.mode == "P"
        palette = image.getpalette()
    assert palette is not None
    assert palette[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]


def test_objects_stay_objects(mine: Project, capsys: Capture) -> None:
    plain, coco = opened(mine, "tiny"), convert(mine, capsys, "tiny", "coco", "again")
    assert [len(each.annotations) for each in coco.train.images] == [
        len(each.annotations) for each in plain.train.images
    ]
    table = tomllib.loads((mine.recipes / "again.toml").read_text())["data"]
    assert table["format"] == {"name": "coco", "ignore": ["ignored"]}


def test_what_was_converted_trains(mine: Project, capsys: Capture) -> None:
    convert(mine, capsys, "tiny", "masks", "painted")
    once = ["--set", "train.epochs=1", "--json"]
    scores = []
    for name in ("tiny", "painted"):
        capsys.readouterr()
        assert run(["recipe", "run", name, *once]) == 0
        scores.append(json.loads(capsys.readouterr().out)["scores"]["val_miou"])
    assert scores[0] == scores[1]


def test_a_folder_with_something_in_it_is_left_alone(mine: Project, capsys: Capture) -> None:
    before = sorted((mine.root / "data").rglob("*"))
    assert run(["data", "convert", "tiny", "--to", "masks", "-o", "data"]) == 2
    assert "is there already, and not empty" in capsys.readouterr().err
    assert sorted((mine.root / "data").rglob("*")) == before


def test_a_linked_folder_of_data_is_converted_beside_it(mine: Project, capsys: Capture) -> None:
    elsewhere = mine.root.parent / f"{mine.root.name}-disk" / "deep"
    elsewhere.parent.mkdir()
    (mine.root / "data").rename(elsewhere)
    (mine.root / "data").symlink_to(elsewhere)
    plain = labels_of(opened(mine, "tiny"))
    painted = labels_of(convert(mine, capsys, "tiny", "masks", "painted"))
    for name, labels in plain.items():
        np.testing.assert_array_equal(painted[name], labels)
    assert run(["data", "check", "recipes/painted.toml"]) == 0
