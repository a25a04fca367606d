from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.run.conftest import RUN, outcome
from toolkit.cli.main import run
from toolkit.project import Project
from toolkit.records.record import CodeUsed, PluginFacts, SplitFacts

Capture = pytest.CaptureFixture[str]


def test_what_differs_is_told_and_nothing_else(wall: Any, capsys: Capture) -> None:
    first = wall.add(outcome=outcome(0.7))
    second = wall.add(
        author="Ben",
        values={**RUN.values, "seed": 2, "train": {"epochs": 3, "clip": 1.5}, "loss": [{"a": 1}]},
        data={"train": SplitFacts(13, "bbbbbbbbbb", "ppppppppqq")},
        plugins={"lab": PluginFacts(None, "eeeeeeeeee"), "new": PluginFacts("1.2", None)},
        code=CodeUsed("0.1.0", "deadbeef0123456789"),
        training="fedcba",
        outcome=outcome(0.6),
    )
    assert run(["run", "diff", first, second, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["first"], found["second"], found["same_training"]) == (first, second, False)
    rows = [tuple(each.values()) for each in found["differences"]]
    assert rows == [
        ("recipe", "seed", "1", "2"),
        ("data", "train", *(f"{text}, photos pppppppp" for text in _TRAIN)),
        ("plugins", "lab", "dddddddd", "eeeeeeee"),
        ("code", "commit", "c0ffee0123 + 1 changed", "deadbeef01"),
        ("scores", "validation mIoU", "0.7000", "0.6000"),
        ("recipe", "train.clip", None, "1.5"),
        ("recipe", "loss.0.a", None, "1"),
        ("plugins", "new", None, "1.2"),
    ]
    assert run(["run", "diff", first, second]) == 0
    captured = capsys.readouterr()
    assert "train.clip" in captured.out
    assert "two trainings" in captured.err


_TRAIN = ("12 images, annotations aaaaaaaa", "13 images, annotations bbbbbbbb")


def test_equal_runs(wall: Any, capsys: Capture) -> None:
    first, second = wall.add(), wall.add(author="Ben")
    assert run(["run", "diff", first, second]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "one training: the same recipe, data and plugins" in captured.err


@pytest.mark.parametrize("columns", [40, 80])
def test_it_fits_the_terminal(
    wall: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    first = wall.add(outcome=outcome(0.7))
    second = wall.add(data={}, plugins={}, values={"title": "x" * 200})
    assert run(["run", "diff", first, second]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns


def test_runs_of_mates_are_compared_on_the_same_images_without_predicting(
    project: Project, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = ["recipe", "run", "tiny", "--set"]
    assert run([*tiny, "train.epochs=1"]) == 0
    project.runs.rename(project.root / "runs-of-ann")
    monkeypatch.setenv("TRASH_AUTHOR", "Ben")
    (project.submissions / "tiny-001.csv").rename(project.root / "of-ann.csv")
    for path in project.submissions.iterdir():
        path.unlink()
    assert run([*tiny, "train.epochs=3", "--set", "optimizer.lr=0.5"]) == 0
    capsys.readouterr()
    over = ["--truth", "tiny", "--over", "of-ann.csv", "--recipe", "tiny", "--json"]
    assert run(["submission", "score", "submissions/tiny-001.csv", *over]) == 0
    expected = json.loads(capsys.readouterr().out)["over"]
    assert run(["run", "diff", "tiny-001", "ann-lee/tiny", "--json"]) == 0
    validation, test = json.loads(capsys.readouterr().out)["images"]
    assert (validation["split"], validation["images"]) == ("validation", 6)
    assert (test["split"], test["images"], test["metric"]) == ("test", 5, "miou")
    assert test["difference"]["score"] == pytest.approx(expected["score"])
    assert test["difference"]["interval"] == pytest.approx(expected["interval"])
    assert run(["run", "diff", "tiny-001", "ann-lee/tiny"]) == 0
    told = capsys.readouterr().out
    verdict = "better" if expected["score"] > 0 else "worse"
    assert f"A is {abs(expected['score']):.4f} {verdict} than B by mIoU on the same 5 test" in told
    (counts,) = (project.records / "ann-lee").glob("*.counts")
    counts.write_text(counts.read_text().replace('"of":"', '"of":"f'))  # those of another file
    assert run(["run", "diff", "tiny-001", "ann-lee/tiny", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == []
