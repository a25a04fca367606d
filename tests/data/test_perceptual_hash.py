from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from toolkit.data.perceptual_hash import BITS, NEAR, near_photos, perceptual_hash
from toolkit.errors import UsageError

IS_ODD = [column % 2 == 1 for _ in range(16) for column in range(16)]


def scene(seed: int, height: int = 300, width: int = 400) -> np.ndarray:
    """A picture with detail of many sizes, uint8 BGR."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for side in (3, 6, 12, 24):
        coarse = rng.normal(0, 1, (side, side, 3))
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / side
    return np.clip(128 + 250 * picture, 0, 255).astype(np.uint8)


def encoded(photo: np.ndarray, suffix: str = ".png", quality: int = 95) -> bytes:
    return cv2.imencode(suffix, photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def hash_of(data: bytes) -> str:
    return perceptual_hash(data, Path("photo"), 200)


def bits_of(text: str) -> list[bool]:
    """The bits in the order of the frequencies, the even ones of a row and the odd ones mixed."""
    bits = [digit == "1" for digit in f"{int(text, 16):0256b}"]
    even, odd = iter(bits[:128]), iter(bits[128:])
    return [next(odd) if is_odd else next(even) for is_odd in IS_ODD]


def slow_hash(grey: np.ndarray) -> list[bool]:
    """Slow reference: cosines by their definition, of blocks' means; sides are multiples of 64."""
    small = grey.reshape(64, grey.shape[0] // 64, 64, grey.shape[1] // 64).mean(axis=(1, 3))
    bits = []
    for down, right in itertools.product(range(16), repeat=2):
        rows = np.cos(np.pi * (2 * np.arange(64) + 1) * down / 128)
        columns = np.cos(np.pi * (2 * np.arange(64) + 1) * right / 128)
        bits.append(bool(rows @ small @ columns > 0 and (down, right) != (0, 0)))
    return bits


def test_a_hash_is_the_signs_of_the_lowest_frequencies() -> None:
    grey = cv2.cvtColor(scene(1, 128, 192), cv2.COLOR_BGR2GRAY)
    assert bits_of(hash_of(encoded(grey))) == slow_hash(grey.astype(np.float64))


def slow_bits(one: str, other: str) -> tuple[int, bool]:
    """Slow reference: bits that differ, and whether from the mirror image."""
    pairs = list(zip(bits_of(one), bits_of(other), strict=True))
    plain = sum(a != b for a, b in pairs)
    turned = sum(a != (b ^ is_odd) for (a, b), is_odd in zip(pairs, IS_ODD, strict=True))
    return min(plain, turned), turned < plain


Flips = list[tuple[int, bool, list[int]]]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.booleans(), st.lists(st.integers(1, 255), max_size=60)),
        max_size=40,
    ),
    st.integers(0, BITS),
)
def test_near_photos_are_those_of_a_comparison_of_all_pairs(drawn: Flips, limit: int) -> None:
    """Three hashes, mirrored and with some bits inverted; every seventh photo has none."""
    rng = np.random.default_rng(0)
    plain = rng.random((3, 256)) < 0.5
    hashes: list[str | None] = []
    for row, (base, is_mirrored, places) in enumerate(drawn):
        bits = plain[base].copy()
        bits[128:] ^= is_mirrored
        bits[places] ^= True
        bits[0] = False
        text = np.packbits(bits).tobytes().hex()
        hashes.append((None, "")[row % 2] if row % 7 == 6 else text)
    expected = {}
    for row, own in enumerate(hashes):
        for earlier, other in enumerate(hashes[:row]):
            if own and other and (found := slow_bits(own, other))[0] <= limit:
                expected[row, earlier] = found
    found_pairs = {
        (likeness.row, int(earlier)): (int(bits), bool(mirrored))
        for likeness in near_photos(hashes, limit)
        for earlier, bits, mirrored in zip(
            likeness.earlier, likeness.bits, likeness.mirrored, strict=True
        )
    }
    assert found_pairs == expected
    rows = [likeness.row for likeness in near_photos(hashes, limit)]
    assert rows == sorted(set(rows))


def copies(photo: np.ndarray) -> dict[str, bytes]:
    half = cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return {
        "quality 50": encoded(photo, ".jpg", 50),
        "half the size": encoded(half, ".jpg"),
        "brighter": encoded(cv2.convertScaleAbs(photo, alpha=1.1), ".jpg"),
        "darker": encoded(cv2.convertScaleAbs(photo, alpha=0.9), ".jpg"),
        "mirrored": encoded(photo[:, ::-1], ".jpg"),
        "other proportions": encoded(cv2.resize(photo, (300, 300)), ".jpg"),
        "16 bits": encoded(photo.astype(np.uint16) * 257),
        "another format": encoded(photo, ".bmp"),
    }


def test_copies_of_real_photos_are_found_and_other_photos_are_not(taco_root: Path) -> None:
    paths = sorted(taco_root.rglob("*.jpg"))[::8]
    for path in paths:
        changed = copies(cv2.imread(str(path)))
        (likeness,) = list(near_photos([hash_of(path.read_bytes()), hash_of(changed["mirrored"])]))
        assert likeness.mirrored.all()
        for name, data in changed.items():
            assert list(near_photos([hash_of(path.read_bytes()), hash_of(data)])), (path, name)
    assert not list(near_photos([hash_of(path.read_bytes()) for path in paths]))


@pytest.mark.parametrize("side", [1500, 700, 300, 128, 40])
def test_a_photo_that_is_decoded_at_a_smaller_scale_has_the_same_hash(side: int) -> None:
    photo = scene(3, side, side)
    pair = [hash_of(encoded(photo)), hash_of(encoded(photo, ".jpg"))]
    assert slow_bits(pair[0], pair[1])[0] <= NEAR // 4


def test_a_photo_is_hashed_as_it_is_shown(tmp_path: Path) -> None:
    photo = scene(4)
    upright = hash_of(encoded(photo, ".jpg"))
    exif = Image.Exif()
    exif[274] = 6
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(photo)[:, :, ::-1]))
    for suffix in ("jpg", "png", "tiff"):
        file = tmp_path / f"a.{suffix}"
        stored.save(file, exif=exif)
        assert slow_bits(upright, hash_of(file.read_bytes()))[0] <= NEAR // 4, suffix


@pytest.mark.parametrize(
    "photo",
    [
        np.full((90, 90, 3), 70, np.uint8),
        np.full((8, 8, 3), 10, np.uint8),
        np.tile(np.arange(256, dtype=np.uint8), (256, 1)),
    ],
)
def test_pictures_without_detail_have_no_hash(photo: np.ndarray) -> None:
    assert hash_of(encoded(photo)) == ""
    assert not list(near_photos([hash_of(encoded(photo))] * 2))


def test_what_cannot_be_hashed_is_refused() -> None:
    data = encoded(scene(5))
    with pytest.raises(UsageError, match="400x300 pixels are too many to be hashed"):
        perceptual_hash(data, Path("a.png"), 0.1)
    for broken in (b"", b"GIF", data[:-30]):
        with pytest.raises(UsageError, match=r"a\.png: "):
            perceptual_hash(broken, Path("a.png"), 200)
