"""Whatever a file holds, reading it ends well or with a message: no traceback, hang or flood."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.limits import Hang, limited_memory, limited_time
from tests.fuzz.mutants import mutate
from tests.fuzz.readers import READERS
from toolkit.errors import TrashError

_DEFAULT, _LONG = 2_000, 100_000


def fuzz(name: str, folder: Path, count: int, first: int = 0) -> dict[str, int]:
    """Read `count` mutants; mutant `i` of a reader is the same whenever it is made."""
    reader = READERS[name]
    home = folder / "files"
    home.mkdir()
    reader.write(home)
    paths = sorted(path for path in home.rglob("*") if path.is_file())
    contents = {path: path.read_bytes() for path in paths}
    reader.read(home)
    outcomes = {"read": 0, "refused": 0}
    with limited_memory():
        for number in range(first, first + count):
            rng = random.Random(f"{name} {number}")
            path = rng.choice(paths)
            mutant = mutate(path.name, contents[path], rng)
            _write(path, mutant)
            try:
                with limited_time():
                    reader.read(home)
                outcomes["read"] += 1
            except TrashError:
                outcomes["refused"] += 1
            except (Exception, Hang) as error:
                (folder / "mutant").write_bytes(mutant)
                raise AssertionError(
                    f"mutant {number} of {name} ({path.name}, kept as {folder / 'mutant'})"
                ) from error
            _write(path, contents[path])
    return outcomes


def _write(path: Path, data: bytes) -> None:
    # File systems wait for the disk when a file is cut to nothing and written again.
    path.unlink()
    path.write_bytes(data)


pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    outcomes = fuzz(name, tmp_path, _DEFAULT)
    assert outcomes["refused"] > _DEFAULT // 5, "mutants must hurt"


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_many_more_damaged_files(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path, _LONG, first=_DEFAULT)
