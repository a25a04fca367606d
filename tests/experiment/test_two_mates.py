"""Two members of a team, each with a clone: what one runs, the other sees and runs again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_project import PLUGIN, RECIPE
from toolkit.cli.main import run
from toolkit.train.checkpoint import load_checkpoint

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

IGNORED = Path(__file__).parents[2] / ".gitignore"
Capture = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Mate:
    """A member at work in a clone of her or his own."""

    name: str
    clone: Path
    patch: pytest.MonkeyPatch

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.clone), *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def trash(self, *words: str) -> int:
        self.patch.chdir(self.clone)
        return run(list(words))

    def share(self) -> None:
        """Commit what is not ignored, and exchange it with the others."""
        self.git("add", ".")
        self.git("commit", "-q", "-m", f"by {self.name}")
        self.git("pull", "-q", "--no-rebase", "--no-edit")
        self.git("push", "-q")

    def json(self, capsys: Capture, *words: str) -> Any:
        capsys.readouterr()
        assert self.trash(*words, "--json") == 0
        return json.loads(capsys.readouterr().out)


@pytest.fixture
def mates(tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Mate, Mate]:
    """Ann and 벤, who have cloned one project."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("TRASH_AUTHOR")
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "team.git")], check=True)
    found = []
    for name, folder in (("Ann", "ann"), ("벤", "ben")):
        clone = tmp_path / folder
        subprocess.run(["git", "clone", "-q", tmp_path / "team.git", clone], check=True)
        mate = Mate(name, clone, monkeypatch)
        mate.git("config", "user.name", name)
        mate.git("config", "user.email", f"{folder}@example.org")
        if not found:
            (clone / "recipes").mkdir()
            (clone / "plugins").mkdir()
            (clone / "plugins" / "lab.py").write_text(PLUGIN)
            text = RECIPE.replace("{root}", str(demo_root)).replace("epochs = 3", "epochs = 1")
            (clone / "recipes" / "tiny.toml").write_text(text)
            shutil.copy(IGNORED, clone / ".gitignore")
            with (clone / ".gitignore").open("a") as file:
                file.write("hooks.log\n")
            mate.git("add", ".")
            mate.git("commit", "-q", "-m", "the project")
            mate.git("push", "-q", "-u", "origin", "HEAD")
        found.append(mate)
    return found[0], found[1]


def test_runs_of_one_recipe_by_two_mates_meet_without_a_conflict(
    mates: tuple[Mate, Mate], capsys: Capture
) -> None:
    ann, ben = mates
    for mate in mates:
        assert mate.trash("recipe", "run", "tiny") == 0
        assert (
            mate.trash("submission", "record", "submissions/tiny-001.csv", "--public", "0.5") == 0
        )
        assert mate.git("status", "--porcelain").split() == ["??", "records/"]
        mate.share()
    ann.git("pull", "-q", "--no-rebase")
    for mate in mates:
        rows = mate.json(capsys, "run", "list")
        assert sorted(row["author"] for row in rows) == ["Ann", "벤"]
        assert {(row["recipe"], row["status"]) for row in rows} == {("tiny", "finished")}
        assert len({row["validation"] for row in rows}) == 1
        # One recipe, one seed, one machine: one file, which both have made.
        (row,) = mate.json(capsys, "submission", "list")["submissions"]
        assert (row["author"].split(", "), row["public"]) == (["Ann", "벤"], 0.5)
    names = sorted(row["record"] for row in rows)
    assert [name.partition("-")[0] for name in names] == ["ann/tiny", "벤/tiny"]
    found = ben.json(capsys, "run", "diff", *names)
    assert found["same_training"]
    assert found["differences"] == []


def test_two_mates_plan_and_note_the_same_run_without_a_conflict(
    mates: tuple[Mate, Mate], capsys: Capture
) -> None:
    ann, ben = mates
    assert ann.trash("recipe", "run", "tiny") == 0
    ann.share()
    ben.git("pull", "-q", "--no-rebase")
    (run_,) = ben.json(capsys, "run", "list")
    for mate in mates:
        assert mate.trash("board", "plan", "Dice", "--recipe", "dice", "--tag", "loss") == 0
        said = ("board", "note", run_["record"], f"seen by {mate.name}", "--tag", mate.name)
        assert mate.trash(*said) == 0
    assert ben.trash("board", "note", run_["record"], "--drop") == 0
    for mate in mates:
        # Every file is new, also of those that speak of the other's run.
        changed = mate.git("status", "--porcelain", "-uall").splitlines()
        assert {line[:3] for line in changed} == {"?? "}
        mate.share()
    ann.git("pull", "-q", "--no-rebase")
    walls = [mate.json(capsys, "board", "list") for mate in mates]
    assert walls[0] == walls[1]
    cards = {card["record"]: card for card in walls[0]}
    noted = cards.pop(run_["record"])
    assert {note["text"] for note in noted["notes"]} == {"seen by Ann", "seen by 벤", ""}
    assert (set(noted["tags"]), noted["status"]) == ({"ann", "벤"}, "dropped")
    assert sorted(card["members"] for card in cards.values()) == [["Ann"], ["벤"]]


def test_a_mates_run_is_reproduced_though_the_recipe_has_changed_since(
    mates: tuple[Mate, Mate], capsys: Capture
) -> None:
    ann, ben = mates
    assert ann.trash("recipe", "run", "tiny", "--set", "seed=5", "--set", "optimizer.lr=0.2") == 0
    recipe = ann.clone / "recipes" / "tiny.toml"
    recipe.write_text(recipe.read_text().replace('"sgd"', '"adamw"'))
    ann.share()
    ben.git("pull", "-q")
    (row,) = ben.json(capsys, "run", "list")
    assert row["changes"] == ["seed=5", "optimizer.lr=0.2"]
    name = row["record"].partition("/")[2]
    assert ben.trash("recipe", "run", "--from", name) == 0
    told = capsys.readouterr().err
    assert "then, " in told  # Ann has committed since
    assert "commit: " in told
    states = [
        load_checkpoint(mate.clone / "runs" / "tiny-001" / "best.pt").model_state for mate in mates
    ]
    assert states[0].keys() == states[1].keys()
    assert all(states[0][key].equal(states[1][key]) for key in states[0])
    own = ben.json(capsys, "run", "show", "tiny-001")
    theirs = ben.json(capsys, "run", "show", row["record"])
    assert own["author"] == "벤"
    assert own["reproduces"] == row["record"]
    for key in ("training", "result_key", "values", "options", "data", "plugins", "seed", "own"):
        assert own[key] == theirs[key], key
    assert own["outcome"]["scores"] == theirs["outcome"]["scores"]
    # A second time there is nothing to train.
    assert ben.trash("recipe", "run", "--from", name) == 0
    captured = capsys.readouterr()
    assert "tiny-001 is the same training, finished before" in captured.err
    assert "runs/tiny-001" in captured.out
    assert [path.name for path in (ben.clone / "runs").iterdir()] == ["tiny-001"]


def test_a_plugin_that_is_not_here_or_another_one_is_told_with_the_way_to_get_it(
    mates: tuple[Mate, Mate], capsys: Capture
) -> None:
    ann, ben = mates
    assert ann.trash("recipe", "run", "tiny") == 0
    commit = ann.git("rev-parse", "HEAD").strip()
    ann.share()
    ben.git("pull", "-q")
    plugin = ben.clone / "plugins" / "lab.py"
    before = plugin.read_text()
    plugin.write_text(before.replace("a single", "a  single").replace("A single", "One"))
    reproduce = ("recipe", "run", "--from", "ann/tiny")
    assert ben.trash(*reproduce) == 2
    told = capsys.readouterr().err
    assert "this would be another training than ann/tiny-" in told
    assert "plugin lab: " in told
    assert f"git checkout {commit[:10]} -- plugins/lab.py" in told
    assert "data, train" not in told
    plugin.unlink()
    assert ben.trash(*reproduce) == 2
    told = capsys.readouterr().err
    assert "the run needs plugins that are not here: lab" in told
    assert f"git checkout {commit[:10]} -- plugins/lab.py" in told
    ben.git("checkout", commit, "--", "plugins/lab.py")
    assert ben.trash(*reproduce) == 0


def test_what_the_maker_had_not_committed_is_told(
    mates: tuple[Mate, Mate], capsys: Capture
) -> None:
    ann, ben = mates
    plugin = ann.clone / "plugins" / "lab.py"
    before = plugin.read_text()
    plugin.write_text(before.replace("A single", "One"))
    assert ann.trash("recipe", "run", "tiny") == 0
    plugin.write_text(before)
    own = before.replace('"tiny"', '"small"').replace('"fragile"', '"other"')
    plugin.with_name("new.py").write_text(own)
    assert ann.trash("recipe", "run", "tiny", "--set", "model.name=small") == 0
    plugin.with_name("new.py").unlink()
    ann.share()
    ben.git("pull", "-q")
    for name in ("lab", "new"):
        rows = ben.json(capsys, "run", "list", "--sort", "started")
        record = rows[0 if name == "lab" else 1]["record"]
        assert ben.trash("recipe", "run", "--from", record) == 2
        told = capsys.readouterr().err
        assert f"plugins/{name} was not committed as it was then: ask Ann for it" in told


def test_other_data_are_told(
    mates: tuple[Mate, Mate], demo_root: Path, tmp_path: Path, capsys: Capture
) -> None:
    ann, ben = mates
    assert ann.trash("recipe", "run", "tiny") == 0
    ann.share()
    ben.git("pull", "-q")
    moved = tmp_path / "moved"
    shutil.copytree(demo_root, moved)
    reproduce = ("recipe", "run", "--from", "ann/tiny", "--data", str(moved))
    assert ben.trash(*reproduce, "--plan") == 0  # elsewhere, but the same
    annotations = json.loads((moved / "train.json").read_text())
    annotations["annotations"].pop()
    (moved / "train.json").write_text(json.dumps(annotations))
    capsys.readouterr()
    assert ben.trash(*reproduce) == 2
    told = capsys.readouterr().err
    assert "data, train: 12 images, annotations " in told
    assert "data, val" not in told
    assert "--data DIR" in told
    assert not (ben.clone / "runs").exists()
    shutil.rmtree(moved)
    assert ben.trash(*reproduce) == 2
    assert "there is no such folder" in capsys.readouterr().err
