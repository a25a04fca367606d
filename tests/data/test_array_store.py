from __future__ import annotations

import multiprocessing
import pickle
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.array_store import ArrayStore, Layout, open_store, write_store

SIZES = ((3, 4), (1, 1), (5, 2))


def arrays(layout: Layout) -> Iterator[np.ndarray]:
    for index in range(len(layout.sizes)):
        rng = np.random.default_rng(index)
        yield rng.integers(0, max(layout.n_labels, 2), layout.shape(index), dtype=np.uint8)


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5),
    channels=st.sampled_from([0, 3]),
    n_labels=st.sampled_from([0, 4]),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[tuple[int, int]],
    channels: int,
    n_labels: int,
) -> None:
    path = tmp_path_factory.mktemp("store") / "a.bin"
    layout = Layout(tuple(sizes), channels, n_labels)
    write_store(path, layout, arrays(layout))
    store = open_store(path, layout)
    assert store is not None
    assert len(store) == len(sizes)
    for found, expected in zip((store[i] for i in range(len(store))), arrays(layout), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert not found.flags.writeable
    counted = sum(np.bincount(a.ravel(), minlength=n_labels) for a in arrays(layout))
    np.testing.assert_array_equal(store.pixel_counts, counted[:n_labels])


@pytest.fixture
def layout() -> Layout:
    return Layout(SIZES, 0, 3)


@pytest.fixture
def store(tmp_path: Path, layout: Layout) -> ArrayStore:
    return write_store(tmp_path / "a.bin", layout, arrays(layout))


def test_a_subset_has_its_own_order_and_counts(store: ArrayStore) -> None:
    part = store.subset([2, 0])
    np.testing.assert_array_equal(part[0], store[2])
    np.testing.assert_array_equal(part[1], store[0])
    pixels = np.concatenate([store[2].ravel(), store[0].ravel()])
    np.testing.assert_array_equal(part.pixel_counts, np.bincount(pixels, minlength=3))
    np.testing.assert_array_equal(part.subset([1])[0], store[0])


def test_only_the_path_is_pickled(tmp_path: Path) -> None:
    layout = Layout(((500, 500),), 0, 0)
    store = write_store(tmp_path / "a.bin", layout, [np.ones((500, 500), np.uint8)])
    pickled = pickle.dumps(store.subset([0]))
    assert len(pickled) < 2000
    np.testing.assert_array_equal(pickle.loads(pickled)[0], store[0])


@pytest.mark.parametrize("damage", ["truncate", "extend", "empty", "header", "remove"])
def test_damaged_stores_are_not_opened(
    tmp_path: Path, store: ArrayStore, layout: Layout, damage: str
) -> None:
    path = tmp_path / "a.bin"
    content = path.read_bytes()
    damaged = {
        "truncate": content[:-1],
        "extend": content + b"x",
        "empty": b"",
        "header": b"X" + content[1:],
    }
    path.unlink()
    if damage != "remove":
        path.write_bytes(damaged[damage])
    assert open_store(path, layout) is None


def test_a_store_of_another_layout_is_not_opened(tmp_path: Path, store: ArrayStore) -> None:
    same_bytes = Layout(((4, 3), (1, 1), (5, 2)), 0, 3)
    assert open_store(tmp_path / "a.bin", same_bytes) is None


def test_arrays_that_do_not_fit_the_layout_are_a_bug(tmp_path: Path, layout: Layout) -> None:
    with pytest.raises(ValueError, match="array 1"):
        write_store(tmp_path / "a.bin", layout, [np.zeros((3, 4), np.uint8)] * 3)
    with pytest.raises(ValueError, match="fewer arrays"):
        write_store(tmp_path / "a.bin", layout, [np.zeros((3, 4), np.uint8)])
    assert list(tmp_path.iterdir()) == []


def _write_with_little_room(path: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    layout = Layout(((500, 500),) * 3, 0, 0)
    with pytest.raises(OSError, match="File too large") as caught:
        write_store(path, layout, [np.ones((500, 500), np.uint8)] * 3)
    assert caught.value.filename == str(path)


def test_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(
        target=_write_with_little_room, args=(tmp_path / "cache" / "a.bin",)
    )
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert list((tmp_path / "cache").iterdir()) == []
