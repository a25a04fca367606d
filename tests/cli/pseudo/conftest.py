from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workspaces import workspace_in
from toolkit.data.contest import open_contest
from toolkit.data.masks import paint_mask
from toolkit.formats.mask_string import MaskString
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import load_registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.pseudo.exchange import make_label_set_from_file
from toolkit.pseudo.label_set import LabelSet
from toolkit.recipe.schema import Data, Pseudo, Recipe
from toolkit.workspace import Workspace

SIZE = (32, 32)


KEYS = ("0123aaaa", "0456bbbb")


@pytest.fixture
def label_sets(tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch) -> list[LabelSet]:
    """Two sets of the demo contest's test images, made from a file that lacks one of them."""
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    names = tmp_path / "names.txt"
    recipe = Recipe(
        data=Data(root=str(demo_root), val="val.json", test="test.json", truth="test_truth.json"),
        model=ComponentSpec(name="unet"),
        loss=ComponentSpec(name="cross_entropy"),
        submission=ComponentSpec(name="mask_string", size=list(SIZE)),  # type: ignore[call-arg]
        pseudo=Pseudo(
            select=(ComponentSpec(name="file_list", file=str(names), mode="drop"),)  # type: ignore[call-arg]
        ),
    )
    contest = open_contest(workspace_in(Project(tmp_path)), recipe.data)
    truth, test = contest.truth, contest.test
    assert truth is not None
    assert test is not None
    names.write_text(test.file_names[3] + "\n")
    rows = [
        (record.file_name, paint_mask(record, truth.labels, "max-id", 255))
        for record in truth.images[1:]
    ]
    with (tmp_path / "truth.csv").open("wb") as file:
        MaskString(SIZE, ("image_id", "PredictionString"), 12).write(file, rows)
    assert recipe.pseudo is not None
    workspace = Workspace(Project(tmp_path), load_registry(None), SilentProgress())
    made = []
    for moment, key in enumerate(KEYS):
        made.append(
            make_label_set_from_file(
                workspace,
                tmp_path / "truth.csv",
                test,
                recipe.pseudo,
                recipe,
                folder=tmp_path / ".trash" / "pseudo" / key,
                cache=tmp_path / ".trash",
                origin={"teachers": [f"teacher {moment}"]},
            )
        )
        os.utime(made[-1].folder / "index.json", (moment, moment))
    return made
