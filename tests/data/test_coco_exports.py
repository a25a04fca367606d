"""COCO files as annotation tools export them, and what in a COCO file is ignored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.small_contests import square
from tests.workspaces import workspace_in
from toolkit.data.check import check_split
from toolkit.data.contest import Contest, open_contest
from toolkit.data.masks import open_masks, paint_mask
from toolkit.data.sources import AnnotationFile
from toolkit.errors import UsageError
from toolkit.objects.cutting import find_pieces
from toolkit.plugin.component import ComponentSpec
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data

HEIGHT, WIDTH = 24, 32


def annotation(number: int, image: int, category: int, x: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": square(x, 2, 10),
        "area": 100.0,
        "bbox": [float(x), 2.0, 10.0, 10.0],
        "iscrowd": 0,
        **more,
    }


def write(
    file: Path,
    photos: dict[str, Path],
    categories: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
) -> None:
    """Write a COCO file; `photos` is what it calls a photo -> where the photo lies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    images = []
    for number, (name, place) in enumerate(photos.items()):
        images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        place.parent.mkdir(parents=True, exist_ok=True)
        shade = len(list(file.parents[1].rglob("*.png"))) * 9
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), shade, np.uint8)).save(place)
    content = {"images": images, "categories": categories, "annotations": annotations}
    file.write_text(json.dumps(content))


def open_export(root: Path, **data: Any) -> Contest:
    return open_contest(workspace_in(Project(root / "project")), Data(root=str(root), **data))


def test_roboflow(tmp_path: Path) -> None:
    """Photos beside their file; category 0 is the name of the project, a group without objects."""
    categories = [
        {"id": 0, "name": "litter", "supercategory": "none"},
        {"id": 1, "name": "Paper", "supercategory": "litter"},
        {"id": 2, "name": "Glass", "supercategory": "litter"},
    ]
    for split in ("train", "valid", "test"):
        names = [f"{split}_{number}_png.rf.0a1b.png" for number in range(2)]
        write(
            tmp_path / split / "_annotations.coco.json",
            {name: tmp_path / split / name for name in names},
            categories,
            [annotation(number, number, 1 + number, 4) for number in range(2)],
        )
    files = {
        key: f"{split}/_annotations.coco.json"
        for key, split in (("train", "train"), ("val", "valid"), ("test", "test"))
    }
    with pytest.raises(UsageError, match="2 of 2 image files are not under") as caught:
        open_export(tmp_path, **files)
    assert 'data.format = {name = "coco", photos = "{folder}"}' in caught.value.hint
    beside = ComponentSpec(name="coco", photos="{folder}")
    contest = open_export(tmp_path, **files, format=beside, classes=("Paper", "Glass"))
    assert contest.train.file_names[0] == "train/train_0_png.rf.0a1b.png"
    assert contest.class_names == ("Background", "Paper", "Glass")


@pytest.mark.parametrize(
    "name",
    [
        "images\\{}",
        "..\\..\\label-studio\\media\\upload\\4\\{}",
        "../../data/upload/1/{}",
        "/home/somebody/.local/share/label-studio/media/upload/1/{}",
        "C:\\label-studio\\media\\upload\\1\\{}",
    ],
)
def test_label_studio(name: str, tmp_path: Path) -> None:
    """result.json and images/, names of the machine that exported, categories from 0."""
    for row, split in enumerate(("train", "val")):
        photo = f"cb0618f6-{split}.png"
        write(
            tmp_path / "x" / f"{split}.json",
            {name.format(photo): tmp_path / "images" / photo},
            [{"id": 0, "name": "Paper"}, {"id": 1, "name": "Glass"}],
            [annotation(0, 0, row, 4, ignore=0)],
        )
    files = {"train": "x/train.json", "val": "x/val.json"}
    contest = open_export(tmp_path, **files, format=ComponentSpec(name="coco", photos="images"))
    assert contest.train.file_names == ("images/cb0618f6-train.png",)
    assert contest.train.labels.label_of == {0: 1, 1: 2}


def test_cvat(tmp_path: Path) -> None:
    """annotations/instances_SUBSET.json, images/SUBSET/, masks as counts with iscrowd = 1."""
    counts = [26, 10, HEIGHT * WIDTH - 36]
    mask = {"counts": counts, "size": [HEIGHT, WIDTH]}
    attributes = {"occluded": False, "rotation": 0.0}
    for split in ("Train", "Validation"):
        write(
            tmp_path / "annotations" / f"instances_{split}.json",
            {"day 1/a.png": tmp_path / "images" / split / "day 1" / "a.png"},
            [{"id": 1, "name": "Paper", "supercategory": ""}],
            [annotation(1, 0, 1, 1, segmentation=mask, iscrowd=1, attributes=attributes, area=10)],
        )
    files = {
        "train": "annotations/instances_Train.json",
        "val": "annotations/instances_Validation.json",
    }
    subset = ComponentSpec(name="coco", photos="images/{subset}")
    contest = open_export(tmp_path, **files, format=subset)
    assert contest.train.file_names == ("images/Train/day 1/a.png",)
    masks = open_masks(contest.train, tmp_path / "cache", None, SilentProgress())
    assert masks.pixel_counts.tolist() == [HEIGHT * WIDTH - 10, 10]
    crowd = ComponentSpec(name="coco", photos="images/{subset}", ignore_crowd=True)
    with pytest.raises(UsageError, match="every annotation is a crowd") as caught:
        open_export(tmp_path, **files, format=crowd)
    assert "leave out data.format.ignore_crowd" in caught.value.hint


def test_boxes_without_an_outline_are_refused_as_before(tmp_path: Path) -> None:
    write(
        tmp_path / "x" / "train.json",
        {"a.png": tmp_path / "a.png"},
        [{"id": 0, "name": "Paper"}],
        [annotation(0, 0, 0, 4, segmentation=[])],
    )
    with pytest.raises(UsageError, match="1 of 1 annotations cover no pixel"):
        open_export(tmp_path, train="x/train.json", val="x/train.json")


CATEGORIES = [
    {"id": 3, "name": "Paper"},
    {"id": 5, "name": "void"},
    {"id": 9, "name": "Glass"},
]
ANNOTATIONS = [
    annotation(1, 0, 3, 2),
    annotation(2, 0, 5, 8),
    annotation(3, 0, 9, 16, iscrowd=1),
    annotation(4, 0, 9, 18),
    annotation(5, 1, 9, 4),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in ("train", "val"):
        photos = {f"{split}{row}.png": tmp_path / f"{split}{row}.png" for row in range(2)}
        write(tmp_path / "x" / f"{split}.json", photos, CATEGORIES, ANNOTATIONS)
    return tmp_path


FILES = {"train": "x/train.json", "val": "x/val.json"}


@pytest.mark.parametrize("overlap", ["max-id", "area", "order"])
@pytest.mark.parametrize("crowd", [False, True])
def test_what_is_ignored_is_painted_below_all_objects(
    overlap: str, crowd: bool, root: Path
) -> None:
    format_ = ComponentSpec(name="coco", ignore=["void"], ignore_crowd=crowd)
    contest = open_export(root, **FILES, format=format_, overlap=overlap)
    assert contest.class_names == ("Background", "Paper", "Glass")
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    rows = slice(2, 12)
    expected[rows, 8:18] = 255
    expected[rows, 16:26] = 255 if crowd else 2
    expected[rows, 18:28] = 2
    expected[rows, 2:12] = 1  # an object covers what is ignored, whatever the rule
    train = contest.train
    mask = paint_mask(train.images[0], train.labels, train.overlap, train.ignore_index)
    assert mask.tolist() == expected.tolist()
    pieces = find_pieces(train, (1, 2), "annotation", SilentProgress())
    assert [(piece.row, piece.label, piece.area) for piece in pieces] == [
        (0, 1, 100),
        (0, 2, 100),
        (1, 2, 100),
    ]


def test_ignoring_is_another_content_and_another_mask(root: Path, tmp_path: Path) -> None:
    def pixels(**format_: Any) -> tuple[str, list[int]]:
        spec = ComponentSpec(name="coco", **format_) if format_ else None
        train = open_export(root, **FILES, format=spec).train
        masks = open_masks(train, tmp_path / "cache", None, SilentProgress())
        return train.digest, masks.pixel_counts.tolist()

    plain, every = pixels(), pixels(ignore_crowd=True)
    assert plain[0] != every[0]
    assert plain[1][0] == every[1][0]
    assert (plain[1][3], every[1][3]) == (220, 200)
    # Where the photos are is not what the annotations hold.
    assert pixels(photos="") == plain


def test_a_name_that_is_to_be_ignored_must_be_there(root: Path) -> None:
    with pytest.raises(UsageError, match="no category is called 'viod'") as caught:
        open_export(root, **FILES, format=ComponentSpec(name="coco", ignore=["viod"]))
    assert caught.value.hint == "Did you mean void?"
    with pytest.raises(UsageError, match=r"\{foldr\} is unknown in data\.format\.photos"):
        open_export(root, **FILES, format=ComponentSpec(name="coco", photos="{foldr}"))


def test_a_check_counts_what_is_learned(root: Path) -> None:
    data = Data(format=ComponentSpec(name="coco", ignore=["void"], ignore_crowd=True))
    report = check_split(
        workspace_in(), AnnotationFile("train", root / "x" / "train.json", root, data)
    )
    assert not report.has_errors, report.problems
    assert [(each.name, each.annotations) for each in report.classes] == [
        ("Background", 0),
        ("Paper", 1),
        ("Glass", 2),
    ]
    assert sum(each.pixel_share for each in report.classes) == pytest.approx(1)
