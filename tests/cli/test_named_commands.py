"""Commands that messages, help texts and docstrings name exist, with their options."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_tree import COMMANDS
from toolkit.data.guards import check_command

TOOLKIT = Path(__file__).parents[2] / "toolkit"
NAMED = re.compile(r"\btrash ((?:[a-z]+ )?[a-z]+\b[^`'\"();:\n]*)")


def _texts(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module; what is filled in when it runs is `x`."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _named_commands() -> Iterator[tuple[str, str]]:
    for file in sorted(TOOLKIT.rglob("*.py")):
        for line, text in _texts(file):
            for match in NAMED.finditer(text):
                yield f"{file.relative_to(TOOLKIT)}:{line}", match[1]


def _faults(words: list[str]) -> str:
    path: tuple[str, ...] = ()
    while words and (*path, words[0]) in COMMANDS:
        path = (*path, words.pop(0))
    if not path:
        return ""  # a sentence about trash
    command = COMMANDS[path]
    is_group = hasattr(command, "commands") and path != ("data", "objects")
    if is_group and words and re.fullmatch(r"[a-z]+", words[0]):
        return f"trash {' '.join(path)} has no {words[0]}"
    known = {option for parameter in command.params for option in parameter.opts}
    wrong = [word for word in words if re.match(r"--?[a-z]", word) and word not in known]
    return f"trash {' '.join(path)} has no {', '.join(wrong)}" if wrong else ""


def test_commands_that_texts_name_have_their_options() -> None:
    found = list(_named_commands())
    assert len(found) > 50
    faults = {
        where: fault
        for where, text in found
        if (fault := _faults([word.rstrip(".,") for word in text.split()]))
    }
    assert not faults


@pytest.mark.parametrize("root", ["data", "data/images"])
def test_the_command_that_lists_mistakes_is_one(root: str) -> None:
    words = shlex.split(check_command(Path("data/train.json"), Path(root)).strip("`"))
    assert _faults(words[1:]) == ""
