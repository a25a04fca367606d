from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from toolkit.data.image_bytes import Header, apply_orientation, decode, read_header
from toolkit.data.images import ImageSizeError, read_image
from toolkit.errors import UsageError
from toolkit.plugin.reader import ImageRecord

HERE = Path("a.img")
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF"]


def corners(height: int = 32, width: int = 48) -> np.ndarray:
    """RGB; a colour in each corner, so that every turn and mirror is another picture."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[:16, :16], pixels[:16, -16:] = (230, 20, 20), (20, 230, 20)
    pixels[-16:, :16] = (20, 20, 230)
    return pixels


def encode_image(pixels: np.ndarray, kind: str, orientation: int = 1) -> bytes:
    file, exif = BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    Image.fromarray(pixels).save(file, kind, exif=exif, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_format_and_orientation_is_turned_as_pillow_turns_it(
    kind: str, orientation: int
) -> None:
    stored = corners()
    data = encode_image(stored, kind, orientation)
    header = read_header(data, HERE)
    assert (header.width, header.height, header.orientation) == (48, 32, orientation)
    tags = Image.Exif()
    tags[0x0112] = orientation
    picture = Image.fromarray(stored)
    picture.getexif()[0x0112] = orientation
    shown = np.asarray(ImageOps.exif_transpose(picture))
    assert header.size(oriented=True) == shown.shape[1::-1]
    for oriented, expected in ((True, shown), (False, stored)):
        found = decode(data, header, HERE, oriented=oriented).astype(int)
        assert found.shape == expected.shape
        assert np.abs(found - expected).mean() < (4 if kind == "JPEG" else 1e-9)
    np.testing.assert_array_equal(apply_orientation(stored, orientation), shown)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_other_colours_become_rgb(mode: str) -> None:
    file = BytesIO()
    kind = "JPEG" if mode == "CMYK" else "PNG"
    picture = Image.fromarray(corners()).convert(mode)
    picture.save(file, kind)
    found = decode(file.getvalue(), read_header(file.getvalue(), HERE), HERE)
    expected = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(found - expected).mean() < (2 if kind == "JPEG" else 1e-9)


def sixteen(values: np.ndarray, suffix: str = ".png") -> bytes:
    return bytes(cv2.imencode(suffix, values)[1])


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_values_of_few_bits_are_scaled_by_the_recipe_or_refused(
    suffix: str, bits: int, channels: int
) -> None:
    values = np.linspace(0, 2**bits - 1, 30 * 40).reshape(30, 40).astype(np.uint16)
    data = sixteen(values if channels == 1 else np.dstack([values] * 3), suffix)
    header = read_header(data, HERE)
    found = decode(data, header, HERE, bit_depth=bits)
    np.testing.assert_array_equal(found, np.dstack([values >> (bits - 8)] * 3))
    if bits == 16:
        np.testing.assert_array_equal(decode(data, header, HERE), found)
        with pytest.raises(UsageError, match=r"its values use 16 bits, data\.bit_depth is 12"):
            decode(data, header, HERE, bit_depth=12)
        return
    with pytest.raises(UsageError, match=f"its values use {bits} at most") as caught:
        decode(data, header, HERE)
    assert "data.bit_depth" in caught.value.hint
    dark = decode(data, header, HERE, bit_depth=16)  # said to be that dark
    assert dark.max() == (2**bits - 1) >> 8


def test_black_needs_no_depth() -> None:
    data = sixteen(np.zeros((4, 5), np.uint16))
    assert decode(data, read_header(data, HERE), HERE).max() == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_floats_have_no_known_range(channels: int) -> None:
    values = np.random.default_rng(0).random((8, 9, channels)).astype(np.float32)
    data = sixteen(values, ".tiff")
    header = read_header(data, HERE)
    assert (header.width, header.height) == (9, 8)
    with pytest.raises(UsageError, match="type float32, which have no known range"):
        decode(data, header, HERE)


def bomb(width: int, height: int) -> bytes:
    """A small PNG of many black pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = zlib.compress(bytes((width + 1) * 64))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_no_photo_larger_than_its_record_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bomb(46000, 46000))

    def forbidden(*_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(cv2, "imdecode", forbidden)
    with pytest.raises(ImageSizeError, match="46000x46000 pixels, the annotation file says 64x64"):
        read_image(path, ImageRecord(1, "a.png", 64, 64))
    with pytest.raises(ImageSizeError, match="46000x46000 pixels, more than 200 million"):
        read_image(path, None)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(FORMATS),
    places=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8),
    kept=st.integers(0, 3000),
)
def test_damaged_bytes_are_a_usage_error_or_a_picture(
    kind: str, places: list[tuple[int, int]], kept: int
) -> None:
    data = bytearray(encode_image(corners(20, 30), kind, 6))
    for place, value in places:
        data[place % len(data)] = value
    try:
        header = read_header(bytes(data[:kept]), HERE)
        if header.width * header.height > 1e6:
            return  # a record would refuse it
        found = decode(bytes(data[:kept]), header, HERE, oriented=False)
    except UsageError:
        return
    assert found.dtype == np.uint8
    assert found.shape[2] == 3


def test_headers_of_broken_exif_data_are_upright() -> None:
    data = encode_image(corners(), "JPEG", 6).replace(b"MM\x00*", b"MM\x00\xff")
    assert read_header(data, HERE) == Header(48, 32, 1, 3)


def test_headers_of_real_photos_are_those_of_pillow(taco_root: Path, bags_root: Path) -> None:
    photos = sorted(taco_root.glob("*/*.jpg"))[::20] + sorted(bags_root.glob("*/*.jpg"))[::40]
    assert len(photos) > 20
    for photo in photos:
        with Image.open(photo) as image:
            expected = Header(*image.size, image.getexif().get(0x0112, 1), 3)
        assert read_header(photo.read_bytes(), photo) == expected
