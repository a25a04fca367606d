"""From the best single member to the best submission, step by step: three seeds, honest figures.

    python tests/benchmarks/ensemble_study.py demo
    python tests/benchmarks/ensemble_study.py bags

Trains the three members of recipes/small/ensemble_study with seeds 1, 2, 3 (finished ones are found
again), then does for each seed what these commands do, reading the maps once:

    trash ensemble search MEMBERS --way "best single"
    trash ensemble search MEMBERS@VIEWS --way "best single"    (and "best pair", stacking, …)
    trash ensemble search MEMBERS@VIEWS --try dense_crf
    trash submit --ensemble MEMBERS@VIEWS --combine FILE

Prints Markdown: the honest validation score (fitted on part of the images, scored on the rest) and
the score on the test images, which nothing was chosen by; mean ± standard deviation over the seeds,
and the gain over the step "best single", seed by seed. `--no-crf` leaves the CRF out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

from toolkit.data.resize import Sampling
from toolkit.ensemble.combination import FitScores, write_combination
from toolkit.experiment.execution.submit import submit
from toolkit.metrics.scores import Metrics, build_metrics
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.interfaces import Context
from toolkit.predict.members import MemberRef
from toolkit.progress import SilentProgress
from toolkit.project import find_project
from toolkit.search.candidates import OpenedCandidates, find_candidates, open_candidates
from toolkit.search.cross_validation import repeated_k_fold
from toolkit.search.export import as_combination
from toolkit.search.held_out import HeldOut
from toolkit.search.postprocess_trial import try_postprocessors
from toolkit.search.results import CombinationResult
from toolkit.search.search import Effort, Search, search
from toolkit.submission.submit_options import parse_combination, with_options
from toolkit.workspace import Workspace

MEMBERS = ("unet", "fpn", "deeplabv3plus")
VIEWS = {"demo": "d4", "bags": "hflip"}
SIZE = (256, 256)
STEPS = (
    "best pair",
    "mean of all",
    "geometric of all",
    "greedy",
    "stacking",
    "stacking, matrices",
    "mean, class factors",
)
CRF = ComponentSpec(name="dense_crf")
QUIET = SilentProgress()
PROJECT = find_project()
WORKSPACE = Workspace(PROJECT, load_registry(PROJECT), QUIET)


def train_members(data: str) -> list[list[str]]:
    """Return the checkpoints of each seed, training what is missing."""
    rows = []
    for name in MEMBERS:
        recipe = f"recipes/small/ensemble_study/{data}_{name}.toml"
        command = [sys.executable, "-m", "toolkit", "recipe", "run", recipe]
        done = subprocess.run(
            [*command, "--seeds", "1,2,3", "--json"], check=True, capture_output=True, text=True
        )
        rows.append([run["checkpoint"] for run in json.loads(done.stdout)["runs"]])
    return [list(seed) for seed in zip(*rows, strict=True)]


def search_members(checkpoints: list[str], views: str) -> tuple[OpenedCandidates, HeldOut, Search]:
    candidates = find_candidates([f"{path}@{views}" for path in checkpoints], PROJECT)
    opened = open_candidates(WORKSPACE, candidates)
    held_out = HeldOut(opened.parts, Sampling(SIZE), PROJECT.cache, QUIET)
    names = [each.name for each in candidates]
    return opened, held_out, search(WORKSPACE, held_out, names, Effort(), metrics_of(opened))


def metrics_of(opened: OpenedCandidates) -> Metrics:
    context = Context(opened.contest.class_names)
    return build_metrics(WORKSPACE.registry, opened.recipe.metric, context)


def score_on_test(way: CombinationResult, opened: OpenedCandidates, folder: Path) -> float:
    """Return the test mIoU of a way: by a file, as `trash submit --combine` does it."""
    file = folder / "way.toml"
    fitted = FitScores(way.name, 0, 0.0, 0.0, 0.0)
    write_combination(file, as_combination(way, opened.members, fitted=fitted, root=PROJECT.root))
    recipe = with_options(opened.recipe, combine=parse_combination(str(file)))
    choices = [
        MemberRef(member.path, member.views.text)
        for row in way.members
        for member in opened.members[row]
    ]
    result = submit(
        WORKSPACE,
        choices,
        recipe,
        opened.contest,
        output=folder / "way.csv",
        cache=PROJECT.cache,
        overwrite=True,
        validate=False,
    )
    assert result.score is not None
    return result.score.mean_iou


def steps_of(
    checkpoints: list[str], views: str, crf: bool, folder: Path
) -> dict[str, tuple[float, float]]:
    """Return (honest validation mIoU, test mIoU) of every step for one seed."""
    found: dict[str, tuple[float, float]] = {}

    def add(step: str, way: CombinationResult, opened: OpenedCandidates) -> None:
        found[step] = way.scored.honest_score, score_on_test(way, opened, folder)
        print(f"  {step}: {found[step][0]:.4f}, test {found[step][1]:.4f}", file=sys.stderr)

    opened, _, plain = search_members(checkpoints, "none")
    ways = {way.name: way for way in plain.ways}
    add("best single", ways["best single"], opened)
    opened, held_out, viewed = search_members(checkpoints, views)
    ways = {way.name: way for way in viewed.ways}
    add(f"+ views ({views})", ways["best single"], opened)
    for name in STEPS:
        add(name, ways[name], opened)
    add("what the search chooses", viewed.chosen, opened)
    print(f"  chosen: {viewed.chosen.name}", file=sys.stderr)
    if crf:
        effort = Effort()
        division = repeated_k_fold(held_out.n_images, effort.folds, effort.repeats, effort.seed)
        for label, way in (("mean of all", ways["mean of all"]), ("the choice", viewed.chosen)):
            trial = try_postprocessors(
                WORKSPACE, way, [CRF], held_out, division, metrics_of(opened)
            )
            (tried,) = trial.tried
            with_crf = CombinationResult(
                way.name,
                way.members,
                way.ensemble,
                tried.scored,
                tried.gain,
                False,
                (*way.postprocess, CRF),
            )
            step = f"{label} + dense CRF"
            # What is fitted in the way is fitted to all images here: only the gain is honest.
            honest = way.scored.honest_score + tried.gain.score
            found[step] = honest, score_on_test(with_crf, opened, folder)
            kept = "kept" if trial.kept else f"not kept, worse: {', '.join(tried.worse) or 'none'}"
            print(f"  {step}: {honest:.4f}, test {found[step][1]:.4f}; {kept}", file=sys.stderr)
    return found


def spread(values: list[float], signed: bool = False) -> str:
    return f"{mean(values):{'+' if signed else ''}.4f} ± {stdev(values):.4f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", choices=VIEWS)
    parser.add_argument("--no-crf", action="store_true")
    options = parser.parse_args()
    table: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for seed, checkpoints in enumerate(train_members(options.data), start=1):
            print(f"seed {seed}", file=sys.stderr)
            views, crf = VIEWS[options.data], not options.no_crf
            for step, figures in steps_of(checkpoints, views, crf, Path(folder)).items():
                table[step].append(figures)
    print("| step | validation, honest | gain | test | gain |\n|---|---|---|---|---|")
    first = table["best single"]
    for step, rows in table.items():
        cells = []
        for column in (0, 1):
            own = [row[column] for row in rows]
            gains = [row[column] - base[column] for row, base in zip(rows, first, strict=True)]
            cells += [spread(own), spread(gains, signed=True) if step != "best single" else "–"]
        print(f"| {step} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
