from __future__ import annotations

import numpy as np
import pytest

from toolkit.report.class_figures import class_figures, matrix_of


def counts_of_images() -> np.ndarray:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 50, (20, 4, 4))
    counts[:, range(4), range(4)] += 100
    counts[:, 3] = counts[:, :, 3] = 0  # nobody has seen the last class
    counts[5:, 2] = 0
    counts[6, 1, 1] = 0  # missed there
    return counts


def test_figures_are_those_of_the_definitions() -> None:
    counts = counts_of_images()
    total = counts.sum(0)
    rows = class_figures(counts, ["Background", "a", "b", "c"])
    for label in range(3):
        right, true, predicted = total[label, label], total[label].sum(), total[:, label].sum()
        found = rows[label]
        assert found.iou == right / (true + predicted - right)
        assert found.recall == right / true
        assert found.precision == right / predicted
        assert found.share == true / total.sum()
        assert found.images == sum(1 for image in counts if image[label].sum())
        others = {other: total[label, other] / true for other in range(4) if other != label}
        most = max(others, key=lambda other: others[other])
        assert found.taken_for == (rows[most].name, others[most])
        others = {other: total[other, label] / predicted for other in range(4) if other != label}
        most = max(others, key=lambda other: others[other])
        assert found.really == (rows[most].name, others[most])
        assert found.pixels == true
        has, said = counts[:, label].sum(1) > 0, counts[:, :, label].sum(1) > 0
        found_in = counts[:, label, label] > 0
        assert found.missed_in == sum(has & ~found_in)
        assert found.false_in == sum(said & ~has)
    unseen = rows[3]
    assert (unseen.iou, unseen.interval, unseen.recall) == (None, None, None)
    assert (unseen.taken_for, unseen.really) == (None, None)
    assert (unseen.images, unseen.share) == (0, 0)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(2000):
        some = counts[rng.integers(0, 20, 20)].sum(0)
        drawn.append(some[1, 1] / (some[1].sum() + some[:, 1].sum() - some[1, 1]))
    interval = rows[1].interval
    assert interval is not None
    assert interval.error == pytest.approx(np.std(drawn), rel=0.2)
    ends = np.quantile(drawn, [0.025, 0.975])
    assert (interval.low, interval.high) == pytest.approx(ends, rel=0.02)


def test_one_image_has_no_interval() -> None:
    rows = class_figures(counts_of_images()[:1], ["Background", "a", "b", "c"])
    assert all(row.interval is None for row in rows)


def test_the_matrix_shows_the_classes_that_occur() -> None:
    counts = counts_of_images()
    matrix = matrix_of(counts)
    assert (matrix.labels, matrix.left_out) == ((0, 1, 2), 0)
    total = counts.sum(0)
    cell = matrix.cells[1][0]
    assert not cell.right
    assert matrix.cells[1][1].right
    of_truth, of_prediction, pixels = cell.ways
    assert float(of_truth[0]) == pytest.approx(100 * total[1, 0] / total[1].sum(), abs=0.05)
    assert float(of_prediction[0]) == pytest.approx(100 * total[1, 0] / total[:, 0].sum(), abs=0.05)
    assert pixels[0] == f"{total[1, 0]:,}"


def test_of_many_classes_those_with_most_pixels_are_shown() -> None:
    counts = np.zeros((2, 150, 150), np.int64)
    counts[:, range(150), range(150)] = np.arange(150) + 1
    matrix = matrix_of(counts)
    assert matrix.labels == tuple(range(110, 150))
    assert matrix.left_out == 110


def test_boundaries_change_nothing() -> None:
    counts = counts_of_images()
    parts = np.stack([counts // 2, counts - counts // 2, 0 * counts, 0 * counts], axis=1)
    names = ["Background", "a", "b", "c"]
    assert class_figures(parts, names) == class_figures(counts, names)
    assert matrix_of(parts) == matrix_of(counts)
