from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.report.data_contests import boxes, write_coco
from tests.workspaces import workspace_in
from toolkit.data.contest import open_contest
from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.data.photo_measures import measure, measure_photo
from toolkit.data.split import Split
from toolkit.data.split_statistics import GRID, sampled_rows, split_statistics
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data

SIZE = (48, 48)


def opened(root: Path, train: str = "train.json") -> Split:
    data = Data(root=str(root), train=train, val="val.json")
    return open_contest(workspace_in(Project(root)), data).train


def test_counts_are_those_of_every_pixel_and_annotation(demo_root: Path) -> None:
    split = opened(demo_root)
    found = split_statistics(split, SIZE, 1000, SilentProgress(), labelled=True)
    labels = found.labels
    assert labels is not None
    n_labels = len(split.labels.class_names)
    cells = np.zeros((n_labels, GRID, GRID))
    objects = 0
    for row, record in enumerate(split.images):
        mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
        assert labels.pixels[row].tolist() == [(mask == label).sum() for label in range(n_labels)]
        for (top, left), label in np.ndenumerate(mask):
            cells[label, top * GRID // mask.shape[0], left * GRID // mask.shape[1]] += 1
        objects += len(record.objects)
        of_image = labels.objects[labels.objects[:, 0] == row]
        assert of_image[:, 1].tolist() == [
            split.labels.label_of[each.category_id] for each in record.objects
        ]
    assert len(labels.objects) == objects
    np.testing.assert_allclose(labels.places, cells / cells.sum(axis=0))
    np.testing.assert_allclose(labels.pixel_shares.sum(), 1)
    for one in range(n_labels):
        for other in range(n_labels):
            both = sum(bool(pixels[one] and pixels[other]) for pixels in labels.pixels.tolist())
            assert labels.together[one, other] == both
    photos = [read_image(split.path(row), split.images[row]) for row in range(len(split))]
    expected = measure([measure_photo(photo) for photo in photos])
    np.testing.assert_array_equal(found.photos.histograms, expected.histograms)
    np.testing.assert_array_equal(found.photos.detail, expected.detail)


def test_photos_are_sampled_and_labels_are_not(demo_root: Path) -> None:
    split = opened(demo_root)
    whole = split_statistics(split, None, 1000, SilentProgress(), labelled=True)
    part = split_statistics(split, None, 5, SilentProgress(), labelled=True)
    assert whole.labels is not None
    assert part.labels is not None
    np.testing.assert_array_equal(part.labels.objects, whole.labels.objects)
    assert part.rows == sampled_rows(len(split), 5)
    np.testing.assert_array_equal(part.photos.histograms, whole.photos.histograms[list(part.rows)])
    assert not whole.labels.objects[:, 4].any()  # nothing is resized, nothing is lost


def test_without_labels_only_photos_are_looked_at(demo_root: Path) -> None:
    found = split_statistics(opened(demo_root), None, 3, SilentProgress(), labelled=False)
    assert found.labels is None
    assert len(found.rows) == len(found.photos.detail) == 3


def test_a_sample_is_the_same_each_time_and_another_for_another_seed() -> None:
    rows = sampled_rows(1000, 30)
    assert rows == sampled_rows(1000, 30)
    assert list(rows) == sorted(set(rows))
    assert len(rows) == 30
    assert rows != sampled_rows(1000, 30, seed=1)
    assert sampled_rows(30, 30) == tuple(range(30))


def test_images_smaller_than_the_grid_of_places_are_counted_in_whole(tmp_path: Path) -> None:
    write_coco(tmp_path, "train", [boxes((1, 0, 0, 2, 3), size=(5, 40))])
    write_coco(tmp_path, "val", [boxes(size=(5, 40))], seed=1)
    found = split_statistics(opened(tmp_path), None, 9, SilentProgress(), labelled=True).labels
    assert found is not None
    assert found.pixels.tolist() == [[194, 6, 0, 0]]
    rows, columns = np.nonzero(found.places[1])
    assert set(rows.tolist()) == {0, 4}  # of 24 rows five have pixels, at a fifth each
    assert set(columns.tolist()) == {0, 1}
