from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.predict.members import MemberRef
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.submission.options import (
    component_text,
    default_output,
    parse_component,
    with_options,
)


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("smooth", "smooth", {}),
        ("lab:smooth", "lab:smooth", {}),
        ("smooth:sigma=2.0", "smooth", {"sigma": 2.0}),
        ("lab:smooth:sigma=2.0", "lab:smooth", {"sigma": 2.0}),
        ("dense_crf:preset=deeplab,iterations=5", "dense_crf", {"preset": "deeplab", "iterations": 5}),
        ("x:a=[1, 2],b='q,r'", "x", {"a": [1, 2], "b": "q,r"}),
        (
            'class_bias:factors={"Plastic bag" = 1.5, Paper = 0.9}',
            "class_bias",
            {"factors": {"Plastic bag": 1.5, "Paper": 0.9}},
        ),
    ],
)  # fmt: skip
def test_a_component_is_read(text: str, name: str, parameters: dict[str, Any]) -> None:
    assert parse_component(text) == ComponentSpec(name=name, **parameters)


@pytest.mark.parametrize("text", ["smooth:sigma=2.0,x", "smooth:=3", "smooth:sigma=1,,a=2"])
def test_a_parameter_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no KEY=VALUE"):
        parse_component(text)


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


words = st.text(st.sampled_from("abc xyz,=:'\"[]{}é"), max_size=8)
values = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.floats(-9, 9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@given(
    parameters=st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), values, max_size=3)
)
def test_what_is_written_is_read_again(parameters: dict[str, Any]) -> None:
    parameters.pop("name", None)
    spec = ComponentSpec(name="lab:thing", **parameters)
    assert parse_component(component_text(spec)) == spec


def test_two_submissions_of_one_second_have_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Stopped:
            return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr("toolkit.submission.options.datetime", Stopped)
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
