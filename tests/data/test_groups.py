from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.test_perceptual_hash import encoded, scene
from tests.workspaces import workspace_in
from toolkit.data.coco import read_coco
from toolkit.data.folds import make_folds, read_folds, write_folds
from toolkit.data.groups import GroupRule, Groups, find_groups, group_warnings, united
from toolkit.errors import UsageError
from toolkit.plugin.reader import AnnotationSet

PLAIN = ((2, 3, 5, 10), (0, 8, 9, 11), (1, 4, 6, 7))
WITH_COPIES = ((3, 5, 6), (1, 2, 4, 9, 10), (0, 7, 8, 11))


def coco_of(folder: Path, names: list[str], **keys: list[Any]) -> AnnotationSet:
    """A file of images with these names and, unless None, values of more keys."""
    images = [
        {"id": row, "file_name": name, "width": 8, "height": 8}
        | {key: values[row] for key, values in keys.items() if values[row] is not None}
        for row, name in enumerate(names)
    ]
    annotations = [
        {"id": row, "image_id": row, "category_id": row % 2, "segmentation": []}
        for row in range(len(names))
    ]
    categories = [{"id": 0, "name": "paper"}, {"id": 1, "name": "metal"}]
    path = folder / "train.json"
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content))
    return read_coco(path)


def groups_by(coco: AnnotationSet, rule: str) -> Groups:
    return find_groups(workspace_in(), coco, GroupRule.parse(rule), coco.path.parent)


def numbered(n_images: int) -> list[str]:
    return [f"{row:02}.jpg" for row in range(n_images)]


@pytest.mark.parametrize(
    "text", ["key:scene_id", "key:a:b", "folder", r"name:^(\d+)_", "near-duplicates"]
)
def test_a_rule_is_written_as_it_is_read(text: str) -> None:
    assert str(GroupRule.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("nam:x", "--groups nam:x is no rule", "Did you mean name:EXPRESSION?"),
        (
            "scene_id",
            "--groups scene_id is no rule",
            "Rules: key:NAME, folder, name:EXPR",
        ),
        ("near-duplicate", "is no rule", "Did you mean near-duplicates?"),
        ("key:", "is no rule", "Did you mean key:NAME?"),
        ("folder:x", "is no rule", "Did you mean folder?"),
        ("", "is no rule", "Rules:"),
        ("name:(", "no regular expression: missing )", "An example"),
        (r"name:\d+", "has no capture group", "parentheses"),
        ("key:\udc80", "is no text in UTF-8", ""),
    ],
)
def test_what_is_no_rule_is_refused(text: str, said: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        GroupRule.parse(text)
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_groups_by_folder_name_and_key(tmp_path: Path) -> None:
    names = ["a/1_x.jpg", "./a/2_y.jpg", "b/c/1_z.jpg", "3_.jpg"]
    coco = coco_of(tmp_path, names, scene=["s", 7, "7", 2.0])
    assert groups_by(coco, "folder").names == ("a", "a", "b/c", ".")
    assert groups_by(coco, r"name:(\d+)_").names == ("1", "2", "1", "3")
    assert groups_by(coco, "key:scene").names == ("s", "7", "7", "2")


def test_images_without_the_key_are_named_once_with_their_number(tmp_path: Path) -> None:
    values = ["s", None, "", True, [1], 1.5, "\ud800"]
    coco = coco_of(tmp_path, numbered(7), scene_id=values)
    with pytest.raises(UsageError) as caught:
        groups_by(coco, "key:scene_id")
    assert caught.value.message == (
        f"{coco.path}: 6 of 7 images have no text or integer 'scene_id': "
        "01.jpg, 02.jpg, 03.jpg, 04.jpg, 05.jpg and 1 more"
    )
    with pytest.raises(UsageError) as caught:
        groups_by(coco, "key:scene")
    assert "7 of 7 images have no text or integer 'scene'" in caught.value.message
    assert caught.value.hint == "Did you mean scene_id?"


def test_names_that_do_not_match_are_named_once_with_their_number(tmp_path: Path) -> None:
    coco = coco_of(tmp_path, ["1_a.jpg", "b/2_a.jpg", "_c.jpg"])
    with pytest.raises(UsageError) as caught:
        groups_by(coco, r"name:^(\d*)_")
    assert "2 of 3 images do not match ^(\\d*)_: b/2_a.jpg, _c.jpg" in caught.value.message
    assert "whole file_name, folders included" in caught.value.hint


@given(
    st.integers(0, 15).flatmap(
        lambda n: st.lists(
            st.lists(st.none() | st.sampled_from("abcd"), min_size=n, max_size=n), max_size=3
        ).map(lambda labelings: (n, labelings))
    )
)
def test_units_are_what_shared_labels_connect(drawn: tuple[int, list[list[str | None]]]) -> None:
    count, labelings = drawn
    linked = np.eye(count, dtype=bool)
    for labels in labelings:
        for one in range(count):
            for other in range(count):
                linked[one, other] |= labels[one] is not None and labels[one] == labels[other]
    for _ in range(count):  # slow reference: the transitive closure
        linked = linked @ linked
    unit_of = united(count, labelings)
    np.testing.assert_array_equal(unit_of[:, None] == unit_of, linked)
    firsts = [unit for row, unit in enumerate(unit_of) if unit not in unit_of[:row]]
    assert firsts == sorted(firsts)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), min_size=2, max_size=40),
    st.integers(2, 5),
    st.integers(0, 9),
)
def test_no_group_is_in_two_folds(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, int]],
    n_folds: int,
    seed: int,
) -> None:
    """Groups and copies of photos at once; what is too few for the folds is refused."""
    coco = coco_of(tmp_path_factory.mktemp("drawn"), numbered(len(drawn)))
    groups = Groups(GroupRule("folder"), tuple(str(group) for group, _ in drawn))
    contents = [str(content) for _, content in drawn]
    n_units = len(set(united(len(drawn), [groups.names, contents]).tolist()))
    if n_units < n_folds:
        with pytest.raises(UsageError, match="cannot divide"):
            make_folds(coco, n_folds, seed, contents, groups)
        return
    folds = make_folds(coco, n_folds, seed, contents, groups)
    assert sorted(row for rows in folds.rows for row in rows) == list(range(len(drawn)))
    for labels in (groups.names, contents):
        held = [{labels[row] for row in rows} for rows in folds.rows]
        assert sum(map(len, held)) == len(set(labels))
        assert all(held)
    assert sum(groups.count_in(folds.rows)) == len(set(groups.names))


def test_too_few_groups_are_told_with_their_sizes(tmp_path: Path) -> None:
    coco = coco_of(tmp_path, ["a/1.jpg", "a/2.jpg", "b/1.jpg", "c/1.jpg"])
    groups = groups_by(coco, "folder")
    with pytest.raises(UsageError) as caught:
        make_folds(coco, 3, 0, ["x", "y", "x", "z"], groups)
    assert "cannot divide 4 images in 2 groups (folder) of " in caught.value.message
    assert "into 3 folds" in caught.value.message
    assert caught.value.hint == "A group is in one fold. They are a + b (3), c (1)."


def test_large_groups_and_groups_with_copies_are_told_with_their_sizes() -> None:
    groups = Groups(GroupRule("folder"), ("a",) * 7 + ("b", "c", "d"))
    contents = [str(row) for row in range(9)] + ["7"]
    assert group_warnings(groups, contents, 3) == [
        "copies of photos are in several groups, which stay together: b + d (2)",
        "1 group is larger than a fold should be, 4 images: a (7); the folds cannot be equal",
    ]
    alone = Groups(GroupRule("folder"), tuple("abcdefghij"))
    assert group_warnings(alone, [None] * 10, 3) == []


def test_near_duplicates_and_copies_are_groups(tmp_path: Path) -> None:
    names = ["a.jpg", "b.png", "c.jpg", "d.jpg", "e.png", "f.png"]
    coco = coco_of(tmp_path, names)
    for seed, first, second in ((1, "a.jpg", "d.jpg"), (2, "c.jpg", "b.png")):
        (tmp_path / first).write_bytes(encoded(scene(seed), ".jpg", 90))
        (tmp_path / second).write_bytes(
            encoded(cv2.resize(scene(seed)[:, ::-1], (200, 150)), second[1:])
        )
    for name in ("e.png", "f.png"):  # without detail, but equal
        (tmp_path / name).write_bytes(encoded(np.zeros((9, 9, 3), np.uint8)))
    groups = groups_by(coco, "near-duplicates")
    assert groups.names == ("a.jpg", "b.png", "b.png", "a.jpg", "e.png", "e.png")
    assert str(groups) == "6 images in 3 groups (near-duplicates) of 2 each"
    (tmp_path / "c.jpg").write_bytes(b"no image")
    (tmp_path / "e.png").unlink()
    with pytest.raises(UsageError) as caught:
        groups_by(coco, "near-duplicates")
    assert "2 of 6 images cannot be read: c.jpg, e.png" in caught.value.message
    assert f"looks at all photos, under {tmp_path}" in caught.value.hint


def grouped_file(folder: Path) -> tuple[AnnotationSet, Path]:
    coco = coco_of(folder, numbered(9), scene=list("aabbccdde"))
    groups = groups_by(coco, "key:scene")
    path = folder / "folds.json"
    assert write_folds(path, make_folds(coco, 3, 0, None, groups), coco, 0, groups)
    assert not write_folds(path, make_folds(coco, 3, 0, None, groups), coco, 0, groups)
    return coco, path


def test_a_split_file_says_the_rule_and_its_groups(tmp_path: Path) -> None:
    coco, path = grouped_file(tmp_path)
    groups = groups_by(coco, "key:scene")
    assert read_folds(path, coco.path, numbered(9)) == make_folds(coco, 3, 0, None, groups)
    content = json.loads(path.read_text())
    assert content["version"] == 2
    assert content["groups"]["rule"] == "key:scene"
    assert content["groups"]["images"]["b"] == ["02.jpg", "03.jpg"]


def test_a_split_file_without_groups_has_the_layout_of_before(tmp_path: Path) -> None:
    coco = coco_of(tmp_path, numbered(4))
    write_folds(tmp_path / "folds.json", make_folds(coco, 2, 0), coco, 0)
    content = json.loads((tmp_path / "folds.json").read_text())
    assert list(content) == [
        "schema_name",
        "version",
        "source",
        "source_digest",
        "seed",
        "folds",
    ]
    assert content["version"] == 1


def test_folds_without_groups_are_those_of_before(tmp_path: Path) -> None:
    """Written down before there were groups."""
    coco = coco_of(tmp_path, numbered(12))
    contents = ["x" if row in (1, 4, 10) else str(row) for row in range(12)]
    assert make_folds(coco, 3, 0).rows == PLAIN
    assert make_folds(coco, 3, 0, contents).rows == WITH_COPIES


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file["groups"].update(rule="scene"), "--groups scene is no rule"),
        (
            lambda file: file["groups"]["images"]["a"].append("02.jpg"),
            "in two groups: 02.jpg",
        ),
        (lambda file: file["groups"]["images"].pop("b"), "in no group: 02.jpg, 03.jpg"),
        (
            lambda file: file["groups"]["images"].update(z=["x.jpg"]),
            "in a group but in no fold: x.jpg",
        ),
        (lambda file: file["groups"].update(more=1), "groups.more"),
        (lambda file: file.update(groups=[]), "broken split file: groups"),
    ],
)
def test_a_split_file_with_wrong_groups_is_refused(tmp_path: Path, change: Any, said: str) -> None:
    coco, path = grouped_file(tmp_path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError) as caught:
        read_folds(path, coco.path, numbered(9))
    assert said in f"{caught.value.message}\n{caught.value.hint}"


def test_a_group_that_somebody_divided_is_told(tmp_path: Path) -> None:
    coco, path = grouped_file(tmp_path)
    content = json.loads(path.read_text())
    here = next(fold for fold in content["folds"] if "00.jpg" in fold)
    other = next(fold for fold in content["folds"] if "00.jpg" not in fold)
    here.remove("00.jpg")
    other.append("00.jpg")
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError) as caught:
        read_folds(path, coco.path, numbered(9))
    assert "its folds do not keep the groups of key:scene together" in caught.value.message
    assert "groups in several folds: a" in caught.value.hint
