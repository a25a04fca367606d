from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional

from toolkit.predict.merge import merge_views
from toolkit.recipe.views import MERGES, Merge


def slow(views: list[NDArray[np.float64]], merge: Merge) -> NDArray[np.float64]:
    """One pixel at a time, by the definitions: of probabilities (C,) of every view."""
    n_classes, height, width = views[0].shape
    found = np.empty(views[0].shape)
    for y in range(height):
        for x in range(width):
            probabilities = []
            for view in views:
                grown = [np.exp(value) for value in view[:, y, x]]
                probabilities.append([value / sum(grown) for value in grown])
            for label in range(n_classes):
                own = [each[label] for each in probabilities]
                if merge == "mean":
                    found[label, y, x] = sum(own) / len(own)
                elif merge == "max":
                    found[label, y, x] = max(own)
                else:
                    found[label, y, x] = np.prod(own) ** (1 / len(own))
            found[:, y, x] /= sum(found[:, y, x])
    return found


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(MERGES),
    st.integers(1, 4),
    st.integers(2, 5),
    st.floats(0.1, 8),
    st.integers(0, 2**32 - 1),
)
def test_merges_equal_their_definitions(
    merge: Merge, n_views: int, n_classes: int, spread: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    views = [spread * rng.standard_normal((n_classes, 3, 4)) for _ in range(n_views)]
    logits = [torch.from_numpy(view.astype(np.float32)) for view in views]
    before = [each.clone() for each in logits]
    found = merge_views(logits, (3, 4), merge)
    np.testing.assert_allclose(found.numpy(), slow(views, merge), atol=2e-5)
    assert all(torch.equal(old, new) for old, new in zip(before, logits, strict=True))


def test_geometric_is_the_softmax_of_the_resized_mean_of_logits() -> None:
    logits = [3 * torch.randn(4, 5, 7) for _ in range(3)]
    mean = torch.stack(logits).mean(0)
    resized = functional.interpolate(mean[None], (20, 28), mode="bilinear", align_corners=False)
    torch.testing.assert_close(merge_views(logits, (20, 28), "geometric"), resized[0].softmax(0))


@pytest.mark.parametrize("merge", MERGES)
def test_views_of_several_resolutions_meet_at_the_size_of_the_map(merge: Merge) -> None:
    # Maps that are the same everywhere have nothing that resizing could change.
    values = torch.tensor([[1.0, 0.0, -1.0], [0.0, 2.0, 0.5]])
    sizes = [(4, 6), (3, 5)]
    logits = [row[:, None, None].expand(3, *size) for row, size in zip(values, sizes, strict=True)]
    found = merge_views(logits, (8, 9), merge)
    expected = slow([row.double().numpy()[:, None, None] for row in values], merge)
    np.testing.assert_allclose(found.numpy(), np.broadcast_to(expected, (3, 8, 9)), atol=1e-6)


@pytest.mark.parametrize("merge", MERGES)
def test_what_is_not_finite_stays_visible(merge: Merge) -> None:
    logits = [torch.zeros(2, 1, 1), torch.full((2, 1, 1), float("nan"))]
    assert merge_views(logits, (1, 1), merge).isnan().all()
