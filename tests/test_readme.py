"""What the README promises is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from toolkit.cli.main import run

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "plugins/README.md",
    "recipes/README.md",
    "submissions/README.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
)
MADE = {"plugins/my_idea.py", "submissions/demo-001.csv"}
"""Files that commands of the documents write."""

TEXTS = {name: (ROOT / name).read_text() for name in DOCUMENTS}
TEST_COMMAND = re.compile(r"^    (python3 -m venv .*pytest.*)$", re.MULTILINE)


def commands() -> list[str]:
    """Return every `trash …` command of the documents, without shell comments."""
    found = []
    for text in TEXTS.values():
        for line in text.splitlines():
            match = re.search(r"(?:^ {4}|`|&& )(?:\.venv/bin/)?(trash [^`#]*)", line)
            if match:
                found.append(match[1].strip())
    return found


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    (command,) = TEST_COMMAND.findall(TEXTS["README.md"])
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_command_of_the_documents_exists_with_its_options(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        word for word in shlex.split(command.replace("…", "x"))[1:] if word not in ("&&", "...")
    ]
    path = []
    for word in words:
        deepest = 3 if path[:2] == ["data", "objects"] else 2
        if not re.fullmatch(r"[a-z]+", word) or len(path) == deepest:
            break
        path.append(word)
    if path and path[0] in ("evaluate", "predict", "report", "submit"):
        path = path[:1]
    assert run([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    for word in words:
        if word.startswith("-"):
            assert re.search(rf"{re.escape(word.partition('=')[0])}\b", shown), word


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_that_the_documents_name_exist(name: str) -> None:
    made = {f"recipes/{new}.toml" for new in re.findall(r"trash recipe new (\w+)", TEXTS[name])}
    named = re.findall(r"\b(?:recipes|docs|tests|toolkit)/[\w/.-]+\.(?:toml|md|py)\b", TEXTS[name])
    for path in set(named) - made:
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_in_the_prose_exist(name: str) -> None:
    prose = "\n".join(line for line in TEXTS[name].splitlines() if not line.startswith("    "))
    rooms = r"(?:\.ci|docs|plugins|recipes|submissions|tests|toolkit)"
    for path in set(re.findall(rf"`({rooms}/[\w/.-]*)`", prose)) - MADE:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", [name for name in DOCUMENTS if name != "README.md"])
def test_the_readme_leads_to_every_page(page: str) -> None:
    if page != "CHANGELOG.md":
        assert f"`{page}`" in TEXTS["README.md"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_prose_fits_an_editor(name: str) -> None:
    prose = [line for line in TEXTS[name].splitlines() if not re.match(r" *\||    ", line)]
    assert max(map(len, prose)) <= 120
