from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.miou import MIOU
from toolkit.errors import UsageError
from toolkit.metrics.checked import checked
from toolkit.metrics.scores import Metrics
from toolkit.plugin.registry import Registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.search.held_out import HeldOut
from toolkit.search.search import Effort, Search, search, way_names
from toolkit.workspace import Workspace

Make = Callable[..., HeldOut]


def _search(held_out: HeldOut, registry: Registry, folder: Path, **effort: int) -> Search:
    workspace = Workspace(Project(folder), registry, SilentProgress())
    names = [f"m{member}" for member in range(held_out.n_members)]
    metrics = Metrics("miou", {"miou": checked("miou", MIOU)}, held_out.class_names)
    found = search(workspace, held_out, names, Effort(rounds=3, **effort), metrics)
    assert [way.name for way in found.ways] == way_names(names)
    return found


@pytest.mark.parametrize("noise", [(1.0,), (1.0, 2.0), (1.0, 1.5, 2.0)])
def test_every_way_is_tried_with_any_number_of_members(
    noise: tuple[float, ...], make_held_out: Make, registry: Registry, tmp_path: Path
) -> None:
    found = _search(make_held_out(*noise), registry, tmp_path, folds=2, repeats=1)
    assert found.ways[0].members == tuple(range(len(noise)))
    assert not any(way.is_fitted for way in found.ways[: len(noise)])
    assert not list(Project(tmp_path).cache.glob("search-*"))


def _only(held_out: HeldOut, labelled: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    mask = held_out.mask

    def blanked(image: int) -> NDArray[np.uint8]:
        found = mask(image)
        return found if image in labelled else np.full_like(found, held_out.ignore_index)

    monkeypatch.setattr(held_out, "mask", blanked)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_parts_without_a_labelled_pixel_are_no_obstacle(
    make_held_out: Make, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = make_held_out(1.0, 2.0)
    _only(held_out, {2}, monkeypatch)
    # More folds than images: the one labelled image is left out once, and nothing is fitted to.
    found = _search(held_out, registry, tmp_path, folds=50, repeats=1)
    for way in found.ways:
        assert math.isfinite(way.scored.honest_score)
        for numbers in way.ensemble.parameters.values():
            assert np.isfinite(numbers).all()
    # Without a pixel to fit to, stacking is the geometric mean.
    figures = {way.name: way.scored.honest_score for way in found.ways}
    assert figures["stacking"] == pytest.approx(figures["geometric of all"])


def test_no_labelled_pixel_at_all_is_said(
    make_held_out: Make, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = make_held_out(1.0, 2.0)
    _only(held_out, set(), monkeypatch)
    with pytest.raises(UsageError, match="no pixel of the held-out images is labelled"):
        _search(held_out, registry, tmp_path)
