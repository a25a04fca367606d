"""Searches that something goes wrong with: trials that fail, damaged journals, later trials."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.project import Project

SEARCH = """
[study]
base = "tiny.toml"
seeds = [1]

[shared]
train.epochs = 1

[search]
trials = 2
best = 1

[search.space]
"optimizer.lr" = { low = 1e-3, high = 0.3 }
"""


@pytest.fixture
def search(project: Project) -> Project:
    (project.recipes / "rates.toml").write_text(SEARCH)
    return project


def _trials(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(["study", "run", "rates", "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["trials"]
    return found


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_later_trials_try_other_values(
    search: Project, capsys: pytest.CaptureFixture[str], sampler: str
) -> None:
    text = SEARCH.replace("trials = 2", f'trials = 2\nsampler = "{sampler}"')
    (search.recipes / "rates.toml").write_text(text)
    _trials(capsys)
    (search.recipes / "rates.toml").write_text(text.replace("trials = 2", "trials = 4"))
    continued = [each["set_"] for each in _trials(capsys)]
    assert len({tuple(each) for each in continued}) == 4
    # A search that was cut tries what one tries that was not.
    (search.runs / "rates.search.journal").unlink()
    assert [each["set_"] for each in _trials(capsys)] == continued


def test_a_trial_whose_loss_is_no_number_does_not_end_the_search(
    search: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SEARCH.replace("low = 1e-3, high = 0.3", "choices = [0.1, 1e38]")
    (search.recipes / "rates.toml").write_text(text.replace("trials = 2", "trials = 6"))
    trials = _trials(capsys)
    found = {(each["set_"][0], each["state"]) for each in trials}
    assert found == {("optimizer.lr=0.1", "finished"), ("optimizer.lr=1e+38", "failed")}
    assert len(trials) == 6
    assert _trials(capsys) == trials


def test_a_search_without_a_finished_trial_says_so(
    search: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SEARCH.replace("low = 1e-3, high = 0.3", "low = 1e37, high = 1e38")
    (search.recipes / "rates.toml").write_text(text)
    assert run(["study", "run", "rates"]) == 0
    told = capsys.readouterr()
    assert "the loss became" in told.err
    assert "warning: none of 2 trials is finished" in told.err
    assert "base" in told.out


def test_a_trial_that_fails_for_another_reason_is_tried_again(
    search: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (search.root / "fail").touch()
    assert run(["study", "run", "rates"]) == 1
    assert "postprocessing broke" in capsys.readouterr().err
    (search.root / "fail").unlink()
    trials = _trials(capsys)
    assert [each["state"] for each in trials] == ["failed", "finished", "finished"]
    assert trials[0]["set_"] == trials[1]["set_"]


@pytest.mark.parametrize("cut", [lambda good: good[:-20], lambda good: good + b'{"op_code": 4, "w'])
def test_a_torn_last_line_of_the_journal_is_dropped(
    search: Project, capsys: pytest.CaptureFixture[str], cut: Callable[[bytes], bytes]
) -> None:
    first = _trials(capsys)
    journal = search.runs / "rates.search.journal"
    journal.write_bytes(cut(journal.read_bytes()))
    (search.recipes / "rates.toml").write_text(SEARCH.replace("trials = 2", "trials = 3"))
    for _ in range(2):
        trials = _trials(capsys)
        ended = [each["set_"] for each in trials if each["state"] == "finished"]
        assert ended[:2] == [each["set_"] for each in first]
        assert len(ended) == 3


def test_a_lock_of_a_killed_process_is_not_waited_for(
    search: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _trials(capsys)
    lock = search.runs / "rates.search.journal.lock"
    lock.symlink_to("rates.search.journal")
    (search.recipes / "rates.toml").write_text(SEARCH.replace("trials = 2", "trials = 3"))
    assert _trials(capsys)[:2] == first
    assert not lock.is_symlink()


@pytest.mark.parametrize("line", [b"\x00\x01", b"[1]", b'{"a": 1}', b'{"op_code": 999}'])
def test_a_journal_that_cannot_be_read_is_told(
    search: Project, capsys: pytest.CaptureFixture[str], line: bytes
) -> None:
    _trials(capsys)
    journal = search.runs / "rates.search.journal"
    good = journal.read_bytes()
    journal.write_bytes(line + b"\n" + good)
    for command in ("run", "show"):
        assert run(["study", command, "rates"]) == 2
        told = capsys.readouterr().err
        assert "rates.search.journal cannot be read by Optuna" in told
        assert "finished runs are found again" in told
    assert journal.read_bytes() == line + b"\n" + good


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("low = 1e-3", "low = nan"), "search.space.optimizer.lr.low\n    must be a finite number"),
        (('"optimizer.lr" = { low = 1e-3, high = 0.3 }', "seed = { low = 1, high = 9 }"), "seeds"),
    ],
)
def test_a_space_of_nonsense(
    search: Project, capsys: pytest.CaptureFixture[str], change: tuple[str, str], message: str
) -> None:
    (search.recipes / "rates.toml").write_text(SEARCH.replace(*change))
    assert run(["study", "run", "rates"]) == 2
    assert message in capsys.readouterr().err
    assert not list(search.runs.glob("*/"))
