from __future__ import annotations

import csv
import io
import re
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.errors import TrashError, UsageError
from toolkit.formats import label_string
from toolkit.formats.label_string import decode_labels, encode_labels
from toolkit.formats.mask_string import MaskString
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry

COLUMNS = ("image_id", "PredictionString")
Rows = Sequence[tuple[str, NDArray[np.uint8]]]

many = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def obvious_bytes(rows: Rows, columns: tuple[str, str] = COLUMNS) -> bytes:
    """What pandas writes for a list of dicts: the csv module and a join."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for image_id, labels in rows:
        writer.writerow([image_id, " ".join(str(label) for label in labels.ravel().tolist())])
    return text.getvalue().encode()


def strict_parse(
    content: bytes, n_labels: int, n_classes: int, columns: tuple[str, str] = COLUMNS
) -> list[tuple[str, list[int]]] | None:
    """Slow and obvious: the rows of a file that is exactly in the format, else None."""
    *lines, last = content.split(b"\n")
    if last or not lines:
        return None
    parsed: list[tuple[str, bytes]] = []
    for line in lines:
        if line.endswith(b"\r"):
            return None
        match = re.fullmatch(rb'("(?:[^"]|"")*"|[^",]*),("(?:[^"]|"")*"|[^",]*)', line)
        if match is None:
            return None
        fields = [
            field[1:-1].replace(b'""', b'"') if field.startswith(b'"') else field
            for field in match.groups()
        ]
        try:
            parsed.append((fields[0].decode(), fields[1]))
        except UnicodeDecodeError:
            return None
    (first, second), *body = parsed
    if (first, second) != (columns[0], columns[1].encode()):
        return None
    result = []
    for image_id, text in body:
        labels = text.split(b" ")
        if len(labels) != n_labels or not all(
            re.fullmatch(rb"0|[1-9][0-9]*", label) and int(label) < n_classes for label in labels
        ):
            return None
        result.append((image_id, [int(label) for label in labels]))
    return result


def bytes_of(format_: MaskString, rows: Rows) -> bytes:
    target = io.BytesIO()
    format_.write(target, rows)
    return target.getvalue()


def labels_of(format_: MaskString, path: Path) -> list[tuple[str, list[int]]]:
    return [(image_id, labels.ravel().tolist()) for image_id, labels in format_.read(path)]


names = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]) | st.sampled_from(',"/ '),
    max_size=12,
)


@st.composite
def contents(draw: st.DrawFn) -> tuple[MaskString, Rows]:
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 5)))
    n_classes = draw(st.sampled_from([1, 2, 10, 11, 12, 100, 101, 255]))
    rows = [
        (
            name,
            np.array(
                draw(
                    st.lists(
                        st.integers(0, n_classes - 1),
                        min_size=size[0] * size[1],
                        max_size=size[0] * size[1],
                    )
                ),
                np.uint8,
            ).reshape(size),
        )
        for name in draw(st.lists(names, max_size=4))
    ]
    return MaskString(size, COLUMNS, n_classes), rows


@many
@given(contents())
def test_writes_the_obvious_bytes_and_reads_them_back(
    tmp_path: Path, content: tuple[MaskString, Rows]
) -> None:
    format_, rows = content
    data = bytes_of(format_, rows)
    assert data == obvious_bytes(rows)
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    assert labels_of(format_, path) == [(name, labels.ravel().tolist()) for name, labels in rows]
    read_by_csv = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert [row[0] for row in read_by_csv[1:]] == [name for name, _ in rows]


@pytest.mark.parametrize("n_classes", [2, 10, 12, 100, 255])
def test_writes_the_obvious_bytes_at_full_size(tmp_path: Path, n_classes: int) -> None:
    rng = np.random.default_rng(n_classes)
    noise = rng.integers(0, n_classes, (256, 256)).astype(np.uint8)
    rows = [("batch_01/0001.jpg", noise), ("batch_01/0002.jpg", np.sort(noise, axis=1))]
    format_ = MaskString((256, 256), COLUMNS, n_classes)
    path = tmp_path / "a.csv"
    path.write_bytes(bytes_of(format_, rows))
    assert path.read_bytes() == obvious_bytes(rows)
    for (name, labels), (found, read) in zip(rows, format_.read(path), strict=True):
        assert found == name
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize("block", [1, 3, 1 << 14])
@settings(many, max_examples=300)
@given(text=st.binary(max_size=12) | st.text("0123456789 ", max_size=16).map(str.encode))
def test_decodes_exactly_what_it_encodes(
    monkeypatch: pytest.MonkeyPatch, block: int, text: bytes
) -> None:
    monkeypatch.setattr(label_string, "_BLOCK", block)
    valid = all(
        re.fullmatch(rb"0|[1-9][0-9]{0,2}", label) and int(label) < 255
        for label in text.split(b" ")
    )
    labels = decode_labels(text)
    assert (labels is not None) == valid
    if labels is not None:
        assert labels.tolist() == [int(label) for label in text.split(b" ")]
        assert encode_labels(labels) == text


mutations = st.tuples(
    st.sampled_from(["replace", "insert", "delete", "cut", "repeat"]),
    st.integers(0, 400),
    st.integers(0, 12),
    st.sampled_from(
        [b" ", b'"', b",", b"\r", b"\n", b"\r\n", b"0", b"1", b"9", b"110", b"-1", b"+"]
    )
    | st.sampled_from([b"nan", b"1.0", b"\xef\xbb\xbf", b"\xc3", b"\x00", b"  ", b'""', b"\t"])
    | st.binary(max_size=3),
)


def mutate(data: bytes, mutation: tuple[str, int, int, bytes]) -> bytes:
    how, at, length, new = mutation
    at %= len(data) + 1
    if how == "replace":
        return data[:at] + new + data[at + len(new) :]
    if how == "insert":
        return data[:at] + new + data[at:]
    if how == "delete":
        return data[:at] + data[at + length :]
    if how == "cut":
        return data[:at]
    return data[: at + length] + data[at:]


@settings(many, max_examples=400)
@given(contents(), st.lists(mutations, min_size=1, max_size=3))
def test_accepts_what_a_strict_parser_accepts_and_nothing_else(
    tmp_path: Path, content: tuple[MaskString, Rows], edits: list[tuple[str, int, int, bytes]]
) -> None:
    format_, rows = content
    data = bytes_of(format_, rows)
    for edit in edits:
        data = mutate(data, edit)
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    expected = strict_parse(data, format_.size[0] * format_.size[1], format_.n_classes)
    inspected = list(format_.inspect(path))
    problems = [problem for row in inspected for problem in row.problems]
    if expected is None:
        assert problems
        assert all(str(problem) and problem.row for problem in problems)
        with pytest.raises(UsageError, match=r"a\.csv: row "):
            list(format_.read(path))
    else:
        assert not problems
        assert labels_of(format_, path) == expected


FOUR = "image_id,PredictionString\na.jpg,0 1 2 3\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "row 1: the file is empty; expected image_id,PredictionString"),
        (
            "id,PredictionString\n",
            "row 1: the header is 'id,PredictionString', expected 'image_id,PredictionString'",
        ),
        ("\ufeff" + FOUR, "row 1: the file begins with a byte order mark (BOM)"),
        (FOUR.replace("\n", "\r\n"), "row 1: Windows line end"),
        (FOUR + "b.jpg,0 0 0 0\r\n", "row 3: Windows line end"),
        (FOUR[:-1], "row 2: no line end after the last row: the file may be cut off"),
        (FOUR[:-2], "row 2, label 4, a.jpg: a space after the last label"),
        (FOUR[:-3], "row 2, label 3, a.jpg: 3 labels; expected 4 (2 × 2)"),
        (FOUR + "\n", "row 3: empty line"),
        (FOUR + "b.jpg\n", "row 3: field 2 is missing: expected image_id,PredictionString"),
        (
            FOUR + "b.jpg,0 0 0 0,1\n",
            "row 3: field 3 is one too many; expected image_id,PredictionString",
        ),
        (FOUR + '"b.jpg,0 0 0 0\n', "row 3: the quote at byte 1 of the row is out of place"),
        (FOUR + 'b".jpg,0 0 0 0\n', "row 3: the quote at byte 2 of the row is out of place"),
        (FOUR + '"b.jpg","0 0 0 0\n', "row 3: the quote at byte 9 of the row is out of place"),
        (FOUR + "b.jpg,\n", "row 3, b.jpg: the label string is empty"),
        (FOUR + "b.jpg,nan\n", "row 3, label 1, b.jpg: 'nan' is not a label"),
        (FOUR + "b.jpg,0 NaN 0 0\n", "row 3, label 2, b.jpg: 'NaN' is not a label"),
        (FOUR + "b.jpg,0 110 0 0\n", "row 3, label 2, b.jpg: label 110 is outside the 12 classes"),
        (FOUR + "b.jpg,0 0 12 0\n", "row 3, label 3, b.jpg: label 12 is outside the 12 classes"),
        (FOUR + "b.jpg,0 0 0 256\n", "row 3, label 4, b.jpg: label 256 is outside"),
        (FOUR + "b.jpg,0 0 -1 0\n", "row 3, label 3, b.jpg: '-1' is not a label"),
        (FOUR + "b.jpg,0 0 1.0 0\n", "row 3, label 3, b.jpg: '1.0' is not a label"),
        (FOUR + "b.jpg,0 01 0 0\n", "row 3, label 2, b.jpg: '01' has a leading zero"),
        (FOUR + "b.jpg,0  1 0 0\n", "row 3, label 2, b.jpg: two spaces in a row"),
        (FOUR + "b.jpg, 0 1 0 0\n", "row 3, label 1, b.jpg: a space before the first label"),
        (FOUR + "b.jpg,0 1 0 0 \n", "row 3, label 5, b.jpg: a space after the last label"),
        (FOUR + "b.jpg,0 1 0 0\t\n", "row 3, label 4, b.jpg: '0\t' is not a label"),
        (FOUR + "b.jpg,0 x 0 y\n", "'x' is not a label; 1 more like it in this row"),
        (
            FOUR + "b.jpg," + " ".join("0" * 9) + "\n",
            "row 3, label 9, b.jpg: 9 labels, perhaps 3 × 3; expected 4 (2 × 2)",
        ),
    ],
)
def test_names_row_and_label(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8", newline="")
    with pytest.raises(UsageError) as caught:
        list(MaskString((2, 2), COLUMNS, 12).read(path))
    assert expected in caught.value.message
    assert str(path) in caught.value.message


def test_one_label_too_few_at_full_size(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("image_id,PredictionString\na.jpg," + " ".join("0" * 65535) + "\n")
    with pytest.raises(UsageError, match=r"65,535 labels; expected 65,536 \(256 × 256\)"):
        list(MaskString((256, 256), COLUMNS, 12).read(path))


def test_says_that_a_map_was_not_resized(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("image_id,PredictionString\na.jpg," + " ".join(["11"] * 512**2) + "\n")
    with pytest.raises(UsageError, match="262,144 labels, perhaps 512 × 512; expected 65,536"):
        list(MaskString((256, 256), COLUMNS, 12).read(path))


def test_quoted_fields_are_fine_where_they_parse_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('"image_id","PredictionString"\n"a.jpg","0 1 2 3"\n')
    assert labels_of(MaskString((2, 2), COLUMNS, 12), path) == [("a.jpg", [0, 1, 2, 3])]


@pytest.mark.parametrize("size", [(256, 256), (128, 512), (7, 3), (600, 1000)])
def test_labels_are_resized_by_nearest(size: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).integers(0, 12, (512, 512)).astype(np.uint8)
    format_ = MaskString(size, COLUMNS, 12)
    rows = np.arange(size[0]) * 512 // size[0]
    columns = np.arange(size[1]) * 512 // size[1]
    expected = labels[np.ix_(rows, columns)]
    assert bytes_of(format_, [("a", labels)]) == obvious_bytes([("a", expected)])
    if size == (256, 256):
        np.testing.assert_array_equal(expected, labels[::2, ::2])


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 12, (256, 256)).astype(np.uint8)
    format_ = MaskString((256, 256), COLUMNS, 12)
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        format_.write(file, ((f"{i}.jpg", labels) for i in range(100)))
    assert path.stat().st_size > 14_000_000
    tracemalloc.start()
    assert sum(1 for _ in format_.read(path)) == 100
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_memory_does_not_grow_with_one_endless_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"image_id,PredictionString\na.jpg," + b"0 " * 10_000_000 + b"\nb.jpg,0 0 0 0\n"
    )
    tracemalloc.start()
    rows = list(MaskString((2, 2), COLUMNS, 12).inspect(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    assert [str(p) for row in rows for p in row.problems] == [
        "row 2: the row is longer than 65,600 bytes"
    ]
    assert rows[-1].image_id == "b.jpg"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full((2, 2), 12, np.uint8), "a.jpg: labels must be uint8 below 12, got uint8 up to 12"),
        (np.zeros((2, 2), np.int64), "got int64"),
    ],
)
def test_refuses_to_write_what_is_no_label(labels: Any, message: str) -> None:
    with pytest.raises(TrashError, match=message):
        bytes_of(MaskString((2, 2), COLUMNS, 12), [("a.jpg", labels)])


@pytest.mark.parametrize(
    ("name", "message"),
    [("a\nb.jpg", "line break"), ("a\rb.jpg", "line break"), ("\udcff", "UTF-8")],
)
def test_refuses_to_write_ids_that_csv_cannot_hold(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        bytes_of(MaskString((1, 1), COLUMNS, 2), [(name, np.zeros((1, 1), np.uint8))])


def test_a_missing_file_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the submission .*gone\.csv"):
        list(MaskString((2, 2), COLUMNS, 12).read(tmp_path / "gone.csv"))


def test_the_component_takes_size_and_columns(registry: Registry) -> None:
    spec = ComponentSpec(name="mask_string", size=[2, 3], columns=["name", "labels"])  # type: ignore[call-arg]
    format_ = registry.build("submission_format", spec, Context(("Background", "Paper")))
    data = bytes_of(format_, [("a.jpg", np.ones((2, 3), np.uint8))])
    assert data == b"name,labels\na.jpg,1 1 1 1 1 1\n"
    assert format_.suffix == ".csv"
