"""Tables of runs, epochs, submissions and images against the files that they are made of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from tests.tiny_project import project
from toolkit import ComponentSpec, Context, UsageError, frames
from toolkit.cli.main import run
from toolkit.data.resize import resize_labels
from toolkit.metrics.counts_file import read_counts
from toolkit.plugin.registry import Registry
from toolkit.project import Project

__all__ = ["project"]

MASKS = """
[data]
root = "photos"
train = "train"
val = "val"
image_size = [60, 80]
classes = ["paper", "metal"]
format = {name = "masks", masks = "{folder}masks/{stem}.png"}
[model]
name = "tiny"
[loss]
name = "ce"
"""


def test_tables_say_what_the_runs_have_written(project: Project, registry: Registry) -> None:
    assert len(frames.runs()) == len(frames.epochs()) == len(frames.submissions()) == 0
    for options in ([], ["--set", "metric.name=image_dice"]):
        assert run(["recipe", "run", "tiny", *options]) == 0
    (project.runs / "stranger").mkdir()
    (project.runs / "stranger" / "manifest.json").write_text("{}")

    runs = frames.runs()
    assert runs["run"].tolist() == ["tiny-001", "tiny-002"]
    assert runs["metric"].tolist() == ["miou", "image_dice"]
    for row in runs.itertuples():
        result = json.loads((project.runs / row.run / "manifest.json").read_text())["result"]
        own = runs.iloc[row.Index]
        for name, score in result["scores"]["val_metrics"].items():
            assert own[f"validation.{name}"] == score
        assert own["test.fwiou"] == result["submission"]["score"]["metrics"]["fwiou"]

    epochs = frames.epochs("tiny-001")
    lines = (project.runs / "tiny-001" / "metrics.jsonl").read_text().splitlines()
    assert epochs["train_loss"].tolist() == [json.loads(line)["train_loss"] for line in lines]
    assert epochs["validation.miou"].tolist() == [json.loads(line)["val_miou"] for line in lines]
    assert epochs["iou.Background"].tolist() == [json.loads(line)["val_iou"][0] for line in lines]
    assert len(frames.epochs()) == 2 * len(lines)
    with pytest.raises(UsageError, match="there is no run tiny-003"):
        frames.epochs("tiny-003")

    submissions = frames.submissions()
    assert submissions["name"].tolist() == ["tiny-001", "tiny-002"]
    assert submissions["local"].tolist() == [runs["test.miou"][0], runs["test.image_dice"][1]]

    images = frames.image_scores("tiny-002")
    counted = read_counts(project.runs / "tiny-002" / "best.counts")
    counts = counted.counts("validation")
    assert counts is not None
    assert images.index.tolist() == list(counted.sets["validation"].images)
    assert images.columns[0] == "image_dice"
    context = Context(counted.class_names)
    for name in ("image_dice", "miou", "cohen_kappa"):
        metric = registry.build("metric", ComponentSpec(name=name), context)
        expected = [metric(each[None]).score for each in counts]
        np.testing.assert_array_equal(images[name], expected)
    assert images["pixels.Background"].tolist() == counts[:, 0].sum(1).tolist()
    (project.runs / "tiny-002" / "best.counts").unlink()
    with pytest.raises(UsageError, match=r"best\.counts"):
        frames.image_scores("tiny-002")


def test_pandas_is_imported_with_the_first_table(tmp_path: Path) -> None:
    script = "import sys; from toolkit import frames; print('pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_runs_of_before_recipes_named_a_metric_have_their_miou(project: Project) -> None:
    assert "started" not in frames.epochs().columns
    assert run(["recipe", "run", "tiny"]) == 0
    folder = project.runs / "tiny-001"
    manifest = json.loads((folder / "manifest.json").read_text())
    scores, test = (manifest["result"][name] for name in ("scores", "submission"))
    for figures in (scores, test["score"]):
        for key in ("metric", "metrics", "val_score", "val_metrics"):
            figures.pop(key, None)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for record in records:
        del record["val_metrics"]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in records))
    (row,) = frames.runs().to_dict("records")
    assert row["metric"] == "miou"
    assert row["validation.miou"] == scores["val_miou"]
    assert row["test.miou"] == test["score"]["mean_iou"]
    epochs = frames.epochs()
    assert epochs["validation.miou"].tolist() == [each["val_miou"] for each in records]


def test_objects_are_those_of_the_annotation_files(project: Project, demo_root: Path) -> None:
    table = frames.objects("tiny")
    expected = []
    for split, name in (("train", "train"), ("val", "val"), ("test", "test_truth")):
        content = COCO(demo_root / f"{name}.json")
        for image in content.dataset["images"]:
            pixels = image["height"] * image["width"]
            for annotation in content.imgToAnns[image["id"]]:
                shown = content.annToMask(annotation)
                down, across = np.nonzero(shown)
                expected.append(
                    {
                        "split": split,
                        "file_name": image["file_name"],
                        "annotation": annotation["id"],
                        "class": content.cats[annotation["category_id"]]["name"],
                        "area": int(shown.sum()),
                        "share": shown.sum() / pixels,
                        "left": across.min(),
                        "top": down.min(),
                        "width": np.ptp(across) + 1,
                        "height": np.ptp(down) + 1,
                        "is_tiny": shown.sum() < 1024,
                        "is_lost": not resize_labels(shown, (32, 32)).any(),
                    }
                )
    assert table.to_dict("records") == expected
    with pytest.raises(UsageError, match=r"there is no recipe tiny2"):
        frames.objects("tiny2")
    with pytest.raises(UsageError, match="nowhere"):
        frames.objects(project.recipes / "tiny.toml", data=project.root / "nowhere")


def test_regions_of_masks_are_objects_without_an_id(project: Project) -> None:
    root = project.root / "photos"
    for split, labels in (("train", "0110\n0000\n2200"), ("val", "0011\n2011\n2000")):
        for folder in (split, f"{split}masks"):
            (root / folder).mkdir(parents=True)
        pixels = np.array([[int(value) for value in row] for row in labels.split()], np.uint8)
        pixels = np.kron(pixels, np.ones((20, 20), np.uint8))
        cv2.imwrite(str(root / f"{split}masks" / f"{split}.png"), pixels)
        photo = np.random.default_rng(len(split)).integers(0, 256, (60, 80, 3), np.uint8)
        cv2.imwrite(str(root / split / f"{split}.png"), photo)
    (project.recipes / "masks.toml").write_text(MASKS)
    table = frames.objects("masks")
    assert table["annotation"].isna().all()
    columns = ["split", "class", "area", "left", "top", "width", "height"]
    assert table[columns].to_numpy().tolist() == [
        ["train", "paper", 800, 20, 0, 40, 20],
        ["train", "metal", 800, 0, 40, 40, 20],
        ["val", "paper", 1600, 40, 0, 40, 40],
        ["val", "metal", 800, 0, 20, 20, 40],
    ]
    assert table["is_tiny"].tolist() == [True, True, False, True]
    assert not table["is_lost"].any()
