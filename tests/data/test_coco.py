from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.coco import read_coco
from toolkit.data.segmentation import defects, encode
from toolkit.errors import UsageError

IMAGE = {"id": 9, "file_name": "a.jpg", "width": 4, "height": 3}
CATEGORY = {"id": 5, "name": "paper"}
ANNOTATION = {"id": 1, "image_id": 9, "category_id": 5, "segmentation": [[0, 0, 2, 0, 2, 2]]}


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def content(**changes: Any) -> dict[str, Any]:
    return {"images": [IMAGE], "annotations": [ANNOTATION], "categories": [CATEGORY], **changes}


def test_annotations_are_found_by_image_id_whatever_the_order(tmp_path: Path) -> None:
    images = [{**IMAGE, "id": 30, "file_name": "b.jpg"}, IMAGE]
    coco = read_coco(write(tmp_path / "a.json", content(images=images)))
    assert [record.file_name for record in coco.images] == ["b.jpg", "a.jpg"]
    assert [len(record.annotations) for record in coco.images] == [0, 1]
    annotation = coco.images[1].annotations[0]
    assert (annotation.annotation_id, annotation.category_id) == (1, 5)
    assert (annotation.area, annotation.iscrowd) == (0.0, False)


def test_annotations_of_unknown_images_are_kept_aside(tmp_path: Path) -> None:
    stray = {**ANNOTATION, "id": 2, "image_id": 77}
    coco = read_coco(write(tmp_path / "a.json", content(annotations=[ANNOTATION, stray])))
    assert [(image_id, item.annotation_id) for image_id, item in coco.orphans] == [(77, 2)]


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    first = read_coco(write(tmp_path / "a.json", content()))
    same = read_coco(write(tmp_path / "b.json", content()))
    other = read_coco(write(tmp_path / "c.json", content(annotations=[])))
    assert first.digest == same.digest != other.digest


def test_a_test_file_needs_no_annotations(tmp_path: Path) -> None:
    path = write(tmp_path / "test.json", {"images": [IMAGE]})
    assert read_coco(path, labelled=False).categories == ()
    with pytest.raises(UsageError, match="the key 'annotations' is missing"):
        read_coco(path)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("{", "a.json:1: annotation file is not valid JSON"),
        ("[1, 2]", "not a COCO file: the top level is a list"),
        ({"annotations": [], "categories": []}, "the key 'images' is missing"),
        (content(images={}), "images is an object, expected a list"),
        (content(images=["a.jpg"]), r"images\[0\] is a text, expected an object"),
        (content(images=[{**IMAGE, "id": "9"}]), r"images\[0\].id is a text \('9'\)"),
        (content(images=[{**IMAGE, "width": 0}]), r"images\[0\].width is 0, expected at least 1"),
        (content(images=[{**IMAGE, "file_name": ""}]), r"images\[0\].file_name"),
        (content(categories=[{"id": True, "name": "x"}]), r"categories\[0\].id is a boolean"),
        (
            content(annotations=[ANNOTATION, {"id": 2, "image_id": 9, "segmentation": []}]),
            r"annotations\[1\] has no category_id",
        ),
        (
            content(annotations=[{**ANNOTATION, "segmentation": "x"}]),
            r"annotations\[0\].segmentation is a text",
        ),
        (content(annotations=[{**ANNOTATION, "area": "1"}]), r"annotations\[0\].area is a text"),
    ],
)
def test_broken_files_are_named_with_place(tmp_path: Path, broken: Any, said: str) -> None:
    path = write(tmp_path / "a.json", broken)
    with pytest.raises(UsageError, match=said) as caught:
        read_coco(path)
    assert str(path) in caught.value.message


def test_a_misspelt_key_is_suggested(tmp_path: Path) -> None:
    broken = {"images": [IMAGE], "anotations": [], "categories": []}
    with pytest.raises(UsageError) as caught:
        read_coco(write(tmp_path / "a.json", broken))
    assert caught.value.hint == "Did you mean anotations?"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    key=st.sampled_from(["images", "annotations", "categories"]),
    field=st.sampled_from(
        ["id", "file_name", "width", "image_id", "category_id", "segmentation", "iscrowd", "name"]
    ),
    value=json_values,
)
def test_any_value_is_read_or_refused_clearly(
    tmp_path_factory: pytest.TempPathFactory, key: str, field: str, value: Any
) -> None:
    broken = content()
    broken[key] = [{**broken[key][0], field: value}]
    path = write(tmp_path_factory.mktemp("coco") / "a.json", broken)
    message = ""
    try:
        read_coco(path)
    except UsageError as error:
        message = error.message
    assert not message or f"{key}[0]" in message


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("width", 10**12, "images[0].width is 1000000000000, expected at most 65536"),
        ("id", 10**30, "images[0].id is 1"),
        ("file_name", "a\x00.jpg", "expected a text that can be the name of a file"),
        ("file_name", "\ud800.jpg", "expected a text that can be the name of a file"),
    ],
)
def test_values_that_would_break_later_are_refused(
    tmp_path: Path, field: str, value: Any, said: str
) -> None:
    path = write(tmp_path / "a.json", content(images=[{**IMAGE, field: value}]))
    with pytest.raises(UsageError) as caught:
        read_coco(path)
    assert said in str(caught.value)
    str(caught.value).encode()


def test_names_of_any_script_and_an_area_of_null_are_fine(tmp_path: Path) -> None:
    image = {**IMAGE, "file_name": "Müll/截图 3.14\u202fPM 🗑.jpg"}
    annotation = {**ANNOTATION, "area": None}
    coco = read_coco(write(tmp_path / "a.json", content(images=[image], annotations=[annotation])))
    assert coco.images[0].file_name == image["file_name"]
    assert coco.images[0].annotations[0].area == 0.0


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=3)
    | st.just("\ud800")
)
values = (
    scalars | st.lists(scalars, max_size=7) | st.lists(st.lists(scalars, max_size=7), max_size=2)
)
outlines = values | st.fixed_dictionaries(
    {"size": st.just([3, 4]) | values, "counts": st.text(max_size=5) | values}
)


@given(
    st.sampled_from([("images", IMAGE), ("annotations", ANNOTATION), ("categories", CATEGORY)]),
    st.data(),
)
def test_a_value_of_any_type_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, entry: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    key, good = entry
    field = data.draw(st.sampled_from(sorted(good)))
    bad = data.draw(outlines if field == "segmentation" else values)
    path = tmp_path_factory.getbasetemp() / "any.json"
    write(path, content(**{key: [{**good, field: bad}]}))
    with suppress(UsageError):
        coco = read_coco(path)
        for record in coco.images:
            for annotation in record.annotations:
                list(defects(annotation.segmentation, record.height, record.width))
                encode(annotation.segmentation, record.height, record.width)
