from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.mask_string import MaskString
from toolkit.progress import SilentProgress
from toolkit.submission.aligned import Readable
from toolkit.submission.merge import merge, parse_weights, vote, whole_weights


def slow_vote(labels: list[int], weights: list[Fraction]) -> int:
    """Decide one pixel."""
    votes = {label: Fraction(0) for label in labels}
    for label, weight in zip(labels, weights, strict=True):
        votes[label] += weight
    tied = [label for label, total in votes.items() if total == max(votes.values())]
    for weight in sorted(set(weights), reverse=True):
        for label, other in zip(labels, weights, strict=True):
            if other == weight and label in tied:
                return label
    raise AssertionError


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 5))
def test_votes_as_a_slow_reference(data: st.DataObject, n_files: int) -> None:
    tenths = st.lists(st.integers(0, 6), min_size=n_files, max_size=n_files).filter(any)
    weights = [each / 10 for each in data.draw(tenths)]
    cast = [
        np.array(data.draw(st.lists(st.integers(0, 3), min_size=6, max_size=6)), np.uint8)
        for _ in range(n_files)
    ]
    decided = vote([each.reshape(2, 3) for each in cast], whole_weights(weights))
    assert decided.dtype == np.uint8
    assert decided.shape == (2, 3)
    exact = [Fraction(str(weight)) for weight in weights]
    for pixel, label in enumerate(decided.ravel().tolist()):
        assert label == slow_vote([int(each[pixel]) for each in cast], exact)


def one_pixel(*labels: int) -> list[NDArray[np.uint8]]:
    return [np.array([[label]], np.uint8) for label in labels]


@pytest.mark.parametrize(
    ("labels", "weights", "decided"),
    [
        ((1, 2, 2), (1, 1, 1), 2),
        ((1, 2, 3), (1, 1, 1), 1),  # the first file decides
        ((3, 2, 1), (1, 1, 1), 3),
        ((1, 2, 2), (0.5, 0.2, 0.3), 1),  # 0.2 + 0.3 = 0.5: the heaviest file decides
        ((2, 2, 1), (0.1, 0.2, 0.3), 1),  # in floats 0.1 + 0.2 > 0.3
        ((1, 2, 2, 3, 3), (1, 1, 1, 1, 1), 2),  # the tied label that came first
        ((1, 2), (0, 0.001), 2),
    ],
)
def test_ties(labels: tuple[int, ...], weights: tuple[float, ...], decided: int) -> None:
    assert vote(one_pixel(*labels), whole_weights(weights)).tolist() == [[decided]]


def test_whole_weights_keep_the_ratio() -> None:
    assert whole_weights((0.4, 0.6)) == (2, 3)
    assert whole_weights((1, 1)) == (1, 1)
    assert whole_weights((0.7205, 0.7043, 0)) == (7205, 7043, 0)
    with pytest.raises(UsageError, match="too many digits"):
        whole_weights((1e-300, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.4,x", "not numbers"),
        ("0.4", "1 weight for 2 files"),
        ("0.4,", "not numbers"),
        ("-1,2", "each must be 0 or more"),
        ("0,0", "one must be above 0"),
        ("nan,1", "each must be 0 or more"),
        ("inf,1", "each must be 0 or more"),
    ],
)
def test_unusable_weights(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_weights(text, 2)


def test_a_merged_file_has_the_order_asked_for(tmp_path: Path) -> None:
    format_ = MaskString((1, 2), ("image_id", "PredictionString"), 3)
    files = []
    for name, rows in (
        ("a", {"x": [0, 1], "y": [2, 2]}),
        ("b", {"y": [1, 2], "x": [1, 1]}),
        ("c", {"x": [1, 0], "y": [1, 0]}),
    ):
        with (tmp_path / f"{name}.csv").open("wb") as file:
            format_.write(file, ((i, np.array([v], np.uint8)) for i, v in rows.items()))
        files.append(Readable(tmp_path / f"{name}.csv", format_, ("B", "P", "G")))
    report = merge(files, (1, 1, 1), tmp_path / "out.csv", ("y", "x"), SilentProgress())
    assert report.valid
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == ["y,1 2", "x,1 1"]


def test_a_broken_file_leaves_nothing(tmp_path: Path) -> None:
    format_ = MaskString((1, 2), ("image_id", "PredictionString"), 3)
    for name, text in (("a", "x,0 1\ny,0 0\n"), ("b", "x,0 1\ny,0\n")):
        (tmp_path / f"{name}.csv").write_text(f"image_id,PredictionString\n{text}")
    files = [Readable(tmp_path / f"{name}.csv", format_, ("B", "P", "G")) for name in "ab"]
    with pytest.raises(UsageError, match=r"b\.csv: row 3, label 1, y: 1 label;"):
        merge(files, (1, 1), tmp_path / "out.csv", ("x", "y"), SilentProgress())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]
