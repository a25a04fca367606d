"""In a folder of somebody else no Python file runs unless a command needs what it may offer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolkit import __version__
from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]

STRANGER = """\
from pathlib import Path

from toolkit import Component, hookimpl

Path(__file__).with_name("ran").touch()


@hookimpl
def trash_losses():
    return [Component("strange", lambda context: None, "of a stranger")]
"""


@pytest.fixture
def strange(desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clone with a plugin, a broken one and an installed package, which all leave a mark."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    plugins = desk.root / "plugins"
    plugins.mkdir(exist_ok=True)
    (plugins / "strange.py").write_text(STRANGER)
    (plugins / "broken.py").write_text("import no_such_module\n")
    site = tmp_path / "site"
    (site / "pack-1.0.dist-info").mkdir(parents=True)
    (site / "pack_module.py").write_text(STRANGER.replace("strange", "packed"))
    (site / "pack-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pack\nVersion: 1.0\n"
    )
    (site / "pack-1.0.dist-info" / "entry_points.txt").write_text("[trash]\npack = pack_module\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "pack_module", raising=False)
    return desk


def marks(strange: Any, tmp_path: Path) -> list[str]:
    places = {"project": strange.root / "plugins" / "ran", "package": tmp_path / "site" / "ran"}
    return [name for name, mark in places.items() if mark.exists()]


def test_commands_that_need_no_plugin_run_none(
    strange: Any, tmp_path: Path, capsys: Capture
) -> None:
    file = strange.submit("a.csv", strange.truth())
    other = strange.submit("b.csv", strange.noisy(0))
    truth = str(strange.demo / "test_truth.json")
    (strange.root / "recipes" / "r.toml").write_text('[model]\nname = "unet"\n')
    for command in (
        ["--help"],
        ["--version"],
        ["plugin", "--help"],
        ["recipe", "run", "--help"],
        ["recipe", "list"],
        ["recipe", "new", "mine"],
        ["data", "check", truth],
        ["pseudo", "list"],
        ["submission", "list"],
        ["submission", "check", file],
        ["submission", "score", file, "--truth", truth],
        ["submission", "diff", file, other],
        ["submission", "show", file, "--data", str(strange.demo)],
        ["submission", "record", file, "--public", "0.5"],
    ):
        assert run(command) == 0, command
        told = capsys.readouterr().err
        assert marks(strange, tmp_path) == [], command
        assert "no_such_module" not in told, command
        assert "plugins in" not in told, command


@pytest.mark.parametrize("command", [["plugin", "list"], ["recipe", "schema"], ["strangers-word"]])
def test_commands_that_need_plugins_name_their_files_once(
    strange: Any, tmp_path: Path, capsys: Capture, command: list[str]
) -> None:
    run(command)
    told = capsys.readouterr().err
    assert told.startswith(
        "first use of the plugins in plugins, which run now: broken.py, strange.py (--no-plugins "
    )
    assert "plugin broken (plugins/broken.py) was skipped: line 1" in told
    assert marks(strange, tmp_path) == ["project", "package"]
    run(command)
    assert "plugins in" not in capsys.readouterr().err
    (strange.root / "plugins" / "strange.py").write_text(STRANGER + "# pulled\n")
    run(command)
    assert "new or changed plugins in plugins, which run now: strange.py (" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("how", ["before", "after", "environment"])
def test_plugins_can_be_left_out(
    strange: Any, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    command = ["plugin", "list", "--kind", "loss"]
    if how == "environment":
        monkeypatch.setenv("TRASH_PLUGINS", "0")
    elif how == "before":
        command.insert(0, "--no-plugins")
    else:
        command.append("--no-plugins")
    assert run(command) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "dice_ce" in shown.out
    assert "strange" not in shown.out
    assert run(["strangers-word", *(["--no-plugins"] if how != "environment" else [])]) == 2
    assert marks(strange, tmp_path) == []


def test_the_option_holds_for_one_command(strange: Any, tmp_path: Path, capsys: Capture) -> None:
    assert run(["plugin", "list", "--no-plugins"]) == 0
    assert run(["plugin", "show", "strange"]) == 0
    assert marks(strange, tmp_path) == ["project", "package"]


def test_processes_that_train_together_import_nothing_of_the_working_folder(
    tmp_path: Path,
) -> None:
    for name in ("typer", "torch", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('of the working folder')\n")
    code = (
        "import os; from pathlib import Path; "
        "from toolkit.experiment.execution.launch import launch;"
        f"os.chdir({str(tmp_path)!r}); launch(1, Path('runs/x'), ['--version'])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"trash {__version__}\n", "")


def test_a_recipe_that_needs_a_plugin_says_why_it_has_none(
    strange: Any, capsys: Capture, tmp_path: Path
) -> None:
    (strange.root / "recipes" / "r.toml").write_text(
        '[model]\nname = "unet"\n[loss]\nname = "strange"\n'
    )
    command = ["recipe", "check", "--names-only", "recipes/r.toml"]
    assert run(["--no-plugins", *command]) == 2
    told = capsys.readouterr().err
    assert "no loss is called strange" in told
    assert "Plugins are switched off (--no-plugins, TRASH_PLUGINS=0)" in told
    path = strange.root / "plugins" / "strange.py"
    path.write_text("\n1 / 0\n")
    assert run(command) == 2
    told = capsys.readouterr().err
    assert "line 2: ZeroDivisionError: division by zero" in told.partition("no loss is called")[2]
    assert str(path) in told


def test_a_mistyped_switch_is_refused_before_anything_runs(
    strange: Any, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRASH_PLUGINS", "off")
    assert run(["plugin", "list"]) == 2
    told = capsys.readouterr().err
    assert "TRASH_PLUGINS is 'off'" in told
    assert "Write 0" in told
    assert marks(strange, tmp_path) == []
    assert run(["--help"]) == 0


def test_a_file_of_a_foreign_format_is_read_with_its_plugin(
    strange: Any, tmp_path: Path, capsys: Capture
) -> None:
    (strange.root / "plugins" / "strange.py").write_text(
        STRANGER.replace("trash_losses", "trash_submission_formats").replace(
            "lambda context: None", "make"
        )
        + """

def make(context, *, size: tuple[int, int]):
    from toolkit import ComponentSpec

    return context.build("submission_format", ComponentSpec(name="mask_string", size=size))
"""
    )
    file = strange.submit("a.csv", strange.truth())
    strange.change(file, format={"name": "strange", "size": [32, 32]})
    assert run(["submission", "check", file]) == 0
    assert marks(strange, tmp_path) == ["project", "package"]
