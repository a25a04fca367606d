from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.cli.main import run
from toolkit.plugin.kinds import KINDS
from toolkit.testing.contract import rules_of

TINY = '''
from typing import Annotated
from pydantic import Field
from toolkit import Component, hookimpl


def make(context, *, threshold: Annotated[float, Field(gt=0, le=1)] = 0.5, name_of: str | None = None):
    """Make nothing.

    Args:
        threshold: lowest probability
            that counts.
    """
    return lambda probabilities, image: BODY


@hookimpl
def trash_postprocessors():
    return [Component("tiny", make, "does next to nothing", aliases=("small",))]
'''


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, as the working folder."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "plugins").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(team: Path) -> Path:
    path = team / "plugins" / "tiny.py"
    path.write_text(TINY.replace("BODY", "probabilities.copy()"))
    return path


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["plugin", *arguments]) == 0
    return capsys.readouterr().out


def test_list_shows_every_component_with_its_source(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = output(capsys, "list").splitlines()
    headings = [line for line in lines if not line.startswith(" ")]
    kinds = [heading.partition(" (")[0] for heading in headings]
    assert kinds == sorted(kinds, key=list(KINDS).index)
    assert {heading.partition(" (")[2] for heading in headings} == {"builtin)", "tiny)"}
    (row,) = [line for line in lines if line.startswith("  tiny ")]
    assert " ".join(row.split()) == "tiny does next to nothing (also small)"
    assert lines[lines.index(row) - 1] == "postprocessor (tiny)"


@pytest.mark.parametrize("columns", ["40", "60", "80"])
def test_list_cuts_no_name_on_a_narrow_screen(
    columns: str, tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = output(capsys, "list")
    assert max(map(len, shown.splitlines())) <= int(columns)
    names = {row["name"] for row in json.loads(output(capsys, "list", "--json"))}
    assert names <= {line.split()[0] for line in shown.splitlines()}


def test_list_of_a_kind_as_json(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(output(capsys, "list", "--kind", "postprocessor", "--json"))
    assert {row["kind"] for row in rows} == {"postprocessor"}
    assert {
        "name": "tiny",
        "kind": "postprocessor",
        "source": "tiny",
        "summary": "does next to nothing",
        "aliases": ["small"],
    } in rows


def test_a_plugin_that_fails_is_one_line_on_stderr(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny.parent / "broken.py").write_text("import no_such_module\n")
    assert run(["plugin", "list", "--kind", "postprocessor"]) == 0
    captured = capsys.readouterr()
    assert "tiny" in captured.out
    assert "broken" not in captured.out
    assert "no_such_module" in captured.err
    assert "Traceback" not in captured.err


def test_show_prints_parameters_and_place(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "show", "tiny")
    assert text.splitlines()[0] == "tiny (postprocessor, tiny)"
    assert "also called small" in text
    assert "Make nothing." in text
    assert f"{tiny}:7" in text
    row = next(line for line in text.splitlines() if line.startswith("threshold"))
    assert row.split() == [
        *("threshold", "number", ">", "0,", "≤", "1", "0.5"),
        *("lowest", "probability", "that", "counts."),
    ]


def test_show_as_json(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shown,) = json.loads(output(capsys, "show", "small", "--json"))
    assert shown["name"] == "tiny"
    assert shown["line"] == 7
    assert shown["parameters"] == [
        {
            "name": "threshold",
            "type": "number > 0, ≤ 1",
            "default": "0.5",
            "description": "lowest probability that counts.",
        },
        {"name": "name_of", "type": "text", "default": "unset", "description": ""},
    ]


def test_show_of_a_name_in_two_kinds_shows_both(
    team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = output(capsys, "show", "hflip")
    assert "hflip (augmentation, builtin)" in both
    assert "hflip (view, builtin)" in both
    one = output(capsys, "show", "hflip", "--kind", "view")
    assert "augmentation" not in one


@pytest.mark.parametrize("component", ["dice_ce", "unet", "one_of", "sum", "cosine_restarts"])
def test_every_parameter_of_a_builtin_is_explained(
    component: str, team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shown in json.loads(output(capsys, "show", component, "--json")):
        assert shown["parameters"]
        assert all(parameter["description"] for parameter in shown["parameters"])


@pytest.mark.parametrize("command", ["show", "check"])
def test_an_unknown_name_gets_the_nearest(
    command: str, team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plugin", command, "dice_cee"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no component is called dice_cee" in captured.err
    assert "Did you mean dice_ce?" in captured.err


def test_a_name_whose_plugin_failed_says_why(
    team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (team / "plugins" / "mine.py").write_text("1 / 0\n")
    assert run(["plugin", "show", "mine"]) == 2
    assert "plugin mine could not be loaded: line 1: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["list", "check"])
def test_an_unknown_kind_gets_the_nearest(
    command: str, team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plugin", command, "--kind", "losses"]) == 2
    assert "Did you mean loss?" in capsys.readouterr().err


def test_check_passes_a_sound_plugin(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "check", "tiny").splitlines()
    n_rules = str(len(rules_of("postprocessor")) + 2)  # and: describes itself, can be made
    assert lines[1].split() == ["tiny", "postprocessor", "tiny", n_rules, "ok"]


def test_check_says_how_much_it_is_to_check(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "check", "--kind", "tracker"]) == 0
    captured = capsys.readouterr()
    n_checked = len(captured.out.splitlines()) - 1
    assert f"checking {n_checked} component" in captured.err


def test_check_fails_a_broken_one_in_words(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_text(TINY.replace("BODY", "2 * probabilities"))
    assert run(["plugin", "check", "tiny"]) == 1
    out = capsys.readouterr().out
    assert "1 broken" in out
    assert "postprocessor tiny: Returns float32 probabilities" in out
    assert "sums over the classes are off by up to 1" in out


NEEDY = '''
from toolkit import Component, hookimpl


def make(context, *, keep: list[str], share: float):
    """Keep some classes."""
    unknown = set(keep) - set(context.class_names)
    if unknown:
        raise ValueError(f"no classes {sorted(unknown)}")
    return lambda probabilities, image: probabilities * SCALE


@hookimpl
def trash_postprocessors():
    return [Component("needy", make, "needs parameters and classes")]
'''


@pytest.fixture
def needy(team: Path) -> Path:
    path = team / "plugins" / "needy.py"
    path.write_text(NEEDY.replace("SCALE", "(share > 0)"))
    return path


def test_check_takes_parameters(needy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "check", "needy"]) == 0
    captured = capsys.readouterr()
    assert "not checked: postprocessor needy requires keep, share" in captured.out
    assert "trash plugin check needy:needy --set keep=VALUE --set share=VALUE" in captured.err
    command = ["plugin", "check", "needy", "--set", 'keep=["Paper"]', "--set"]
    assert run([*command, "share=1"]) == 0
    assert capsys.readouterr().out.split()[-1] == "ok"
    assert run([*command, "share=0"]) == 1
    assert "sums over the classes are off by up to 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["needy", "--set", "kep=1"], "Did you mean keep?"),
        (["needy", "--set", "keep=[]", "--set", 'share="much"'], "needy: share: "),
        (["needy", "--set", "share"], "write key=value"),
        (["--set", "share=1"], "--set goes with the name of a component"),
    ],
)
def test_check_refuses_parameters_that_are_none(
    needy: Path, capsys: pytest.CaptureFixture[str], given: list[str], expected: str
) -> None:
    assert run(["plugin", "check", *given]) == 2
    assert expected in capsys.readouterr().err


def test_check_takes_parameters_and_classes_of_a_recipe(
    needy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (needy.parents[1] / "recipes" / "r.toml").write_text(
        "[data]\nclasses = ['Bags', 'Cans']\nimage_size = [32, 64]\n[model]\nname = 'fpn'\n[loss]\nname = 'ce'\n"
        "[[postprocess]]\nname = 'needy'\nkeep = ['Cans']\nshare = 0.5\n"
        "[[postprocess]]\nname = 'needy'\nkeep = ['Paper']\nshare = 0.5\n"
    )
    command = ["plugin", "check", "needy", "--recipe", "recipes/r.toml", "--json"]
    assert run(command) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert first["broken"] == []
    assert "no classes ['Paper']" in second["broken"][0]["message"]
    assert run([*command, "--set", "keep=['Bags']"]) == 0
    capsys.readouterr()
    of_recipe = ["plugin", "check", "--kind", "postprocessor", "--recipe", "recipes/r.toml"]
    assert run(of_recipe) == 1
    assert capsys.readouterr().out.count("needy  postprocessor") == 2


def test_check_as_json(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_text(TINY.replace("BODY", "2 * probabilities"))
    assert run(["plugin", "check", "--kind", "postprocessor", "--json"]) == 1
    reports = {report["name"]: report for report in json.loads(capsys.readouterr().out)}
    assert reports["smooth"]["broken"] == []
    assert len(reports["tiny"]["broken"]) == 1


def test_check_of_everything_fails_when_a_plugin_does_not_load(
    team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (team / "plugins" / "broken.py").write_text("import no_such_module\n")
    assert run(["plugin", "check", "--kind", "view"]) == 1
    assert "no_such_module" in capsys.readouterr().err


def test_new_then_check(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "new", "mine", "--kind", "loss"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["plugins/mine.py", "tests/plugins/test_mine.py"]
    assert "trash plugin check mine" in captured.err
    assert '[loss] name = "mine"' in captured.err
    assert run(["plugin", "check", "mine"]) == 0


def test_new_refuses_a_bad_name(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "new", "My-Loss", "--kind", "loss"]) == 2
    assert "Did you mean my_loss?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "--json"], ["show", "unet"], ["new", "x1", "--kind", "model"]]
)
def test_no_command_but_check_imports_torch(arguments: list[str], tiny: Path) -> None:
    code = (
        "import sys; from toolkit.cli.main import run; "
        f"code = run(['plugin', *{arguments!r}]); "
        "heavy = {'torch', 'albumentations', 'timm', 'segmentation_models_pytorch'}; "
        "sys.exit(code or str(sorted(heavy & set(sys.modules)) if heavy & set(sys.modules) else ''))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stderr.strip() in _notes(arguments), result.stderr


def _notes(arguments: list[str]) -> list[str]:
    first = (
        "first use of the plugins in plugins, which run now: tiny.py (--no-plugins leaves them out)"
    )
    if arguments[0] != "new":
        return [first]
    return [f'{first}\ncheck it: trash plugin check x1\nuse it:   [model] name = "x1"']
