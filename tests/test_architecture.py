"""What docs/architecture.md says of the house is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_layers import LAYERS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
PLACES = re.findall(
    r"`([A-Za-z_.]+)(?:\(\))?`,? (?:in|of) `(toolkit/[\w/]+\.py)`", re.sub(r"\s+", " ", TEXT)
)
QUESTIONS = re.findall(r"^\| ([^|]+\?) \| ([^|]+) \|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize(("name", "file"), sorted(set(PLACES)))
def test_a_definition_is_in_the_file_that_is_named(name: str, file: str) -> None:
    code = (ROOT / file).read_text()
    for part in name.split("."):
        assert re.search(rf"^\s*(?:def|class) {part}\b|^{part}\b", code, re.MULTILINE), part


def test_every_function_is_named_with_its_file() -> None:
    calls = {name.removesuffix("()") for name in re.findall(r"`([A-Za-z_.]+\(\))`", TEXT)}
    assert calls == calls & {name for name, _ in PLACES}


def test_the_picture_has_the_layers() -> None:
    (picture,) = re.findall(r"```text\n(cli .*?)```", TEXT, re.DOTALL)
    layers: list[set[str]] = []
    for line in picture.splitlines():
        rooms = set(line.partition("│")[0].split())
        if line.startswith(" "):  # goes on
            layers[-1] |= rooms
        else:
            layers.append(rooms)
    assert layers == [set(layer) for layer in reversed(LAYERS)]


def test_questions_have_their_files() -> None:
    assert len(QUESTIONS) >= 25
    for question, answer in QUESTIONS:
        files = re.findall(r"`(toolkit/[\w/]+\.py)`", answer)
        assert files, question
        for file in files:
            assert (ROOT / file).is_file(), file
