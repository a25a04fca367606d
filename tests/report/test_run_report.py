"""The page of a run, through the command."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.real_processes import Processes
from tests.report.html_page import Page
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.metrics.counts_file import read_counts
from toolkit.project import Project

__all__ = ["project"]


def as_json(capsys: pytest.CaptureFixture[str], *command: str) -> Any:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def page_of(capsys: pytest.CaptureFixture[str], name: str, *options: str) -> Page:
    return Page(Path(as_json(capsys, "report", name, *options)["page"]))


def test_it_shows_what_the_run_is_worth_and_where_it_is_wrong(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    result = as_json(capsys, "recipe", "run", "tiny")
    page = page_of(capsys, "tiny-001")
    assert page.text.count("tiny-001") >= 1
    validation = result["submission"]["validation"]
    score, error = validation["mean_iou"], validation["intervals"]["miou"]["error"]
    assert f"{score:.4f} ± {error:.4f}" in page.text
    test = result["submission"]["score"]
    assert f"{test['mean_iou']:.4f} ± {test['intervals']['miou']['error']:.4f}" in page.text
    (matrix,) = [each for each in page.all("table") if each.get("id") == "matrix"]
    assert matrix["class"] == "matrix"
    charts = page.all("svg")
    lines = [json.loads(each["data-lines"]) for each in charts if "data-lines" in each]
    records = (project.runs / "tiny-001" / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["train_loss"] for line in records]
    assert lines[0]["lines"][0] == {
        "name": "training",
        "points": [[number, loss] for number, loss in enumerate(losses, start=1)],
    }
    articles = page.all("article")
    cards = [each for each in articles if "data-score" in each]
    names = json.loads((Path(_root(project)) / "val.json").read_text())["images"]
    assert {each["data-name"] for each in cards} == {each["file_name"] for each in names}
    # The image scores are those of the counts: the same as the metric of one image.
    assert all(0 <= float(each["data-score"]) <= 1 for each in cards)
    doubts = [float(each["data-doubt"]) for each in articles if "data-doubt" in each]
    assert doubts == sorted(doubts, reverse=True)
    assert doubts
    assert doubts[-1] >= 0.5


def _root(project: Project) -> str:
    text = (project.root / "recipes" / "tiny.toml").read_text()
    return re.search(r'root = "(.*)"', text)[1]  # type: ignore[index]


def test_the_page_needs_nothing_from_elsewhere(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    as_json(capsys, "recipe", "run", "tiny")
    page = page_of(capsys, "tiny-001", "-o", "page.html")
    for _, attributes in page.elements:
        for name in ("src", "href"):
            address = attributes.get(name, "#")
            assert address.startswith(("#", "data:"))
    (policy,) = [each for each in page.all("meta") if "http-equiv" in each]
    assert policy["content"].startswith("default-src 'none'")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {each["href"][1:] for each in page.all("a")}
    assert targets <= set(ids)


def test_a_cut_run_is_reported_as_far_as_it_came(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AFTER", "1")
    assert run(["recipe", "run", "tiny"]) == 130
    page = page_of(capsys, "tiny-001")
    assert "the run is interrupted" in page.text
    # Nothing was submitted: validation is that of the epoch, and the page predicted by itself.
    assert any(text.startswith("Validation is that of the best epoch") for text in page.text)
    assert page.all("article")


def test_a_run_without_validation_names_no_best_epoch(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    as_json(capsys, "recipe", "run", "tiny", "--set", "train.on=all")
    page = page_of(capsys, "tiny-001")
    assert not any("best epoch" in text for text in page.text)
    assert not any(text.startswith("Validation is") for text in page.text)
    assert any("no validation, and its last epoch counts" in text for text in page.text)
    assert not any("marked" in each.get("class", "") for each in page.all("line"))


def test_a_run_resumed_with_more_epochs_says_how_many_were_planned(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    as_json(capsys, "recipe", "run", "tiny")
    # No later epoch is better: the checkpoint is that of the first plan.
    longer = ("--set", "train.epochs=5", "--set", "optimizer.lr=0.1")
    as_json(capsys, "recipe", "run", "tiny", "--resume", *longer)
    page = page_of(capsys, "tiny-001")
    assert any("for 5 of 5 epochs" in text for text in page.text)


def test_what_cannot_be_reported_is_said(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "tiny-001"]) == 2
    assert "there is no run tiny-001" in capsys.readouterr().err
    as_json(capsys, "recipe", "run", "tiny")
    assert run(["report", "tiny-01"]) == 2
    assert "tiny-001" in capsys.readouterr().err
    folder = project.runs / "tiny-001"
    (folder / "metrics.jsonl").write_text("")
    assert run(["report", "tiny-001"]) == 2
    assert "tiny-001 has no finished epoch" in capsys.readouterr().err


@pytest.mark.parametrize("names", [["tiny-001"], ["tiny-001", "tiny-002"]])
def test_a_folder_is_no_page(
    project: Project, capsys: pytest.CaptureFixture[str], names: list[str]
) -> None:
    for _ in names:
        as_json(capsys, "recipe", "run", "tiny")
    assert run(["report", *names, "-o", "recipes"]) == 2
    assert "recipes is a folder" in capsys.readouterr().err


def test_without_counts_it_shows_the_rest(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    as_json(capsys, "recipe", "run", "tiny")
    (project.runs / "tiny-001" / "best.counts").unlink()
    (project.submissions / "tiny-001.counts").unlink()
    page = page_of(capsys, "tiny-001")
    assert any("counts of the validation images are not there" in text for text in page.text)
    assert not page.all("article")
    assert page.all("svg")


def test_without_the_data_it_shows_what_counts_and_epochs_tell(
    project: Project, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = tmp_path / "data"
    shutil.copytree(_root(project), root)
    as_json(capsys, "recipe", "run", "tiny", "--set", f"data.root={root}")
    whole = page_of(capsys, "tiny-001", "-o", "whole.html")
    root.rename(tmp_path / "elsewhere")
    assert run(["report", "tiny-001"]) == 0
    assert "warning: the page has no images: there is no folder" in capsys.readouterr().err
    page = Page(project.runs / "tiny-001" / "report.html")
    assert any(text.startswith("images and probabilities are left out") for text in page.text)
    assert not page.all("article")
    targets = [each["href"] for each in page.all("a")]
    assert targets == ["#content", "#scores", "#curves", "#classes", "#confusion", "#origin"]
    # Every score is the one that the whole page has.
    scores = [text for text in page.text if re.fullmatch(r"[01]\.\d{4}( ± .*)?", text)]
    assert scores
    assert set(scores) <= set(whole.text)
    # A folder that is named must be there.
    assert run(["report", "tiny-001", "--data", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err
    with_images = page_of(capsys, "tiny-001", "--data", str(tmp_path / "elsewhere"))
    assert len(with_images.all("article")) == len(whole.all("article"))


def test_images_are_put_in_order_by_the_errors_of_a_class(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    as_json(capsys, "recipe", "run", "tiny")
    page = page_of(capsys, "tiny-001")
    counts = read_counts(project.submissions / "tiny-001.counts")
    pixels = counts.counts("validation")
    assert pixels is not None
    row_of = {name: row for row, name in enumerate(counts.sets["validation"].images)}
    cards = [each for each in page.all("article") if "data-score" in each]
    assert cards
    for card in cards:
        image = pixels[row_of[card["data-name"]]]
        missed: dict[int, float] = {}
        false: dict[int, float] = {}
        for label in range(len(image)):
            wrong = np.arange(len(image)) != label
            if lost := image[label, wrong].sum():
                missed[label] = lost / image.sum()
            if extra := image[wrong, label].sum():
                false[label] = extra / image.sum()
        for key, found in (("misses", missed), ("alarms", false)):
            shown = dict(each.split(":") for each in card[f"data-{key}"].split())
            assert {int(label): float(share) for label, share in shown.items()} == pytest.approx(
                found, rel=1e-4
            )


def test_names_of_others_run_nothing(
    project: Project, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = tmp_path / "data"
    shutil.copytree(_root(project), root)
    nasty = '<img src=x onerror="alert(1)"> & "Papier" 종이'
    for file in root.glob("*.json"):
        content = json.loads(file.read_text())
        for category in content.get("categories", []):
            if category["id"] == 1:
                category["name"] = nasty
        file.write_text(json.dumps(content))
    assert run(["recipe", "run", "tiny", "--set", f"data.root={root}"]) == 0
    page = page_of(capsys, "tiny-001")
    assert nasty in page.text
    assert not any("onerror" in attributes for _, attributes in page.elements)


def test_runs_are_compared_on_the_same_images(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = []
    for lr in (0.1, 0.5, 0.3):
        result = as_json(capsys, "recipe", "run", "tiny", "--set", f"optimizer.lr={lr}")
        counts.append(result["submission"]["validation"]["metrics"])
    found = as_json(capsys, "report", "tiny-001", "tiny-002", "tiny-003", "-o", "page.html")
    assert found["runs"] == ["tiny-001", "tiny-002", "tiny-003"]
    page = Page(Path(found["page"]))
    for name, score in counts[1].items():
        assert f"{score:.4f}" in page.text
        gain = score - counts[0][name]
        assert any(text.startswith(f"{gain:+.4f}") for text in page.text), name
    cards = page.all("article")
    gains = [float(each["data-gain"]) for each in cards]
    assert cards
    assert any(gains)
    assert page.text.count("optimizer.lr") == 1
    layers = [each["alt"] for each in page.all("img")[:6]]
    assert layers[1:] == [
        "tiny-001",
        "tiny-002",
        "truth",
        "errors of tiny-001",
        "errors of tiny-002",
    ]


def test_scores_of_two_kinds_are_told_apart(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for lr in (0.1, 0.5):
        as_json(capsys, "recipe", "run", "tiny", "--set", f"optimizer.lr={lr}")
    names = ("tiny-001", "tiny-002", "-o", "page.html")
    as_json(capsys, "report", *names)
    assert "validation of tiny" not in (project.root / "page.html").read_text()
    (project.submissions / "tiny-002.counts").unlink()
    as_json(capsys, "report", *names)
    page = Page(project.root / "page.html")
    assert any(text.startswith("validation of tiny-002 is that of the best") for text in page.text)


def test_a_project_that_was_moved_is_reported_as_before(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    as_json(capsys, "recipe", "run", "tiny")
    moved = tmp_path / "moved"
    moved.mkdir()
    for folder in ("runs", "submissions", "recipes", "plugins"):
        (project.root / folder).rename(moved / folder)
    monkeypatch.chdir(moved)
    page = page_of(capsys, "tiny-001")
    assert any(text.startswith("Validation is scored as the submission") for text in page.text)


def test_without_the_data_runs_are_compared_by_their_counts(
    project: Project, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = tmp_path / "data"
    shutil.copytree(_root(project), root)
    for lr in (0.1, 0.5):
        options = ["--set", f"data.root={root}", "--set", f"optimizer.lr={lr}"]
        as_json(capsys, "recipe", "run", "tiny", *options)
    whole = Page(Path(as_json(capsys, "report", "tiny-001", "tiny-002", "-o", "a.html")["page"]))
    root.rename(tmp_path / "elsewhere")
    page = Page(Path(as_json(capsys, "report", "tiny-001", "tiny-002", "-o", "b.html")["page"]))
    assert any(text.startswith("images and probabilities are left out") for text in page.text)
    assert whole.all("article")
    assert not page.all("article")
    figures = [text for text in whole.text if re.fullmatch(r"[+-]?[01]\.\d{4}( ± .*)?", text)]
    assert figures
    assert set(figures) <= set(page.text)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["tiny-001", "tiny-001"], "the same run is named twice"),
        (["tiny-001", "--watch", "tiny-002"], "--watch follows one run"),
        (["tiny-001", "other-001"], "other-001 has no counts of the validation images"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(
    project: Project, capsys: pytest.CaptureFixture[str], names: list[str], message: str
) -> None:
    recipes = project.root / "recipes"
    text = (recipes / "tiny.toml").read_text()
    (recipes / "other.toml").write_text(
        text.replace('"val.json"', '"train.json"').replace(
            'test = "test.json"', 'train = "val.json"\ntest = "test.json"'
        )
    )
    for recipe in ("tiny", "tiny", "other"):
        assert run(["recipe", "run", recipe]) == 0
    capsys.readouterr()
    assert run(["report", *names]) == 2
    assert message in capsys.readouterr().err


def test_the_page_follows_a_run_until_it_ends(
    project: Project, capsys: pytest.CaptureFixture[str], processes: Processes
) -> None:
    command = ["-m", "toolkit", "recipe", "run", "tiny", "--set", "train.epochs=4"]
    running = processes.start(*command, cwd=project.root, NET_SLEEP="1")
    folder = project.runs / "tiny-001"
    processes.wait_until((folder / "best.pt").is_file, running)
    assert run(["report", "tiny-001", "--watch"]) == 0
    processes.finish(running)
    assert re.search(r"epoch [123]: runs/tiny-001/report.html", capsys.readouterr().err)
    text = (folder / "report.html").read_text()
    assert 'http-equiv="refresh"' not in text
    data = json.loads(Page(folder / "report.html").all("svg")[0]["data-lines"])
    assert len(data["lines"][0]["points"]) == 4
