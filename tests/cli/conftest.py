from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.two_checkpoints import two_checkpoints
from tests.workspaces import open_truth
from toolkit.data.masks import paint_mask
from toolkit.data.resize import Sampling
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.submission.check import check_submission
from toolkit.submission.record import make_file_side_car
from toolkit.submission.side_car import side_car_path, write_side_car
from toolkit.submission.spec import SpecSource, expect
from toolkit.workspace import Workspace

__all__ = ["two_checkpoints"]

Labels = NDArray[np.uint8]
SIZE = (32, 32)


@dataclass
class Desk:
    """A project with submissions of the demo contest."""

    root: Path
    demo: Path
    registry: Registry

    @property
    def class_names(self) -> tuple[str, ...]:
        return open_truth(self.demo / "test_truth.json").labels.class_names

    def truth(self) -> dict[str, Labels]:
        split = open_truth(self.demo / "test_truth.json")
        return {
            record.file_name: Sampling(SIZE)(
                paint_mask(record, split.labels, split.overlap, split.ignore_index)
            )
            for record in split.images
        }

    def noisy(self, seed: int, share: float = 0.2) -> dict[str, Labels]:
        """The truth with a share of the pixels replaced."""
        rng = np.random.default_rng(seed)
        n_classes = len(self.class_names)
        return {
            name: np.where(
                rng.random(SIZE) < share, rng.integers(n_classes, size=SIZE), labels
            ).astype(np.uint8)
            for name, labels in self.truth().items()
        }

    def write(
        self, name: str, maps: Mapping[str, Labels], format_: str = "mask_string", **parameters: Any
    ) -> str:
        """Write a file without a side-car and return its path as a user types it."""
        spec = ComponentSpec(name=format_, **({"size": list(SIZE)} | parameters))
        built = self.registry.build("submission_format", spec, Context(self.class_names))
        path = self.root / "submissions" / name
        with path.open("wb") as file:
            built.write(file, maps.items())
        return f"submissions/{name}"

    def submit(
        self,
        name: str,
        maps: Mapping[str, Labels],
        format_: str = "mask_string",
        changes: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> str:
        """Write a file with a side-car, whose values may be changed."""
        file = self.write(name, maps, format_, **parameters)
        spec = ComponentSpec(name=format_, **({"size": list(SIZE)} | parameters))
        source = SpecSource(
            Data(root=".", test=str(self.demo / "test.json"), classes=self.class_names[1:]),
            spec,
            str(self.demo),
        )
        workspace = Workspace(Project(self.root), self.registry, SilentProgress())
        expected = expect(workspace, source)
        path = self.root / file
        n_classes = len(self.class_names)
        report = check_submission(path, expected.format, expected.image_ids, n_classes)
        side_car = make_file_side_car(workspace, path, source, expected, report)
        write_side_car(path, side_car)
        self.change(file, **(changes or {}))
        return file

    def change(self, file: str, **values: Any) -> None:
        """Put other values into a side-car."""
        path = side_car_path(self.root / file)
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    def side_car(self, file: str) -> Any:
        return json.loads(side_car_path(self.root / file).read_text())

    def files(self) -> set[str]:
        return {path.name for path in (self.root / "submissions").iterdir()}


@pytest.fixture
def desk(
    tmp_path: Path, demo_root: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    for folder in ("recipes", "submissions"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, demo_root, registry)
