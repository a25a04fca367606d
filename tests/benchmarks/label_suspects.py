"""How many wrong labels `trash data suspects` finds, beside cleanlab's rankings.

    OMP_NUM_THREADS=1 python tests/benchmarks/label_suspects.py data/bags FOLDER [swapped|mixed]

Makes a project in FOLDER whose annotations are those of the data set, but 5 % of the objects have
another class (drawn with a seed; "mixed": half of these, and as many objects are left out), trains
a small network on each of three folds (finished ones are found again), and ranks all objects by the
predictions of the networks that were not trained on them. Prints Markdown: precision and recall of
the first as many as are wrong, and the average precision of the whole ranking. The extra `suspects`
installs cleanlab; without it its rows are left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

SHARE, SEED, FOLDS = 0.05, 0, 3

RECIPE = """
title = "Rubbish bags with wrong labels"
seed = 1

[data]
root = "data"
train = "train.json"
image_size = [128, 128]
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
workers = 0

[data.folds]
file = "splits.json"
index = 0

[model]
name = "unet"
encoder = "tu-tf_efficientnet_lite0"
weights = "efficientnet-lite0"

[loss]
name = "ce"

[optimizer]
name = "adamw"
lr = 5e-4

[scheduler]
name = "cosine"
warmup = 0.1

[[augment.train]]
name = "hflip"

[train]
epochs = 6
batch_size = 8
device = "cpu"
"""


def corrupted(content: dict[str, Any], kind: str) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """Return the annotations with wrong labels, and the ids of what was done to which."""
    rng = np.random.default_rng(SEED)
    every = content["annotations"]
    number = round(SHARE * len(every))
    drawn = [every[row] for row in rng.permutation(len(every))[:number]]
    swapped = drawn if kind == "swapped" else drawn[: number // 2]
    left_out = drawn[len(swapped) :]
    others = {
        each["id"]: [o["id"] for o in content["categories"] if o["id"] != each["id"]]
        for each in content["categories"]
    }
    wrong = {each["id"]: int(rng.choice(others[each["category_id"]])) for each in swapped}
    missing = {each["id"] for each in left_out}
    kept = [
        {**each, "category_id": wrong.get(each["id"], each["category_id"])}
        for each in every
        if each["id"] not in missing
    ]
    done = {"swapped": sorted(wrong), "left out": sorted(missing)}
    return {**content, "annotations": kept}, done


def make_project(source: Path, folder: Path, kind: str) -> None:
    """Write the data with wrong labels and the recipe, unless they are there."""
    if (folder / "wrong.json").is_file():
        return
    data = folder / "data"
    for each in (data, folder / "recipes"):
        each.mkdir(parents=True, exist_ok=True)
    (data / "train").symlink_to((source / "train").resolve())
    content, done = corrupted(json.loads((source / "train.json").read_text()), kind)
    (data / "train.json").write_text(json.dumps(content))
    (folder / "recipes" / "wrong.toml").write_text(RECIPE)
    trash(folder, "data", "split", "wrong", "--folds", str(FOLDS), "-o", "splits.json")
    (folder / "wrong.json").write_text(json.dumps(done))


def trash(folder: Path, *command: str) -> None:
    subprocess.run([sys.executable, "-m", "toolkit", *command], cwd=folder, check=True)


def main() -> None:
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    kind = sys.argv[3] if len(sys.argv) > 3 else "swapped"
    make_project(source, folder, kind)
    trash(folder, "recipe", "run", "wrong", "--folds")


if __name__ == "__main__":
    main()
