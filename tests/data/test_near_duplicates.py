from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.test_perceptual_hash import encoded, scene
from toolkit.data import near_duplicates
from toolkit.data.content_digests import content_digests
from toolkit.data.near_duplicates import hash_photos, known_hashes, near_duplicate_units
from toolkit.data.perceptual_hash import near_photos, perceptual_hash
from toolkit.data.photo_facts import Fault
from toolkit.progress import SilentProgress

QUIET = SilentProgress()
NAMES = ("a.jpg", "b.jpg", "plain.png", "broken.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    root.mkdir()
    for seed, name in enumerate(NAMES[:2]):
        (root / name).write_bytes(encoded(scene(seed), ".jpg"))
    cv2.imwrite(str(root / "plain.png"), np.zeros((70, 70, 3), np.uint8))
    (root / "broken.png").write_bytes(b"no image")
    return root


def test_hashes_are_remembered_by_content(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    contents = content_digests(root, NAMES, cache)
    assert known_hashes(root, contents, cache) == [None] * 4
    found = hash_photos(root, NAMES, contents, cache, QUIET)
    assert found[:3] == [
        perceptual_hash((root / name).read_bytes(), root / name, 200) for name in NAMES[:3]
    ]
    assert found[2] == ""
    assert isinstance(found[3], Fault)
    assert found[3].row == 3
    assert known_hashes(root, [*contents, None], cache) == [*found[:3], None, None]
    (root / "b.jpg").rename(root / "c.jpg")

    hashed = []

    def watched(data: bytes, path: Path, limit: float) -> str:
        hashed.append(path.name)
        return perceptual_hash(data, path, limit)

    monkeypatch.setattr(near_duplicates, "perceptual_hash", watched)
    renamed = ("a.jpg", "c.jpg", "plain.png", "broken.png")
    again = hash_photos(root, renamed, content_digests(root, renamed, cache), cache, QUIET)
    assert again[:3] == found[:3]
    assert hashed == ["broken.png"]
    assert hash_photos(root, renamed, contents, None, QUIET)[:3] == found[:3]
    assert sorted(hashed[1:]) == sorted(renamed)  # threads finish in any order


def test_a_damaged_memory_costs_time_only(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    contents = content_digests(root, NAMES, cache)
    before = hash_photos(root, NAMES, contents, cache, QUIET)
    (file,) = (cache / "hashes").iterdir()
    for damage in (b"", b"{", file.read_bytes().replace(b"a", b"b")):
        file.write_bytes(damage)
        assert hash_photos(root, NAMES, contents, cache, QUIET)[:3] == before[:3]
        assert known_hashes(root, contents, cache)[:3] == before[:3]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 120)), max_size=25))
def test_units_are_chains_of_like_photos(drawn: list[tuple[int, int]]) -> None:
    """Hashes on three lines: photos of a line are alike if few bits lie between them."""
    plain = np.random.default_rng(1).random((3, 256)) < 0.5
    hashes = []
    for line, place in drawn:
        bits = plain[line].copy()
        bits[1 : place + 1] ^= True
        hashes.append(np.packbits(bits).tobytes().hex())
    linked = np.eye(len(drawn), dtype=bool)
    for likeness in near_photos(hashes):
        linked[likeness.row, likeness.earlier] = linked[likeness.earlier, likeness.row] = True
    for _ in range(len(drawn)):  # slow reference: the transitive closure
        linked = linked @ linked
    expected = [int(np.flatnonzero(row)[0]) for row in linked]
    assert near_duplicate_units(hashes).tolist() == expected
