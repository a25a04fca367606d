from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from toolkit.data.mask_pixels import colour_of, look_into, number_of, paint_labels, read_pixels
from toolkit.errors import UsageError
from toolkit.plugin.reader import MaskFile, MaskTable

MANY = 10**6
VALUES = np.array([[0, 1, 2, 3], [3, 0, 1, 2], [1, 1, 0, 3]], np.uint16)


def write_png(
    path: Path, rows: NDArray[Any], depth: int, colour_type: int, palette: bytes = b""
) -> Path:
    """Write samples (height, width, channels) as a PNG, bit by bit as its specification says."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    height, width = rows.shape[:2]
    lines = []
    for row in rows.reshape(height, -1):
        bits = "".join(f"{sample:0{depth}b}" for sample in row.tolist())
        bits += "0" * (-len(bits) % 8)
        lines.append(b"\0" + int(bits, 2).to_bytes(len(bits) // 8))
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [chunk(b"IHDR", header)]
    chunks += [chunk(b"PLTE", palette)] if palette else []
    chunks += [chunk(b"IDAT", zlib.compress(b"".join(lines))), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


@pytest.mark.parametrize("depth", [2, 4, 8, 16])
def test_grey_values_are_not_stretched(depth: int, tmp_path: Path) -> None:
    values = VALUES * 300 if depth == 16 else VALUES
    found = read_pixels(write_png(tmp_path / "a.png", values, depth, 0), "values", MANY)
    assert found.tolist() == values.tolist()
    assert found.dtype == (np.uint16 if depth == 16 else np.uint8)


def test_one_bit_is_zero_or_one(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", VALUES % 2, 1, 0)
    assert read_pixels(path, "values", MANY).tolist() == (VALUES % 2).tolist()


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_a_palette_is_read_by_index_or_by_colour(depth: int, tmp_path: Path) -> None:
    palette = bytes([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    path = write_png(tmp_path / "a.png", VALUES, depth, 3, palette)
    assert read_pixels(path, "values", MANY).tolist() == VALUES.tolist()
    colours = np.array([0x000000, 0x800000, 0x008000, 0x808000])
    assert read_pixels(path, "colours", MANY).tolist() == colours[VALUES].tolist()


@pytest.mark.parametrize("colour_type", [2, 6])
def test_colours_are_read_with_and_without_alpha(colour_type: int, tmp_path: Path) -> None:
    samples = np.arange(2 * 3 * (4 if colour_type == 6 else 3), dtype=np.uint8)
    samples = samples.reshape(2, 3, -1) * 9
    path = write_png(tmp_path / "a.png", samples, 8, colour_type)
    expected = [[number_of(tuple(pixel[:3])) for pixel in row] for row in samples.tolist()]
    assert read_pixels(path, "colours", MANY).tolist() == expected
    with pytest.raises(UsageError, match=r"a\.png: a mask in colours") as caught:
        read_pixels(path, "values", MANY)
    assert "data.format.colours" in caught.value.hint


def test_grey_saved_as_colours_is_still_grey(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", np.repeat(VALUES[..., None], 3, axis=2), 8, 2)
    assert read_pixels(path, "values", MANY).tolist() == VALUES.tolist()
    grey = write_png(tmp_path / "b.png", VALUES, 8, 0)
    assert (
        read_pixels(grey, "colours", MANY).tolist() == (VALUES.astype(np.int64) * 0x010101).tolist()
    )


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    jpeg = tmp_path / "a.jpg"
    Image.fromarray(VALUES.astype(np.uint8)).save(jpeg)
    with pytest.raises(UsageError, match="a mask as JPEG, which changes the values"):
        read_pixels(jpeg, "values", MANY)
    deep = write_png(tmp_path / "deep.png", np.full((2, 2, 3), 700), 16, 2)
    with pytest.raises(UsageError, match="colours of 16 bits per channel"):
        read_pixels(deep, "colours", MANY)
    whole = write_png(tmp_path / "whole.png", VALUES, 8, 0)
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(UsageError, match=r"cut\.png: the mask is truncated"):
        read_pixels(cut, "values", MANY)
    with pytest.raises(UsageError, match="4x3 pixels, more than 11"):
        read_pixels(whole, "values", 11)
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(UsageError, match=r"text\.png: not a readable mask"):
        read_pixels(tmp_path / "text.png", "values", MANY)
    with pytest.raises(UsageError, match="cannot read the mask"):
        read_pixels(tmp_path / "absent.png", "values", MANY)


@pytest.mark.parametrize("reading", ["values", "colours"])
def test_what_is_in_a_mask_is_counted(reading: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2000, (37, 41)) if reading == "values" else rng.integers(0, 5, (9, 4))
    path = tmp_path / "a.png"
    write_png(path, values, 16 if reading == "values" else 8, 0)
    seen = look_into(path, reading, MANY)
    assert (seen.height, seen.width) == values.shape
    factor = 1 if reading == "values" else 0x010101
    counts: dict[int, int] = {}
    for value in values.ravel().tolist():
        counts[value * factor] = counts.get(value * factor, 0) + 1
    assert dict(seen.counts) == counts
    assert seen.n_numbers == len(counts)


def test_labels_are_those_of_the_table(tmp_path: Path) -> None:
    """16-bit values far above 255 become labels, and a colour does."""
    meaning = {0: "background", 300: 7, 600: "ignored", 900: 5}
    path = write_png(tmp_path / "a.png", VALUES * 300, 16, 0)
    labels = {0: 0, 300: 1, 600: 255, 900: 2}
    expected = [[labels[value] for value in row] for row in (VALUES * 300).tolist()]
    mask = MaskFile(path, MaskTable(values=meaning))  # type: ignore[arg-type]
    found = paint_labels(mask, (3, 4), {7: 1, 5: 2}, 255)
    assert found.dtype == np.uint8
    assert found.tolist() == expected

    colours = {colour_of(0x010101 * value): what for value, what in enumerate(meaning.values())}
    grey = write_png(tmp_path / "b.png", VALUES, 8, 0)
    mask = MaskFile(grey, MaskTable(colours=colours))  # type: ignore[arg-type]
    assert paint_labels(mask, (3, 4), {7: 1, 5: 2}, 255).tolist() == expected


def test_a_mask_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", VALUES, 8, 0)
    complete = MaskTable(values={value: value + 10 for value in range(4)})
    labels = {value + 10: value for value in range(4)}
    for table, size in (
        (MaskTable(values={0: "background", 1: 11}), (3, 4)),
        (complete, (4, 4)),
        (complete, (4, 3)),
    ):
        with pytest.raises(UsageError, match="the mask changed while it was used"):
            paint_labels(MaskFile(path, table), size, labels, 255)
    assert paint_labels(MaskFile(path, complete), (3, 4), labels, 255).tolist() == VALUES.tolist()
