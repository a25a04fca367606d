from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.workspaces import open_truth, workspace_in
from toolkit.errors import UsageError
from toolkit.formats.mask_string import MaskString
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.submission.spec import (
    SpecSource,
    expect,
    format_of,
    photos_of,
    row_order,
    sources_of,
)
from toolkit.workspace import Workspace

CATEGORIES = [{"id": 7, "name": "Glass"}, {"id": 3, "name": "Paper"}]


def write_coco(path: Path, names: list[str], categories: list[dict[str, Any]]) -> None:
    images = [{"id": i, "file_name": name, "width": 8, "height": 8} for i, name in enumerate(names)]
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))


def expected_of(tmp_path: Path, registry: Registry, **data: Any) -> Any:
    source = SpecSource(
        Data(**{"root": ".", "test": "test.json", **data}), ComponentSpec(name="mask_string")
    )
    return expect(Workspace(Project(tmp_path), registry, SilentProgress()), source)


def test_classes_come_from_the_test_json(tmp_path: Path, registry: Registry) -> None:
    write_coco(tmp_path / "test.json", ["b.jpg", "a.jpg"], CATEGORIES)
    expected = expected_of(tmp_path, registry)
    assert expected.class_names == ("Background", "Paper", "Glass")
    assert expected.image_ids == ("b.jpg", "a.jpg")
    assert expected.format.size == (256, 256)


def test_classes_come_from_the_training_json_when_the_test_json_has_none(
    tmp_path: Path, registry: Registry
) -> None:
    write_coco(tmp_path / "test.json", ["a.jpg"], [])
    write_coco(tmp_path / "train.json", [], CATEGORIES)
    assert expected_of(tmp_path, registry).class_names == ("Background", "Paper", "Glass")


def test_classes_of_the_recipe_win(tmp_path: Path, registry: Registry) -> None:
    write_coco(tmp_path / "test.json", ["a.jpg"], CATEGORIES)
    expected = expected_of(tmp_path, registry, classes=("Glass", "Paper"), background="none")
    assert expected.class_names == ("none", "Glass", "Paper")


def test_unknown_classes_are_an_error(tmp_path: Path, registry: Registry) -> None:
    write_coco(tmp_path / "test.json", ["a.jpg"], [])
    with pytest.raises(UsageError, match=r"test\.json has no categories"):
        expected_of(tmp_path, registry)


def test_nothing_to_submit_is_an_error(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"data\.test is unset"):
        expected_of(tmp_path, registry, test=None)


NAMES = ["a.jpg", "b,1.jpg", "c.jpg"]
FORMAT = MaskString((2, 2), ("image_id", "PredictionString"), 3)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("image_id,PredictionString\n", NAMES),
        ("image_id,PredictionString", NAMES),
        ('image_id,PredictionString\nc.jpg,0 0\n"b,1.jpg",\na.jpg,0\n', [*reversed(NAMES)]),
        ('\ufeffimage_id\r\nc.jpg\r\n"b,1.jpg"\r\na.jpg\r\n\r\n', [*reversed(NAMES)]),
    ],
)
def test_the_sample_gives_the_order_when_it_has_rows(
    tmp_path: Path, sample: str, expected: list[str]
) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(sample, encoding="utf-8", newline="")
    assert row_order(NAMES, path, FORMAT) == tuple(expected)
    assert row_order(NAMES, None, FORMAT) == tuple(NAMES)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ("image_id\na.jpg\nc.jpg\n", "lacks b,1.jpg"),
        (
            'image_id\na.jpg\nc.jpg\n"b,1.jpg"\nd.jpg\n',
            "lists images that the test JSON lacks: d.jpg",
        ),
        ('image_id\na.jpg\nc.jpg\n"b,1.jpg"\na.jpg\n', "repeats a.jpg"),
        ('image_id\na.jpg\n"c.jpg\n', "row 3: a quote is out of place"),
    ],
)
def test_a_sample_of_other_images_is_an_error(tmp_path: Path, sample: str, message: str) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(sample)
    with pytest.raises(UsageError, match=message):
        row_order(NAMES, path, FORMAT)


def test_a_repeated_test_image_is_an_error() -> None:
    with pytest.raises(UsageError, match="lists an image twice"):
        row_order(["a.jpg", "a.jpg"], None, FORMAT)


def test_truth_is_labelled_by_the_classes_of_the_data(tmp_path: Path) -> None:
    write_coco(tmp_path / "truth.json", ["a.jpg"], CATEGORIES)
    split = open_truth(tmp_path / "truth.json", Data(classes=("Glass", "Paper"), overlap="area"))
    assert split.labels.label_of == {7: 1, 3: 2}
    assert split.overlap == "area"
    with pytest.raises(UsageError, match=r"truth\.json: no category is called Metal"):
        open_truth(tmp_path / "truth.json", Data(classes=("Glass", "Paper", "Metal")))


NAMED = SpecSource(
    Data(root=".", test="contest/test.json", classes=("Glass", "Paper")),
    ComponentSpec(name="mask_string"),
    image_root="contest",
)


def test_a_file_is_read_without_the_test_json(tmp_path: Path, registry: Registry) -> None:
    format_, class_names = format_of(
        Workspace(Project(tmp_path), registry, SilentProgress()), NAMED
    )
    assert format_.size == (256, 256)
    assert class_names == ("Background", "Glass", "Paper")


def test_photos_lie_where_the_source_says_or_elsewhere(tmp_path: Path) -> None:
    for folder in ("contest", "moved"):
        (tmp_path / folder).mkdir()
        write_coco(tmp_path / folder / "test.json", [f"{folder}.jpg"], [])
    project = Project(tmp_path)
    photos = photos_of(workspace_in(project), NAMED)
    assert photos.path(0) == tmp_path / "contest" / "contest.jpg"
    assert (
        photos_of(workspace_in(project), NAMED, tmp_path / "moved").path(0)
        == tmp_path / "moved" / "moved.jpg"
    )
    (tmp_path / "contest" / "test.json").unlink()
    with pytest.raises(
        UsageError, match=r"annotation file not found: .*contest.test\.json"
    ) as caught:
        photos_of(workspace_in(project), NAMED)
    assert "--test JSON" in caught.value.hint


def test_a_test_json_beside_the_images_moves_with_them(tmp_path: Path) -> None:
    (tmp_path / "moved" / "images").mkdir(parents=True)
    write_coco(tmp_path / "moved" / "test.json", ["a.jpg"], [])
    source = replace(NAMED, image_root="contest/images")
    moved = photos_of(workspace_in(Project(tmp_path)), source, tmp_path / "moved" / "images")
    assert moved.path(0) == tmp_path / "moved" / "images" / "a.jpg"


def test_nobody_says_what_a_file_holds(tmp_path: Path) -> None:
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert sources_of(files, NAMED) == [NAMED, NAMED]
    with pytest.raises(UsageError, match=r"no side-car beside .*a\.csv says"):
        sources_of(files[:1], None)
    with pytest.raises(UsageError, match="no side-car beside any of the files says"):
        sources_of(files, None)


@pytest.mark.parametrize(
    ("name", "images", "message"),
    [
        ("mask_string", ["a.png", "b\n.png"], "holds a line break"),
        ("run_length", ["a.png", "b\r.png"], "holds a line break"),
        ("png_zip", ["a.jpg", "a.png"], "would both be a.png"),
        ("png_zip", ["a.jpg", "b:c.png"], "cannot be the name of a file"),
        ("npz", ["a.png", "b\0"], "ends with NUL"),
    ],
)
def test_an_id_that_cannot_be_written_is_told_before_the_work(
    registry: Registry, name: str, images: list[str], message: str
) -> None:
    context = Context(("Background", "Paper"))
    format_ = registry.build("submission_format", ComponentSpec(name=name), context)
    with pytest.raises(UsageError, match=message):
        row_order(images, None, format_)
