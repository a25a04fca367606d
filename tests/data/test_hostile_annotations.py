"""Whatever an annotation holds, opening and checking end in a report or one UsageError."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.small_contests import coco as make_coco
from toolkit.data.annotation_rules import oddities
from toolkit.data.coco import read_coco
from toolkit.data.empty_annotations import without_empty
from toolkit.data.labels import make_label_map
from toolkit.data.masks import paint_mask
from toolkit.data.problems import find_problems
from toolkit.errors import UsageError
from toolkit.progress import SilentProgress
from toolkit.recipe.schema import Data

numbers = st.one_of(
    st.integers(-5, 40),
    st.floats(-5, 40),
    st.sampled_from([10**400, -(10**30), 1e300, float("nan"), float("inf"), True, None, "3"]),
)
polygons = st.lists(st.lists(numbers, max_size=9), max_size=3)
rle = st.fixed_dictionaries(
    {},
    optional={
        "size": st.sampled_from([[24, 32], [32, 24], None, 7, [24], "x"]),
        "counts": st.one_of(
            st.text(max_size=20),
            st.lists(numbers, max_size=6),
            st.tuples(st.integers(0, 768)).map(lambda first: [first[0], 768 - first[0]]),
            st.none(),
        ),
    },
)
anything = st.recursive(
    numbers, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)
segmentations = st.one_of(polygons, rle, anything)
fields = st.fixed_dictionaries(
    {"segmentation": segmentations},
    optional={"bbox": st.lists(numbers, max_size=5) | anything, "area": numbers, "id": numbers},
)


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=st.lists(fields, min_size=1, max_size=4))
def test_every_annotation_is_read_told_or_refused(
    tmp_path: Path, changes: list[dict[str, Any]]
) -> None:
    content = make_coco(3, prefix="a")
    for annotation, change in zip(content["annotations"], changes, strict=False):
        annotation.update(change)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    quiet = SilentProgress()
    try:
        coco = read_coco(path)
    except UsageError:
        return
    for problem in find_problems(coco, Data(), labelled=True):
        assert problem.kind
    labels = make_label_map(coco.categories, None, "Background")
    try:
        list(oddities(coco, Data()))
        for record in without_empty(coco.images, path, tmp_path, "skip", quiet):
            paint_mask(record, labels, "area", 255)
    except UsageError as error:
        assert error.message  # noqa: PT017  (either way is right)
