"""Studies with a search: trials by Optuna, stopped early, kept in a journal, found again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.experiment.study.search import SearchResult, SearchTrial
from toolkit.project import Project

SEARCH = """
[study]
title = "Rates"
base = "tiny.toml"
seeds = [1, 2]

[shared]
train.epochs = 2

[search]
trials = 6
best = 1

[search.space]
"optimizer.lr" = { low = 1e-5, high = 0.3, log = true }
"train.batch_size" = { low = 1, high = 3 }
"loss.name" = { choices = ["ce", "dice"] }
"""


@pytest.fixture
def search(project: Project) -> Project:
    (project.recipes / "rates.toml").write_text(SEARCH)
    return project


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run([*words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def _manifests(project: Project) -> dict[str, dict[str, Any]]:
    return {
        path.parent.name: json.loads(path.read_text())
        for path in sorted(project.runs.glob("*/manifest.json"))
    }


def test_the_best_trial_is_run_with_all_seeds_beside_the_base(
    search: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, "study", "run", "rates")
    trials = found["trials"]
    assert [each["number"] for each in trials] == list(range(1, 7))
    finished = [each for each in trials if each["state"] == "finished"]
    assert {each["state"] for each in trials} <= {"finished", "stopped"}
    best = max(finished, key=lambda each: each["score"])
    base, chosen = found["rows"]
    assert (base["name"], chosen["name"]) == ("base", f"trial {best['number']}")
    assert [o["seed"] for row in found["rows"] for o in row["outcomes"]] == [1, 2, 1, 2]
    assert chosen["outcomes"][0]["validation"] == best["score"]
    manifests = _manifests(search)
    run_of_best = manifests[chosen["outcomes"][0]["run"]]
    for text in best["set_"]:
        assert text in run_of_best["options"]
    for each in manifests.values():
        if len(each["options"]) < 8:  # the base: its seed alone is set
            continue
        assert 1e-5 <= each["values"]["optimizer"]["lr"] <= 0.3
        assert each["values"]["train"]["batch_size"] in (1, 2, 3)
    page = Path(found["page"]).read_text()
    assert "log10 of optimizer.lr" in page


def test_a_finished_search_trains_nothing_again(
    search: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _json(capsys, "study", "run", "rates")
    before = set(_manifests(search))
    assert _json(capsys, "study", "run", "rates")["trials"] == first["trials"]
    assert _json(capsys, "study", "show", "rates")["rows"] == first["rows"]
    assert set(_manifests(search)) == before
    text = SEARCH.replace("trials = 6", "trials = 8")
    (search.recipes / "rates.toml").write_text(text)
    more = _json(capsys, "study", "run", "rates")["trials"]
    assert more[:6] == first["trials"]
    assert len(more) == 8


def test_a_cut_trial_goes_on(
    search: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AFTER", "1")
    assert run(["study", "run", "rates"]) == 130
    monkeypatch.delenv("STOP_AFTER")
    cut = _manifests(search)["rates-base-001"]
    found = _json(capsys, "study", "run", "rates")
    assert [each["state"] for each in found["trials"]][:2] == ["failed", "finished"]
    again = _manifests(search)["rates-base-001"]
    assert (cut["status"], again["status"]) == ("interrupted", "finished")
    assert again["options"] == cut["options"]
    assert sum(each["state"] != "failed" for each in found["trials"]) == 6


def test_hopeless_trials_are_stopped_after_an_epoch(
    search: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SEARCH.replace("trials = 6", "trials = 12\nsampler = 'random'")
    (search.recipes / "rates.toml").write_text(text)
    found = _json(capsys, "study", "run", "rates")
    stopped = [each for each in found["trials"] if each["state"] == "stopped"]
    assert stopped
    assert all(each["epochs"] == 1 for each in stopped)
    finished = [each for each in found["trials"] if each["state"] == "finished"]
    assert all(each["epochs"] == 2 for each in finished)
    cut = [each for each in _manifests(search).values() if each["status"] == "interrupted"]
    assert len(cut) == len(stopped)
    assert all("below the median" in each["error"] for each in cut)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"optimizer.lr"', '"optimizer.rate"'), "optimizer.rate is no number of this recipe"),
        (("low = 1e-5, high = 0.3, log = true", "low = 1e-5"), "optimizer.lr needs high"),
        (("low = 1, high = 3", "low = 0, high = 3"), "the recipe refuses train.batch_size=0"),
        (("low = 1, high = 3", "low = 3, high = 1"), "low (3) must be below high (1)"),
        (("low = 1, high = 3", "low = 1.5, high = 3"), "takes whole numbers"),
        (('["ce", "dice"]', '["ce", "dise"]'), "Did you mean dice?"),
        (('["ce", "dice"]', "[]"), "has no choices"),
        (("low = 1e-5,", "low = 0.0,"), "has no logarithm"),
        (("[search]", "[variants.a]\n[search]"), "a study has variants or a search"),
        (("seeds = [1, 2]", 'metric = "dice"'), "decided by the recipe's metric"),
    ],
)
def test_a_wrong_space_is_told_before_any_trial(
    search: Project, capsys: pytest.CaptureFixture[str], change: tuple[str, str], message: str
) -> None:
    (search.recipes / "rates.toml").write_text(SEARCH.replace(*change))
    assert run(["study", "run", "rates"]) == 2
    assert message in capsys.readouterr().err
    assert not list(search.runs.glob("*/"))


@pytest.mark.parametrize("command", ["run", "show"])
def test_options_of_variants_are_not_for_a_search(
    search: Project, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    for words in (["--only", "base"], ["--seeds", "1"], ["--metric", "dice"]):
        assert run(["study", command, "rates", *words]) == 2
        assert "are for studies with variants" in capsys.readouterr().err


def test_equal_values_count_once_among_the_best() -> None:
    trials = [
        SearchTrial(1, ("a=1",), 0.5, "finished", 2),
        SearchTrial(2, ("a=1",), 0.5, "finished", 2),
        SearchTrial(3, ("a=2",), 0.9, "stopped", 1),
        SearchTrial(4, ("a=3",), 0.4, "finished", 2),
        SearchTrial(5, ("a=4",), None, "failed", None),
    ]
    found = SearchResult((), tuple(trials), True, "miou")
    assert [each.number for each in found.best(3)] == [1, 4]
    smaller = SearchResult((), tuple(trials), False, "loss")
    assert [each.number for each in smaller.best(1)] == [4]
