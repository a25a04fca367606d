"""The help of every command, as a terminal of 80 columns shows it."""

from __future__ import annotations

import inspect
import itertools
import re

import pytest

from tests.cli.command_tree import COMMANDS
from toolkit.cli.main import run

COLUMNS = 80


def _letters(text: str) -> str:
    """Drop what breaking lines and drawing frames adds."""
    return re.sub(r"[\s│]", "", text)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "trash")
def test_help_is_shown_whole_and_broken_by_the_terminal_alone(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    assert run([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= COLUMNS
    command = COMMANDS[words]
    # Square brackets would be taken for rich's markup and left out.
    assert _letters(inspect.cleandoc(command.help)) in _letters(shown)
    columns = re.findall(r"^│.*│$", shown, flags=re.MULTILINE)
    for parameter in command.params:
        for word in (getattr(parameter, "help", None) or "").split():
            assert any(word in line for line in columns), (parameter.name, word)
    # A word that would have fitted on the line before shows a break of the source's.
    prose = [line.rstrip() for line in shown.split("╭")[0].splitlines()]
    for line, after in itertools.pairwise(prose):
        if line.strip() and after.strip():
            assert len(line) + 1 + len(after.split()[0]) >= COLUMNS - 1, line
