from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.submission.named_files import (
    SubmissionOptions,
    name_files,
    parse_size,
    require_file,
    source_to_score,
)


@pytest.mark.parametrize("text", ["256", "256x", "x256", "0x4", "256X256", "256 x 256", "-1x4"])
def test_a_size_is_height_x_width(text: str) -> None:
    assert parse_size("12x345") == (12, 345)
    assert parse_size(None) is None
    with pytest.raises(UsageError, match="expected HEIGHTxWIDTH"):
        parse_size(text)


def test_options_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert SubmissionOptions().source(project) is None
    for options, message in (
        (SubmissionOptions(size="8x8"), "need --test"),
        (SubmissionOptions(sample=Path("s.csv")), "need --test"),
        (SubmissionOptions(recipe=Path("r"), test=Path("t.json")), "not both"),
    ):
        with pytest.raises(UsageError, match=message):
            options.source(project)
    source = SubmissionOptions(test=Path("t.json"), size="8x9").source(project)
    assert source is not None
    assert source.format.parameters == {"size": [8, 9]}


def test_submissions_are_told_from_annotations(tmp_path: Path) -> None:
    file, truth = tmp_path / "a.csv", tmp_path / "truth.json"
    file.touch()
    options = SubmissionOptions(test=tmp_path / "test.json")
    named = name_files([truth, file], options, Project(tmp_path))
    assert {path: each.file for path, each in named.truths.items()} == {truth: truth}
    assert list(named.sources) == [file]
    assert named.source.data.test == str(tmp_path / "test.json")
    assert [spec.name for _, spec in named.components] == ["mask_string"]
    with pytest.raises(UsageError, match="none of these is a submission file"):
        name_files([truth], options, Project(tmp_path))


def test_a_missing_file_is_told_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "first.csv").touch()
    with pytest.raises(UsageError) as caught:
        require_file(tmp_path / "frist.csv", Project(tmp_path))
    assert "first.csv" in caught.value.hint
    with pytest.raises(UsageError, match="is a folder"):
        require_file(tmp_path, Project(tmp_path))


def test_a_size_wins_over_the_side_car(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.with_suffix(".json").write_text("{}")  # is not even read
    source = source_to_score(file, Project(tmp_path), None, "8x9", "skip")
    assert source.format.parameters == {"size": [8, 9]}
    assert source.data.on_empty == "skip"
    with pytest.raises(UsageError, match="side-car"):
        source_to_score(file, Project(tmp_path), None, None, None)
