from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.component_text import component_text, parse_component


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("smooth", "smooth", {}),
        ("lab:smooth", "lab:smooth", {}),
        ("smooth:sigma=2.0", "smooth", {"sigma": 2.0}),
        ("lab:smooth:sigma=2.0", "lab:smooth", {"sigma": 2.0}),
        ("crf:preset=deeplab,iterations=5", "crf", {"preset": "deeplab", "iterations": 5}),
        ("x:a=[1, 2],b='q,r'", "x", {"a": [1, 2], "b": "q,r"}),
        (
            'class_bias:factors={"Plastic bag" = 1.5, Paper = 0.9}',
            "class_bias",
            {"factors": {"Plastic bag": 1.5, "Paper": 0.9}},
        ),
    ],
)
def test_a_component_is_read(text: str, name: str, parameters: dict[str, Any]) -> None:
    assert parse_component(text) == ComponentSpec(name=name, **parameters)


@pytest.mark.parametrize("text", ["smooth:sigma=2.0,x", "smooth:=3", "smooth:sigma=1,,a=2"])
def test_a_parameter_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not KEY=VALUE"):
        parse_component(text)


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
