from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from toolkit import UsageError
from toolkit.experiment.run_folder import RunFolder, new_run, resumable_runs


def _new(root: Path, name: str = "unet") -> str:
    return new_run(name, root / "runs", root / "submissions").name


def test_runs_are_numbered(tmp_path: Path) -> None:
    assert [_new(tmp_path) for _ in range(3)] == ["unet-001", "unet-002", "unet-003"]
    assert _new(tmp_path, "unet-001") == "unet-001-001"
    (tmp_path / "runs" / "unet-1041").mkdir()
    (tmp_path / "runs" / "unet-12").mkdir()
    (tmp_path / "runs" / "unet-abc").mkdir()
    assert _new(tmp_path) == "unet-1042"


def test_numbers_of_submissions_are_taken(tmp_path: Path) -> None:
    """A team mate's committed side-car, or a leaderboard file whose run was deleted."""
    submissions = tmp_path / "submissions"
    submissions.mkdir()
    (submissions / "unet-004.json").touch()
    (submissions / "un.et-007.csv").touch()
    assert _new(tmp_path) == "unet-005"
    assert _new(tmp_path, "un.et") == "un.et-008"


def test_a_folder_made_meanwhile_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _new(tmp_path)
    monkeypatch.setattr("toolkit.experiment.run_folder._numbered", lambda *_: iter(()))
    assert _new(tmp_path) == "unet-002"


def test_runs_with_an_epoch_can_be_resumed_the_newest_first(tmp_path: Path) -> None:
    for number in (2, 9, 10, 11):
        (tmp_path / f"unet-{number:03d}").mkdir()
    with pytest.raises(UsageError, match="nothing to resume"):
        resumable_runs("unet", Path("unet.toml"), tmp_path)
    for number in (2, 9, 10):
        (tmp_path / f"unet-{number:03d}" / "state.pt").touch()
    found = resumable_runs("unet", Path("unet.toml"), tmp_path)
    assert [run.name for run in found] == ["unet-010", "unet-009", "unet-002"]


def test_a_run_of_another_recipe_of_that_name_is_not_resumed(tmp_path: Path) -> None:
    runs, mine, theirs = tmp_path / "runs", tmp_path / "a/unet.toml", tmp_path / "b/unet.toml"
    whole = dict.fromkeys(("recipe_digest", "code", "plugins", "parents", "data"), "x")
    for number, recipe in ((1, mine), (2, theirs)):
        recipe.parent.mkdir()
        recipe.touch()
        run = RunFolder(runs / f"unet-{number:03d}")
        run.path.mkdir(parents=True)
        (run.path / "state.pt").touch()
        file = str(recipe.relative_to(tmp_path))
        run.write_manifest({"schema_version": 1, "status": "x", "recipe": file, **whole})
    assert resumable_runs("unet", mine, runs) == [RunFolder(runs / "unet-001")]
    assert resumable_runs("unet", theirs, runs) == [RunFolder(runs / "unet-002")]
    third = tmp_path / "unet.toml"
    third.touch()
    with pytest.raises(UsageError, match=r"unet-002 is a run of .*b/unet\.toml"):
        resumable_runs("unet", third, runs)
    theirs.rename(tmp_path / "b/unet2.toml")  # moved: its run goes on under the new place
    assert resumable_runs("unet", third, runs) == [RunFolder(runs / "unet-002")]


def test_entries_of_a_manifest_change_and_go(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    whole = dict.fromkeys(("recipe", "recipe_digest", "code", "plugins", "parents", "data"), "x")
    run.write_manifest({"schema_version": 1, "status": "failed", "error": "e", **whole})
    run.update(status="running", error=None)
    assert run.manifest() == {"schema_version": 1, "status": "running", **whole}


def _ended(root: Path, number: int, status: str, *files: str) -> None:
    run = RunFolder(root / "runs" / f"unet-{number:03d}")
    run.path.mkdir(parents=True)
    whole = dict.fromkeys(("recipe", "recipe_digest", "code", "plugins", "parents", "data"), "x")
    run.write_manifest({"schema_version": 1, "status": status, **whole})
    (run.path / "metrics.jsonl").touch()
    for file in ("recipe.toml", *files):
        (run.path / file).write_text("" if file == "recipe.toml" else "x")


def test_a_start_that_made_nothing_leaves_its_number(tmp_path: Path) -> None:
    _ended(tmp_path, 1, "finished", "state.pt")
    _ended(tmp_path, 2, "failed")
    _ended(tmp_path, 3, "failed", "metrics.jsonl")
    _ended(tmp_path, 4, "failed")
    _ended(tmp_path, 5, "interrupted")
    assert _new(tmp_path) == "unet-004"
    assert sorted(each.name[-3:] for each in (tmp_path / "runs").iterdir()) == [
        "001",
        "002",
        "003",
        "004",
    ]


@pytest.mark.parametrize("why", ["running", "locked", "notes"])
def test_what_may_be_somebody_s_is_kept(tmp_path: Path, why: str) -> None:
    _ended(tmp_path, 1, "running" if why == "running" else "failed")
    run = RunFolder(tmp_path / "runs" / "unet-001")
    if why == "notes":
        (run.path / "notes.txt").write_text("do not lose me")
    with run.alone() if why == "locked" else nullcontext():
        assert _new(tmp_path) == "unet-002"
    assert run.path.is_dir()


@pytest.mark.parametrize("files", [(), (".tmp.abcd.recipe.toml",)])
def test_a_killed_start_leaves_its_number_once_it_cannot_be_about_to_begin(
    tmp_path: Path, files: tuple[str, ...]
) -> None:
    _ended(tmp_path, 1, "running", *files)
    run = RunFolder(tmp_path / "runs" / "unet-001")
    if files:  # it was killed even before it had a manifest
        (run.path / "manifest.json").unlink()
    assert _new(tmp_path) == "unet-002"
    for each in (run.path, tmp_path / "runs" / "unet-002"):
        os.utime(each, (each.stat().st_atime, each.stat().st_mtime - 100))
    assert _new(tmp_path) == "unet-001"
