"""The pictures that trackers get of a run."""

from __future__ import annotations

import numpy as np
import pytest

from tests.miou import miou
from tests.tiny_project import project, workspace_of
from toolkit.cli.main import run
from toolkit.data.contest import open_contest
from toolkit.data.masks import paint_mask
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.counts_file import read_counts
from toolkit.project import Project
from toolkit.report.run_report import recipe_of
from toolkit.report.worst_images import coloured, worst_images

__all__ = ["project"]


def test_they_are_the_worst_with_their_labels(project: Project) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    workspace, folder = workspace_of(project), RunFolder(project.runs / "tiny-001")
    contest = open_contest(workspace, recipe_of(workspace, folder, None).data)
    images = worst_images(workspace, folder, contest)
    counted = read_counts(project.submissions / "tiny-001.counts")
    counts = counted.counts("validation")
    assert counts is not None
    names = counted.sets["validation"].images
    scores = {name: miou(each) for name, each in zip(names, counts, strict=True)}
    assert [each.name for each in images] == sorted(names, key=lambda name: scores[name])
    rows = {record.file_name: record for record in contest.val.images}
    for image in images:
        assert image.score == scores[image.name]
        # 64 x 64 is below the size of pictures: nothing is resized.
        truth = paint_mask(rows[image.name], contest.val.labels, "max-id", 255)
        assert np.array_equal(image.truth, truth)
        assert image.prediction.shape == truth.shape
        assert image.prediction.max() < len(contest.class_names)
        parts = np.split(image.panel, 3, axis=1)
        assert np.array_equal(parts[0], image.photo)
        assert np.array_equal(parts[1][truth == 0], image.photo[truth == 0])
        assert not np.array_equal(parts[1][truth > 0], image.photo[truth > 0])


@pytest.mark.parametrize(
    "words", [("train.on=all",), ("data.test", "data.truth", "data.sample_submission")]
)
def test_without_a_prediction_there_are_none(project: Project, words: tuple[str, ...]) -> None:
    """Of a training on all images, and of a recipe without test images."""
    changes = [part for word in words for part in ("--set" if "=" in word else "--unset", word)]
    assert run(["recipe", "run", "tiny", *changes]) == 0
    workspace, folder = workspace_of(project), RunFolder(project.runs / "tiny-001")
    contest = open_contest(workspace, recipe_of(workspace, folder, None).data)
    assert worst_images(workspace, folder, contest) == ()


def test_colours_are_laid_over_the_photo() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    labels = rng.choice(np.array([0, 1, 2, 255], np.uint8), (5, 7))
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 10, 200]], np.uint8)
    found = coloured(photo, labels, colours)
    for row, column in np.ndindex(labels.shape):
        label, pixel = labels[row, column], photo[row, column]
        colour = np.array([205] * 3) if label == 255 else colours[label]
        expected = pixel if label == 0 else np.round(0.4 * pixel + 0.6 * colour)
        assert np.array_equal(found[row, column], expected)
