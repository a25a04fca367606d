from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.plugin.tiny_plugin import TINY, output
from toolkit.cli.main import run
from toolkit.testing.contract import rules_of


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


FAR = """
from toolkit import Component, hookimpl
from toolkit.plugin.component import Package


@hookimpl
def trash_trackers():
    package = Package("far_away", "far>=2")
    return [Component("far", lambda context, run_dir: None, "far away", package=package)]
"""


def test_check_says_what_to_install(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (team / "plugins" / "far.py").write_text(FAR)
    assert run(["plugin", "check", "far"]) == 0
    captured = capsys.readouterr()
    assert "not checked: needs far_away" in captured.out
    assert 'tracker far: Install it: pip install "far>=2"' in captured.err


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
        "[data]\nclasses = ['Bags', 'Cans']\nimage_size = [32, 64]\n"
        "[model]\nname = 'fpn'\n[loss]\nname = 'ce'\n"
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
