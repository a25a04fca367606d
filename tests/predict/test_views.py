from __future__ import annotations

import pytest
import torch

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
    "text", [*SEEN, "none", "hflip*rot90", "rot90*hflip", "hflip*rot90*rot180"]
)
def test_every_product_is_undone_exactly(text: str, registry: Registry) -> None:
    images = torch.rand(2, 5, 33, 48)
    for view in parse_views(text, registry).views:
        assert torch.equal(view.inverse(view.forward(images)), images)


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
    ],
)
def test_equal_transforms_are_kept_once(text: str, count: int, registry: Registry) -> None:
    assert len(parse_views(text, registry)) == count


def test_digest_tells_effects_apart(registry: Registry) -> None:
    texts = ["none", "hflip", "vflip", "hflip*rot90", "rot90*hflip"]
    assert len({parse_views(text, registry).digest for text in texts}) == len(texts)
    assert (
        parse_views("hflip*vflip", registry).digest == parse_views(" hflip *vflip", registry).digest
    )


def test_unknown_view_names_the_nearest(registry: Registry) -> None:
    with pytest.raises(UsageError, match="hflp") as caught:
        parse_views("rot90*hflp", registry)
    assert "hflip" in caught.value.hint


@pytest.mark.parametrize("text", ["", "hflip*", "*", "none*hflip"])
def test_incomplete_products_are_refused(text: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match="not a product of views"):
        parse_views(text, registry)
