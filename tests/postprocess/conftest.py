from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.postprocess.photos import Pair, load, open_photos


@pytest.fixture(scope="session")
def photo(
    taco_root: Path, bags_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Pair]:
    """(contest, position, size) -> probabilities and image of a real photo."""
    project = tmp_path_factory.mktemp("project")
    roots = {"taco": taco_root, "bags": bags_root}
    contests = {name: open_photos(root, project) for name, root in roots.items()}
    return lambda name, position, size=None: load(contests[name], position, size)
