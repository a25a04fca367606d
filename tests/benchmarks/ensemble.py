"""How fast members are stored, read and combined.

    python tests/benchmarks/ensemble.py [number of images] [folder]

Every job is timed in turns with its obvious way, in one process and on one thread.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.ensemble.combine import combine_stores
from toolkit.ensemble.combiners import Geometric, Mean, Vote
from toolkit.postprocess.labels import argmax_labels
from toolkit.predict.store import ProbabilityStore, StoreIndex, open_store
from toolkit.predict.writer import open_writer

N_CLASSES, SIZE, MEMBERS, REPEATS, BATCH = 12, (256, 256), 5, 3, 8
Maps = list[NDArray[np.float32]]


def make_maps(n_images: int, seed: int) -> Maps:
    """Return smooth maps that are mostly sure of one class, as a trained network's are."""
    rng = np.random.default_rng(seed)
    maps = []
    for _ in range(n_images):
        coarse = rng.normal(0, 4, (N_CLASSES, 8, 8))
        logits = coarse.repeat(SIZE[0] // 8, 1).repeat(SIZE[1] // 8, 2)
        exponentials = np.exp(logits - logits.max(0))
        maps.append((exponentials / exponentials.sum(0)).astype(np.float32))
    return maps


def write(folder: Path, maps: Maps, dtype: str) -> ProbabilityStore:
    """Write a store in batches, as the predictor does."""
    index = StoreIndex(
        class_names=tuple(map(str, range(N_CLASSES))),
        file_names=tuple(map(str, range(len(maps)))),
        sizes=(SIZE,) * len(maps),
        dtype=dtype,
        origin={},
    )
    with open_writer(folder, index, lambda: None) as writer:
        assert writer is not None
        for start in range(0, len(maps), BATCH):
            writer.append(maps[start : start + BATCH])
    return open_store(folder)


def read_all(store: ProbabilityStore) -> None:
    """Read every map, one at a time."""
    for position in range(len(store)):
        store.read(position)


def stacked(members: list[ProbabilityStore]) -> None:
    """All members of an image at once."""
    for position in range(len(members[0])):
        np.mean(np.stack([store.read(position) for store in members]), axis=0).argmax(0)


def streamed(
    members: list[ProbabilityStore], ensembler: Callable[..., NDArray[np.float32]]
) -> None:
    """As `trash submit` does."""
    for probabilities in combine_stores(members, ensembler):
        argmax_labels(probabilities)


def best_of(job: Callable[[], object]) -> float:
    """Return the shortest time, seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return min(times)


def main(n_images: int, folder: str | None) -> None:
    """Print images per second of every job."""
    print(f"{n_images} images, {N_CLASSES} classes, {SIZE[0]} x {SIZE[1]}, {MEMBERS} members")
    all_maps = [make_maps(n_images, seed) for seed in range(MEMBERS)]
    for dtype in ("u8", "u16", "f16", "f32"):
        with tempfile.TemporaryDirectory(dir=folder) as root:
            start = time.perf_counter()
            stores = [
                write(Path(root) / str(number), maps, dtype) for number, maps in enumerate(all_maps)
            ]
            seconds = time.perf_counter() - start
            size = sum(store.index.offsets[-1] for store in stores) / 1e6
            count = n_images * MEMBERS
            reading = best_of(lambda: read_all(stores[0]))  # noqa: B023
            print(
                f"{dtype}: write {count / seconds:5.0f} maps/s ({size / seconds:.0f} MB/s)", end=""
            )
            print(f", read {n_images / reading:5.0f} maps/s")
            if dtype in ("u16", "f32"):
                jobs = {
                    "np.mean(np.stack) + argmax": lambda: stacked(stores),  # noqa: B023
                    "mean": lambda: streamed(stores, Mean()),  # noqa: B023
                    "weighted mean": lambda: streamed(stores, Mean([1, 2, 3, 4, 5])),  # noqa: B023
                    "geometric": lambda: streamed(stores, Geometric()),  # noqa: B023
                    "vote": lambda: streamed(stores, Vote()),  # noqa: B023
                }
                for name, job in jobs.items():
                    print(f"    {name:<27} {n_images / best_of(job):5.0f} images/s")
    loaded = [np.stack(maps) for maps in all_maps]
    whole = best_of(lambda: np.mean(np.stack(loaded), axis=0).argmax(1))
    memory = best_of(
        lambda: [argmax_labels(Mean()(iter(each))) for each in zip(*loaded, strict=True)]
    )
    print(f"in memory: np.mean(np.stack) of all + argmax {n_images / whole:.0f} images/s, ", end="")
    print(f"streamed mean + argmax {n_images / memory:.0f} images/s")


if __name__ == "__main__":
    images = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    main(images, sys.argv[2] if len(sys.argv) > 2 else None)
