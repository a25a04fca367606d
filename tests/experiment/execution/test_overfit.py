"""`trash recipe run --overfit`: whether a network learns a batch by heart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.experiment.execution.learning import Learning
from toolkit.project import Project

SMALL = "self.layer = nn.Conv2d(3, context.n_classes, 1)"
LARGER = """
            self.layer = nn.Sequential(
                nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(),
                nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(),
                nn.Conv2d(32, context.n_classes, 1),
            )
"""


def _overfit(capsys: pytest.CaptureFixture[str], *set_: str, batches: int = 1) -> dict[str, Any]:
    words = [word for text in set_ for word in ("--set", text)]
    assert run(["recipe", "run", "tiny", "--overfit", str(batches), *words, "--json"]) == 0
    captured = capsys.readouterr()
    found: dict[str, Any] = json.loads(captured.out)
    return {**found, "err": captured.err}


def test_a_network_learns_a_batch_by_heart_and_nothing_is_kept(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = project.plugins / "lab.py"
    plugin.write_text(plugin.read_text().replace(SMALL, LARGER.strip()))
    adam = 'optimizer={name = "adamw", lr = 1e-2}'
    found = _overfit(capsys, adam, "train.batch_size=1")
    learning = found["learning"]
    assert learning["learns"]
    assert learning["verdict"] == "it learns"
    assert learning["last_loss"] < 0.1 * learning["first_loss"]
    assert (found["trial"], found["kept"]) == ("--overfit 1", False)
    assert "submission" not in found
    assert not project.runs.exists()
    assert not project.submissions.exists()
    assert not list((project.cache / "overfit").iterdir())


def test_a_network_that_does_not_learn_is_told_with_what_to_look_at(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    set_ = ["--set", "train.epochs=5", "--set", "optimizer.lr=1e-9"]
    assert run(["recipe", "run", "tiny", "--overfit", "1", *set_]) == 0
    printed = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert printed.keys() == {"trial", "loss", "predicts", "verdict"}
    assert printed["verdict"].startswith("it does not learn. Look at optimizer.lr")
    assert printed["loss"].endswith("in epoch 5")


def test_an_epoch_alone_has_no_verdict(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny", "--overfit", "1", "--set", "train.epochs=1"]) == 0
    assert "1 of the 100 epochs of this trial tell nothing" in capsys.readouterr().out


HOOK = """

@hookimpl
def trash_run_started(run_dir, recipe):
    import json

    manifest = json.loads((run_dir / "manifest.json").read_text())
    (HERE / "seen.json").write_text(json.dumps([manifest, recipe]))
"""


@pytest.mark.parametrize(("batches", "images"), [(1, 4), (2, 8), (9, 12)])
def test_it_validates_on_the_batches_that_it_trains_on_without_augmentation(
    project: Project, capsys: pytest.CaptureFixture[str], batches: int, images: int
) -> None:
    plugin = project.plugins / "lab.py"
    before, after = plugin.read_text().split("\n@hookimpl\ndef trash_run_started")
    plugin.write_text(before + HOOK + after[after.index("\n@hookimpl") :])
    (project.recipes / "tiny.toml").write_text(
        (project.recipes / "tiny.toml").read_text().replace("[train]", '[train]\nstart = "other"')
        + '\n[[augment.train]]\nname = "hflip"\n[[augment.mix]]\nname = "cutmix"\n'
        + '[scheduler]\nname = "cosine"\n[pseudo]\n'
    )
    _overfit(capsys, "train.epochs=3", batches=batches)
    manifest, recipe = json.loads((project.root / "seen.json").read_text())
    data = manifest["data"]
    assert data.keys() == {"train", "val"}
    assert data["train"] == data["val"]
    assert data["train"]["images"] == images
    assert recipe["augment"] == {"first": [], "train": [], "mix": []}
    assert recipe["scheduler"] == {"name": "constant"}
    assert (recipe["pseudo"], recipe["train"]["start"]) == (None, None)


@pytest.mark.parametrize(
    ("learning", "verdict"),
    [
        (Learning(100, 2.0, 1.0, 1.1, 0.85), "it learns"),
        (Learning(100, 2.0, 0.1, 0.15, 0.6), "it learns"),
        (Learning(100, 2.0, 0.1, 1.5, 0.3), "it learns, but predicts otherwise"),
        (Learning(100, 2.0, 1.2, 1.2, 0.3), "it learns slowly"),
        (Learning(100, 2.0, 1.2, 9.0, 0.3), "it learns slowly"),
        (Learning(100, 2.0, 1.9, 1.9, 0.3), "it does not learn"),
        (Learning(100, 2.0, 2.9, 2.9, 0.3), "it does not learn"),
        (Learning(100, -0.2, -0.9, -0.8, 0.3), "it learns"),
        (Learning(100, 0.0, 0.0, 0.0, 0.3), "it does not learn"),
    ],
)
def test_the_verdict_follows_loss_and_score(learning: Learning, verdict: str) -> None:
    assert learning.verdict.startswith(verdict)
    assert "{" not in learning.verdict
