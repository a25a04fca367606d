from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.real_processes import HANG
from toolkit.errors import TrashError
from toolkit.predict.store import NUMBER_TYPES, ProbabilityStore, StoreIndex, open_store, read_index
from toolkit.predict.writer import open_writer

Map = NDArray[np.float32]
STEP = {"u8": 0.5 / 255, "u16": 0.5 / 65535, "f16": 2**-11, "f32": 1e-7}


def make_maps(sizes: Sequence[tuple[int, int]], n_classes: int = 3, seed: int = 0) -> list[Map]:
    rng = np.random.default_rng(seed)
    maps = []
    for height, width in sizes:
        logits = rng.normal(0, 4, (n_classes, height, width))
        exponentials = np.exp(logits - logits.max(axis=0))
        maps.append((exponentials / exponentials.sum(axis=0)).astype(np.float32))
    return maps


def make_index(
    sizes: Sequence[tuple[int, int]], dtype: str = "u16", n_classes: int = 3
) -> StoreIndex:
    return StoreIndex(
        class_names=tuple(f"class {label}" for label in range(n_classes)),
        file_names=tuple(f"{position}.jpg" for position in range(len(sizes))),
        sizes=tuple(sizes),
        dtype=dtype,
        origin={"checkpoint": "abc"},
    )


def write(folder: Path, index: StoreIndex, maps: Sequence[Map], batch: int = 2) -> ProbabilityStore:
    with open_writer(folder, index, lambda: None) as writer:
        assert writer is not None
        for start in range(writer.done, len(maps), batch):
            writer.append(maps[start : start + batch])
    return open_store(folder)


SIZES = [(5, 7), (1, 1), (4, 3), (6, 2), (3, 3)]


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5),
    n_classes=st.integers(1, 13),
    dtype=st.sampled_from(sorted(NUMBER_TYPES)),
    seed=st.integers(0, 1000),
)
def test_maps_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[tuple[int, int]],
    n_classes: int,
    dtype: str,
    seed: int,
) -> None:
    maps = make_maps(sizes, n_classes, seed)
    folder = tmp_path_factory.mktemp("stores") / "key"
    store = write(folder, make_index(sizes, dtype, n_classes), maps)
    assert (store.class_names, store.sizes) == (
        make_index(sizes, dtype, n_classes).class_names,
        tuple(sizes),
    )
    for position, expected in enumerate(maps):
        found = store.read(position)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        np.testing.assert_allclose(found.sum(axis=0, dtype=np.float64), 1, atol=1e-6)
        # Rounding, and once more what normalising the rounded values moves.
        np.testing.assert_allclose(found, expected, atol=STEP[dtype] * (n_classes + 2))


def test_u16_changes_no_clear_label(tmp_path: Path) -> None:
    maps = make_maps([(64, 64)], 12)
    found = write(tmp_path / "key", make_index([(64, 64)], "u16", 12), maps).read(0)
    best = np.sort(maps[0], axis=0)
    clear = best[-1] - best[-2] > 2 / 65535
    assert (found.argmax(0) == maps[0].argmax(0))[clear].all()


@pytest.mark.parametrize("dtype", sorted(NUMBER_TYPES))
def test_labels_are_those_of_the_map(tmp_path: Path, dtype: str) -> None:
    sizes = [(9, 7), (1, 1), (12, 5)]
    maps = make_maps(sizes, n_classes=40)
    maps[0][:, :3] = 1 / 40  # of equal probabilities the smallest label wins
    store = write(tmp_path / "key", make_index(sizes, dtype, 40), maps)
    for position in range(len(sizes)):
        labels = store.read_labels(position)
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, store.read(position).argmax(0))


def test_labels_of_many_classes_need_a_few_planes_of_memory(tmp_path: Path) -> None:
    n_classes, side = 150, 128
    maps = make_maps([(side, side)], n_classes)
    store = write(tmp_path / "key", make_index([(side, side)], "u16", n_classes), maps)
    plane = 4 * side * side
    peaks = []
    for read in (store.read, store.read_labels):
        tracemalloc.start()
        read(0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    whole, labels = peaks
    assert whole > n_classes * plane
    assert labels < 8 * plane


def test_a_pickled_store_is_small_and_reads_the_same(tmp_path: Path) -> None:
    sizes = [(200, 300)] * 2
    store = write(tmp_path / "key", make_index(sizes), make_maps(sizes))
    sent = pickle.dumps(store)
    assert len(sent) < 2_000 < (tmp_path / "key" / "maps.bin").stat().st_size / 100
    received = pickle.loads(sent)
    assert (received.folder, received.index) == (store.folder, store.index)
    for position in range(2):
        np.testing.assert_array_equal(received.read(position), store.read(position))


def test_unfinished_store_is_not_a_store(tmp_path: Path) -> None:
    folder, index = tmp_path / "key", make_index(SIZES)
    with open_writer(folder, index, lambda: None) as writer:
        assert writer is not None
        writer.append(make_maps(SIZES)[:2])
    assert not folder.exists()
    with pytest.raises(TrashError, match="damaged"):
        open_store(folder)


def test_interrupted_store_goes_on_at_the_first_missing_map(tmp_path: Path) -> None:
    folder, index, maps = tmp_path / "key", make_index(SIZES), make_maps(SIZES)
    with suppress(KeyboardInterrupt), open_writer(folder, index, lambda: None) as writer:
        assert writer is not None
        writer.append(maps[:2])
        writer.append(maps[2:3])
        raise KeyboardInterrupt
    assert not folder.exists()
    # A torn write after the last good map must not shift what follows.
    with (tmp_path / "key.partial" / "maps.bin").open("ab") as file:
        file.write(b"torn")
    with (tmp_path / "key.partial" / "done.txt").open("a") as file:
        file.write("4")  # a line without its end was not finished
    with open_writer(folder, index, lambda: None) as writer:
        assert writer is not None
        assert writer.done == 3
        writer.append(maps[3:])
    for position, expected in enumerate(maps):
        np.testing.assert_allclose(open_store(folder).read(position), expected, atol=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key"]
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", "maps.bin"]


def _write_and_hang(folder: Path, ready: Any) -> None:
    with open_writer(folder, make_index(SIZES), lambda: None) as writer:
        assert writer is not None
        writer.append(make_maps(SIZES)[:3])
        ready.set()
        signal.pause()


def test_killed_process_leaves_its_maps_and_no_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_write_and_hang, args=(tmp_path / "key", ready))
    process.start()
    assert ready.wait(10)
    process.kill()
    process.join()
    with open_writer(tmp_path / "key", make_index(SIZES), lambda: None) as writer:
        assert writer is not None
        assert writer.done == 3


def _write_all(folder: Path, order: Any, name: str) -> None:
    with open_writer(folder, make_index(SIZES), lambda: order.put(f"{name} waits")) as writer:
        order.put(f"{name} {'finds it' if writer is None else 'writes'}")
        if writer is not None:
            for each in make_maps(SIZES):
                writer.append([each])


def test_second_process_waits_and_finds_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "key"
    context = multiprocessing.get_context("fork")
    events = context.Queue()
    with open_writer(folder, make_index(SIZES), lambda: None) as writer:
        assert writer is not None
        process = context.Process(target=_write_all, args=(folder, events, "second"))
        process.start()
        assert events.get(timeout=HANG) == "second waits"
        writer.append(make_maps(SIZES))
    assert events.get(timeout=HANG) == "second finds it"
    process.join()
    assert len(open_store(folder)) == len(SIZES)


def test_another_unfinished_store_is_not_continued(tmp_path: Path) -> None:
    folder = tmp_path / "key"
    with open_writer(folder, make_index(SIZES, "u16"), lambda: None) as writer:
        assert writer is not None
        writer.append(make_maps(SIZES)[:2])
    with open_writer(folder, make_index(SIZES, "f32"), lambda: None) as writer:
        assert writer is not None
        assert writer.done == 0


@pytest.mark.parametrize("dtype", sorted(NUMBER_TYPES))
@pytest.mark.parametrize("damage", ["cut", "zeros", "noise", "one value"])
def test_damage_is_found(tmp_path: Path, dtype: str, damage: str) -> None:
    folder = tmp_path / "key"
    write(folder, make_index([(16, 16)] * 3, dtype), make_maps([(16, 16)] * 3))
    data = bytearray((folder / "maps.bin").read_bytes())
    middle, item = len(data) // 2, NUMBER_TYPES[dtype].itemsize
    if damage == "cut":
        data = data[:-1]
    elif damage == "zeros":
        data[middle : middle + 64] = bytes(64)
    elif damage == "noise":
        data[middle : middle + 64] = np.random.default_rng(0).bytes(64)
    else:
        data[middle + item - 1] ^= 0x40
    (folder / "maps.bin").write_bytes(data)
    with pytest.raises(TrashError, match="damaged") as caught:
        open_store(folder).read(1)
    assert "Delete" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "trash-store", "version": 99}'])
def test_broken_index_is_named(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "key"
    write(folder, make_index(SIZES), make_maps(SIZES))
    (folder / "index.json").write_text(text)
    with pytest.raises(TrashError, match=r"index\.json"):
        open_store(folder)


def test_index_says_what_it_is(tmp_path: Path) -> None:
    index = make_index(SIZES)
    write(tmp_path / "key", index, make_maps(SIZES))
    assert read_index(tmp_path / "key") == index
    content = json.loads((tmp_path / "key" / "index.json").read_text())
    assert (content["schema"], content["version"]) == ("trash-store", 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_what_is_no_probability_map_is_refused(tmp_path: Path, value: float) -> None:
    maps = make_maps(SIZES)
    maps[0][:, 2, 3] = value
    with open_writer(tmp_path / "key", make_index(SIZES), lambda: None) as writer:
        assert writer is not None
        with pytest.raises(TrashError, match=r"0\.jpg"):
            writer.append(maps[:1])


def test_too_little_space_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    index = make_index([(1000, 1000)] * 600)
    with (
        pytest.raises(TrashError, match=r"need 3\.6 GB in .*, 1 MB are free") as caught,
        open_writer(tmp_path / "key", index, lambda: None),
    ):
        pass
    assert "TRASH_CACHE" in caught.value.hint
    assert not (tmp_path / "key.partial").exists()


def _fill_the_disk(folder: Path, results: Any) -> None:
    # The kernel refuses to let a file grow beyond this, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
    try:
        write(folder, make_index([(50, 70)] * 4), make_maps([(50, 70)] * 4), batch=1)
    except TrashError as error:
        results.put(error.message)
    os._exit(0)


def test_full_disk_keeps_finished_maps(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    folder = tmp_path / "key"
    results: Any = context.SimpleQueue()
    process = context.Process(target=_fill_the_disk, args=(folder, results))
    process.start()
    process.join(10)
    assert not results.empty()
    assert "the disk is full" in results.get()
    with open_writer(folder, make_index([(50, 70)] * 4), lambda: None) as writer:
        assert writer is not None
        assert writer.done == 1
