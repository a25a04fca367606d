"""The command as a whole: what it imports, how it fails, what plugins add to it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit import __version__
from toolkit.cli import main
from toolkit.cli.main import run

GROUPS = ("recipe", "run", "data", "plugin", "submission")
HEAVY = ("torch", "albumentations", "timm", "segmentation_models_pytorch", "cv2")

RECIPE = """\
title = "Größe & 🗑"
[data]
val = "val.json"
[model]
name = "unet"
[loss]
name = "ce"
"""

COMMANDS = """\
from toolkit import TrashError, hookimpl

@hookimpl
def trash_commands(app):
    @app.command()
    def party(guests: int = 2, fail: str = ""):
        \"\"\"Celebrate the score.\"\"\"
        if fail == "trash":
            raise TrashError("no cake", "Bake one.")
        if fail == "bug":
            return {}[fail]
        print(f"party of {guests}")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with one recipe, as the working folder."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "recipes" / "größe 1.toml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def party(project: Path) -> Path:
    path = project / "plugins" / "party.py"
    path.write_text(COMMANDS)
    return path


def trash(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, **environment},
    )


def test_help_and_listings_import_nothing_heavy(project: Path) -> None:
    commands = [
        ["--help"],
        ["--version"],
        *([group, "--help"] for group in GROUPS),
        *(["submit", "--help"], ["predict", "--help"]),
        ["recipe", "list"],
        ["recipe", "list", "--json"],
        ["recipe", "show", "größe 1", "--origin"],
        ["recipe", "schema"],
        ["plugin", "list"],
        ["plugin", "show", "unet"],
        ["no-such-command"],
    ]
    code = (
        "import sys\n"
        "from toolkit.cli.main import run\n"
        f"for command in {commands!r}:\n"
        "    run(command)\n"
        f"    heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "    assert not heavy, (command, heavy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_alone_shows_its_help(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"trash {group}" in shown
    assert run([group]) == 2
    captured = capsys.readouterr()
    assert f"trash {group}" in captured.out + captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"trash {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["recip"], "trash recipe"),
        (["rnu"], r"trash run\?"),
        (["run", "demo"], r"trash recipe run or trash study run\?"),
        (["run", "recipes/demo.toml"], r"trash recipe run or trash study run\?"),
        (["run", "lst"], r"trash run list\?"),
        (["demo"], r"trash data demo\?"),
        (["search", "a.pt"], r"trash ensemble search\?"),
        (["cut"], r"trash data objects cut\?"),
        (["recipe", "submit"], r"trash submit\?"),
        (["list"], "trash recipe list, trash run list, .* or trash board list"),
        (["plugin", "lst"], "trash plugin list"),
        (["plugin", "list", "--jsn"], "--json"),
        (["recipe", "show", "größe 1", "--orgin"], "--origin"),
    ],
)
def test_a_mistyped_command_or_option_gets_the_nearest(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(rf"(Did you mean|Possible options).*{expected}", _unframed(captured.err))


def _unframed(text: str) -> str:
    """Return the text of an error without the frame around it and its line breaks."""
    return " ".join(text.replace("│", " ").split())


# Errors.


def test_an_error_is_a_message_and_debug_adds_the_traceback(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["recipe", "show", "nothing"]
    assert run(command) == 2
    assert "Traceback" not in capsys.readouterr().err
    for arguments in (["--debug", *command], [*command, "--debug"]):
        assert run(arguments) == 2
        shown = capsys.readouterr().err
        assert "Traceback" in shown
        assert shown.splitlines()[-2].startswith("error: there is no recipe nothing")


def test_an_unforeseen_error_is_one_message_with_its_place(
    party: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["party", "--fail", "bug"]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert f"error: unexpected KeyError: 'bug' ({party}:11)" in shown
    assert "trash --debug" in shown
    assert run(["--debug", "party", "--fail", "bug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code", "expected"),
    [
        (PermissionError(13, "Permission denied", "/somewhere/x.csv"), 1, "/somewhere/x.csv"),
        (IsADirectoryError(21, "Is a directory", "folder"), 2, "folder: Is a directory"),
        (OSError(28, "No space left on device"), 1, "Free some space"),
        (MemoryError(), 1, "the memory of this machine is full"),
        (SystemExit(None), 0, ""),
        (SystemExit(3), 3, ""),
        (SystemExit("why it ended"), 1, "why it ended"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_every_exception_has_a_message_and_an_exit_code(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    code: int,
    expected: str,
) -> None:
    def fail() -> None:
        raise raised

    monkeypatch.setattr("toolkit.recipe.listing.list_recipes", lambda project, words: fail())
    assert run(["recipe", "list"]) == code
    captured = capsys.readouterr()
    assert expected in captured.err
    assert "Traceback" not in captured.err


# Streams.


def test_a_reader_that_has_enough_is_no_error(project: Path) -> None:
    for command in ("plugin list", "recipe schema", "--help"):
        done = subprocess.run(
            ["bash", "-c", f"'{sys.executable}' -m toolkit {command} | head -n 1"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert len(done.stdout.splitlines()) <= 1
        assert "Broken" not in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_output_is_said() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count("No space left on device") == 1
    assert done.stderr.startswith("error: ")


def test_closed_streams_are_no_error(project: Path) -> None:
    for closed in (">&-", "2>&-"):
        done = subprocess.run(
            ["bash", "-c", f"'{sys.executable}' -m toolkit plugin list {closed}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0
        assert "Traceback" not in done.stderr


def test_a_width_of_0_is_no_width(project: Path) -> None:
    done = trash("plugin", "list", "--kind", "loss", COLUMNS="0")
    assert any(line.split()[:2] == ["dice_ce", "Dice"] for line in done.stdout.splitlines())


def test_completion_runs_no_plugin(party: Path) -> None:
    party.write_text(f"open({str(party.parent / 'ran')!r}, 'w')\n" + COMMANDS)
    (party.parent / "broken.py").write_text("1 / 0\n")
    for typed, expected in (("trash p", ["plugin", "pseudo", "predict"]), ("trash par", [])):
        words = {"_TRASH_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": "1"}
        done = trash(**words)
        assert (sorted(done.stdout.split()), done.stderr) == (sorted(expected), "")
    assert not (party.parent / "ran").exists()


def test_a_deleted_working_folder_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(["recipe", "list"]) == 2
    assert "the working folder does not exist any more" in capsys.readouterr().err


def test_an_output_without_unicode_gets_escapes(project: Path) -> None:
    shown = trash("recipe", "list", PYTHONIOENCODING="ascii")
    assert shown.returncode == 0
    assert r"gr\xf6\xdfe 1 " in shown.stdout
    listed = trash("recipe", "list", "--json", PYTHONIOENCODING="ascii")
    assert r"Gr\u00f6\u00dfe & \ud83d\uddd1" in listed.stdout


# Commands of plugins.


def test_a_plugins_command_runs_and_is_listed(
    party: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["party", "--guests", "7"]) == 0
    assert capsys.readouterr().out == "party of 7\n"
    assert run(["party", "--help"]) == 0
    assert "--guests" in capsys.readouterr().out
    assert run(["--help"]) == 0
    assert "trash plugin commands" in capsys.readouterr().out
    assert run(["plugin", "commands"]) == 0
    assert capsys.readouterr().out.split() == ["party", "Celebrate", "the", "score."]
    assert run(["plugin", "commands", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"name": "party", "summary": "Celebrate the score."}
    ]
    assert run(["party", "--fail", "trash"]) == 1
    assert capsys.readouterr().err == "error: no cake\n  Bake one.\n"
    assert run(["partyy"]) == 2
    assert "Did you mean trash party?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / 0\n", "ZeroDivisionError"),
        (COMMANDS.replace("    @app.command()", "    1 / 0\n    @app.command()"), "line 5"),
        (
            COMMANDS.replace("guests: int", "guests: list[list[int]]"),
            "the commands of plugins are left out",
        ),
        (COMMANDS.replace("def party", "def submit"), "there is a trash submit already"),
    ],
)
def test_a_broken_command_of_a_plugin_breaks_nothing_else(
    party: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    party.write_text(text)
    assert run(["party"]) == 2
    captured = capsys.readouterr()
    assert "No such command 'party'" in captured.err
    assert expected in captured.err
    assert run(["--help"]) == 0
    captured = capsys.readouterr()
    assert "Leaderboard files" in captured.out
    assert captured.err == ""
    assert run(["plugin", "list"]) == 0


def test_what_a_plugin_prints_is_no_result(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "plugins" / "chatty.py").write_text("print('hello')\n")
    assert run(["recipe", "list", "--json"]) == 0
    capsys.readouterr()
    assert run(["plugin", "list", "--json"]) == 0
    captured = capsys.readouterr()
    assert "chatty.py" in captured.err
    assert "hello" not in captured.out
    assert "hello" in captured.err


def test_the_command_line_of_plugins_does_not_stay(party: Path) -> None:
    assert run(["party"]) == 0
    party.unlink()
    assert run(["party"]) == 2
    assert "party" not in {command.name for command in main.make_app().registered_commands}
