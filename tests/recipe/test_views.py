from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.plugin.registry import Registry
from toolkit.recipe.views import MERGES, Tiling, ViewPlan, check_view, read_views


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("none", ViewPlan()),
        (" none ", ViewPlan()),
        ("hflip", ViewPlan((("hflip",),))),
        ("hflip * rot90", ViewPlan((("hflip",), ("rot90",)))),
        ("hflip*scale0.75+scale1.25", ViewPlan((("hflip",), ("scale0.75", "scale1.25")))),
        ("mine:hflip*d4", ViewPlan((("mine:hflip",), ("d4",)))),
        ("geometric:hflip", ViewPlan((("hflip",),), "geometric")),
        ("max : hflip", ViewPlan((("hflip",),), "max")),
        ("geometric:mine:hflip", ViewPlan((("mine:hflip",),), "geometric")),
        ("mean:hflip", ViewPlan((("hflip",),))),
        ("tile", ViewPlan(tiling=Tiling())),
        ("tile:none", ViewPlan(tiling=Tiling())),
        ("tile:hflip", ViewPlan((("hflip",),), tiling=Tiling())),
        (
            "max, tile, scale=2, size=96x160, overlap=0.5: hflip",
            ViewPlan((("hflip",),), "max", Tiling((96, 160), 0.5, 2.0)),
        ),
        ("tile,overlap=.25", ViewPlan(tiling=Tiling())),
    ],
)
def test_texts_are_read(text: str, plan: ViewPlan) -> None:
    assert read_views(text) == plan


def test_one_view_has_nothing_to_merge() -> None:
    assert read_views("geometric:none") == ViewPlan()
    assert read_views("tile,max").text == "tile"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" hflip * rot90", "hflip*rot90"),
        ("mean:hflip", "hflip"),
        ("geometric , tile,overlap=0.50:d4", "tile,overlap=0.5,geometric:d4"),
        ("tile,scale=1.0,overlap=0.25:none", "tile"),
    ],
)
def test_equal_meanings_have_one_text(text: str, canonical: str) -> None:
    assert read_views(text).text == canonical


_NAMES = st.sampled_from(["hflip", "d4", "scale0.75", "mine:shift8", "x-y_z"])
_TILINGS = st.builds(
    Tiling,
    size=st.none() | st.tuples(st.integers(1, 16384), st.integers(1, 16384)),
    overlap=st.integers(0, 90).map(lambda percent: percent / 100),
    scale=st.integers(1, 1600).map(lambda percent: percent / 100),
)
_FACTORS = st.lists(st.lists(_NAMES, min_size=1, max_size=3).map(tuple), max_size=3).map(tuple)


@given(_FACTORS, st.sampled_from(MERGES), st.none() | _TILINGS)
def test_text_of_a_plan_is_read_as_that_plan(
    factors: tuple[tuple[str, ...], ...], merge: str, tiling: Tiling | None
) -> None:
    plan = ViewPlan(factors, merge if factors else "mean", tiling)  # type: ignore[arg-type]
    assert read_views(plan.text) == plan


@settings(max_examples=300)
@given(st.text("hflipnoetmax:+*,=0.5 x", max_size=24) | st.text(max_size=8))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found: ViewPlan | UsageError = read_views(text)
    except UsageError as error:
        found = error
    if isinstance(found, UsageError):
        assert found.message
        assert found.hint
    else:
        assert read_views(found.text) == found


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "not a product of views", "hflip*rot90"),
        ("hflip*", "not a product of views", "hflip*rot90"),
        ("hflip+*rot90", "not a product of views", "hflip*rot90"),
        ("none+hflip", "not a product of views", "hflip*rot90"),
        ("geometric:", "not a product of views", "hflip*rot90"),
        ("hflip,rot90", "not a product of views", "hflip*rot90"),
        ("hflip rot90", "not a product of views", "hflip*rot90"),
        ("tile;overlap=0.5", "not a product of views", "hflip*rot90"),
        ("tile,hflip", "'hflip' is not known", "geometric:hflip*rot90"),
        ("geometric,max:hflip", "geometric, max: only one of them may be given", "geometric:"),
        ("tile,tile:hflip", "tile, tile: only one of them may be given", "tile,"),
        ("overlap=0.5:hflip", "overlap without tile", "tile,overlap=0.5"),
        ("tile,overlop=0.5", "'overlop=0.5' is not known", "Did you mean overlap?"),
        ("tile,overlap", "'overlap' is not known", "overlap=0.5"),
        ("tile=2:hflip", "'tile=2' is not known", "overlap=0.5"),
        ("tile,geometrc:hflip", "'geometrc'", "Did you mean geometric?"),
        ("tile,overlap=1", "overlap=1: not a share from 0 to 0.9", "overlap=0.5"),
        ("tile,overlap=-0.1", "not a share", "overlap=0.5"),
        ("tile,overlap=half", "not a share", "overlap=0.5"),
        ("tile,scale=0", "not a factor above 0", "scale=0.5"),
        ("tile,scale=nan", "not a factor above 0", "scale=0.5"),
        ("tile,scale=17", "up to 16", "scale=0.5"),
        ("tile,size=512", "size=512: not a height and a width", "size=512x512"),
        ("tile,size=0x32", "not a height and a width", "size=512x512"),
        ("tile,size=20000x32", "of 1 to 16384 pixels", "size=512x512"),
        ("tile,size=³x32", "not a height and a width", "size=512x512"),
    ],
)
def test_mistakes_are_explained(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_views(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hflop", "Did you mean hflip?"),
        ("scale0.8", "Did you mean scale0.5?"),
        ("geometrc:hflip", "Did you mean geometric:hflip?"),
        ("tle:hflip", "Did you mean tile:hflip?"),
        ("geometric", "geometric:hflip*rot90"),
        ("tiles", "Did you mean tile?"),
        ("tile", "tile,overlap=0.5,geometric:hflip*rot90"),
        ("tile:hflip", "tile,overlap=0.5,geometric:hflip*rot90"),
        ("hflip:geometric", "Did you mean geometric:hflip?"),
        ("d4x", "Did you mean d4?"),
        ("builtin:hflop", "Did you mean builtin:hflip?"),
        ("quite else", "trash plugin list --kind view"),
    ],
)
def test_unknown_names_have_a_nearest(name: str, hint: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match="no view is called") as caught:
        check_view(name, registry)
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["d4", "hflip", "builtin:hflip", "scale2", "shift8"])
def test_known_names_pass(name: str, registry: Registry) -> None:
    check_view(name, registry)
