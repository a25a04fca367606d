"""The synthetic contest: the same bytes everywhere, the real format, a truth that is true."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from toolkit.demo.annotations import segment
from toolkit.demo.scene import KINDS, Scene, SceneObject, draw_scene
from toolkit.demo.write_demo import write_demo
from toolkit.errors import UsageError
from toolkit.progress import Bar, SilentProgress
from toolkit.recipe.data_tables import Demo

SMALL = Demo(train=3, val=2, test=2, size=48, seed=5)
SPLIT_NUMBERS = {"train": 0, "val": 1, "test_truth": 2}


def contents(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def read(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def paint_labels(coco: COCO, image_id: int) -> np.ndarray:
    record = coco.imgs[image_id]
    labels = np.zeros((record["height"], record["width"]), np.uint8)
    for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image_id)):
        mask = coco.annToMask(annotation)
        labels = np.maximum(labels, mask * np.uint8(annotation["category_id"] + 1))
    return labels


@pytest.fixture(scope="module")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small") / "demo"
    write_demo(root, SMALL, SilentProgress())
    return root


def test_another_process_writes_the_same_bytes(small_root: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from toolkit.demo.write_demo import write_demo;"
        "from toolkit.progress import SilentProgress; from toolkit.recipe.data_tables import Demo;"
        "write_demo(Path(sys.argv[1]), Demo.model_validate_json(sys.argv[2]), SilentProgress())"
    )
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-c", script, other, SMALL.model_dump_json()], check=True)
    assert contents(other) == contents(small_root)


def test_images_do_not_depend_on_how_many_there_are(small_root: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    write_demo(more, SMALL.model_copy(update={"train": 5, "val": 3}), SilentProgress())
    few, many = contents(small_root), contents(more)
    images = [name for name in few if name.endswith(".jpg")]
    assert len(images) == 7
    assert {name: many[name] for name in images} == {name: few[name] for name in images}
    few_truth, many_truth = (json.loads((r / "train.json").read_text()) for r in (small_root, more))
    count = len(few_truth["annotations"])
    assert many_truth["annotations"][:count] == few_truth["annotations"]
    assert len(many_truth["annotations"]) > count


def test_seeds_and_splits_differ() -> None:
    images = [draw_scene(*key, 32).image for key in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]]
    assert len({image.tobytes() for image in images}) == 4


def test_files_have_the_format_of_the_contest(small_root: Path) -> None:
    assert (small_root / "sample_submission.csv").read_text() == "image_id,PredictionString\n"
    for name, count in [("train", 3), ("val", 2), ("train_all", 5), ("test", 2), ("test_truth", 2)]:
        coco = read(small_root / f"{name}.json")
        assert sorted(coco.imgs) == list(range(count))
        assert [(c["id"], c["name"]) for c in coco.dataset["categories"]] == [
            (position, kind.name) for position, kind in enumerate(KINDS)
        ]
        assert [a["id"] for a in coco.dataset["annotations"]] == list(range(len(coco.anns)))
        for record in coco.imgs.values():
            keys = "license url file_name height width date_captured id"
            assert set(record) == set(keys.split())
            image = cv2.imread(str(small_root / record["file_name"]))
            assert image.shape == (record["height"], record["width"], 3) == (48, 48, 3)
    assert read(small_root / "test.json").anns == {}
    first = read(small_root / "train.json").imgs[0]
    assert first["file_name"] == "batch_01_vt/0000.jpg"


def test_areas_and_boxes_belong_to_the_outlines(small_root: Path) -> None:
    coco = read(small_root / "train_all.json")
    for annotation in coco.anns.values():
        mask = coco.annToMask(annotation)
        assert mask.any()
        x, y, width, height = coco_mask.toBbox(coco_mask.encode(np.asfortranarray(mask)))
        np.testing.assert_allclose(annotation["bbox"], [x, y, width, height], atol=1.01)
        if isinstance(annotation["segmentation"], dict):
            assert annotation["area"] == mask.sum()
        else:
            assert abs(annotation["area"] - mask.sum()) <= 2 * (width + height)


def test_all_splits_together_are_the_two(small_root: Path) -> None:
    whole = read(small_root / "train_all.json")
    parts = [read(small_root / f"{name}.json") for name in ("train", "val")]
    expected = [
        (part.imgs[image_id]["file_name"], paint_labels(part, image_id))
        for part in parts
        for image_id in sorted(part.imgs)
    ]
    for image_id, (file_name, labels) in enumerate(expected):
        assert whole.imgs[image_id]["file_name"] == file_name
        np.testing.assert_array_equal(paint_labels(whole, image_id), labels)


@pytest.mark.parametrize("split", ["train", "val", "test_truth"])
def test_annotations_paint_what_was_drawn(demo_root: Path, split: str) -> None:
    coco = read(demo_root / f"{split}.json")
    for image_id, record in coco.imgs.items():
        scene = draw_scene(0, SPLIT_NUMBERS[split], image_id, record["height"])
        assert (paint_labels(coco, image_id) == scene.labels).mean() >= 0.98
        jpeg = cv2.imread(str(demo_root / record["file_name"]))[..., ::-1].astype(int)
        assert np.abs(jpeg - scene.image).mean() < 12


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(3, 0, index, 64) for index in range(60)]


def test_masks_alone_give_the_truth_whatever_their_order(scenes: list[Scene]) -> None:
    overlapping = 0
    for scene in scenes:
        labels = np.zeros_like(scene.labels)
        for item in scene.items:
            labels = np.maximum(labels, item.mask * np.uint8(item.label))
        np.testing.assert_array_equal(labels, scene.labels)
        in_file_order = np.zeros_like(scene.labels)
        for item in scene.items:
            in_file_order[item.mask] = item.label
        overlapping += not np.array_equal(in_file_order, scene.labels)
    assert overlapping > 10  # or the overlap rule would not matter


def test_crowds_holes_and_parts_take_their_own_form(scenes: list[Scene]) -> None:
    forms = set()
    for scene in scenes:
        for index, item in enumerate(scene.items):
            written = segment(item, np.random.default_rng(index))
            outline = written["segmentation"]
            assert written["iscrowd"] == int(item.crowd)
            if isinstance(outline, dict):
                plain = isinstance(outline["counts"], list)
                rle = coco_mask.frPyObjects(outline, *outline["size"]) if plain else outline
                np.testing.assert_array_equal(coco_mask.decode(rle), item.mask)
                assert plain == item.crowd
                forms.add("crowd" if plain else "rle")
            else:
                assert all(len(ring) >= 6 for ring in outline)
                forms.add("parts" if len(outline) > 1 else "polygon")
    assert forms == {"crowd", "rle", "parts", "polygon"}


def test_a_mask_with_a_hole_is_never_a_polygon() -> None:
    mask = np.zeros((20, 20), bool)
    mask[4:16, 4:16] = True
    mask[8:12, 8:12] = False
    for seed in range(20):
        written = segment(SceneObject(9, mask, crowd=False), np.random.default_rng(seed))
        np.testing.assert_array_equal(coco_mask.decode(written["segmentation"]), mask)


@pytest.mark.parametrize(("split", "count"), [(0, 160), (1, 40)])
def test_every_label_can_be_seen_at_the_default_number_of_images(split: int, count: int) -> None:
    seen: set[int] = set()
    for index in range(count):
        seen |= set(np.unique(draw_scene(Demo().seed, split, index, 64).labels).tolist())
        if len(seen) == 12:
            break
    assert seen == set(range(12))


def test_frequencies_keep_the_order_of_the_contest(scenes: list[Scene]) -> None:
    counts = np.bincount([item.label for scene in scenes for item in scene.items], minlength=12)
    assert 5 <= counts.sum() / len(scenes) <= 9
    assert counts[3] > counts[7] > counts[4]
    assert counts[9] > counts[2] > counts[10]
    assert 0.6 < np.mean([scene.labels == 0 for scene in scenes]) < 0.85


def test_a_written_demo_is_left_alone(small_root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small_root.rglob("*")}
    write_demo(small_root, SMALL, SilentProgress())
    assert {path: path.stat().st_mtime_ns for path in small_root.rglob("*")} == before


def test_another_demo_is_not_overwritten(small_root: Path) -> None:
    before = contents(small_root)
    with pytest.raises(UsageError, match=r"another demo contest: val 2 \(wanted: 9\)") as raised:
        write_demo(small_root, SMALL.model_copy(update={"val": 9}), SilentProgress())
    assert "delete" in raised.value.hint
    assert contents(small_root) == before


def test_foreign_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text("precious")
    with pytest.raises(UsageError, match="holds no complete demo"):
        write_demo(tmp_path, SMALL, SilentProgress())
    assert contents(tmp_path).keys() == {"train.json"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("precious")
    with pytest.raises(UsageError, match="holds no complete demo"):
        write_demo(tmp_path / "data", SMALL, SilentProgress())


@pytest.mark.parametrize("lost", ["val.json", "demo.json"])
def test_a_demo_that_lost_a_file_is_noticed(tmp_path: Path, lost: str) -> None:
    write_demo(tmp_path, SMALL, SilentProgress())
    (tmp_path / lost).unlink()
    with pytest.raises(UsageError, match=r"lost val\.json|no complete demo"):
        write_demo(tmp_path, SMALL, SilentProgress())


@pytest.mark.parametrize("text", ["[]", "{", '{"schema": 99}'])
def test_a_strange_description_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo.json").write_text(text)
    with pytest.raises(UsageError, match=r"demo\.json|another demo"):
        write_demo(tmp_path, SMALL, SilentProgress())


class InterruptedProgress(SilentProgress):
    """Presses Ctrl-C after two images."""

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Bar]:
        seen = 0

        class Counting:
            def advance(self, amount: int = 1, **figures: float) -> None:
                nonlocal seen
                seen += amount
                if seen == 2:
                    raise KeyboardInterrupt

        yield Counting()


def test_interrupted_writing_leaves_nothing_and_can_be_repeated(
    small_root: Path, tmp_path: Path
) -> None:
    root = tmp_path / "deep" / "demo"
    with pytest.raises(KeyboardInterrupt):
        write_demo(root, SMALL, InterruptedProgress())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not root.exists()
    write_demo(root, SMALL, SilentProgress())
    assert contents(root) == contents(small_root)


class RacingProgress(SilentProgress):
    """Lets another process finish the same demo while this one writes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Bar]:
        write_demo(self.root, SMALL, SilentProgress())
        with super().bar(description, total, unit) as bar:
            yield bar


def test_two_processes_may_write_the_same_demo(small_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "demo"
    write_demo(root, SMALL, RacingProgress(root))
    assert contents(root) == contents(small_root)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
