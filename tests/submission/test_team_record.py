"""A submission leaves a record that team mates read without the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import desk
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.metrics.counts_file import read_counts
from toolkit.project import Project
from toolkit.records.record import SubmissionRecord, read_record, record_counts, record_files
from toolkit.submission.side_car import read_side_car, side_car_path

__all__ = ["desk", "project"]

Capture = pytest.CaptureFixture[str]


def records(root: Path) -> list[tuple[Path, SubmissionRecord]]:
    found = [(path, read_record(path)) for path in record_files(Project(root))]
    return [(path, each) for path, each in found if isinstance(each, SubmissionRecord)]


def only(root: Path) -> tuple[Path, SubmissionRecord]:
    (found,) = records(root)
    return found


def listed(capsys: Capture) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(["submission", "list", "--json"]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["submissions"]
    return rows


def merge(desk: Any, name: str = "both", *more: str) -> str:
    """Write a submission with side-car and record, as a member of the team does."""
    files = [desk.submit("a.csv", desk.noisy(1)), desk.submit("b.csv", desk.noisy(2))]
    assert run(["submission", "merge", *files, "-o", f"submissions/{name}.csv", *more]) == 0
    for file in files:
        side_car_path(desk.root / file).unlink()
        (desk.root / file).unlink()
    return f"submissions/{name}.csv"


def as_a_mate(desk: Any) -> None:
    """Leave what a clone has: the records without files and side-cars."""
    shutil.rmtree(desk.root / "submissions")


def test_what_is_merged_is_told(desk: Any) -> None:
    file = merge(desk)
    path, record = only(desk.root)
    assert path.relative_to(desk.root).as_posix().startswith("records/ann-lee/both-")
    side_car = read_side_car(side_car_path(desk.root / file))
    assert (record.author, record.digest, record.created) == (
        "Ann Lee",
        side_car.digest,
        side_car.created,
    )
    assert record.side_car == side_car.as_json()


def test_a_run_tells_where_its_submission_comes_from_and_shares_its_counts(
    project: Project,
) -> None:
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    path, record = only(project.root)
    manifest = json.loads((project.runs / "tiny-001" / "manifest.json").read_text())
    (member,) = record.members
    assert (member.run, member.recipe) == ("tiny-001", "recipes/tiny.toml")
    assert (member.training, member.record) == (manifest["training"], manifest["record"])
    assert member.digest == record.side_car["members"][0]["digest"]
    counts = read_counts(record_counts(path))
    assert counts == read_counts(project.submissions / "tiny-001.counts")
    assert counts.of == record.digest
    assert counts.sets.keys() == {"validation", "test"}


def test_a_file_that_takes_a_name_takes_its_record_unless_that_has_scores(project: Project) -> None:
    tiny = ["recipe", "run", "tiny", "--set"]
    assert run([*tiny, "train.epochs=1"]) == 0
    first, _ = only(project.root)
    assert run([*tiny, "train.epochs=2", "--resume"]) == 0
    second, longer = only(project.root)
    assert second == first
    assert longer.side_car["digest"] == longer.digest
    assert run(["submission", "record", "submissions/tiny-001.csv", "--public", "0.5"]) == 0
    assert run([*tiny, "train.epochs=2", "--set", "postprocess=[]", "--resume"]) == 0
    assert len(records(project.root)) == 1  # an equal file keeps its score
    smaller = ["--set", "submission.size=[8, 8]"]
    assert run([*tiny, "train.epochs=2", *smaller, "--resume"]) == 0
    told = [record for _, record in records(project.root)]
    said = {record.digest: record.side_car["leaderboard"]["public"] for record in told}
    assert said.pop(longer.digest) == 0.5
    assert list(said.values()) == [None]


def test_recorded_scores_are_in_the_record_too(desk: Any) -> None:
    file = merge(desk)
    assert run(["submission", "record", file, "--public", "0.7"]) == 0
    _, record = only(desk.root)
    scores = record.side_car["leaderboard"]
    assert (scores["public"], scores["private"]) == (0.7, None)


def test_a_submission_of_before_there_were_records_gets_one_with_its_scores(desk: Any) -> None:
    file = desk.submit("a.csv", desk.noisy(1))
    assert run(["submission", "record", file, "--public", "0.7"]) == 0
    _, record = only(desk.root)
    assert record.side_car == desk.side_car(file)


def test_a_mates_submission_is_listed_and_recorded_without_its_file(
    desk: Any, capsys: Capture
) -> None:
    merge(desk)
    as_a_mate(desk)
    (row,) = listed(capsys)
    assert (row["name"], row["author"], row["members"]) == ("both", "Ann Lee", ["a.csv", "b.csv"])
    path, _ = only(desk.root)
    shown = path.relative_to(desk.root).as_posix()
    for name in ("submissions/both.csv", path.stem, path.stem[:8], f"ann-lee/{path.stem}", shown):
        score = 0.5 + len(name) / 1000
        assert run(["submission", "record", name, "--public", str(score)]) == 0
        assert capsys.readouterr().out.startswith(f"{shown}: public {score:g}")
    assert listed(capsys)[0]["public"] == pytest.approx(score)
    assert not (desk.root / "submissions").exists()


def test_a_slip_does_not_record_for_another_file(desk: Any, capsys: Capture) -> None:
    merge(desk)
    as_a_mate(desk)
    before = only(desk.root)
    for name in ("submissions/bot.csv", "submissions/b.csv", "bth"):
        assert run(["submission", "record", name, "--public", "0.5"]) == 2
        assert "not found" in capsys.readouterr().err
    assert only(desk.root) == before


def test_a_name_that_two_mates_use_is_asked_back(
    desk: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(desk)
    monkeypatch.setenv("TRASH_AUTHOR", "Ben")
    as_a_mate(desk)
    (desk.root / "submissions").mkdir()
    merge(desk, "both", "--weights", "0.1,0.9")
    as_a_mate(desk)
    assert run(["submission", "record", "submissions/both.csv", "--public", "0.5"]) == 2
    told = capsys.readouterr().err
    assert "both may mean 2 records" in told
    assert "ann-lee/both-" in told
    assert "ben/both-" in told
    rows = listed(capsys)
    assert sorted(row["author"] for row in rows) == ["Ann Lee", "Ben"]
    assert run(["submission", "list"]) == 0
    heading = capsys.readouterr().out.splitlines()[0]
    assert heading.split()[:3] == ["submission", "author", "members"]


def test_equal_files_of_two_mates_are_one_row_with_the_scores_of_either(
    desk: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(desk)
    assert run(["submission", "record", "submissions/both.csv", "--public", "0.7"]) == 0
    as_a_mate(desk)
    (desk.root / "submissions").mkdir()
    monkeypatch.setenv("TRASH_AUTHOR", "Ben")
    merge(desk, "mine")
    assert len(records(desk.root)) == 2
    (row,) = listed(capsys)
    assert (row["name"], row["author"], row["public"]) == ("mine", "Ann Lee, Ben", 0.7)
    # Ben's own score goes into his own record.
    assert run(["submission", "record", "submissions/mine.csv", "--private", "0.6"]) == 0
    said = {each.author: each.side_car["leaderboard"] for _, each in records(desk.root)}
    assert said["Ann Lee"].pop("uploaded")
    assert said == {
        "Ann Lee": {"public": 0.7, "private": None},
        "Ben": {"public": None, "private": 0.6},
    }


def test_a_file_that_a_mate_sent_is_known_by_its_record(desk: Any, capsys: Capture) -> None:
    file = merge(desk)
    side_car_path(desk.root / file).unlink()
    (desk.root / file).rename(desk.root / "mail.csv")
    assert run(["submission", "record", "mail.csv", "--public", "0.7"]) == 0
    assert "records/ann-lee/both-" in capsys.readouterr().out
    assert only(desk.root)[1].side_car["leaderboard"]["public"] == 0.7


def test_the_same_labels_as_a_mates_file_are_told(desk: Any, capsys: Capture) -> None:
    file = merge(desk)
    shutil.copy(desk.root / file, desk.root / "mine.csv")
    as_a_mate(desk)
    options = ["--test", str(desk.demo / "test.json"), "--size", "32x32"]
    assert run(["submission", "check", "mine.csv", *options]) == 0
    told = capsys.readouterr().err
    assert "mine.csv is the same file as records/ann-lee/both-" in told
    assert "both of Ann Lee" in told


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "record is not valid JSON"),
        ("{}", "is not a record"),
        ('{"schema": "trash-record", "version": 9}', "record of version 9; this is version 1"),
        ('{"schema": "trash-record", "version": 1, "kind": "x"}', "broken record"),
    ],
)
def test_a_broken_record_hides_no_other(
    desk: Any, capsys: Capture, content: str, message: str
) -> None:
    merge(desk)
    as_a_mate(desk)
    (desk.root / "records" / "ann-lee" / "broken.json").write_text(content)
    assert run(["submission", "list"]) == 0
    captured = capsys.readouterr()
    assert "both" in captured.out
    assert "broken.json" in captured.err
    assert message in captured.err


def test_a_broken_side_car_in_a_record_is_told(desk: Any, capsys: Capture) -> None:
    merge(desk)
    path, _ = only(desk.root)
    as_a_mate(desk)
    values = json.loads(path.read_text())
    values["side_car"]["n_rows"] = "many"
    path.write_text(json.dumps(values))
    assert run(["submission", "list"]) == 0
    assert f"{path.name}: broken side-car: n_rows" in capsys.readouterr().err
