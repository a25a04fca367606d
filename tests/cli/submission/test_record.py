from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.submission.validated import validated
from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]


def test_record_keeps_everything_else(desk: Any, capsys: Capture) -> None:
    a = desk.submit("a.csv", desk.noisy(1), changes={"validation": validated(0.73)})
    before = desk.side_car(a)
    command = ["submission", "record", a]
    assert run([*command, "--public", "0.7205", "--private", "0.7043"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "submissions/a.csv: public 0.7205",
        "submissions/a.csv: private 0.7043",
    ]
    uploaded = desk.side_car(a)["leaderboard"]["uploaded"]
    age = datetime.now(UTC) - datetime.fromisoformat(uploaded)
    assert timedelta(0) <= age < timedelta(minutes=10)
    recorded = {"public": 0.7205, "private": 0.7043, "uploaded": uploaded}
    assert desk.side_car(a) == before | {"leaderboard": recorded}
    assert run([*command, "--public", "0.73"]) == 0
    assert capsys.readouterr().out == "submissions/a.csv: public 0.73 (was 0.7205)\n"
    assert desk.side_car(a)["leaderboard"] == recorded | {"public": 0.73}
    assert run([*command, "--public", "0.73", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["before"] == found["recorded"] == recorded | {"public": 0.73}


def test_record_without_the_file_itself(desk: Any, capsys: Capture) -> None:
    a = desk.submit("a.csv", desk.noisy(1))
    (desk.root / a).unlink()
    assert run(["submission", "record", a, "--public", "0.5"]) == 0
    assert capsys.readouterr().err == ""
    assert desk.side_car(a)["leaderboard"]["public"] == 0.5


def test_record_of_a_file_that_was_changed(desk: Any, capsys: Capture) -> None:
    a = desk.submit("a.csv", desk.noisy(1))
    desk.write("a.csv", desk.noisy(2))
    assert run(["submission", "record", a, "--public", "0.5"]) == 0
    assert "a.csv was changed after its side-car was written" in capsys.readouterr().err


def test_record_of_a_team_mates_file(desk: Any, capsys: Capture) -> None:
    a = desk.write("a.csv", desk.noisy(1))
    command = ["submission", "record", a, "--public", "0.5"]
    assert run(command) == 2
    error = capsys.readouterr().err
    assert "no side-car beside submissions/a.csv" in error
    assert "--recipe RECIPE or --test JSON" in error
    assert desk.files() == {"a.csv"}
    command += ["--test", str(desk.demo / "test.json"), "--size", "32x32"]
    assert run(command) == 0
    assert "had no side-car: wrote submissions/a.json" in capsys.readouterr().err
    side_car = desk.side_car(a)
    assert side_car["leaderboard"]["public"] == 0.5
    assert side_car["members"] == []
    assert side_car["combine"] is None
    assert run(["submission", "check", a]) == 0


def test_record_refuses_a_file_that_nobody_can_have_scored(desk: Any, capsys: Capture) -> None:
    a = desk.write("a.csv", dict(list(desk.noisy(1).items())[1:]))
    test = ["--test", str(desk.demo / "test.json"), "--size", "32x32"]
    assert run(["submission", "record", a, "--public", "0.5", *test]) == 2
    assert "a.csv is not valid" in capsys.readouterr().err
    assert desk.files() == {"a.csv"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no score to record"),
        (["--public", "72.05"], "Did you mean --public 0.7205?"),
        (["--private", "-0.1"], "--private -0.1: a score lies in 0…1"),
        (["--public", "nan"], "--public nan: a score lies in 0…1"),
        (["--public", "0,72"], "as a number"),
    ],
)
def test_record_of_wrong_scores(
    desk: Any, capsys: Capture, arguments: list[str], message: str
) -> None:
    a = desk.submit("a.csv", desk.noisy(1))
    before = desk.side_car(a)
    assert run(["submission", "record", a, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert desk.side_car(a) == before


def test_record_of_a_missing_file(desk: Any, capsys: Capture) -> None:
    desk.submit("a.csv", desk.noisy(1))
    assert run(["submission", "record", "submissions/b.csv", "--public", "0.5"]) == 2
    error = capsys.readouterr().err
    assert "submission file not found: submissions/b.csv" in error
    assert "a.csv" in error
