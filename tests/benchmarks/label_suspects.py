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
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.experiment.find import find_checkpoints
from toolkit.plugin.discovery import load_registry
from toolkit.progress import SilentProgress
from toolkit.project import find_project
from toolkit.report.label_judgement import LabelJudgement, judge_labels
from toolkit.report.out_of_fold import out_of_fold_images
from toolkit.workspace import Workspace

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


@dataclass(frozen=True)
class Judged:
    """What there is to rank.

    Attributes:
        kinds: what was done to each sample: "", "swapped", or "left out".
        doubts: name of a ranking -> doubt of every sample.
        numbers: how many labels were swapped and left out.
        seconds: of our own ranking, processor time; maps are read, not predicted.
    """

    kinds: NDArray[np.str_]
    doubts: dict[str, NDArray[np.float64]]
    numbers: dict[str, int]
    seconds: float


def judge(folder: Path, source: Path) -> Judged:
    """Rank all objects and regions by the runs that were not trained on them."""
    project = find_project(folder)
    workspace = Workspace(project, load_registry(project), SilentProgress())
    images = out_of_fold_images(workspace, find_checkpoints("wrong.folds", project))
    done = json.loads((folder / "wrong.json").read_text())
    began = time.process_time()
    judgement = judge_labels(images, SilentProgress())
    seconds = time.process_time() - began
    # Where nothing is left out no region is wrong: only the objects are ranked.
    chosen = [
        row for row, sample in enumerate(judgement.samples) if sample.label or done["left out"]
    ]
    samples = [judgement.samples[row] for row in chosen]
    doubts = {"`trash data suspects`": judgement.doubts[chosen]}
    kinds = np.array([kind_of(judgement, row, done, source) for row in chosen])
    judged = Judged(kinds, doubts, {kind: len(ids) for kind, ids in done.items()}, seconds)
    try:
        from cleanlab.rank import get_label_quality_scores as quality_of_samples
        from cleanlab.segmentation.rank import get_label_quality_scores as quality_of_pixels
    except ImportError:
        return judged

    def soft_minimum(values: NDArray[np.float32], label: int) -> float:
        given = np.full((1, 1, values.shape[1]), label)
        return float(1 - quality_of_pixels(given, values[None, :, None], verbose=False)[0][0])

    from toolkit.metrics.cleanlab_doubt import cleanlab_doubt

    for name, doubt in (
        ("`--by cleanlab`: its quality of pixels, mean over the object", cleanlab_doubt),
        ("cleanlab's soft minimum over the object's pixels", soft_minimum),
    ):
        doubts[name] = judge_labels(images, SilentProgress(), doubt=doubt).doubts[chosen]
    means = np.array([sample.mean for sample in samples])
    labels = np.array([sample.label for sample in samples])
    shares = means / means.sum(1, keepdims=True)
    for method in ("self_confidence", "normalized_margin"):
        quality = quality_of_samples(labels, shares, method=method, adjust_pred_probs=True)
        doubts[f"cleanlab's `{method}` of the objects' means, adjusted"] = -quality
    return judged


def kind_of(judgement: LabelJudgement, row: int, done: dict[str, list[int]], source: Path) -> str:
    """Return what was done to a sample; a region is an object that was left out if it meets one."""
    sample, suspect = judgement.samples[row], judgement.suspect(row)
    if sample.label:
        return "swapped" if suspect.annotation in done["swapped"] else ""
    left, top, width, height = sample.box
    for x, y, w, h in left_out_boxes(source, tuple(done["left out"])).get(suspect.image, ()):
        shared = max(0, min(left + width, x + w) - max(left, x)) * max(
            0, min(top + height, y + h) - max(top, y)
        )
        if shared >= 0.5 * (width * height + w * h - shared):
            return "left out"
    return ""


@cache
def left_out_boxes(source: Path, ids: tuple[int, ...]) -> dict[str, list[list[float]]]:
    content = json.loads((source / "train.json").read_text())
    names = {each["id"]: each["file_name"] for each in content["images"]}
    found: dict[str, list[list[float]]] = defaultdict(list)
    for each in content["annotations"]:
        if each["id"] in set(ids):
            found[names[each["image_id"]]].append(each["bbox"])
    return found


def row_of(doubts: NDArray[np.float64], is_wrong: NDArray[np.bool_], total: int) -> str:
    """Return precision and recall of the first as many as are wrong, and of twice as many, AP."""
    hits = is_wrong[np.argsort(-doubts, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    average = precision[hits].sum() / total
    first, twice = hits[:total].sum(), hits[: 2 * total].sum()
    return f"{first / total:.3f} | {twice / total:.3f} | {twice / (2 * total):.3f} | {average:.3f}"


def main() -> None:
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    kind = sys.argv[3] if len(sys.argv) > 3 else "swapped"
    make_project(source, folder, kind)
    trash(folder, "recipe", "run", "wrong", "--folds")
    judged = judge(folder, source)
    total = sum(judged.numbers.values())
    print(f"{judged.numbers} of {len(judged.kinds)} ranked; {judged.seconds:.1f} s")
    print("| ranking | precision = recall at k | recall at 2k | precision at 2k | AP |")
    print("|---|---|---|---|---|")
    for name, doubts in judged.doubts.items():
        print(f"| {name} | {row_of(doubts, judged.kinds != '', total)} |")
    ours = judged.doubts["`trash data suspects`"]
    for least in (0.5, 0.6, 0.7, 0.8, 0.9):
        listed = ours >= least
        found = judged.kinds[listed]
        parts = ", ".join(
            f"{np.count_nonzero(found == name)} of {number} {name}"
            for name, number in judged.numbers.items()
        )
        print(f"doubt >= {least}: {listed.sum()} listed, {parts}")


if __name__ == "__main__":
    main()
