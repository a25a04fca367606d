from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from toolkit.data.images import DecodedImages, ImageSizeError, open_images, read_image
from toolkit.data.resize import resize_image
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import SilentProgress

QUIET = SilentProgress()


def gradient(height: int, width: int, channels: int = 3) -> np.ndarray:
    """A smooth BGR(A) or grey picture, every corner different."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [255 * x / width, 255 * y / height, 128 + 0 * x, 200 + 0 * x]
    return np.stack(planes[:channels], axis=-1).astype(np.uint8)


def write(path: Path, image: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def record(height: int, width: int) -> ImageRecord:
    return ImageRecord(1, "a", width, height)


def with_exif(path: Path, orientation: int) -> Path:
    """Put an EXIF orientation into a JPEG."""
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"
    tiff += bytes([0, orientation, 0, 0]) + b"\x00\x00\x00\x00"
    segment = b"Exif\x00\x00" + tiff
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment + data[2:])
    return path


def test_colours_are_in_rgb_order(tmp_path: Path) -> None:
    blue = np.zeros((2, 2, 3), np.uint8)
    blue[..., 0] = 255
    assert read_image(write(tmp_path / "a.png", blue), None)[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_and_alpha_become_rgb(tmp_path: Path, channels: int) -> None:
    image = gradient(5, 7, channels)
    found = read_image(write(tmp_path / "a.png", image), record(5, 7))
    expected = image.repeat(3, axis=2) if channels == 1 else image[..., 2::-1]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint8


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    image = gradient(5, 7).astype(np.uint16) * 257
    found = read_image(write(tmp_path / "a.png", image), None)
    np.testing.assert_array_equal(found, gradient(5, 7)[..., ::-1])


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", gradient(16, 32))
    upright = read_image(path, None)
    turned = read_image(with_exif(path, 6), record(32, 16))
    np.testing.assert_array_equal(turned, np.rot90(upright, -1))


def test_exif_orientation_is_applied_as_the_record_says(tmp_path: Path) -> None:
    """Photo by photo nothing is decided: `oriented` is one rule for a whole file."""
    path = write(tmp_path / "a.jpg", gradient(16, 32))
    upright = read_image(path, None)
    for orientation, expected in ((3, upright[::-1, ::-1]), (2, upright[:, ::-1])):
        path = with_exif(write(tmp_path / "a.jpg", gradient(16, 32)), orientation)
        np.testing.assert_array_equal(read_image(path, record(16, 32)), expected)
        stored = replace(record(16, 32), oriented=False)
        np.testing.assert_array_equal(read_image(path, stored), upright)
    path = with_exif(write(tmp_path / "a.jpg", gradient(16, 32)), 6)
    np.testing.assert_array_equal(
        read_image(path, replace(record(16, 32), oriented=False)), upright
    )
    with pytest.raises(ImageSizeError) as caught:
        read_image(path, record(16, 32))
    assert "data.exif" in caught.value.hint


def test_another_size_than_annotated_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", gradient(16, 32))
    with pytest.raises(ImageSizeError) as caught:
        read_image(path, record(16, 30))
    assert f"{path}: the image is 32x16 pixels" in caught.value.message
    assert "says 30x16" in caught.value.message


def test_missing_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="image not found"):
        read_image(tmp_path / "a.png", None)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match="cannot read"):
        read_image(tmp_path / "folder.png", None)
    for content in (b"", b"hello", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n"):
        (tmp_path / "x.png").write_bytes(content)
        with pytest.raises(UsageError, match=r"x\.png: "):
            read_image(tmp_path / "x.png", None)


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.98])
@pytest.mark.parametrize(
    ("suffix", "filled"),
    # A hole in the pixels of the last two cannot be told from a picture.
    [
        (".jpg", False),
        (".jpg", True),
        (".png", False),
        (".png", True),
        (".webp", False),
        (".bmp", False),
    ],
)
def test_truncated_images_are_refused(
    tmp_path: Path, suffix: str, filled: bool, kept: float
) -> None:
    path = write(tmp_path / f"a{suffix}", gradient(64, 64))
    data = path.read_bytes()
    cut = data[: int(len(data) * kept)]
    path.write_bytes(cut + bytes(len(data) - len(cut)) * filled)
    with pytest.raises(UsageError, match=f"a{suffix}: .*(truncated|not a readable image)"):
        read_image(path, None)


def test_real_photos_are_whole_and_their_truncations_are_not(
    taco_root: Path, bags_root: Path, tmp_path: Path
) -> None:
    photos = sorted(taco_root.glob("*/*.jpg"))[::40] + sorted(bags_root.glob("*/*.jpg"))[::60]
    assert len(photos) > 10
    for number, photo in enumerate(photos):
        assert read_image(photo, None).ndim == 3
        data = photo.read_bytes()
        path = tmp_path / "cut.jpg"
        # Losing the last bytes is what an interrupted copy does; zeros are what a full disk does.
        kept = len(data) - 2 - 997 * number
        for tail in (b"", bytes(5000)):
            path.write_bytes(data[:kept] + tail)
            with pytest.raises(UsageError, match="truncated"):
                read_image(path, None)


def test_a_preview_in_the_exif_data_does_not_hide_a_truncation(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", gradient(64, 64))
    data = path.read_bytes()
    preview = b"\xff\xe1" + (len(data) + 2).to_bytes(2) + data
    path.write_bytes(data[:2] + preview + data[2:])
    assert read_image(path, None).shape == (64, 64, 3)
    path.write_bytes((data[:2] + preview + data[2:])[:-20])
    with pytest.raises(UsageError, match="truncated"):
        read_image(path, None)


def test_bytes_after_the_end_are_fine(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", gradient(64, 64))
    whole = read_image(path, None)
    path.write_bytes(path.read_bytes() + b"trailer of a phone")
    np.testing.assert_array_equal(read_image(path, None), whole)


def test_names_may_hold_any_letters(tmp_path: Path) -> None:
    path = tmp_path / "쓰레기 π.png"
    path.write_bytes(write(tmp_path / "a.png", gradient(4, 4)).read_bytes())
    assert read_image(path, None).shape == (4, 4, 3)


def test_shrinking_averages_and_growing_interpolates() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    image[0, 0] = 160
    assert resize_image(image, (2, 2))[..., 0].tolist() == [[10, 0], [0, 0]]
    assert resize_image(image, (16, 16))[0, :4, 0].tolist() == [160, 120, 40, 0]
    assert resize_image(image, (16, 20)).shape == (16, 20, 3)
    assert resize_image(image, (8, 8)) is image


def files(cache: Path) -> set[Path]:
    return {path for path in cache.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [None, (12, 20)])
def test_cached_images_are_the_decoded_ones(
    train_split: Split, cache: Path, size: tuple[int, int] | None
) -> None:
    cached = open_images(train_split, cache, size, QUIET)
    decoded = open_images(train_split, None, size, QUIET)
    assert len(cached) == len(decoded) == len(train_split)
    for index, record in enumerate(train_split.images):
        expected = read_image(train_split.path(index), record)
        expected = expected if size is None else resize_image(expected, size)
        np.testing.assert_array_equal(cached[index], expected)
        np.testing.assert_array_equal(decoded[index], expected)


class _Written(SilentProgress):
    """Counts the images that are written."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[_Written]:
        yield self

    def advance(self, amount: int = 1, **figures: float) -> None:
        self.count += amount


def test_no_more_large_photos_are_decoded_ahead_than_the_memory_holds(
    train_split: Split, cache: Path
) -> None:
    expected = open_images(train_split, None, None, QUIET)
    decode = DecodedImages.__getitem__
    decoded: list[int] = []
    written = _Written()

    def watched(images: DecodedImages, index: int) -> np.ndarray:
        decoded.append(index)
        assert len(decoded) - written.count <= 2
        return decode(images, index)

    largest = 3 * max(each.height * each.width for each in train_split.images)
    with (
        patch("toolkit.data.images._AHEAD_BYTES", 2 * largest),
        patch.object(DecodedImages, "__getitem__", watched),
    ):
        found = open_images(train_split, cache, None, written)
    assert sorted(decoded) == list(range(len(train_split)))
    for row in range(len(train_split)):
        np.testing.assert_array_equal(found[row], expected[row])


def test_images_that_were_resized_by_another_rule_are_not_found(
    train_split: Split, cache: Path
) -> None:
    with patch("toolkit.data.images.RESIZING", 1):
        open_images(train_split, cache, (12, 20), QUIET)
        open_images(train_split, cache, None, QUIET)
    assert len(files(cache / "images")) == 2
    open_images(train_split, cache, (12, 20), QUIET)
    open_images(train_split, cache, None, QUIET)
    assert len(files(cache / "images")) == 3  # native sizes know no rule


def test_without_a_cache_nothing_is_written(train_split: Split, cache: Path) -> None:
    open_images(train_split, None, None, QUIET)
    assert not cache.exists()


def test_images_are_decoded_again_when_a_file_changes(train_split: Split, cache: Path) -> None:
    before = open_images(train_split, cache, None, QUIET)[3].copy()
    (first,) = files(cache)
    open_images(train_split, cache, None, QUIET)
    assert files(cache) == {first}
    path = train_split.path(3)
    stat = path.stat()
    write(path, 255 - cv2.imread(str(path)))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = open_images(replace(train_split), cache, None, QUIET)[3]
    np.testing.assert_array_equal(after, 255 - before)


def test_a_moved_folder_finds_its_decoded_images(
    train_split: Split, cache: Path, tmp_path: Path
) -> None:
    open_images(train_split, cache, None, QUIET)
    made = files(cache)
    moved = shutil.copytree(train_split.root, tmp_path / "elsewhere")
    open_images(replace(train_split, root=moved), cache, None, QUIET)
    assert files(cache) == made


def test_a_photo_that_changes_while_it_is_decoded_leaves_no_cache(
    train_split: Split, cache: Path
) -> None:
    train_split.read_contents(QUIET)
    write(train_split.path(3), np.zeros((24, 32, 3), np.uint8))
    with pytest.raises(UsageError, match=r"1 image of train changed .*03\.png"):
        open_images(train_split, cache, None, QUIET)
    assert files(cache) == set()


def test_a_broken_image_is_named_and_leaves_no_cache(train_split: Split, cache: Path) -> None:
    path = train_split.path(6)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UsageError, match=r"06\.png: the image is truncated"):
        open_images(train_split, cache, None, QUIET)
    assert files(cache) == set()
    path.unlink()
    with pytest.raises(UsageError, match=r"image not found: .*06\.png"):
        open_images(train_split, cache, None, QUIET)


def test_a_wrong_record_is_named(train_split: Split, cache: Path) -> None:
    images = list(train_split.images)
    images[2] = replace(images[2], width=31)
    wrong = replace(train_split, images=tuple(images))
    with pytest.raises(ImageSizeError, match=r"02\.png: the image is 32x24"):
        open_images(wrong, cache, (8, 8), QUIET)


def test_folds_share_the_cache_of_their_file(train_split: Split, cache: Path) -> None:
    whole = open_images(train_split, cache, (8, 8), QUIET)
    part = open_images(train_split.part("val", [4, 1]), cache, (8, 8), QUIET)
    assert len(files(cache)) == 1
    np.testing.assert_array_equal(part[0], whole[4])
    np.testing.assert_array_equal(part[1], whole[1])
