from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from toolkit.cli.main import run
from toolkit.errors import TrashError
from toolkit.memory import explain_memory_shortage, memory_shortage

SCRIPT = """
import resource, sys
import numpy as np
from toolkit.memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**28, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no mallopt")
def test_kept_memory_is_not_asked_for_again() -> None:
    faults = {
        how: int(
            subprocess.run(
                [sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True
            ).stdout
        )
        for how in ("given back", "kept")
    }
    assert faults["kept"] < 50 < faults["given back"]


def ask_too_much() -> dict[str, Callable[[], object]]:
    return {
        "torch": lambda: torch.zeros(10**14),
        "numpy": lambda: np.zeros(10**14),
        "OpenCV": lambda: cv2.resize(np.zeros((2, 2, 3), np.uint8), (2**20, 2**20)),
        "Python": lambda: bytearray(10**15),
        "the system": lambda: (_ for _ in ()).throw(OSError(12, "Cannot allocate memory")),
    }


@pytest.mark.parametrize("who", ask_too_much())
def test_every_librarys_lack_of_memory_is_known(who: str) -> None:
    def ask() -> None:
        ask_too_much()[who]() if who != "the system" else next(ask_too_much()[who]())  # type: ignore[call-overload]

    with (
        pytest.raises(TrashError, match=r"the memory of this machine is full: .{10}") as caught,
        explain_memory_shortage("Lower the batch size."),
    ):
        ask()
    assert caught.value.hint == "Lower the batch size."


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), OSError(2, "No such file"), ValueError("memory")]
)
def test_other_errors_are_not_taken_for_a_lack_of_memory(error: Exception) -> None:
    assert memory_shortage(error) is None
    with pytest.raises(type(error)), explain_memory_shortage("Lower the batch size."):
        raise error


def test_a_command_tells_it_as_a_lack_of_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("toolkit.cli.main.make_app", lambda: torch.zeros(10**14))
    assert run(["plugin", "list"]) == 1
    told = capsys.readouterr().err
    assert "the memory of this machine is full: torch asked for 4e+05 GB more" in told
    assert "mistake" not in told
