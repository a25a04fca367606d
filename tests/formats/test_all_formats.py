"""What every built-in format promises, over random maps and damaged files."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, SubmissionFormat
from toolkit.plugin.registry import Registry
from toolkit.submission.check import Inspectable

CLASS_NAMES = ("Background", "Paper", "Glass", "Metal", "Plastic bag")
ALL = ("mask_string", "run_length", "png_zip", "npz")
Rows = Sequence[tuple[str, NDArray[np.uint8]]]

many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def make(registry: Registry, name: str, size: tuple[int, int], **options: Any) -> SubmissionFormat:
    spec = ComponentSpec(name=name, size=list(size), **options)  # type: ignore[call-arg]
    format_: SubmissionFormat = registry.build("submission_format", spec, Context(CLASS_NAMES))
    return format_


def bytes_of(format_: SubmissionFormat, rows: Iterator[tuple[str, Any]] | Rows) -> bytes:
    target = io.BytesIO()
    format_.write(target, rows)
    return target.getvalue()


def read(format_: SubmissionFormat, path: Path, data: bytes) -> list[tuple[str, Any]]:
    path.write_bytes(data)
    return [(image_id, labels.tolist()) for image_id, labels in format_.read(path)]


@st.composite
def rows_of(draw: st.DrawFn, size: tuple[int, int]) -> Rows:
    parts = st.sampled_from(["a", "b_1", "batch 01", "é", 'q",', "0001"])
    ids = st.builds(
        lambda folders, suffix: "/".join(folders) + suffix,
        st.lists(parts, min_size=1, max_size=3),
        st.sampled_from([".jpg", ".JPG", ".jpeg"]),
    )
    label = st.integers(0, len(CLASS_NAMES) - 1)
    rows = []
    for image_id in draw(st.lists(ids, max_size=4, unique_by=lambda name: name.split(".")[0])):
        seed, most = draw(st.integers(0, 2**32)), draw(label)
        labels = np.random.default_rng(seed).integers(0, most + 1, size).astype(np.uint8)
        if draw(st.booleans()):
            labels = np.sort(labels, axis=draw(st.sampled_from([0, 1, None]))).reshape(size)
        rows.append((image_id, labels))
    return rows


sizes = st.sampled_from([(1, 1), (1, 9), (9, 1), (2, 3), (8, 5), (16, 16)])


@pytest.mark.parametrize("name", ALL)
@many
@given(data=st.data())
def test_ids_and_labels_come_back_exactly_and_in_order(
    registry: Registry, tmp_path: Path, name: str, data: st.DataObject
) -> None:
    size = data.draw(sizes)
    format_ = make(registry, name, size)
    rows = data.draw(rows_of(size))
    content = bytes_of(format_, iter(rows))
    path = tmp_path / f"a{format_.suffix}"
    assert read(format_, path, content) == [(i, labels.tolist()) for i, labels in rows]
    assert isinstance(format_, Inspectable)
    assert not [problem for row in format_.inspect(path) for problem in row.problems]


@pytest.mark.parametrize("name", ALL)
@settings(many, max_examples=150)
@given(data=st.data())
def test_a_damaged_file_is_refused_with_a_message_or_read_as_what_it_says(
    registry: Registry, tmp_path: Path, name: str, data: st.DataObject
) -> None:
    size = data.draw(sizes)
    format_ = make(registry, name, size)
    rows = data.draw(rows_of(size))
    content = bytearray(bytes_of(format_, rows))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        until = data.draw(st.integers(at, at + 8))
        content[at:until] = data.draw(st.binary(max_size=8))
    path = tmp_path / f"a{format_.suffix}"
    found: list[tuple[str, Any]] | None = None
    message = str(path)
    try:
        found = read(format_, path, bytes(content))
    except TrashError as error:
        message = error.message
    assert str(path) in message
    for _, labels in found or ():
        array = np.array(labels)
        assert array.shape == size
        assert array.max() < len(CLASS_NAMES)
    if name in ("png_zip", "npz"):  # their checksums leave nothing else
        originals = [(image_id, labels.tolist()) for image_id, labels in rows]
        assert all(row in originals for row in found or ())
    assert isinstance(format_, Inspectable)
    assert any(row.problems for row in format_.inspect(path)) == (found is None)


@pytest.mark.parametrize("name", ["png_zip", "npz"])
def test_every_changed_byte_of_a_zip_file_is_told_or_harmless(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    format_ = make(registry, name, (3, 4))
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4) % len(CLASS_NAMES)
    content = bytes_of(format_, [("é/1.JPG", labels)])
    n_refused = 0
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1
        try:
            found = read(format_, tmp_path / "a", bytes(changed))
        except TrashError:
            n_refused += 1
        else:
            assert found in ([], [("é/1.JPG", labels.tolist())])
    assert n_refused > len(content) // 2


@pytest.mark.parametrize("name", ALL)
def test_memory_does_not_grow_with_the_file(registry: Registry, tmp_path: Path, name: str) -> None:
    size = (128, 128)
    format_ = make(registry, name, size)
    base = np.random.default_rng(0).integers(0, len(CLASS_NAMES), size).astype(np.uint8)

    def peak(n_images: int) -> int:
        path = tmp_path / "a"
        tracemalloc.start()
        with path.open("wb") as file:
            format_.write(file, ((f"{i}.jpg", np.roll(base, i)) for i in range(n_images)))
        assert sum(1 for _ in format_.read(path)) == n_images
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    # 180 images are 2.9 MB of labels. Twice: what else the interpreter does meanwhile happens once.
    few, more = peak(20), min(peak(200), peak(200))
    assert more - few < 500_000


@pytest.mark.parametrize("name", ["png_zip", "npz"])
def test_zip_files_hold_nothing_that_depends_on_the_day(registry: Registry, name: str) -> None:
    format_ = make(registry, name, (2, 2))
    data = bytes_of(format_, [("a.jpg", np.ones((2, 2), np.uint8))])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}
