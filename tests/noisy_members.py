from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workspaces import workspace_in
from toolkit.data.contest import Contest, open_contest
from toolkit.data.masks import paint_mask
from toolkit.data.resize import Sampling
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.search.held_out import HeldOut, HeldOutPart

SIZE = (24, 20)


@dataclass(frozen=True)
class ArrayMaps:
    """A store in memory."""

    class_names: tuple[str, ...]
    file_names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    maps: tuple[NDArray[np.float32], ...]

    def read(self, position: int) -> NDArray[np.float32]:
        return self.maps[position].copy()


@pytest.fixture
def contest(demo_root: Path) -> Contest:
    data = Data(root=str(demo_root), val="val.json")
    return open_contest(workspace_in(Project(demo_root)), data)


@pytest.fixture
def make_held_out(contest: Contest, tmp_path: Path) -> Callable[..., HeldOut]:
    """Members that see the truth through noise of their own, `noise` of them each."""

    def make(*noise: float, seed: int = 0) -> HeldOut:
        split = contest.val
        rng = np.random.default_rng(seed)
        masks = [
            paint_mask(record, split.labels, split.overlap, split.ignore_index)
            for record in split.images
        ]
        sizes = tuple((record.height, record.width) for record in split.images)

        def maps(spread: float) -> tuple[NDArray[np.float32], ...]:
            found = []
            for mask in masks:
                truth = np.eye(len(contest.class_names))[mask].transpose(2, 0, 1)
                logits = 2 * truth + rng.normal(0, spread, truth.shape)
                exponentials = np.exp(logits)
                found.append((exponentials / exponentials.sum(0)).astype(np.float32))
            return tuple(found)

        stores = tuple(
            ArrayMaps(contest.class_names, split.file_names, sizes, maps(spread))
            for spread in noise
        )
        return HeldOut(
            [HeldOutPart(split, stores)], Sampling(SIZE), tmp_path / "cache", SilentProgress()
        )

    return make
