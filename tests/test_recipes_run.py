"""Every shipped recipe runs, from its data to a score.

What a recipe is made of is tried with a small network, because its own takes by far the most time;
every network is trained once for all recipes that have it. That each recipe's own network fits its
losses and sizes is in test_recipes.py.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from tests.shipped_recipes import OWN_VARIANTS, RECIPES, ROOT
from toolkit.cli.main import run
from toolkit.plugin.discovery import project_plugins
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe

EXPERIMENTS = [*RECIPES, *OWN_VARIANTS]
WINNERS = ("recipes/hrnet_ocr_pseudo.toml", "recipes/unetpp_pseudo.toml")

SMALL_NETWORK = '''
from toolkit import Component, hookimpl


def small_network(context, *, outputs: tuple[str, ...] = ()):
    """Two convolutions.

    Args:
        outputs: names of further outputs.
    """
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            layers = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()
            self.encoder = nn.Sequential(*layers)
            names = ("main", *outputs)
            self.heads = nn.ModuleDict({name: nn.Conv2d(8, context.n_classes, 1) for name in names})

        def forward(self, images):
            features = self.encoder(images)
            maps = {name: head(features) for name, head in self.heads.items()}
            if "presence" in maps:
                maps["presence"] = maps["presence"].mean(dim=(2, 3))
            return maps if outputs else maps["main"]

    return Network()


@hookimpl
def trash_models():
    return [Component("small_network", small_network, "Two convolutions.")]
'''


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project with the shipped recipes and plugins, and a small network; the working folder."""
    root = tmp_path / "project"
    (root / "plugins").mkdir(parents=True)
    for _, file in project_plugins(ROOT / "plugins"):
        (root / "plugins" / file.name).symlink_to(file)
    (root / "plugins" / "small.py").write_text(SMALL_NETWORK)
    (root / "recipes").symlink_to(ROOT / "recipes")
    monkeypatch.chdir(root)
    monkeypatch.setenv("TRASH_CACHE", str(tmp_path / "cache"))
    return root


@cache
def _recipe(path: str) -> Recipe:
    return load_recipe(Path(path), project=Project(ROOT)).recipe


def _with_each_network() -> list[str]:
    """Return one recipe for every network of the recipes."""
    found: dict[str, str] = {}
    for path in EXPERIMENTS:
        found.setdefault(_recipe(path).model.model_dump_json(), path)
    return list(found.values())


@pytest.mark.parametrize("path", EXPERIMENTS)
def test_a_shipped_recipe_runs_from_data_to_score(
    path: str, project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    recipe = _recipe(path)
    instead = ["--set", f"model={_small_network(recipe)}"]
    if recipe.pseudo is not None and recipe.pseudo.teachers:
        instead += ["--set", f"pseudo.teachers={_ANOTHER}"]
    if recipe.train.start is not None:
        instead += ["--unset", "train.start"]  # it has the network of another recipe
    if recipe.members:
        instead += ["--set", 'members=["demo.toml@none"]']
    assert run(["recipe", "run", path, "--smoke", "--json", *instead]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["submission"]["rows"] == 2
    assert 0 <= result["submission"]["score"]["mean_iou"] <= 1
    assert {each.name for each in project.iterdir()} == {"plugins", "recipes"}
    left = {path.name.split("-")[0] for path in (tmp_path / "cache" / "smoke").iterdir()}
    assert left == {"data"}  # data-…: with the classes of the recipe's own data


@pytest.mark.parametrize("path", _with_each_network())
def test_every_network_of_the_recipes_is_trained(
    path: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = _recipe(path)
    one_stage = [] if recipe.pseudo is None else ["--unset", "pseudo"]
    one_stage += [] if recipe.train.start is None else ["--unset", "train.start"]
    assert run(["recipe", "run", path, "--smoke", "--json", *one_stage]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["submission"]["rows"] == 2


_ANOTHER = '["demo.toml"]'
"""A recipe with a network of its own, in the place of larger ones."""


def _small_network(recipe: Recipe) -> str:
    """Return a small network with the outputs that the recipe trains, as a table of TOML."""
    return f'{{ name = "small_network", outputs = {json.dumps(list(recipe.auxiliary))} }}'


@pytest.mark.parametrize("path", WINNERS)
def test_the_winners_run_with_all_their_teachers(
    path: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[Path] = []
    last = _with_small_networks(path, project, written)
    assert len(written) == (3 if "hrnet" in path else 2)
    assert run(["recipe", "run", str(last), "--smoke", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["submission"]["rows"] == 2


def _with_small_networks(path: str, folder: Path, written: list[Path]) -> Path:
    """Write a recipe and its teachers anew, with small networks; return the recipe."""
    recipe = _recipe(path)
    lines = [f"extends = {json.dumps(path)}", f"model = {_small_network(recipe)}"]
    if recipe.pseudo is not None and recipe.pseudo.teachers:
        teachers = [f"recipes/{each}" for each in recipe.pseudo.teachers]
        small = [_with_small_networks(each, folder, written).name for each in teachers]
        lines += ["[pseudo]", f"teachers = {json.dumps(small)}"]
    written.append(folder / Path(path).name)
    written[-1].write_text("\n".join(lines))
    return written[-1]


@pytest.mark.parametrize("path", WINNERS)
def test_the_plan_of_the_winners_has_all_their_stages(
    path: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", path, "--smoke", "--plan", "--json"]) == 0
    stages = [stage["what"] for stage in json.loads(capsys.readouterr().out)]
    assert stages[0] == "train hrnet_seg_v16"
    assert stages[-1] == f"train {Path(path).stem}"
    assert len(stages) == (5 if "hrnet" in path else 3)
