from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run.conftest import outcome
from tests.report.team_records import Team
from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]
LIST = ["run", "list"]


def fill(wall: Any) -> None:
    """Four runs of two people, the best one is the oldest."""
    wall.add(outcome=outcome(0.7, 0.65), own={"loss.name": "dice"}, name="unet-001")
    wall.add(
        author="김철수",
        outcome=outcome(0.5),
        options=("--set", "seed=4", "--set", 'data.root="/home/kim"', "--unset", "data.test"),
        started="2026-11-02T10:00:00+00:00",
        name="unet-001",
    )
    wall.add(
        recipe="recipes/fpn.toml",
        status="failed",
        error="the loss became nan",
        started="2026-11-03T10:00:00+00:00",
        name="fpn-001",
    )
    wall.add(
        recipe="recipes/fpn.toml",
        outcome=outcome(0.6),
        started="2026-11-04T10:00:00+00:00",
        name="fpn-002",
    )


def lines(capsys: Capture, *arguments: str) -> list[list[str]]:
    capsys.readouterr()
    assert run([*LIST, *arguments]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def names(capsys: Capture, *arguments: str) -> list[str]:
    capsys.readouterr()
    assert run([*LIST, *arguments, "--json"]) == 0
    return [f"{row['author']} {row['run']}" for row in json.loads(capsys.readouterr().out)]


def test_the_best_run_of_the_team_is_last(wall: Any, capsys: Capture) -> None:
    fill(wall)
    heading, *rows = lines(capsys)
    assert heading == [
        *("record", "author", "recipe", "changes", "validation", "test", "started", "status"),
    ]
    assert [row[0].rpartition("-")[0] for row in rows] == ["fpn", "unet", "fpn", "unet"]
    assert rows[0][1:] == ["Ann", "Lee", "fpn", "-", "-", "-", "2026-11-03", "failed"]
    assert rows[1][1:] == [
        *("김철수", "small/unet", "seed=4,", "without", "data.test"),
        *("0.5000", "-", "2026-11-02", "finished"),
    ]
    assert rows[3][3:7] == ["small/unet", "loss.name=dice", "0.7000", "0.6500"]


def test_runs_of_a_person_and_of_a_recipe(wall: Any, capsys: Capture) -> None:
    fill(wall)
    for author in ("김철수", "Ann Lee", "ann-lee", "ANN LEE"):
        found = names(capsys, "--author", author)
        assert len(found) == (1 if author == "김철수" else 3)
    for recipe in ("small/unet", "unet", "recipes/small/unet.toml", "small"):
        assert names(capsys, "--recipe", recipe) == ["김철수 unet-001", "Ann Lee unet-001"]
    assert names(capsys, "--recipe", "fpn", "--author", "ann-lee", "--sort", "started") == [
        "Ann Lee fpn-001",
        "Ann Lee fpn-002",
    ]
    assert run([*LIST, "--author", "An Lee"]) == 2
    assert "Did you mean Ann Lee?" in capsys.readouterr().err
    assert run([*LIST, "--recipe", "unett"]) == 2
    assert "Valid: fpn, small/unet" in capsys.readouterr().err


def test_scores_by_another_metric_have_no_place_among_those_of_most(
    wall: Any, capsys: Capture
) -> None:
    fill(wall)
    wall.add(outcome=outcome(0.99, metric="image_dice"), name="dice-001")
    assert names(capsys)[:2] == ["Ann Lee fpn-001", "Ann Lee dice-001"]
    heading, *rows = lines(capsys)
    assert heading[4] == "metric"
    assert "image_dice" in rows[1]


def test_of_what_smaller_is_better_the_smallest_is_last(wall: Any, capsys: Capture) -> None:
    for score in (0.2, 0.1, 0.3):
        found = outcome(score, metric="errors")
        scores = {**vars(found.scores), "larger_is_better": False}
        wall.add(outcome={**vars(found), "scores": scores}, name=f"run-{score}")
    assert names(capsys) == ["Ann Lee run-0.3", "Ann Lee run-0.2", "Ann Lee run-0.1"]


@pytest.mark.parametrize("columns", [40, 80, 150])
def test_the_table_fits_the_terminal(
    wall: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    fill(wall)
    assert run(LIST) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    for text in ("0.7000", "김철수", "seed=4", "failed"):
        assert text in out


def test_a_broken_record_is_listed_and_hides_no_other(wall: Any, capsys: Capture) -> None:
    fill(wall)
    folder = wall.root / "records" / "ann-lee"
    (folder / "half.json").write_text('{"schema": "trash-record",')
    (folder / "other.json").write_text("[1]")
    (folder / "notes.txt").write_text("not a record")
    assert run(LIST) == 0
    captured = capsys.readouterr()
    assert captured.out.count("unet-") == 2
    assert "half.json:1: record is not valid JSON" in captured.err
    assert "other.json is not a record" in captured.err


def test_without_records(wall: Any, capsys: Capture) -> None:
    assert run(LIST) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no run is recorded in" in captured.err
    assert run([*LIST, "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_texts_of_others_command_no_terminal(wall: Any, capsys: Capture) -> None:
    wall.add(author="\x1b[31mred\x1b[0m [bold]x", title="<b>", outcome=outcome(0.5))
    assert run(LIST) == 0
    out = capsys.readouterr().out
    assert "\x1b[31m" not in out
    assert "[bold]x" in out


def test_thousands_of_records_need_no_torch(wall: Any) -> None:
    for number in range(1000):
        wall.add(outcome=outcome(number / 1000), name=f"unet-{number:03d}")
    code = (
        "import sys; from toolkit.cli.main import run\n"
        "code = run(['run', 'list']) + run(['run', 'show', 'unet-003'])\n"
        "code += run(['run', 'diff', 'unet-003', 'unet-004'])\n"
        "sys.exit('torch' in sys.modules or code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=wall.root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("small/unet") >= 1000


def test_a_mates_run_that_began_days_ago_is_doubted(wall: Any, capsys: Capture) -> None:
    for days, name in ((1, "fresh"), (5, "old"), (None, "broken")):
        at = datetime.now(UTC) - timedelta(days=days or 0)
        started = at.isoformat(timespec="seconds") if days else "yesterday"
        wall.add(name=name, status="running", ended=None, started=started)
    assert run([*LIST, "--json"]) == 0
    rows = {row["run"]: row["status"] for row in json.loads(capsys.readouterr().out)}
    assert rows == {"fresh": "running", "old": "running?", "broken": "running?"}
    assert run(["run", "show", "old"]) == 0
    assert "running? since 5 days: it may have died" in capsys.readouterr().out


def test_series_are_listed_beside_the_runs(wall: Any, capsys: Capture) -> None:
    fill(wall)
    assert run([*LIST, "--series"]) == 0
    assert "no series is recorded" in capsys.readouterr().err
    team = Team(wall.root)
    runs = [team.run("Bo", "pan", 9 - seed, 0.6) for seed in range(3)]
    name = team.series("Bo", "pan", 5, runs)
    odd = team.series("김철수", "fpn", 1, [])
    path = wall.root / "records" / f"{odd}.json"
    summary = {"metric": 3, "runs": "none", "validation": {"mean": "x"}, "out_of_fold": [1]}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"summary": summary}))
    capsys.readouterr()
    assert run(LIST) == 0
    assert "and 2 series of runs: trash run list --series" in capsys.readouterr().err
    assert run([*LIST, "--series", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["record"], first["runs"], first["records"]) == (name, 3, runs)
    assert (first["validation"], first["deviation"], first["out_of_fold"]) == (0.641, 0.006, 0.652)
    assert (second["author"], second["runs"], second["validation"]) == ("김철수", 0, None)
    assert run([*LIST, "--series", "--author", "bo"]) == 0
    assert "0.6410 ± 0.0060" in (out := capsys.readouterr().out)
    assert "김철수" not in out
    assert run([*LIST, "--series", "--recipe", "pam"]) == 2
    assert "no series is of it" in (told := capsys.readouterr().err)
    assert "Did you mean pan?" in told


def test_a_run_of_ones_own_that_was_killed_is_not_at_work(
    project: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    (path,) = [each for each in (project.records / "ann-lee").glob("tiny-*.json") if _is_run(each)]
    path.write_text(path.read_text().replace('"status": "finished"', '"status": "running"'))
    capsys.readouterr()
    assert run([*LIST, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["status"] == "interrupted"
    (project.runs / "tiny-001").rename(project.root / "elsewhere")  # as that of a team mate
    assert run([*LIST, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["status"] == "running"


def _is_run(path: Path) -> bool:
    return bool(json.loads(path.read_text())["kind"] == "run")
