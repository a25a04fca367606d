from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from pathlib import Path

import pytest

from toolkit.data import content_digests as module
from toolkit.data.content_digests import content_digest, content_digests, folder_digest
from toolkit.errors import UsageError
from toolkit.files import digest_of, file_digest

NAMES = [f"{number}.bin" for number in range(20)]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty files that count as written long ago."""
    monkeypatch.setattr(module, "_TOO_FRESH", -(10**12))
    root = tmp_path / "photos"
    root.mkdir()
    for number, name in enumerate(NAMES):
        (root / name).write_bytes(bytes([number]) * 1000)
    return root


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read for their digests."""
    found: list[Path] = []

    def counted(path: Path) -> str:
        found.append(path)
        return file_digest(path)

    monkeypatch.setattr(module, "file_digest", counted)
    return found


def truth(root: Path) -> tuple[str, ...]:
    return tuple(file_digest(root / name) for name in NAMES)


def test_a_file_is_read_once(root: Path, tmp_path: Path, read: list[Path]) -> None:
    for _ in range(3):
        assert content_digests(root, NAMES, tmp_path / "cache") == truth(root)
    assert len(read) == len(NAMES)
    assert content_digests(root, NAMES[:3], None) == truth(root)[:3]
    assert len(read) == len(NAMES) + 3, "without a cache nothing is remembered"


def test_equal_size_and_times_are_no_identity(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    before = content_digests(root, NAMES, cache)
    path = root / NAMES[4]
    state = path.stat()
    while path.stat().st_ctime_ns == state.st_ctime_ns:  # the clock of a file system is coarse
        path.write_bytes(b"!" * 1000)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = content_digests(root, NAMES, cache)
    assert after == truth(root)
    assert [a == b for a, b in zip(before, after, strict=True)].count(False) == 1


def test_another_file_that_is_moved_over_one_is_seen(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    content_digests(root, NAMES, cache)
    other = tmp_path / "other"
    other.write_bytes(b"?" * 1000)
    shutil.copystat(root / NAMES[0], other)
    other.replace(root / NAMES[0])
    assert content_digests(root, NAMES, cache) == truth(root)


def test_what_was_just_written_is_not_remembered(
    root: Path, tmp_path: Path, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It could change once more within the same tick of the file system's clock.
    monkeypatch.setattr(module, "_TOO_FRESH", 3600 * 10**9)
    for _ in range(2):
        content_digests(root, NAMES, tmp_path / "cache")
    assert len(read) == 2 * len(NAMES)


@pytest.mark.parametrize("damage", ["cut", "flipped digest", "text", "list", "shape", "folder"])
def test_a_damaged_memory_is_made_anew(
    damage: str, root: Path, tmp_path: Path, read: list[Path]
) -> None:
    cache = tmp_path / "cache"
    content_digests(root, NAMES, cache)
    (memory,) = (cache / "digests").glob("*.json")
    text = memory.read_text()
    digest = file_digest(root / NAMES[2])
    if damage == "folder":
        memory.unlink()
        memory.mkdir()
    else:
        facts = {name: [1] for name in NAMES}
        checksum = digest_of(json.dumps(facts, sort_keys=True))
        content = json.loads(text) | {"facts": facts, "checksum": checksum}
        memory.write_text(
            {
                "cut": text[: len(text) // 2],
                "flipped digest": text.replace(digest, digest[::-1]),
                "text": "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
                "list": "[1, 2]",
                "shape": json.dumps(content),
            }[damage]
        )
    read.clear()
    assert content_digests(root, NAMES, cache) == truth(root)
    assert len(read) == len(NAMES)
    content_digests(root, NAMES, cache)
    assert len(read) == len(NAMES) * (2 if damage == "folder" else 1)


def test_two_processes_remember_what_both_have_read(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    context = multiprocessing.get_context("fork")
    halves = [NAMES[:10], NAMES[10:]]
    workers = [context.Process(target=content_digests, args=(root, half, cache)) for half in halves]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    (memory,) = (cache / "digests").glob("*.json")
    assert sorted(json.loads(memory.read_text())["facts"]) == sorted(NAMES)


def test_files_that_are_gone_are_forgotten(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    content_digests(root, NAMES, cache)
    (root / NAMES[0]).unlink()
    (root / NAMES[1]).write_bytes(b"new")
    content_digests(root, NAMES[1:], cache)
    (memory,) = (cache / "digests").glob("*.json")
    assert NAMES[0] not in json.loads(memory.read_text())["facts"]
    with pytest.raises(UsageError, match=r"image not found: .*0\.bin"):
        content_digests(root, NAMES, cache)


def test_a_cache_that_cannot_be_written_costs_time_only(root: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert content_digests(root, NAMES, tmp_path / "cache") == truth(root)


def test_names_that_no_file_has_are_told(root: Path) -> None:
    for name in ("no\0name", "\ud800.png", "x" * 300):
        with pytest.raises(UsageError, match="image not found"):
            content_digests(root, [name], None)


def test_a_folder_is_its_names_and_contents(root: Path, tmp_path: Path) -> None:
    before = folder_digest(root, None)
    assert folder_digest(shutil.copytree(root, tmp_path / "copy"), None) == before
    (root / NAMES[0]).rename(root / "renamed")
    assert folder_digest(root, None) != before
    assert content_digest(root / "renamed", None) == file_digest(root / "renamed")
