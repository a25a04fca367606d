from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.workspaces import workspace_in
from toolkit.data.check import check_contest
from toolkit.data.contest import Contest, open_contest, open_unlabelled
from toolkit.data.images import open_images
from toolkit.data.masks import open_masks
from toolkit.data.photo_rules import with_rules_of_sizes
from toolkit.data.problems import DataProblem
from toolkit.data.sources import AnnotationFile
from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.data_tables import FoldChoice
from toolkit.recipe.schema import Data, Recipe
from toolkit.train.inputs import training_inputs, training_key

Photo = tuple[int, int, int]
"""EXIF orientation, height and width of the stored pixels."""

MIXED: list[Photo] = [(1, 64, 96), (6, 64, 96), (8, 64, 96), (3, 64, 96), (2, 64, 96), (6, 96, 96)]
SILENT: list[Photo] = [(1, 64, 96), (3, 64, 96), (2, 64, 96), (4, 64, 96), (6, 96, 96), (7, 96, 96)]


class Lines(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def turn_pixels(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn pixels as EXIF 2.32, 4.6.5 A says, one orientation after the other."""
    ways = {
        1: pixels,
        2: np.fliplr(pixels),
        3: np.rot90(pixels, 2),
        4: np.flipud(pixels),
        5: np.swapaxes(pixels, 0, 1),
        6: np.rot90(pixels, -1),
        7: np.rot90(np.swapaxes(pixels, 0, 1), 2),
        8: np.rot90(pixels),
    }
    return np.ascontiguousarray(ways[orientation])


RECIPE = Recipe(model=ComponentSpec(name="unet"), loss=ComponentSpec(name="ce"))


def write(
    root: Path, name: str, photos: list[Photo], *, as_shown: bool | list[bool], shade: int = 20
) -> None:
    """Write photos with one bright box each, and its outline as it is shown or stored."""
    if isinstance(as_shown, bool):
        as_shown = [as_shown] * len(photos)
    root.mkdir(exist_ok=True)
    images, annotations = [], []
    for k, ((orientation, height, width), shown) in enumerate(
        zip(photos, as_shown, strict=True), 1
    ):
        photo = np.full((height, width, 3), shade + k, np.uint8)
        photo[6:22, 8:40] = 250
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = f"{name}{k}_{orientation}.jpg"
        Image.fromarray(photo).save(root / file, quality=98, exif=exif.tobytes())
        box = photo[..., 0] > 130
        if shown:
            box = turn_pixels(box, orientation)
        (ys, xs), (h, w) = np.nonzero(box), box.shape
        x0, x1, y0, y1 = int(xs.min()), int(xs.max()) + 1, int(ys.min()), int(ys.max()) + 1
        images.append({"id": k, "file_name": file, "width": w, "height": h})
        outline = [[x0, y0, x1, y0, x1, y1, x0, y1]]
        annotations.append({"id": k, "image_id": k, "category_id": 1, "segmentation": outline})
    categories = [{"id": 1, "name": "A"}]
    (root / f"{name}.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )


def open_root(root: Path, **data: Any) -> tuple[Contest, list[str]]:
    lines = Lines()
    given = {"root": str(root), "val": "val.json", "test": "test.json", **data}
    return open_contest(workspace_in(Project(root.parent), lines), Data(**given)), lines.said


def shares(contest: Contest, cache: Path, name: str = "train") -> list[float]:
    """Share of the bright pixels among those of the mask, photo by photo."""
    split, quiet = getattr(contest, name), SilentProgress()
    images, masks = open_images(split, cache, None, quiet), open_masks(split, cache, None, quiet)
    return [float((images[row][..., 0] > 130)[masks[row] > 0].mean()) for row in range(len(split))]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Training, validation and test photos, annotated as they are stored."""
    for name, shade in (("train", 20), ("val", 40), ("test", 60)):
        write(tmp_path / "d", name, MIXED, as_shown=False, shade=shade)
    return tmp_path / "d"


@pytest.mark.parametrize("as_shown", [False, True])
def test_one_rule_holds_for_all_photos_of_a_file(root: Path, cache: Path, as_shown: bool) -> None:
    for name, shade in (("train", 20), ("val", 40), ("test", 60)):
        write(root, name, MIXED, as_shown=as_shown, shade=shade)
    contest, said = open_root(root)
    assert said == []
    for name in ("train", "val"):
        assert shares(contest, cache, name) == [1.0] * 6


def test_what_is_silent_follows_the_rest_of_the_contest(root: Path, cache: Path) -> None:
    """Sizes of val and test tell nothing here: they are read as the training split is."""
    for name, shade in (("val", 40), ("test", 60), ("more", 80)):
        write(root, name, SILENT, as_shown=False, shade=shade)
    contest, said = open_root(root)
    workspace = workspace_in(Project(root.parent))
    more = open_unlabelled(workspace, Data(root=str(root)), "more.json", contest)
    assert said == []
    assert shares(contest, cache, "val") == [1.0] * 6
    for split in (contest.test, more):
        assert split is not None
        assert [record.oriented for record in split.images] == [True] + [False] * 5


def test_a_silent_training_split_follows_the_others(root: Path, cache: Path) -> None:
    write(root, "train", SILENT, as_shown=False)
    contest, said = open_root(root)
    assert said == []
    assert shares(contest, cache) == [1.0] * 6


def test_where_no_size_tells_it_is_applied_and_told(root: Path, cache: Path) -> None:
    for name, shade in (("train", 20), ("val", 40), ("test", 60)):
        write(root, name, SILENT, as_shown=True, shade=shade)
    contest, said = open_root(root)
    assert shares(contest, cache) == [1.0] * 6
    assert len(said) == 3
    assert "train.json: 5 photos are to be turned or mirrored" in said[0]
    assert 'set data.exif = "apply"' in said[0]
    assert open_root(root, exif="apply")[1] == []


def test_the_recipe_says_it(root: Path, cache: Path) -> None:
    for name, shade in (("train", 20), ("val", 40), ("test", 60)):
        write(root, name, SILENT, as_shown=False, shade=shade)
    contest, said = open_root(root, exif="ignore")
    assert said == []
    assert shares(contest, cache) == [1.0] * 6


def test_a_wrong_recipe_is_refused(root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_root(root, exif="apply")
    assert "train.json: 2 of 6 images cannot be used: train2_6.jpg" in caught.value.message
    assert "data.exif" in caught.value.hint


def test_contradictions_are_told_and_each_is_read_by_its_size(root: Path, cache: Path) -> None:
    photos: list[Photo] = [(6, 64, 96)] * 3 + [(3, 64, 96)]
    write(root, "train", photos, as_shown=[True, True, False, True])
    contest, said = open_root(root)
    assert shares(contest, cache) == [1.0] * 4
    assert "by their sizes 2 photos were annotated as EXIF turns them" in said[0]
    assert "and 1 as they are stored (train3_6.jpg)" in said[0]


def test_files_of_one_contest_that_contradict_are_told(root: Path, cache: Path) -> None:
    write(root, "val", MIXED, as_shown=True, shade=40)
    contest, said = open_root(root)
    assert shares(contest, cache, "val") == [1.0] * 6
    (line,) = said
    assert "val.json: its photos were annotated as EXIF turns them" in line


def test_folds_are_read_by_the_rule_of_their_file(root: Path, cache: Path, tmp_path: Path) -> None:
    from toolkit.data.coco import read_coco
    from toolkit.data.folds import make_folds, write_folds

    coco = read_coco(root / "train.json")
    write_folds(tmp_path / "f.json", make_folds(coco, 3, 0), coco, 0)
    contest, _ = open_root(root, val=None, folds=FoldChoice(file=str(tmp_path / "f.json")))
    assert contest.train.source is contest.val.source
    assert set(shares(contest, cache)) == set(shares(contest, cache, "val")) == {1.0}


def test_another_rule_is_another_training_and_another_cache(root: Path, cache: Path) -> None:
    for name, shade in (("train", 20), ("val", 40), ("test", 60)):
        write(root, name, SILENT, as_shown=True, shade=shade)
    applied, ignored = open_root(root, exif="apply")[0], open_root(root, exif="ignore")[0]
    assert applied.train.contents == ignored.train.contents
    keys = [
        training_key(training_inputs(RECIPE, contest, {}), {}) for contest in (applied, ignored)
    ]
    assert keys[0] != keys[1]
    assert shares(applied, cache) == [1.0] * 6
    assert min(shares(ignored, cache)) < 0.9
    assert applied.test is not None
    assert ignored.test is not None
    assert applied.test.pictures[0] == ignored.test.pictures[0]
    assert applied.test.pictures[1] != ignored.test.pictures[1]


def test_a_check_tells_the_same(root: Path) -> None:
    sources = [
        AnnotationFile(role, root / f"{role}.json", root) for role in ("train", "val", "test")
    ]

    def oddities(*files: AnnotationFile) -> list[list[DataProblem]]:
        """All but that boxes of one size in photos of one shade look alike."""
        return [
            [each for each in report.problems if not each.kind.startswith("near-duplicate")]
            for report in check_contest(workspace_in(), files)
        ]

    assert oddities(*sources) == [[], [], []]
    write(root, "val", SILENT, as_shown=False, shade=40)
    assert oddities(*sources)[1] == []
    ((problem,),) = oddities(sources[1])
    assert (problem.kind, problem.error) == ("EXIF orientation", False)


@pytest.mark.parametrize(("known", "oriented"), [(None, True), (True, True), (False, False)])
def test_photos_that_are_only_looked_at_are_read_as_they_were_predicted(
    root: Path, known: bool | None, oriented: bool
) -> None:
    """`known` comes from the side-car or the pseudo-label set; missing photos do not matter."""
    write(root, "test", SILENT, as_shown=False, shade=60)
    test = open_root(root)[0].test
    assert test is not None
    assert test.exif_applied is False
    test.path(1).unlink()
    looked_at = with_rules_of_sizes(test, Data(), known)
    assert [record.oriented for record in looked_at.images[2:]] == [oriented] * 4
