"""A recipe and a side-car for files of the demo contest."""

from __future__ import annotations

from pathlib import Path

from tests.workspaces import open_truth
from toolkit.files import file_digest
from toolkit.plugin.component import ComponentSpec
from toolkit.submission.side_car import SideCar, write_side_car

SIZE = (32, 32)


def write_recipe(project: Path, demo_root: Path, size: tuple[int, int] = SIZE) -> None:
    (project / "recipes" / "demo.toml").write_text(
        f"""
[data]
root = "{demo_root.as_posix()}"
test = "test.json"
[model]
name = "unet"
[loss]
name = "cross_entropy"
[submission]
name = "mask_string"
size = [{size[0]}, {size[1]}]
"""
    )


def add_side_car(path: Path, demo_root: Path) -> None:
    split = open_truth(demo_root / "test_truth.json")
    write_side_car(
        path,
        SideCar(
            file=path.name,
            digest=file_digest(path),
            n_rows=5,
            format=ComponentSpec(name="mask_string", size=list(SIZE)),  # type: ignore[call-arg]
            test=str(demo_root / "test.json"),
            sample_submission=None,
            class_names=split.labels.class_names,
            overlap="max-id",
            class_shares=(),
            members=(),
            combine=ComponentSpec(name="mean"),
            postprocess=(),
            validation=None,
            score=None,
            created="2026-11-02T10:00:00+00:00",
            command="",
            versions={},
        ),
    )
