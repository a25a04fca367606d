from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.experiment.find import find_checkpoint, names_checkpoint
from toolkit.project import Project


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a finished run, one that was cut, and a folder that is none."""
    monkeypatch.chdir(tmp_path)
    for name, files in {
        "runs/demo-001": ("manifest.json", "best.pt", "epoch-003.pt"),
        "runs/cut-001": ("manifest.json", "last.pt", "state.pt"),
        "runs/begun-001": ("manifest.json",),
        "elsewhere/x": ("best.pt",),
        "recipes": ("demo.toml",),
    }.items():
        (tmp_path / name).mkdir(parents=True)
        for file in files:
            (tmp_path / name / file).write_text("")
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("text", "file", "views"),
    [
        ("demo-001", "runs/demo-001/best.pt", None),
        ("runs/demo-001", "runs/demo-001/best.pt", None),
        ("runs/demo-001/", "runs/demo-001/best.pt", None),
        ("runs/demo-001/best.pt", "runs/demo-001/best.pt", None),
        ("demo-001/epoch-003.pt", "runs/demo-001/epoch-003.pt", None),
        ("demo-001@hflip*rot90", "runs/demo-001/best.pt", "hflip*rot90"),
        ("elsewhere/x", "elsewhere/x/best.pt", None),
        ("elsewhere/x@d4", "elsewhere/x/best.pt", "d4"),
        ("runs/cut-001/last.pt", "runs/cut-001/last.pt", None),
    ],
)
@pytest.mark.parametrize("folder", [".", "recipes"])
def test_a_checkpoint_is_found_by_file_and_by_run(
    text: str,
    file: str,
    views: str | None,
    folder: str,
    place: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place.root / folder)
    found = find_checkpoint(text, place)
    assert (found.path.resolve(), found.views) == (place.root / file, views)
    assert names_checkpoint(text, place)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("cut-001", "the run cut-001 has no best.pt", "It has last.pt."),
        ("runs/begun-001", "the run begun-001 has no best.pt", "--resume"),
        ("demo", "there is no checkpoint demo", "Did you mean the run demo-001?"),
        ("runs/demo-01", "there is no checkpoint runs/demo-01", "the run demo-001?"),
        ("runs/dmeo-001/best.pt", "there is no checkpoint", "the run demo-001?"),
        ("runs/demo-001/bst.pt", "there is no checkpoint", "Did you mean runs/demo-001/best.pt?"),
        ("zzz", "there is no checkpoint zzz", "Runs: begun-001, cut-001, demo-001"),
        ("recipes", "recipes has no best.pt: it is not the folder of a run", "Runs: "),
    ],
)
def test_others_are_refused_with_the_nearest(
    text: str, message: str, hint: str, place: Project
) -> None:
    with pytest.raises(UsageError) as caught:
        find_checkpoint(text, place)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_without_runs_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_checkpoint("a.pt", Project(tmp_path))
    assert "trash recipe run RECIPE" in caught.value.hint


def test_a_recipe_is_no_checkpoint(place: Project) -> None:
    assert not names_checkpoint("demo", place)
    assert not names_checkpoint("recipes/demo.toml@d4", place)
    assert names_checkpoint("gone.pt", place)
