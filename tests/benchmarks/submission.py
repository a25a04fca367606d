"""How fast leaderboard files are written, read with full validation, and scored.

    python tests/benchmarks/submission.py [number of images]

Every job is timed in turns with its obvious way, in one process and on one thread.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.formats.mask_string import MaskString
from toolkit.formats.run_length import RunLength
from toolkit.metrics.confusion import count_image
from toolkit.submission.check import check_submission

COLUMNS = ("image_id", "PredictionString")
RUN_COLUMNS = ("ImageId_ClassId", "EncodedPixels")
N_CLASSES, SIZE, REPEATS = 12, (256, 256), 3
Rows = list[tuple[str, NDArray[np.uint8]]]


def make_rows(n_images: int) -> Rows:
    """Return smooth label maps; 45 % of them hold labels of two digits."""
    rng = np.random.default_rng(0)
    rows = []
    for index in range(n_images):
        labels = np.zeros(SIZE, np.uint8)
        for _ in range(rng.integers(3, 9)):
            centre, axes = rng.integers(0, 256, 2).tolist(), rng.integers(8, 60, 2).tolist()
            color = int(rng.integers(1, N_CLASSES if index % 20 < 9 else 10))
            cv2.ellipse(labels, centre, axes, int(rng.integers(180)), 0, 360, color, -1)
        rows.append((f"batch_{index // 100:02}/{index:04}.jpg", labels))
    return rows


def ragged(rows: Rows) -> Rows:
    """Return the maps with 1 % of the pixels replaced: networks leave as many crumbs."""
    rng = np.random.default_rng(0)
    crumbs = [(rng.random(SIZE) < 0.01) for _ in rows]
    others = [rng.integers(0, N_CLASSES, SIZE).astype(np.uint8) for _ in rows]
    return [
        (name, np.where(crumb, other, labels))
        for (name, labels), crumb, other in zip(rows, crumbs, others, strict=True)
    ]


def obvious_write(path: Path, rows: Rows) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for name, labels in rows:
            text = " ".join(map(str, labels.ravel().tolist()))
            writer.writerow({"image_id": name, "PredictionString": text})


def obvious_check(path: Path, ids: list[str]) -> None:
    csv.field_size_limit(1 << 24)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [name for name, _ in rows[1:]] == ids
    for _, text in rows[1:]:
        labels = np.array([int(label) for label in text.split(" ")])
        assert labels.size == SIZE[0] * SIZE[1]
        assert labels.min() >= 0
        assert labels.max() < N_CLASSES
        np.bincount(labels, minlength=N_CLASSES)


def obvious_write_runs(path: Path, rows: Rows) -> None:
    """What every Kaggle notebook does, class by class."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(RUN_COLUMNS)
        for name, labels in rows:
            for label in range(1, N_CLASSES):
                pixels = np.concatenate([[0], (labels == label).T.flatten(), [0]])
                runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
                runs[1::2] -= runs[::2]
                writer.writerow([f"{name}_{label}", " ".join(str(number) for number in runs)])


def obvious_read_runs(path: Path) -> dict[str, NDArray[np.uint8]]:
    maps: dict[str, NDArray[np.uint8]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            name, label = row[RUN_COLUMNS[0]].rsplit("_", 1)
            numbers = np.array(row[RUN_COLUMNS[1]].split(), dtype=int)
            pixels = np.zeros(SIZE[0] * SIZE[1], np.uint8)
            for start, length in zip(numbers[0::2] - 1, numbers[1::2], strict=True):
                pixels[start : start + length] = 1
            mask = pixels.reshape(SIZE[::-1]).T.astype(bool)
            maps.setdefault(name, np.zeros(SIZE, np.uint8))[mask] = int(label)
    return maps


def obvious_matrix(pairs: Rows, targets: Rows) -> NDArray[np.int64]:
    matrix = np.zeros((N_CLASSES, N_CLASSES), np.int64)
    for (_, prediction), (_, target) in zip(pairs, targets, strict=True):
        kept = target != 255
        keys = N_CLASSES * target[kept].astype(np.int64) + prediction[kept]
        matrix += np.bincount(keys, minlength=N_CLASSES**2).reshape(matrix.shape)
    return matrix


def our_matrix(pairs: Rows, targets: Rows) -> NDArray[np.int64]:
    counts = np.zeros((N_CLASSES, N_CLASSES), np.int64)
    for (_, prediction), (_, target) in zip(pairs, targets, strict=True):
        counts += count_image(prediction, target, N_CLASSES, 255)
    return counts


def seconds(*jobs: Callable[[], object]) -> list[float]:
    """Return the best time of each job; they take turns."""
    best = [float("inf")] * len(jobs)
    for _ in range(REPEATS):
        for index, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            best[index] = min(best[index], time.perf_counter() - start)
    return best


def measure(n_images: int, folder: Path) -> Iterator[tuple[str, float, float, float]]:
    """Yield (job, obvious seconds, our seconds, floor seconds)."""
    rows = make_rows(n_images)
    ids = [name for name, _ in rows]
    format_ = MaskString(SIZE, COLUMNS, N_CLASSES)
    obvious, ours, same = folder / "obvious.csv", folder / "ours.csv", folder / "same.csv"

    def write() -> None:
        with ours.open("wb") as file:
            format_.write(file, rows)

    write()
    data = ours.read_bytes()
    yield (
        "write",
        *seconds(lambda: obvious_write(obvious, rows), write, lambda: same.write_bytes(data)),
    )
    assert obvious.read_bytes() == data

    def check() -> None:
        assert check_submission(ours, format_, ids, N_CLASSES).valid

    yield (
        "read + validate",
        *seconds(lambda: obvious_check(ours, ids), check, lambda: io.FileIO(ours).readall()),
    )
    yield from measure_runs("runs", rows, folder)
    yield from measure_runs("ragged runs", ragged(rows), folder)
    targets = [(name, np.roll(labels, 2, axis=1)) for name, labels in rows]
    np.testing.assert_array_equal(obvious_matrix(rows, targets), our_matrix(rows, targets))
    yield (
        "confusion matrix",
        *seconds(
            lambda: obvious_matrix(rows, targets),
            lambda: our_matrix(rows, targets),
            lambda: [(p.copy(), t.copy()) for (_, p), (_, t) in zip(rows, targets, strict=True)],
        ),
    )


def measure_runs(what: str, rows: Rows, folder: Path) -> Iterator[tuple[str, float, float, float]]:
    names = tuple(f"class {label}" for label in range(N_CLASSES))
    format_ = RunLength(SIZE, RUN_COLUMNS, ("{image}_{label}", "{pixels}"), names)
    obvious, ours, same = folder / "obvious.csv", folder / "ours.csv", folder / "same.csv"

    def write() -> None:
        with ours.open("wb") as file:
            format_.write(file, rows)

    write()
    data = ours.read_bytes()
    yield (
        f"write {what}",
        *seconds(lambda: obvious_write_runs(obvious, rows), write, lambda: same.write_bytes(data)),
    )
    assert obvious.read_bytes() == data
    for (_, labels), read in zip(rows, obvious_read_runs(ours).values(), strict=True):
        np.testing.assert_array_equal(read, labels)

    def read() -> None:
        assert sum(1 for _ in format_.read(ours)) == len(rows)

    yield (
        f"read {what}",
        *seconds(lambda: obvious_read_runs(ours), read, lambda: io.FileIO(ours).readall()),
    )


def main() -> None:
    n_images = int(sys.argv[1]) if len(sys.argv) > 1 else 837
    cv2.setNumThreads(1)
    print(f"{n_images} maps of {SIZE[0]} x {SIZE[1]} labels, best of {REPEATS}")
    print(f"{'job':<20}{'obvious s':>10}{'ours s':>10}{'ratio':>8}{'x bytes moved':>15}")
    with tempfile.TemporaryDirectory() as folder:
        for job, obvious, ours, floor in measure(n_images, Path(folder)):
            ratios = f"{obvious / ours:>7.1f}x{ours / floor:>14.1f}x"
            print(f"{job:<20}{obvious:>10.2f}{ours:>10.2f}{ratios}")


if __name__ == "__main__":
    main()
