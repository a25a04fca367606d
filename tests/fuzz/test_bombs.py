"""Small files that claim, or would become, terabytes or years: refused before either begins."""

from __future__ import annotations

import io
import json
import re
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.fuzz.limits import limited_memory, limited_time
from tests.fuzz.readers import CLASSES, READERS
from toolkit.errors import UsageError
from toolkit.files import read_json
from toolkit.formats.npz import Npz
from toolkit.formats.png_zip import PngZip
from toolkit.formats.run_length import RunLength
from toolkit.predict.store import open_store
from toolkit.pseudo.label_set import open_label_set
from toolkit.submission.check import check_submission
from toolkit.suggestions import did_you_mean, nearest
from toolkit.train.checkpoint import load_checkpoint

_FEW = 32 << 20


@contextmanager
def few_megabytes() -> Iterator[None]:
    tracemalloc.start()
    try:
        with limited_time(), limited_memory():
            yield
        assert tracemalloc.get_traced_memory()[1] < _FEW
    finally:
        tracemalloc.stop()


def checkpoint_with(path: Path, **parts: Any) -> Path:
    READERS["checkpoint"].write(path.parent)
    content = torch.load(path.parent / "a.pt", weights_only=True)
    torch.save({**content, **parts}, path)
    return path


def repeated(times: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(times):
        found = [found, found]
    return found


class Buffer:
    def __reduce__(self) -> Any:
        return bytearray, (10**12,)


FORGED: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "a list of 2^60 items": (lambda: {"scores": {"a": repeated(60)}}, "repeated too often"),
    "nested too deeply": (lambda: {"recipe": {"a": deep(100)}}, "nested too deeply"),
    "a tensor of terabytes": (
        lambda: {"model_state": {"weight": torch.zeros(1).expand(10**12)}},
        "claim more memory",
    ),
    "a buffer of terabytes": (lambda: {"recipe": {"a": Buffer()}}, "Python objects .*bytearray"),
    "scores that are none": (lambda: {"scores": {"a": "high"}}, r"checkpoint: scores\.a"),
    "a lineage that is none": (lambda: {"lineage": [1]}, "checkpoint: lineage"),
    "a class that is no text": (lambda: {"class_names": ("a", 3)}, r"class_names\.1"),
    "a tensor in the recipe": (lambda: {"recipe": {"a": torch.zeros(2)}}, "checkpoint: recipe"),
    "a size of none": (lambda: {"image_size": (0, 32)}, r"image_size\.0"),
    "no deviation": (lambda: {"std": (0.0, 1.0, 1.0)}, "checkpoint: std"),
    "a format that is a tensor": (lambda: {"format": torch.zeros(3)}, "is not a checkpoint"),
}


def deep(times: int) -> Any:
    found: Any = 1
    for _ in range(times):
        found = [found]
    return found


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_checkpoint_is_one_message(case: str, tmp_path: Path) -> None:
    parts, message = FORGED[case]
    path = checkpoint_with(tmp_path / "forged.pt", **parts())
    with few_megabytes(), pytest.raises(UsageError, match=message) as caught:
        load_checkpoint(path)
    assert str(path) in caught.value.message
    assert len(caught.value.message) < 2000


def test_keys_whose_hash_takes_years_are_not_built(tmp_path: Path) -> None:
    # Written by hand: making such a dict takes years as well.
    doubled = b"".join(b"h%c\x86q%c" % (number, number + 1) for number in range(1, 90))
    program = b"\x80\x02})q\x01" + doubled + b"K\x01s."
    READERS["checkpoint"].write(tmp_path)
    path = tmp_path / "forged.pt"
    with zipfile.ZipFile(tmp_path / "a.pt") as whole, zipfile.ZipFile(path, "w") as forged:
        for name in whole.namelist():
            forged.writestr(name, program if name.endswith("data.pkl") else whole.read(name))
    with few_megabytes(), pytest.raises(UsageError, match="a tuple where a scalar should be"):
        load_checkpoint(path)


def test_a_compressed_checkpoint_is_not_unpacked(tmp_path: Path) -> None:
    READERS["checkpoint"].write(tmp_path)
    path = tmp_path / "bomb.pt"
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as whole,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in whole.namelist():
            bomb.writestr(name, bytes(50 << 20) if name.endswith("data.pkl") else b"")
    with few_megabytes(), pytest.raises(UsageError, match="its parts are compressed"):
        load_checkpoint(path)


def array(kind: str, shape: tuple[int, ...]) -> bytes:
    head = io.BytesIO()
    values = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, values)
    return head.getvalue()


@pytest.mark.parametrize(
    ("ids", "labels", "message"),
    [
        # What the heads say is what is there: a hundred thousand times the same.
        ((60, "<U99999", 399996), (60, 6), "row 2: the image is already in row 1"),
        # They say more, or less, than the zip file does.
        ((10**12, "<U5", 20), (10**12, 6), "ids: .* bytes where .* should be"),
        ((10**30, "<U5", 20), (10**30, 6), "of that shape fits on no disk"),
        ((1, "<U5", 20), (10**12, 6), "expected |u1 .uint8. 1 × 2 × 3"),
    ],
)
def test_an_npz_is_read_map_by_map(
    ids: tuple[int, str, int], labels: tuple[int, int], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("ids.npy", "w") as file:
            file.write(array(ids[1], (ids[0],)))
            for _ in range(min(ids[0], 60)):
                file.write(bytes(ids[2]))
        archive.writestr("labels.npy", array("|u1", (labels[0], 2, 3)) + bytes(360))
    with few_megabytes():
        report = check_submission(path, Npz((2, 3), 3), [""], 3)
    assert any(re.search(message, str(problem)) for problem in report.problems)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_parts_that_unpack_to_gigabytes_at_once_are_refused(
    method: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.png", bytes(60_000))
    with pytest.raises(UsageError, match="compressed by method"):
        list(PngZip((200, 200), 3).read(path))


def test_a_png_is_compared_with_its_head_before_it_is_decoded(tmp_path: Path) -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head
    data += struct.pack(">I", zlib.crc32(b"IHDR" + head))
    data += struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", data)
    with few_megabytes(), pytest.raises(UsageError, match="60000 × 60000, expected 2 × 3"):
        list(PngZip((2, 3), 3).read(path))


def test_a_line_of_gigabytes_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"ImageId_ClassId,EncodedPixels\na_1,")
        file.truncate(400 << 20)  # a hole of zeros
    columns, cells = ("ImageId_ClassId", "EncodedPixels"), ("{image}_{class}", "{pixels}")
    with few_megabytes(), pytest.raises(UsageError, match="longer than"):
        list(RunLength((2, 3), columns, cells, CLASSES).read(path))


def test_sizes_beyond_64_bits_are_damage(tmp_path: Path) -> None:
    for name, open_it in (("label set", open_label_set), ("probability store", open_store)):
        folder = tmp_path / name
        folder.mkdir()
        READERS[name].write(folder)
        index = json.loads((folder / "index.json").read_text())
        for sides in ([2**31 - 1, 2**31 - 1], [2**40, 2**40], [-1, -6], [10**400, 1]):
            if name == "label set":
                index["images"][0]["size"] = sides
            else:
                index["sizes"][0] = sides
            (folder / "index.json").write_text(json.dumps(index))
            with few_megabytes(), pytest.raises(Exception, match="damaged"):
                open_it(folder)


def test_labels_of_no_class_are_damage_although_the_checksum_fits(tmp_path: Path) -> None:
    READERS["label set"].write(tmp_path)
    data = bytearray((tmp_path / "labels.bin").read_bytes())
    at = data.index(bytes([0, 1, 2, 2, 2, 255]))
    data[at] = 77
    (tmp_path / "labels.bin").write_bytes(data)
    index = json.loads((tmp_path / "index.json").read_text()) | {"checksum": zlib.crc32(data)}
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(Exception, match=r"a\.jpg has a label outside the 3 classes"):
        open_label_set(tmp_path)


def test_a_link_to_a_device_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("/dev/zero")
    with few_megabytes(), pytest.raises(UsageError, match="it is no regular file"):
        read_json(tmp_path / "a.json", "side-car")


def test_names_of_any_length_take_no_time() -> None:
    with limited_time():
        assert nearest("ab" * 100_000, ["ba" * 100_000, "a"]) is None
        assert did_you_mean("unett", ["ba" * 100_000, "unet"]) == "Did you mean unet?"


def test_a_checkpoint_that_names_another_disk_is_damage(tmp_path: Path) -> None:
    READERS["checkpoint"].write(tmp_path)
    data = (tmp_path / "a.pt").read_bytes()
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 2)
    (tmp_path / "b.pt").write_bytes(data[:-22] + locator + data[-22:])
    with pytest.raises(UsageError, match="the end of the checkpoint is missing"):
        load_checkpoint(tmp_path / "b.pt")
