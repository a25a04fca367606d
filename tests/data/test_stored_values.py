"""Photos of any number type and channels: what is stored is what is read, or one message."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from toolkit.data.coco import ImageRecord
from toolkit.data.image_bytes import decode, read_header
from toolkit.data.images import ImageSizeError, read_image
from toolkit.data.stored_values import scaled_to_bytes
from toolkit.errors import UsageError

HERE = Path("a.img")
TIFFS: list[dict[str, Any]] = [
    {},
    {"compression": "lzw", "predictor": True},
    {"compression": "zlib", "predictor": True},
    {"planarconfig": "separate"},
    {"planarconfig": "separate", "compression": "zlib", "tile": (16, 16)},
    {"byteorder": ">"},
    {"bigtiff": True, "tile": (16, 32)},
]


def noise(channels: int, dtype: str = "uint16", size: tuple[int, int] = (24, 33)) -> np.ndarray:
    rng = np.random.default_rng(channels)
    return rng.integers(0, 4096, (*size, channels)).astype(dtype)


def tiff(values: np.ndarray, **options: Any) -> bytes:
    file = BytesIO()
    options = {"photometric": "minisblack", "planarconfig": "contig"} | options
    if values.shape[2] == 1:
        values = values[..., 0]
        del options["planarconfig"]
    elif options["planarconfig"] == "separate":
        values = np.moveaxis(values, -1, 0)
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def npy(values: np.ndarray) -> bytes:
    file = BytesIO()
    np.save(file, values)
    return file.getvalue()


def slowly(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Value by value, halves to the even number."""
    mapped = [round(255 * (float(v) - low) / (high - low)) for v in values.ravel()]
    return np.array([min(max(v, 0), 255) for v in mapped], np.uint8).reshape(values.shape)


def read(data: bytes, **options: Any) -> np.ndarray:
    return decode(data, read_header(data, HERE), HERE, **options)


@pytest.mark.parametrize("options", TIFFS)
@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_tiffs_of_every_layout_are_what_was_stored(options: dict[str, Any], channels: int) -> None:
    if channels == 1 and options.get("planarconfig") == "separate":
        pytest.skip("one plane")
    values = noise(channels)
    data = tiff(values, **options)
    header = read_header(data, HERE)
    assert (header.width, header.height, header.channels) == (33, 24, channels)
    found = read(data, channels=channels, value_range=(0, 4095))
    np.testing.assert_array_equal(found, slowly(values, 0, 4095))
    np.testing.assert_array_equal(read(data, channels=channels, bit_depth=12), values >> 4)


@pytest.mark.parametrize("dtype", ["u1", "i2", ">u2", "u4", "f2", "<f4", ">f8"])
@pytest.mark.parametrize("channels", [0, 1, 3, 5])
def test_arrays_of_every_number_type_are_mapped_alike(dtype: str, channels: int) -> None:
    values = noise(max(channels, 1), "int32") % 120
    stored = (values if channels else values[..., 0]).astype(dtype)
    for array in (stored, np.asfortranarray(stored)):
        found = read(npy(array), channels=max(channels, 1), value_range=(10, 99.5))
        np.testing.assert_array_equal(found, slowly(values, 10, 99.5))


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20),
    low=st.floats(-1e6, 1e6),
    span=st.floats(1e-3, 1e6),
)
def test_floats_are_mapped_linearly_and_cut_off(
    values: list[float], low: float, span: float
) -> None:
    array = np.array(values, np.float32)[None, :, None]
    finite = np.nan_to_num(array.astype(np.float64), posinf=1e300, neginf=-1e300)
    found = scaled_to_bytes(array, (low, low + span), HERE)
    np.testing.assert_array_equal(found, slowly(finite, low, low + span))


def test_all_values_of_sixteen_bits_are_mapped_as_one_by_one() -> None:
    every = np.arange(-(2**15), 2**15, dtype=np.int16).reshape(256, 256, 1)
    found = scaled_to_bytes(every, (-1000, 3000), HERE)
    np.testing.assert_array_equal(found, slowly(every, -1000, 3000))


def test_what_is_not_a_number_is_counted() -> None:
    values = np.zeros((70, 3, 2), np.float32)
    values[69, 1] = np.nan
    with pytest.raises(UsageError, match=r"a.img: 2 values are not a number \(NaN\) of 420"):
        read(npy(values), channels=2, value_range=(0, 1))


def test_grey_arrays_become_rgb_unless_one_channel_is_declared() -> None:
    grey = noise(1, "uint8")
    for data in (npy(grey), npy(grey[..., 0])):
        np.testing.assert_array_equal(read(data), np.repeat(grey, 3, axis=2))
        np.testing.assert_array_equal(read(data, channels=1), grey)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_planes_of_rgb_are_read_as_pixels_are(dtype: str) -> None:
    """OpenCV reads noise of 16 bits in planes."""
    values = noise(3, dtype)
    values[0, 0] = np.iinfo(dtype).max
    data = tiff(values, photometric="rgb", planarconfig="separate")
    expected = values if dtype == "uint8" else (values >> 8).astype(np.uint8)
    np.testing.assert_array_equal(read(data), expected)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_photos_of_other_formats_have_their_own_channels(mode: str) -> None:
    values = noise(len(mode), "uint8")
    file = BytesIO()
    Image.fromarray(values[..., 0] if mode == "L" else values).save(file, "PNG")
    data = file.getvalue()
    assert read_header(data, HERE).channels == len(mode)
    np.testing.assert_array_equal(read(data, channels=len(mode)), values)
    # Without a declaration as ever: RGB, transparency left out.
    colours = values if mode in ("RGB", "RGBA") else values[..., [0, 0, 0]]
    for ranges in (None, (0.0, 255.0)):
        np.testing.assert_array_equal(read(data, value_range=ranges), colours[..., :3])


def test_the_range_of_a_jpeg_stretches_what_is_decoded() -> None:
    photo = noise(3, "uint8") // 2
    data = cv2.imencode(".jpg", photo)[1].tobytes()
    np.testing.assert_array_equal(
        read(data, value_range=(0, 127)), slowly(read(data).astype(int), 0, 127)
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiffs_are_turned_as_their_header_says(orientation: int) -> None:
    values = noise(4, "uint8")
    data = tiff(values, extratags=[(274, "H", 1, orientation, True)])
    header = read_header(data, HERE)
    assert header.orientation == orientation
    stored = read(data, channels=4, oriented=False)
    np.testing.assert_array_equal(stored, values)
    shown = read(data, channels=4)
    rgb = tiff(values[..., :3], photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    np.testing.assert_array_equal(shown[..., :3], read(rgb))  # as OpenCV turns it


@pytest.mark.parametrize(
    ("data", "declared", "message"),
    [
        (npy(noise(4)), None, "it has 4 channels, data.channels is unset|4 channels, 3 expected"),
        (npy(noise(4)), 5, "a.img: it has 4 channels, 5 expected"),
        (tiff(noise(4)), 1, "a.img: it has 4 channels, 1 expected"),
        (npy(noise(1)), 3, "a.img: it has 1 channel, 3 expected"),
        (npy(np.zeros(7)), 1, r"an array of shape \(7,\) and type float64, expected numbers"),
        (npy(np.zeros((2, 3), "c8")), 1, r"type complex64, expected numbers"),
        (npy(np.zeros((2, 0))), 1, r"shape \(2, 0\)"),
        (npy(np.array([[{}]], object)), 1, "type object, expected numbers"),
        (npy(noise(3))[:-2], 3, "a.img: the image is truncated"),
        (tiff(noise(4))[:-9], 4, "a.img: not a readable image"),
        (b"\x93NUMPY\x01\x00\xff\xffjunk", 1, "a.img: not a readable image"),
        (npy(noise(2, "float32")), 2, "of type float32, which have no known range"),
        (tiff(noise(2, "int32")), 2, "of type int32, which have no known range"),
    ],
)
def test_what_cannot_be_read_is_one_message(
    data: bytes, declared: int | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read(data, channels=declared)


def test_numbers_of_a_palette_are_no_values() -> None:
    file = BytesIO()
    Image.fromarray(noise(1, "uint8")[..., 0]).convert("P").save(file, "TIFF")
    with pytest.raises(UsageError, match="its values are numbers of colours in a palette"):
        read(file.getvalue(), channels=1)


def test_the_size_and_the_channels_are_compared_before_the_values(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(npy(np.moveaxis(noise(4), -1, 0)))
    record = ImageRecord(1, "a.npy", width=33, height=24, channels=4)
    with pytest.raises(ImageSizeError, match="24x4 pixels, the annotation file says 33x24") as told:
        read_image(path, record)
    assert "(channels, height, width)" in told.value.hint
    path.write_bytes(npy(noise(6)))
    with pytest.raises(UsageError, match="it has 6 channels, 4 expected"):
        read_image(path, record)
    with pytest.raises(UsageError, match=r"6 channels, data\.channels is unset") as told:
        read_image(path, ImageRecord(1, "a.npy", width=33, height=24))
    assert told.value.hint.startswith("Set data.channels = 6")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["npy", "tiff", "lzw"])
@settings(max_examples=80, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=8),
    kept=st.integers(0, 4000),
)
def test_damaged_files_are_refused_or_read(
    kind: str, places: list[tuple[int, int]], kept: int
) -> None:
    values = noise(4, size=(12, 10))
    whole = {
        "npy": npy(values),
        "tiff": tiff(values, compression="zlib"),
        "lzw": tiff(values, compression="lzw", tile=(16, 16)),
    }[kind]
    data = bytearray(whole[:kept] if kept < len(whole) else whole)
    for place, value in places:
        data[place % max(len(data), 1) : place % max(len(data), 1) + 1] = bytes([value])
    try:
        header = read_header(bytes(data), HERE)
        if header.width * header.height > 1e6:
            return  # it has not the size of its record
        found = decode(bytes(data), header, HERE, channels=4, value_range=(0, 4095))
    except UsageError:
        return
    assert found.dtype == np.uint8
    assert found.shape[2] == 4
