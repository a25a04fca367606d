from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from toolkit.cli.main import run
from toolkit.metrics.confusion import scores

Capture = pytest.CaptureFixture[str]


def validated(mean_iou: float) -> Any:
    """Scores whose mIoU is about this: only the mean is looked at."""
    found = scores(np.array([[1, 0], [0, 1]]))
    return {
        "mean_iou": mean_iou,
        "iou": list(found.iou),
        "accuracy": 1.0,
        "mean_class_accuracy": 1.0,
        "foreground_iou": 1.0,
    }


def test_record_keeps_everything_else(desk: Any, capsys: Capture) -> None:
    a = desk.submit("a.csv", desk.noisy(1), changes={"validation": validated(0.73)})
    before = desk.side_car(a)
    command = ["submission", "record", a]
    assert run([*command, "--public", "0.7205", "--private", "0.7043"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "submissions/a.csv: public 0.7205",
        "submissions/a.csv: private 0.7043",
    ]
    recorded = {"public": 0.7205, "private": 0.7043}
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
    assert desk.side_car(a)["leaderboard"] == {"public": 0.5, "private": None}


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


def fill(desk: Any) -> None:
    """Four submissions, three of them with scores; the oldest has the last name."""
    maps = desk.noisy(1)
    for number, (name, validation, public, private) in enumerate(
        [
            ("late", 0.70, 0.69, 0.66),
            ("middle", 0.74, 0.71, None),
            ("early", 0.72, 0.72, 0.68),
            ("alone", 0.60, None, None),
        ]
    ):
        file = desk.submit(f"{name}.csv", maps)
        desk.change(
            file,
            created=f"2026-11-0{number + 1}T10:00:00+00:00",
            validation=validated(validation),
            leaderboard={"public": public, "private": private},
        )
    member = {
        "checkpoint": "runs/unet-001/best.pt",
        "digest": "00",
        "model": {"name": "unet"},
        "image_size": [64, 64],
        "views": "none",
        "validation": {},
    }
    desk.change(
        file,
        members=[member, member | {"checkpoint": "../mates/b.pt"}],
        combine={"name": "mean", "weights": [0.4, 0.6]},
    )


def test_list(desk: Any, capsys: Capture) -> None:
    fill(desk)
    assert run(["submission", "list"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "submission members combine validation public private",
        "late - - 0.7000 0.6900 0.6600",
        "middle - - 0.7400 0.7100 -",
        "early - - 0.7200 0.7200 0.6800",
        "alone unet-001/best, ../mates/b mean 0.4,0.6 0.6000 - -",
        "",
        "rank correlation n",
        "validation, public +0.50 3",
    ]
    assert run(["submission", "list", "--sort", "public"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["alone", "late", "middle", "early"]
    assert run(["submission", "list", "--sort", "name"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["alone", "early", "late", "middle"]


@pytest.mark.parametrize(
    ("combine", "postprocess", "shown"),
    [
        ({"name": "mean", "weights": [0.4, 0.6]}, [], "mean 0.4,0.6"),
        ({"name": "power", "exponent": 3.0, "weights": []}, [], "power"),
        ({"name": "stacking", "weights": [[0.6, 0.8], [0.2, 0.4]], "bias": [0.2, -0.2]}, [], "stacking"),
        ({"name": "max"}, [{"name": "dense_crf"}, {"name": "min_area"}], "max + dense_crf + min_area"),
    ],
)  # fmt: skip
def test_list_says_how_every_submission_was_decided(
    desk: Any, capsys: Capture, combine: Any, postprocess: Any, shown: str
) -> None:
    desk.submit("a.csv", desk.noisy(1), changes={"combine": combine, "postprocess": postprocess})
    assert run(["submission", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["submissions"][0]["combine"] == shown
    assert run(["submission", "list"]) == 0
    assert shown in capsys.readouterr().out


def test_list_as_json(desk: Any, capsys: Capture) -> None:
    fill(desk)
    assert run(["submission", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    first = found["submissions"][0]
    assert first == {
        "name": "late",
        "members": [],
        "combine": None,
        "validation": 0.7,
        "local": None,
        "public": 0.69,
        "private": 0.66,
        "created": "2026-11-01T10:00:00+00:00",
    }
    assert found["rank_correlations"][0] == {
        "first": "validation",
        "second": "public",
        "n": 3,
        "correlation": pytest.approx(0.5),
    }
    assert found["rank_correlations"][1]["n"] == 2
    assert found["rank_correlations"][1]["correlation"] is None


@pytest.mark.parametrize("columns", [40, 60, 150])
def test_list_fits_the_terminal(
    desk: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    fill(desk)
    assert run(["submission", "list"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    for number in ("0.7000", "0.6900", "0.6600", "+0.50"):
        assert number in out


def test_merged_files_are_members(desk: Any, capsys: Capture) -> None:
    a, b = desk.submit("a.csv", desk.noisy(1)), desk.submit("b.csv", desk.noisy(2))
    assert run(["submission", "merge", a, b, "-o", "submissions/both.csv"]) == 0
    capsys.readouterr()
    assert run(["submission", "list"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["both", "a.csv,", "b.csv", "vote"] in rows


def test_a_submission_is_called_as_its_side_car_is_now(desk: Any, capsys: Capture) -> None:
    desk.submit("a.csv", desk.noisy(1))
    folder = desk.root / "submissions"
    (folder / "a.json").rename(folder / "best.v2.json")
    assert run(["submission", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["submissions"][0]["name"] == "best.v2"


def test_list_without_submissions(desk: Any, capsys: Capture) -> None:
    (desk.root / "submissions").rmdir()
    assert run(["submission", "list"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no submission in" in captured.err


def test_a_broken_side_car_hides_no_other(desk: Any, capsys: Capture) -> None:
    fill(desk)
    (desk.root / "submissions" / "broken.json").write_text("{")
    (desk.root / "submissions" / "notes.json").write_text("{}")
    assert run(["submission", "list"]) == 0
    captured = capsys.readouterr()
    assert "early" in captured.out
    assert "broken.json:1: side-car is not valid JSON" in captured.err
    assert "notes.json is not the side-car of a submission" in captured.err


def test_check_names_earlier_files_of_the_same_labels(desk: Any, capsys: Capture) -> None:
    maps = desk.noisy(1)
    a = desk.submit("a.csv", maps)
    b = desk.submit("b.csv", maps, columns=["image", "labels"])
    desk.submit("c.csv", desk.noisy(2))
    desk.change(b, leaderboard={"public": 0.5, "private": None})
    (desk.root / b).unlink()  # a side-car alone is enough
    assert run(["submission", "check", a]) == 0
    assert capsys.readouterr().err == (
        "warning: submissions/a.csv has the same labels as submissions/b.csv (public 0.5000)\n"
    )
    d = desk.submit("d.csv", maps)
    e = desk.write("e.csv", maps)
    assert run(["submission", "check", a, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [
        "submissions/a.csv has the same labels as submissions/b.csv (public 0.5000)",
        f"submissions/a.csv is the same file as {d}",
        f"submissions/a.csv is the same file as {e}",
    ]


def test_check_names_classes_that_vanished(desk: Any, capsys: Capture) -> None:
    maps = desk.truth()
    names = desk.class_names
    counts = np.bincount(np.concatenate([labels.ravel() for labels in maps.values()]))
    usual = (counts / counts.sum()).tolist() + [0.0] * (len(names) - len(counts))
    a = desk.submit("a.csv", maps, changes={"validation_shares": usual})
    assert run(["submission", "check", a]) == 0
    assert capsys.readouterr().err == ""
    gone = int(counts[1:].argmax()) + 1
    for labels in maps.values():
        labels[labels == gone] = 0
    a = desk.submit("a.csv", maps, changes={"validation_shares": usual})
    assert run(["submission", "check", a]) == 0
    assert f"1 class vanished: {names[gone]} 0 % of the pixels, {100 * usual[gone]:.2g} %" in (
        capsys.readouterr().err
    )
