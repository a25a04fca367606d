from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import UsageError
from toolkit.predict.members import MemberRef
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.submission.submit_options import default_output, with_options


def test_none_leaves_out_the_recipe_s_postprocessors() -> None:
    project = Project(Path(__file__).parents[2])
    recipe = load_recipe(Path("hrnet_ocr_pseudo"), project=project).recipe
    assert [each.name for each in recipe.postprocess] == ["dense_crf"]
    assert with_options(recipe, postprocess=["none"]).postprocess == ()
    assert with_options(recipe, member_postprocess=["none"]).postprocess == recipe.postprocess
    replaced = with_options(recipe, postprocess=["min_area"]).postprocess
    assert [each.name for each in replaced] == ["min_area"]
    with pytest.raises(UsageError, match="--post none leaves postprocessors out, but others are"):
        with_options(recipe, postprocess=["none", "min_area"])


def test_two_submissions_of_one_second_have_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Stopped:
            return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr("toolkit.submission.submit_options.datetime", Stopped)
    choices = [MemberRef(tmp_path / "runs" / "a.b-001" / "best.pt")]
    found = []
    for suffix in (".csv", ".csv", ".zip"):  # the last one would share a side-car
        output = default_output(choices, Project(tmp_path), suffix)
        output.parent.mkdir(exist_ok=True)
        output.touch()
        output.with_suffix(".json").touch()
        found.append(output.name)
    first = "20260102T030405Z-a.b-001"
    assert found == [f"{first}.csv", f"{first}-2.csv", f"{first}-3.zip"]
