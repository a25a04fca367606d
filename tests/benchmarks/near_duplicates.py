"""Which copies of photos their hashes find, which other pairs they take for copies, and how fast.

OMP_NUM_THREADS=1 python tests/benchmarks/near_duplicates.py data/taco data/bags
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from toolkit.data.near_duplicates import hash_photos
from toolkit.data.perceptual_hash import BITS, NEAR, near_photos, perceptual_hash
from toolkit.progress import SilentProgress

Edit = Callable[[np.ndarray], np.ndarray]
LIMITS = (16, 24, 32, 40, 48, 56, 64)


def half(photo: np.ndarray) -> np.ndarray:
    return cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def brightness(factor: float) -> Edit:
    return lambda photo: cv2.convertScaleAbs(photo, alpha=factor)


def crop(share: float) -> Edit:
    def edit(photo: np.ndarray) -> np.ndarray:
        down, right = (round(side * share / 2) for side in photo.shape[:2])
        return photo[down : photo.shape[0] - down, right : photo.shape[1] - right]

    return edit


COPIES: dict[str, tuple[Edit, int]] = {
    "JPEG of quality 50": (lambda photo: photo, 50),
    "half the size": (half, 95),
    "brightness +10 %": (brightness(1.1), 95),
    "brightness -10 %": (brightness(0.9), 95),
    "mirrored": (lambda photo: photo[:, ::-1], 95),
    "mirrored, half, +10 %, quality 50": (
        lambda photo: half(brightness(1.1)(photo[:, ::-1])),
        50,
    ),
    "2 % cut off": (crop(0.02), 95),
    "5 % cut off": (crop(0.05), 95),
}


def hash_of(photo: np.ndarray, quality: int) -> str:
    file = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return perceptual_hash(file, Path("copy"), 200)


def differing(one: str, other: str, limit: int = BITS) -> int:
    found = list(near_photos([one, other], limit))
    return int(found[0].bits[0]) if found else BITS + 1


def measure_copies(folders: list[Path]) -> None:
    photos = [path for folder in folders for path in sorted(folder.rglob("*.jpg"))]
    hashes = [perceptual_hash(path.read_bytes(), path, 200) for path in photos]
    print(f"{len(photos)} photos, {hashes.count('')} without a hash")
    print(f"{'found of the copies, %, by bits':34} {'most':>5}", *(f"{each:5}" for each in LIMITS))
    pixels = [cv2.imread(str(path)) for path in photos]
    for name, (edit, quality) in COPIES.items():
        bits = np.array(
            [
                differing(before, hash_of(edit(photo), quality))
                for before, photo in zip(hashes, pixels, strict=True)
            ]
        )
        shares = (f"{100 * (bits <= limit).mean():5.1f}" for limit in LIMITS)
        print(f"{name:34} {bits.max():5}", *shares)
    near = [
        (int(bits), photos[row], photos[earlier])
        for likeness in near_photos(hashes, LIMITS[-1])
        for row, earlier, bits in zip(
            [likeness.row] * len(likeness.bits), likeness.earlier, likeness.bits, strict=True
        )
    ]
    counts = (f"{sum(bits <= limit for bits, *_ in near):5}" for limit in LIMITS)
    print(f"{'pairs among the photos':34} {'':5}", *counts)
    for bits, one, other in sorted(near)[:8]:
        print(f"  {bits} bits: {other.name} and {one.name}")


def measure_speed() -> None:
    rng = np.random.default_rng(0)
    for n_photos, side in ((3000, 512), (300, 2048)):
        with tempfile.TemporaryDirectory() as folder:
            names = [f"{row}.jpg" for row in range(n_photos)]
            for name in names:
                coarse = rng.integers(0, 255, (24, 24, 3), np.uint8)
                photo = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
                noise = rng.integers(0, 9, photo.shape, np.uint8)
                cv2.imwrite(f"{folder}/{name}", cv2.add(photo, noise))
            began, spent = time.perf_counter(), time.process_time()
            hash_photos(Path(folder), names, names, None, SilentProgress())
            wall, cpu = time.perf_counter() - began, time.process_time() - spent
            print(f"{n_photos} JPEG of {side} x {side}: hashed in {wall:.1f} s, {cpu:.1f} s of CPU")
    for n_photos in (5_000, 20_000, 50_000):
        hashes = [rng.bytes(32).hex() for _ in range(n_photos)]
        spent = time.process_time()
        list(near_photos(hashes))
        print(f"{n_photos} hashes: all pairs in {time.process_time() - spent:.2f} s of CPU")


def main() -> None:
    print(f"{BITS} bits, alike up to {NEAR}")
    folders = [Path(each) for each in sys.argv[1:] or ("data/taco", "data/bags")]
    measure_copies([folder for folder in folders if folder.is_dir()])
    measure_speed()


if __name__ == "__main__":
    main()
