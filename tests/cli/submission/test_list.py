from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.submission.validated import validated
from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]


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


def test_list(desk: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
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
        "scores compared rank correlation submissions",
        "validation, public +0.50 3",
    ]
    monkeypatch.setenv("COLUMNS", "60")
    assert run(["submission", "list"]) == 0
    narrow = capsys.readouterr().out.splitlines()
    assert max(map(len, narrow)) <= 60
    assert narrow[1].split() == lines[1].split()
    monkeypatch.delenv("COLUMNS")
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
        (
            {"name": "stacking", "weights": [[0.6, 0.8], [0.2, 0.4]], "bias": [0.2, -0.2]},
            [],
            "stacking",
        ),
        (
            {"name": "max"},
            [{"name": "dense_crf"}, {"name": "min_area"}],
            "max + dense_crf + min_area",
        ),
    ],
)
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
        "author": None,
        "members": [],
        "combine": None,
        "validation": 0.7,
        "local": None,
        "metric": "miou",
        "larger_is_better": True,
        "validation_error": None,
        "local_error": None,
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
    assert "notes.json is not a side-car" in captured.err


def test_scores_by_several_metrics_are_told_apart(desk: Any, capsys: Capture) -> None:
    maps = desk.noisy(1)
    for number, (name, metric, public) in enumerate(
        [("a", "miou", 0.1), ("b", "miou", 0.2), ("c", "miou", 0.3), ("d", "image_dice", 0.05)]
    ):
        scores = validated(0.5 + number / 10) | {"metric": metric, "metrics": {"image_dice": 0.9}}
        file = desk.submit(f"{name}.csv", maps)
        desk.change(file, validation=scores, leaderboard={"public": public, "private": None})
    assert run(["submission", "list", "--sort", "name"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["submission", "members", "combine", "metric", "validation", "public"]
    assert [line[3:5] for line in lines[1:5]] == [
        ["miou", "0.5000"],
        ["miou", "0.6000"],
        ["miou", "0.7000"],
        ["image_dice", "0.9000"],
    ]
    assert lines[-1][-2:] == ["+1.00", "3"]  # without the one that has no place among the others


def test_files_without_a_score_of_ours_are_by_no_metric(desk: Any, capsys: Capture) -> None:
    """They neither outvote the scores by another metric nor lose their place on the leaderboard."""
    maps = desk.noisy(1)
    scores = validated(0.5) | {"metric": "image_dice"}
    for number in range(3):
        file = desk.submit(f"ours{number}.csv", maps)
        own = scores | {"metrics": {"image_dice": 0.5 + number / 10}}
        leaderboard = {"public": 0.2 + number / 10, "private": 0.3 + number / 10}
        desk.change(file, validation=own, leaderboard=leaderboard)
    for number in range(4):
        file = desk.submit(f"mail{number}.csv", maps)
        desk.change(file, validation=None, leaderboard={"public": 0.1, "private": 0.1})
    assert run(["submission", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    metrics = {row["name"]: row["metric"] for row in found["submissions"]}
    assert metrics["ours0"] == "image_dice"
    assert metrics["mail0"] is None
    pairs = {(each["first"], each["second"]): each for each in found["rank_correlations"]}
    assert pairs["validation", "public"]["n"] == 3
    assert pairs["validation", "public"]["correlation"] == pytest.approx(1)
    assert pairs["public", "private"]["n"] == 7


def test_how_sure_a_score_is_stands_behind_it(desk: Any, capsys: Capture) -> None:
    file = desk.submit("a.csv", desk.noisy(1))
    interval = {"error": 0.0123, "low": 0.68, "high": 0.72}
    desk.change(file, validation=validated(0.7) | {"intervals": {"miou": interval}})
    assert run(["submission", "list"]) == 0
    assert "0.7000 ± 0.0123" in capsys.readouterr().out
    assert run(["submission", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["submissions"]
    assert (row["validation"], row["validation_error"]) == (0.7, 0.0123)


def test_the_best_is_last_where_smaller_is_better(desk: Any, capsys: Capture) -> None:
    maps = desk.noisy(1)
    falling = validated(0.5) | {"metric": "errors", "larger_is_better": False}
    for name, score, public in (("bad", 0.9, 0.1), ("good", 0.1, 0.9), ("fair", 0.5, 0.5)):
        file = desk.submit(f"{name}.csv", maps)
        own = falling | {"metrics": {"errors": score}}
        desk.change(file, validation=own, leaderboard={"public": public, "private": None})
    other = desk.submit("other.csv", maps)
    desk.change(other, validation=validated(0.99))
    assert run(["submission", "list", "--sort", "validation", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # Scores by another metric have no place among those of most files.
    assert [row["name"] for row in found["submissions"]] == ["other", "bad", "fair", "good"]
    assert found["rank_correlations"][0]["correlation"] == pytest.approx(1)
    assert run(["submission", "list"]) == 0
    assert "errors" in capsys.readouterr().out
