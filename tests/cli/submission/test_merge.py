from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]


def test_merge_against_a_slow_vote(desk: Any, capsys: Capture) -> None:
    maps = [desk.noisy(seed, 0.5) for seed in (1, 2, 3)]
    files = [desk.submit(f"{n}.csv", each) for n, each in zip("abc", maps, strict=True)]
    assert run(["submission", "merge", *files, "-o", "submissions/out.csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "submissions/out.csv\n"
    assert captured.err == "5 rows merged from 3 files, checked\n"
    voted = {}
    for name in maps[0]:
        a, b, c = (each[name] for each in maps)
        voted[name] = np.where(b == c, b, a)
    expected = desk.write("expected.csv", voted)
    assert (desk.root / "submissions/out.csv").read_bytes() == (desk.root / expected).read_bytes()

    side_car = desk.side_car("submissions/out.csv")
    assert [each["file"] for each in side_car["files"]] == files
    assert [each["digest"] for each in side_car["files"]] == [
        desk.side_car(file)["digest"] for file in files
    ]
    assert side_car["combine"] == {"name": "vote"}
    assert side_car["members"] == []
    assert run(["submission", "check", "submissions/out.csv"]) == 0


def test_merge_with_weights(desk: Any) -> None:
    maps = [desk.noisy(seed, 0.5) for seed in (1, 2, 3)]
    files = [desk.submit(f"{n}.csv", each) for n, each in zip("abc", maps, strict=True)]
    weights = "0.2,0.1,0.3"  # a tie of the first two with the last goes to the heaviest, the last
    assert run(["submission", "merge", *files, "-o", "out.csv", "--weights", weights]) == 0
    assert (desk.root / "out.csv").read_bytes() == (desk.root / files[2]).read_bytes()
    assert desk.side_car("out.csv")["combine"] == {"name": "vote", "weights": [0.2, 0.1, 0.3]}


def test_merge_takes_what_a_team_mate_sent(desk: Any) -> None:
    a = desk.submit("a.csv", desk.noisy(1))
    shuffled = desk.write("b.csv", dict(reversed(desk.noisy(2).items())))
    assert run(["submission", "merge", shuffled, a, "-o", "out.csv", "--weights", "1,3"]) == 0
    assert (desk.root / "out.csv").read_bytes() == (desk.root / a).read_bytes()


def test_merge_writes_nothing_over(desk: Any, capsys: Capture) -> None:
    a, b = desk.submit("a.csv", desk.noisy(1)), desk.submit("b.csv", desk.noisy(2))
    before = (desk.root / a).read_bytes()
    assert run(["submission", "merge", a, b, "-o", a, "--overwrite"]) == 2
    assert "is one of the files to merge" in capsys.readouterr().err
    assert (desk.root / a).read_bytes() == before
    assert run(["submission", "merge", a, b, "-o", "out.txt"]) == 2
    assert "Use out.csv." in capsys.readouterr().err
    assert not (desk.root / "out.txt").exists()
    (desk.root / "out.csv").write_text("precious")
    assert run(["submission", "merge", a, b, "-o", "out.csv"]) == 2
    assert "out.csv exists" in capsys.readouterr().err
    (desk.root / b).write_bytes(before[:-10])
    assert run(["submission", "merge", a, b, "-o", "out.csv", "--overwrite"]) == 2
    assert (desk.root / "out.csv").read_text() == "precious"
    (desk.root / b).write_bytes(before)
    assert run(["submission", "merge", a, b, "-o", "out.csv", "--overwrite"]) == 0
    assert (desk.root / "out.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["submissions/a.csv"], "a single file cannot be merged"),
        (["submissions/a.csv", "submissions/c.csv"], "submission file not found"),
        (["submissions/a.csv", "submissions/b.csv", "--weights", "1"], "1 weight for 2 files"),
        (["submissions/a.csv", "submissions/b.csv", "--weights", "0,0"], "one must be above 0"),
        (["submissions/a.csv", "submissions"], "submissions is a folder"),
    ],
)
def test_merge_with_wrong_arguments(
    desk: Any, capsys: Capture, arguments: list[str], message: str
) -> None:
    desk.submit("a.csv", desk.noisy(1))
    desk.submit("b.csv", desk.noisy(2))
    assert run(["submission", "merge", *arguments, "-o", "out.csv"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert not (desk.root / "out.csv").exists()


def test_merge_warns_of_classes_that_vanished(desk: Any, capsys: Capture) -> None:
    background = {name: np.zeros((32, 32), np.uint8) for name in desk.truth()}
    usual = [0.5, 0.5, *[0.0] * (len(desk.class_names) - 2)]
    a = desk.submit("a.csv", background, changes={"validation_shares": usual})
    b = desk.submit("b.csv", background)
    assert run(["submission", "merge", a, b, "-o", "out.csv"]) == 0
    assert f"1 class vanished: {desk.class_names[1]} 0 %" in capsys.readouterr().err
    assert desk.side_car("out.csv")["validation_shares"] == usual
