from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.files import (
    atomic_path,
    digest_of,
    file_digest,
    read_json,
    same_file,
    walk_folder,
    write_text_atomic,
)
from toolkit.suggestions import did_you_mean, nearest


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.txt"]


def test_a_written_file_replaces_the_old_one_and_team_mates_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.txt"
    write_text_atomic(path, "line\n")
    write_text_atomic(path, "ümlaut\n")
    assert path.read_bytes() == "ümlaut\n".encode()
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a": 1,\n "b": }', "a.json:2: thing is not valid JSON"),
        (b"", "a.json:1: thing is not valid JSON"),
        (b"\xff\xfe", "thing is not UTF-8 text"),
        (b"[" * 100_000, "thing is nested too deeply"),
        (b"1" * 5000, "thing cannot be read: Exceeds the limit"),
    ],
)
def test_broken_json_names_file_and_line(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_json(path, "thing")
    assert expected in caught.value.message
    with pytest.raises(UsageError, match="thing not found"):
        read_json(tmp_path / "b.json", "thing")
    with pytest.raises(UsageError, match="thing is a folder"):
        read_json(tmp_path, "thing")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json", "thing") == {"a": 1}


def test_an_error_names_the_file_and_not_its_temporary_name(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(OSError, match=re.escape(str(path))) as caught:
            write_text_atomic(path, "text")
        assert caught.value.filename == str(path)
    assert [found.name for found in tmp_path.iterdir()] == ["folder"]


def test_borders_between_parts_count_in_a_digest(tmp_path: Path) -> None:
    assert digest_of("ab", "c") != digest_of("a", "bc")
    assert digest_of("a") == digest_of(b"a")
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"x" * 100_000)
    two.write_bytes(b"x" * 99_999 + b"y")
    assert file_digest(one) != file_digest(two)
    assert len(file_digest(one)) == len(digest_of("")) == 32


def test_suggestions() -> None:
    choices = ["dice", "dice_ce", "focal", "Plastic bag"]
    assert nearest("dice_ec", choices) == "dice_ce"
    assert nearest("plastic", choices) == "Plastic bag"
    assert nearest("qqqq", choices) is None
    assert did_you_mean("qqqq", choices) == "Valid: Plastic bag, dice, dice_ce, focal"
    assert did_you_mean("x", []) == ""


@pytest.mark.parametrize("links", [True, False])
def test_a_file_with_two_names_is_replaced_under_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    last, best = tmp_path / "last.pt", tmp_path / "best.pt"

    def refuse(source: Path, path: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    best.write_text("older")
    write_text_atomic(last, "epoch 1")
    same_file(last, best)
    assert best.read_text() == "epoch 1"
    assert last.samefile(best) == links
    write_text_atomic(last, "epoch 2")
    assert best.read_text() == "epoch 1"
    assert {path.name for path in tmp_path.iterdir()} == {"last.pt", "best.pt"}


def test_folders_are_walked_through_links_but_in_no_circle(tmp_path: Path) -> None:
    real, folder = tmp_path / "real", tmp_path / "data"
    (real / "deep" / "deeper").mkdir(parents=True)
    (folder / ".hidden").mkdir(parents=True)
    for file in (real / "b.png", real / "deep" / "c.png", real / "deep" / "deeper" / "d.png"):
        file.touch()
    for file in (folder / "a.png", folder / ".a.png", folder / ".hidden" / "h.png"):
        file.touch()
    (folder / "one").symlink_to(real)
    (folder / "two").symlink_to(real)
    (real / "deep" / "back").symlink_to(folder)
    (folder / "itself").symlink_to(folder)
    (folder / "lost").symlink_to(tmp_path / "nowhere")
    found = [
        f"{place.relative_to(folder).as_posix()}/{name}"
        for place, names in walk_folder(folder)
        for name in names
    ]
    own = ["b.png", "deep/c.png", "deep/deeper/d.png"]
    links = [f"{link}/{name}" for link in ("one", "two") for name in own]
    assert [each.removeprefix("./") for each in found if "lost" not in each] == ["a.png", *links]
    places = [place.relative_to(folder).as_posix() for place, _ in walk_folder(folder, 1)]
    assert places == [".", "one", "two"]
