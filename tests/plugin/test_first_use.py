"""Plugin files are named when a user runs them first, whatever a clone brings along."""

from __future__ import annotations

import os
import shutil
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from toolkit.plugin.first_use import remember_files, unseen_files


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A `plugins/` folder with two files and a package."""
    folder = tmp_path / "clone" / "plugins"
    (folder / "package" / "deep").mkdir(parents=True)
    for name in ("one.py", "_shared.py", "package/__init__.py", "package/deep/code.py", "notes.md"):
        (folder / name).write_text(f"# {name}\n")
    return folder


ALL = ["_shared.py", "one.py", "package/__init__.py", "package/deep/code.py"]


def test_everything_that_may_run_is_new_once(folder: Path) -> None:
    assert unseen_files(folder) == (ALL, True)
    remember_files(folder)
    assert unseen_files(folder) == ([], False)


def test_new_and_changed_files_are_new_again(folder: Path) -> None:
    remember_files(folder)
    (folder / "package" / "deep" / "code.py").write_text("changed\n")
    (folder / "two.py").write_text("")
    assert unseen_files(folder) == (["package/deep/code.py", "two.py"], False)
    (folder / "two.py").unlink()
    remember_files(folder)
    assert unseen_files(folder) == ([], False)


def test_a_file_changed_within_the_clocks_tick_and_of_equal_size_is_new(folder: Path) -> None:
    remember_files(folder)
    file = folder / "one.py"
    times = file.stat()
    file.write_text(file.read_text().upper())
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert unseen_files(folder) == (["one.py"], False)


def test_a_copy_of_a_known_folder_is_new(folder: Path, tmp_path: Path) -> None:
    """Also where the clone brings all hidden folders of the one that is known."""
    remember_files(folder)
    shutil.copytree(folder.parent, tmp_path / "other", symlinks=True)
    assert unseen_files(tmp_path / "other" / "plugins") == (ALL, True)


def test_a_link_to_a_package_is_looked_into(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "__init__.py").write_text("")
    (folder / "linked").symlink_to(elsewhere)
    assert "linked/__init__.py" in unseen_files(folder)[0]


def test_compiled_modules_are_named(folder: Path) -> None:
    (folder / f"package/fast{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    assert f"package/fast{EXTENSION_SUFFIXES[0]}" in unseen_files(folder)[0]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"files": 3}', '{"files": {"one.py": 3}}'])
def test_a_broken_record_is_no_record(folder: Path, state: Path, content: str) -> None:
    remember_files(folder)
    (record,) = state.rglob("*.json")
    record.write_text(content)
    assert unseen_files(folder)[0] == ALL


def test_nowhere_to_remember_is_no_error(
    folder: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.write_text("a file, where the folder would be\n")
    remember_files(folder)
    assert unseen_files(folder) == (ALL, True)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    remember_files(folder)
    assert unseen_files(folder) == (ALL, True)
    assert not Path("relative").exists()


def test_no_folder_has_no_files(tmp_path: Path) -> None:
    assert unseen_files(tmp_path / "nothing")[0] == []
