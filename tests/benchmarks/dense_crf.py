"""How long a dense CRF takes, each way side by side on one thread.

    python tests/benchmarks/dense_crf.py [folder of a contest with photos of 512 x 512]

Needs the extra: pip install -e '.[crf]'. The photos are real, their maps are made of the true masks
(tests/postprocess/photos.py).

What was tried and is not there, of the time of one update on a photo of 300,000 vertices:

* the lattice as sparse matrices of torch (with 32-bit indices): 1.5 to 2.3 times as long;
* `torch.softmax` over rows of 12: five times as long as written out, and half of the update;
* two axes of the blur multiplied into one matrix: .8 of the blur, but longer to make than it saves
  in ten updates; all six: 100 to 200 entries a row;
* a blur of only the vertices that have neighbours: 80 to 90 % have, and adding in place
  takes longer;
* vertices in the order in which the pixels meet them: splat and slice .6, blur 1.7;
* pixels sorted by vertex, or in tiles: .9 of all, and everything has to be turned there and back;
* rows of 16 instead of 12 numbers: the same.

Photos of more than 724 x 724 pixels are worked on in pieces, with equal labels: 6 megapixels and 12
classes then take .37 kB (a photo) to .85 kB (noise) of each pixel at the peak instead of .66 to
1.31, in .9 to 1.1 of the time. What is left is the lattice itself, marginals and unary terms.

On one H100, four photos at 512 x 512 with 12 classes took .06 to .41 s, all iterations of each
preset, and .5 to 1.9 s on two threads of the same machine (16 cores, others busy): equal labels,
probabilities within 2e-5.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "postprocess"))

from photos import Pair, load, open_photos

from toolkit.postprocess import mean_field, pydensecrf_engine
from toolkit.postprocess.crf_settings import PRESETS, CrfSettings
from toolkit.postprocess.dense_crf import DenseCrf
from toolkit.postprocess.permutohedral import Filter, SparseRows, make_filter

PHOTOS = (3, 8, 20, 30)
REPEATS = 3


def seconds(*jobs: Callable[[], object]) -> list[float]:
    """Return the shortest time of each job, the jobs taken in turns."""
    times = [[0.0] * REPEATS for _ in jobs]
    for repeat in range(REPEATS):
        for job, taken in zip(jobs, times, strict=True):
            start = time.perf_counter()
            job()
            taken[repeat] = time.perf_counter() - start
    return [min(taken) for taken in times]


def engines(photos: list[Pair]) -> None:
    """Own engine and pydensecrf, all updates, and how much their results differ."""
    head = f"{'preset':<16}{'photo':>6}{'own s':>8}{'pydensecrf':>12}"
    print(f"{head}{'equal labels':>14}{'differ':>10}")
    for preset, settings in PRESETS.items():
        own = DenseCrf(settings, mean_field.infer)
        other = DenseCrf(settings, pydensecrf_engine.infer)
        for position, (maps, image) in zip(PHOTOS, photos, strict=True):
            a, b = own(maps, image), other(maps, image)
            mine, theirs = seconds(lambda: own(maps, image), lambda: other(maps, image))  # noqa: B023
            equal = float(np.mean(a.argmax(0) == b.argmax(0)))
            print(
                f"{preset:<16}{position:>6}{mine:>8.2f}{theirs / mine:>11.2f}x{equal:>14.4%}"
                f"{np.abs(a - b).max():>10.1e}"
            )


def stopping(photos: list[Pair]) -> None:
    """Stop by change of labels against all 50 updates."""
    whole = DenseCrf(PRESETS["pspnet"], mean_field.infer)
    print(f"\n{'tolerance':<16}{'time of 50':>12}{'labels that differ: mean':>26}{'most':>10}")
    for tolerance in (1e-2, 1e-3, 1e-4, 1e-5):
        early = DenseCrf(replace(whole.settings, tolerance=tolerance), mean_field.infer)
        shares, differ = [], []
        for maps, image in photos:
            part, all_of_it = seconds(lambda: early(maps, image), lambda: whole(maps, image))  # noqa: B023
            shares.append(part / all_of_it)
            differ.append(
                float(np.mean(early(maps, image).argmax(0) != whole(maps, image).argmax(0)))
            )
        print(
            f"{tolerance:<16g}{np.mean(shares):>12.2f}{np.mean(differ):>26.4%}{max(differ):>10.4%}"
        )


def one_update(maps: np.ndarray, image: np.ndarray, settings: CrfSettings) -> None:
    """Parts of the work of the own engine, and what torch has for the same."""
    places = mean_field._places(*image.shape[:2], settings.bilateral_xy)
    colours = torch.from_numpy(image.reshape(-1, 3).T.astype(np.float32)) / settings.bilateral_rgb
    features = torch.cat([places, colours])
    bilateral = make_filter(features)
    scores = torch.from_numpy(np.log(maps.clip(1e-5, 1)).reshape(len(maps), -1).T.copy())
    matrices = as_matrices(bilateral, len(scores))

    def by_matrices() -> None:
        values = scores
        for matrix in matrices:
            values = matrix @ values

    jobs = {
        "make the bilateral lattice": lambda: make_filter(features),
        "bilateral filter": lambda: bilateral @ scores,
        "  as torch's sparse matrices": by_matrices,
        "softmax": lambda: mean_field._softmax(scores.clone()),
        "  torch.softmax": lambda: torch.softmax(scores, dim=1),
    }
    print(f"\n{len(bilateral.steps[0].starts) - 1} vertices")
    for name, time_ in zip(jobs, seconds(*jobs.values()), strict=True):
        print(f"{name:<32}{1000 * time_:>8.1f} ms")


def as_matrices(chosen: Filter, n_points: int) -> list[torch.Tensor]:
    """Return the steps of a filter as sparse matrices of torch."""

    def matrix(step: SparseRows, columns: int) -> torch.Tensor:
        size = (len(step.starts) - 1, columns)
        return torch.sparse_csr_tensor(step.starts, step.columns, step.values, size)

    n_vertices = len(chosen.steps[0].starts) - 1
    splat, *others = chosen.steps
    return [matrix(splat, n_points), *(matrix(step, n_vertices) for step in others)]


def main(root: Path) -> None:
    """Print ratios."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as project:
        contest = open_photos(root.resolve(), Path(project))
        photos = [load(contest, position) for position in PHOTOS]
    engines(photos)
    stopping(photos)
    one_update(*photos[0], PRESETS["pspnet"])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/taco"))
