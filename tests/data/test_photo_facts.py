from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.small_contests import MakeContest
from toolkit.data import photo_facts
from toolkit.data.contest import Contest
from toolkit.data.photo_facts import Fault, headers_of, undecodable_photos
from toolkit.data.photo_rules import require_decodable
from toolkit.errors import UsageError
from toolkit.progress import SilentProgress

QUIET = SilentProgress()


@pytest.fixture
def contest(make_contest: MakeContest) -> Contest:
    return make_contest()


def facts(contest: Contest) -> list[Path]:
    assert contest.train.cache is not None
    return list((contest.train.cache / "photos").glob("*.json"))


def hole(path: Path) -> None:
    """Damage the pixels of a PNG and leave its end in place."""
    data = bytearray(path.read_bytes())
    data[100:200] = bytes(100)
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_broken_photos_are_refused_when_a_split_is_opened(
    make_contest: MakeContest, data_root: Path, name: str
) -> None:
    make_contest()
    first, second = data_root / name / "01.png", data_root / name / "02.png"
    first.write_bytes(first.read_bytes()[:300])
    cv2.imwrite(str(second), np.zeros((24, 40, 3), np.uint8))
    with pytest.raises(UsageError) as caught:
        make_contest()
    assert f"{name}.json: 2 of " in caught.value.message
    assert f"{name}/01.png: the image is truncated" in caught.value.message
    assert f"{name}/02.png: the image is 40x24 pixels" in caught.value.message


def test_photos_that_cannot_be_decoded_are_named(
    data_root: Path, make_contest: MakeContest
) -> None:
    hole(data_root / "test" / "01.png")
    contest = make_contest()  # its header and its end are fine
    assert contest.test is not None
    with pytest.raises(UsageError, match=r"1 of 3 images cannot be used: test/01\.png: not a read"):
        require_decodable(contest.test, QUIET)
    with pytest.raises(UsageError):
        require_decodable(contest.test, QUIET)  # nothing good is remembered of it
    require_decodable(contest.train, QUIET)


def test_each_photo_is_read_and_decoded_once_in_its_life(
    contest: Contest, data_root: Path, make_contest: MakeContest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert undecodable_photos(contest.train, QUIET) == []
    read: list[str] = []
    real = photo_facts.read_bytes
    monkeypatch.setattr(
        photo_facts, "read_bytes", lambda path: read.append(path.name) or real(path)
    )
    monkeypatch.setattr(photo_facts, "read_image", lambda path, _: read.append(path.name))
    again = make_contest()
    assert undecodable_photos(again.train, QUIET) == []
    assert read == []
    shutil.move(data_root / "train" / "03.png", data_root / "train" / "x.png")
    shutil.copy(data_root / "train" / "04.png", data_root / "train" / "03.png")
    assert undecodable_photos(make_contest().train, QUIET) == []
    assert read == []  # another name of a known photo
    cv2.imwrite(str(data_root / "train" / "03.png"), np.full((24, 32, 3), 7, np.uint8))
    assert undecodable_photos(make_contest().train, QUIET) == []
    assert read == ["03.png", "03.png"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"facts": 3}', "\x00"])
def test_a_damaged_memory_costs_time_only(contest: Contest, damage: str) -> None:
    (memory,) = facts(contest)
    whole = memory.read_text()
    memory.write_text(damage or whole.replace("32", "33"))
    headers = headers_of(contest.train, QUIET)
    assert not any(isinstance(header, Fault) for header in headers)
    assert {
        (header.width, header.height) for header in headers if not isinstance(header, Fault)
    } == {(32, 24)}
    memory.unlink()
    memory.parent.joinpath("folder").mkdir()
    assert headers_of(contest.train, QUIET) == headers


def test_too_large_images_are_refused_before_anything_is_painted(
    make_contest: MakeContest, data_root: Path
) -> None:
    path = data_root / "val.json"
    path.write_text(path.read_text().replace('"width": 32', '"width": 20000', 1))
    path.write_text(path.read_text().replace('"height": 24', '"height": 20000', 1))
    with pytest.raises(UsageError, match=r"val\.json: val/.* has 20000x20000 pixels, more than"):
        make_contest()
    with pytest.raises(UsageError, match="images cannot be used"):
        make_contest(max_megapixels=1073.0)
