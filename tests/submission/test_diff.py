from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.mask_string import MaskString
from toolkit.submission.aligned import Readable
from toolkit.submission.diff import Flow, compare

NAMES = ("Background", "Paper", "Glass", "Metal")
FORMAT = MaskString((5, 4), ("image_id", "PredictionString"), 4)


def written(path: Path, maps: dict[str, NDArray[np.uint8]]) -> Readable:
    with path.open("wb") as file:
        FORMAT.write(file, maps.items())
    return Readable(path, FORMAT, NAMES)


def maps(seed: int, changed: float) -> tuple[dict[str, NDArray[np.uint8]], ...]:
    rng = np.random.default_rng(seed)
    first, second = {}, {}
    for number in range(7):
        name = f"{number}.jpg"
        first[name] = rng.integers(0, 3, (5, 4), np.uint8)
        change = rng.random((5, 4)) < changed * number / 6
        second[name] = np.where(change, rng.integers(0, 3, (5, 4), np.uint8), first[name])
    return first, second


def test_every_figure_against_a_slow_count(tmp_path: Path) -> None:
    first, second = maps(0, 0.5)
    backwards = dict(reversed(second.items()))
    found = compare(
        written(tmp_path / "a.csv", first), written(tmp_path / "b.csv", backwards), keep=2
    )
    pairs = [
        (int(a), int(b))
        for name in first
        for a, b in zip(first[name].ravel(), second[name].ravel(), strict=True)
    ]
    assert found.matrix.tolist() == [[pairs.count((a, b)) for b in range(4)] for a in range(4)]
    scores = found.scores()
    assert scores.accuracy == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
    for label in range(3):
        both = sum(a == b == label for a, b in pairs)
        either = sum(label in pair for pair in pairs)
        assert scores.iou[label] == pytest.approx(both / either)
    assert scores.iou[3] is None
    flows = [Flow(a, b, pairs.count((a, b))) for a, b in set(pairs) if a != b]
    assert {*found.flows} == {*flows}
    assert [flow.pixels for flow in found.flows] == sorted((f.pixels for f in flows), reverse=True)

    shares = {name: float((first[name] != second[name]).mean()) for name in first}
    assert dict(found.differing) == pytest.approx(shares)
    assert [share for _, share in found.differing] == sorted(shares.values(), reverse=True)
    assert found.n_differing == sum(share > 0 for share in shares.values())
    assert [name for name, *_ in found.shown] == [name for name, _ in found.differing[:2]]
    for name, before, after in found.shown:
        assert before.tolist() == first[name].tolist()
        assert after.tolist() == second[name].tolist()


def test_images_that_do_not_differ_are_not_kept(tmp_path: Path) -> None:
    first, second = maps(1, 0.5)
    file = written(tmp_path / "a.csv", first)
    assert compare(file, file, keep=5).shown == ()
    differing = compare(file, written(tmp_path / "b.csv", second), keep=100)
    assert len(differing.shown) == differing.n_differing < 7


def test_images_that_differ_alike_stay_in_order(tmp_path: Path) -> None:
    first = {f"{n}.jpg": np.zeros((5, 4), np.uint8) for n in range(4)}
    second = {name: np.ones((5, 4), np.uint8) for name in first}
    found = compare(written(tmp_path / "a.csv", first), written(tmp_path / "b.csv", second), keep=3)
    assert [name for name, *_ in found.shown] == ["0.jpg", "1.jpg", "2.jpg"]
    assert [name for name, _ in found.differing] == list(first)


def test_files_without_any_row(tmp_path: Path) -> None:
    first, second = (written(tmp_path / name, {}) for name in ("a.csv", "b.csv"))
    with pytest.raises(UsageError, match=r"a\.csv and .*b\.csv hold no images"):
        compare(first, second)
