from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.labels import LabelMap
from toolkit.data.near_pairs import near_pairs
from toolkit.data.split import Split
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import SilentProgress

Photo = NDArray[np.uint8]


def photo(seed: int) -> Photo:
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (120, 90), interpolation=cv2.INTER_CUBIC), np.uint8)


def split_of(root: Path, name: str, photos: list[Photo]) -> Split:
    (root / name).mkdir()
    records = []
    for row, pixels in enumerate(photos):
        file = f"{name}/{row}.png"
        (root / file).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        records.append(ImageRecord(row, file, pixels.shape[1], pixels.shape[0]))
    labels = LabelMap(("Background", "paper"), {})
    return Split(name, root / name, root, tuple(records), labels, "max-id", 255, "")


def test_each_photo_is_paired_with_the_most_alike_one_before_it(tmp_path: Path) -> None:
    one, two, three = (photo(seed) for seed in range(3))
    noisy = np.clip(one + np.random.default_rng(9).normal(0, 20, one.shape), 0, 255)
    brighter = np.clip(one.astype(int) + 9, 0, 255).astype(np.uint8)
    train = split_of(tmp_path, "train", [one, two, noisy.astype(np.uint8)])
    val = split_of(tmp_path, "val", [three, two[:, ::-1].copy(), brighter, one])
    found = near_pairs([train, val], SilentProgress())
    shown = [
        (pair.one[0].name, pair.one[1], pair.other[0].name, pair.other[1], pair.crosses)
        for pair in found
    ]
    assert set(shown) == {
        ("train", 1, "val", 1, True),
        ("train", 0, "val", 2, True),
        ("train", 0, "val", 3, True),
        ("train", 0, "train", 2, False),
    }
    assert shown[-1] == ("train", 0, "train", 2, False)  # those of two splits come first
    by_other = {(pair.other[0].name, pair.other[1]): pair for pair in found}
    assert by_other["val", 1].mirrored
    assert not by_other["val", 2].mirrored
    assert [pair.is_same for pair in by_other.values()].count(True) == 1
    assert by_other["val", 3].is_same
    assert by_other["val", 3].bits == 0
    crossing = [pair.bits for pair in found if pair.crosses]
    assert crossing == sorted(crossing)


def test_photos_that_differ_make_no_pair(tmp_path: Path) -> None:
    split = split_of(tmp_path, "train", [photo(seed) for seed in range(6)])
    assert near_pairs([split], SilentProgress()) == []
