from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.predict.views import parse_views

# What each view does to one pixel position, written out for a 2 x 3 picture.
PICTURE = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
SEEN = {
    "hflip": [[3, 2, 1], [6, 5, 4]],
    "vflip": [[4, 5, 6], [1, 2, 3]],
    "rot90": [[3, 6], [2, 5], [1, 4]],
    "rot180": [[6, 5, 4], [3, 2, 1]],
    "rot270": [[4, 1], [5, 2], [6, 3]],
    "transpose": [[1, 4], [2, 5], [3, 6]],
}


@pytest.mark.parametrize("name", SEEN)
def test_view_moves_pixels_as_its_name_says(name: str, registry: Registry) -> None:
    view = registry.build("view", ComponentSpec(name=name), Context(class_names=()))
    seen = view.forward(PICTURE.expand(2, 3, 2, 3))
    assert torch.equal(seen, torch.tensor(SEEN[name]).float().expand(2, 3, *seen.shape[-2:]))


@pytest.mark.parametrize(
    "text", [*SEEN, "none", "hflip*rot90", "rot90*hflip", "hflip*rot90*rot180", "d4*shift8+shift24"]
)
def test_every_product_is_undone_exactly(text: str, registry: Registry) -> None:
    images = torch.rand(2, 5, 33, 48)
    for view in parse_views(text, registry).views:
        assert torch.equal(view.inverse(view.forward(images), (33, 48)), images)


def test_products_multiply_identity_and_view(registry: Registry) -> None:
    views = parse_views("hflip*rot90", registry).views
    seen = [view.forward(PICTURE[None, None])[0, 0].tolist() for view in views]
    both = [[1, 4], [2, 5], [3, 6]]  # mirrored first, then turned: the transpose
    assert seen == [PICTURE.tolist(), SEEN["hflip"], SEEN["rot90"], both]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("none", 1),
        ("hflip", 2),
        ("hflip*rot90", 4),
        ("hflip * vflip", 4),
        ("hflip*hflip", 2),
        ("rot90*rot270", 3),
        ("hflip*vflip*rot180", 4),
        ("hflip*rot90*rot180", 8),
        ("hflip*vflip*rot90*rot180*rot270*transpose", 8),
        ("d4", 8),
        ("d4*hflip", 8),
        ("d4+scale0.75", 9),
        ("hflip+vflip", 3),
        ("hflip*scale0.75+scale1.25", 6),
        ("scale0.5+scale0.75+scale1.25+scale1.5+scale1.75+scale2", 7),
        ("shift8+shift16+shift24", 4),
        ("shift8*scale0.5", 4),
        ("builtin:hflip*hflip", 2),
    ],
)
def test_equal_transforms_are_kept_once(text: str, count: int, registry: Registry) -> None:
    assert len(parse_views(text, registry)) == count


def test_digest_tells_effects_apart(registry: Registry) -> None:
    texts = [
        "none",
        "hflip",
        "vflip",
        "hflip*rot90",
        "rot90*hflip",
        "geometric:hflip",
        "max:hflip",
        "tile:hflip",
        "tile,overlap=0.5:hflip",
        "scale0.75",
        "scale1.5",
        "scale1.75",
        "shift8",
        "scale0.5*shift8",
        "shift8*scale0.5",
    ]
    assert len({parse_views(text, registry).digest for text in texts}) == len(texts)
    assert (
        parse_views("hflip*vflip", registry).digest == parse_views(" hflip *vflip", registry).digest
    )


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("none", "42f37f2037130ebed14cbbfb29062421"),
        ("hflip", "f5c591b5c48c73013453931561592df5"),
        ("rot90", "f2907ba291d0c97321d3f7acf07ad7fd"),
        ("hflip*rot90", "34cbc378d9126f2aeb4bb682012d9a82"),
        ("hflip*vflip*rot90", "f456f9c8440c3bb28b2ab6a279a06f24"),
        ("hflip*rot90*rot180", "0a46b3ecf68166f63f86813104b75457"),
    ],
)
def test_stores_of_earlier_versions_are_found_again(
    text: str, digest: str, registry: Registry
) -> None:
    views = parse_views(text, registry)
    assert (views.text, views.digest) == (text, digest)


def test_d4_is_short_for_its_product(registry: Registry) -> None:
    short, long = parse_views("d4", registry), parse_views("hflip*rot90*rot180", registry)
    assert short.views == long.views
    assert short.digest == long.digest


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["shift8", "shift24*hflip", "d4*shift16", "shift8*rot90"]),
    st.sampled_from([(64, 96), (96, 32), (160, 96)]),
    st.sampled_from([2, 4, 8]),
)
def test_shifts_are_undone_on_coarser_maps(
    registry: Registry, text: str, size: tuple[int, int], stride: int
) -> None:
    # Places are the same function of the image at every resolution.
    rows, columns = torch.arange(float(size[0])), torch.arange(float(size[1]))
    places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]
    for view in parse_views(text, registry).views:
        seen = view.forward(torch.cat([places, places[:, :1]], 1))[:, :2]
        back = view.inverse(functional.avg_pool2d(seen, stride), size)
        whole = functional.interpolate(back, size, mode="bilinear")
        inside = (..., slice(stride, -stride), slice(stride, -stride))
        torch.testing.assert_close(whole[inside], places[inside], atol=1e-3, rtol=0)


def test_scales_before_shifts_are_undone_at_the_scaled_size(registry: Registry) -> None:
    rows, columns = torch.arange(128.0), torch.arange(192.0)
    places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]
    for text in ("shift8*scale0.75", "scale0.75*shift8", "d4*scale1.5*shift24"):
        for view in parse_views(text, registry).views:
            seen = view.forward(torch.cat([places, places[:, :1]], 1))[:, :2]
            whole = functional.interpolate(
                view.inverse(seen, (128, 192)), (128, 192), mode="bilinear"
            )
            inside = (..., slice(4, -4), slice(4, -4))
            torch.testing.assert_close(whole[inside], places[inside], atol=0.5, rtol=0)


def test_unknown_view_names_the_nearest(registry: Registry) -> None:
    with pytest.raises(UsageError, match="hflp") as caught:
        parse_views("rot90*hflp", registry)
    assert "hflip" in caught.value.hint


@pytest.mark.parametrize("text", ["", "hflip*", "*", "none*hflip"])
def test_incomplete_products_are_refused(text: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match="not a product of views"):
        parse_views(text, registry)
