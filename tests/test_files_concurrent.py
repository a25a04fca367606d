"""Files and locks that several processes want, and what killed ones leave."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.real_processes import HANG
from toolkit.files import (
    atomic_path,
    file_lock,
    remove_leftovers,
    unfinished_folder,
    write_text_atomic,
)

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from toolkit.files import atomic_path, file_lock, unfinished_folder

folder = Path(sys.argv[1])
with file_lock(folder / "a.txt", print), unfinished_folder(folder / "set", print) as partial:
    (partial / "half").write_text("half")
    with atomic_path(folder / "a.txt") as temporary:
        temporary.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> set[str]:
    return {found.name for found in folder.iterdir()}


def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(tmp_path)], check=False)
    assert len(names(tmp_path)) == 4  # two locks, a temporary file, an unfinished folder
    write_text_atomic(tmp_path / "b.txt", "whole")
    assert names(tmp_path) == {"b.txt", "set.partial"}
    with unfinished_folder(tmp_path / "set", pytest.fail) as partial:
        assert partial is not None
        assert not names(partial)
    assert names(tmp_path) == {"b.txt", "set"}


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    with (
        file_lock(tmp_path / "lock", pytest.fail),
        atomic_path(tmp_path / "a.txt") as temporary,
    ):
        temporary.write_text("mine")
        code = f"from toolkit.files import *; write_text_atomic(Path({str(tmp_path / 'b')!r}), 'b')"
        subprocess.run([sys.executable, "-c", code], check=True)
        assert len(names(tmp_path)) == 3
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert names(tmp_path) == {"a.txt", "b"}


def test_files_of_other_programs_are_never_removed(tmp_path: Path) -> None:
    others = {"uv.lock", ".lock", ".tmp", "x.tmp.y", ".hidden"}
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".tmp.folder").mkdir()
    os.symlink(tmp_path / "uv.lock", tmp_path / ".tmp.link")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == others | {".tmp.folder", ".tmp.link"}
    remove_leftovers(tmp_path / "absent")


def test_only_one_is_ever_inside_although_lock_files_come_and_go(tmp_path: Path) -> None:
    inside, most, entered = 0, 0, 0
    guard = threading.Lock()

    def enter() -> None:
        nonlocal inside, most, entered
        for _ in range(150):
            with file_lock(tmp_path / "x", lambda: None):
                with guard:
                    inside += 1
                    entered += 1
                    most = max(most, inside)
                remove_leftovers(tmp_path)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (entered, most) == (600, 1)
    assert not names(tmp_path)


def test_many_write_one_file_at_once_and_tidy_up_meanwhile(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def write(text: str) -> None:
        try:
            for _ in range(100):
                write_text_atomic(tmp_path / "x", text * 100)
                assert len((tmp_path / "x").read_text()) == 100
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert names(tmp_path) == {"x"}


def test_a_name_as_long_as_the_file_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    with file_lock(path, pytest.fail):
        write_text_atomic(path, "text")
    assert names(tmp_path) == {path.name}


def write_folder(folder: Path, events: Any) -> None:
    with unfinished_folder(folder, lambda: events.put("waits")) as partial:
        events.put("finds it" if partial is None else "writes")


def test_a_second_process_waits_and_finds_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "key"
    context = multiprocessing.get_context("fork")
    events = context.Queue()
    with unfinished_folder(folder, lambda: None) as partial:
        assert partial is not None
        process = context.Process(target=write_folder, args=(folder, events))
        process.start()
        assert events.get(timeout=HANG) == "waits"
        (partial / "content").write_text("whole")
        assert not folder.exists()
    assert events.get(timeout=HANG) == "finds it"
    process.join()
    assert (folder / "content").read_text() == "whole"


def test_a_failure_makes_room_for_the_process_that_waits(tmp_path: Path) -> None:
    folder = tmp_path / "key"
    with suppress(KeyboardInterrupt), unfinished_folder(folder, lambda: None) as partial:
        assert partial is not None
        (partial / "half").touch()
        raise KeyboardInterrupt
    assert not folder.exists()
    with unfinished_folder(folder, lambda: None) as partial:
        assert partial is not None
        assert list(partial.iterdir()) == []
