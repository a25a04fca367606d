"""Native crops through the command, as a user meets them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.tiny_project import workspace_of
from toolkit.cli.main import run
from toolkit.data.contest import open_contest
from toolkit.data.masks import paint_mask
from toolkit.metrics.confusion import count_image
from toolkit.metrics.scores import build_metrics, score_counts
from toolkit.plugin.discovery import load_registry
from toolkit.predict.member import load_member
from toolkit.predict.predictor import predict_split
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.load import load_recipe

CROPS = """
extends = "tiny.toml"

[data]
image_size = [40, 24]

[data.crops]
"""


@pytest.fixture
def cropped(project: Project) -> Project:
    (project.recipes / "cropped.toml").write_text(CROPS)
    return project


def test_a_network_of_crops_is_predicted_in_tiles(
    cropped: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """A single 1 x 1 convolution sees no edges: windows and blended tiles say the same."""
    assert run(["recipe", "run", "cropped"]) == 0
    assert "validation" in capsys.readouterr().out
    assert "tile" in (cropped.runs / "cropped-001" / "recipe.toml").read_text()
    record = json.loads((cropped.submissions / "cropped-001.json").read_text())
    assert [member["views"] for member in record["members"]] == ["tile"]
    assert run(["submission", "check", "submissions/cropped-001.csv"]) == 0
    registry = load_registry(cropped)
    member = load_member(cropped.runs / "cropped-001" / "best.pt", registry, torch.device("cpu"))
    assert member.views.text == "tile"
    val = open_contest(workspace_of(cropped), member.recipe.data).val
    store = predict_split(member, val, cache=cropped.cache, store="f32", progress=SilentProgress())
    counts = []
    for row, record in enumerate(val.images):
        labels = store.read(row).argmax(0).astype(np.uint8)
        mask = paint_mask(record, val.labels, "max-id", 255)
        counts.append(count_image(labels, mask, len(val.labels.class_names), 255))
    metrics = build_metrics(registry, None, member.context)
    tiled = score_counts(np.stack(counts), metrics).mean_iou
    assert tiled == pytest.approx(member.checkpoint.scores["val_miou"], abs=1e-4)


def test_the_way_to_predict_can_be_changed_but_not_to_resized_photos(
    cropped: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    def views(*settings: str) -> str:
        options = [f"predict.{each}" for each in settings]
        path = cropped.recipes / "cropped.toml"
        return load_recipe(path, project=cropped, set_=options).recipe.predict.views

    assert views() == "tile"
    assert views("batch_size=3") == "tile"
    assert views("views='tile,overlap=0.5:hflip'") == "tile,overlap=0.5:hflip"
    assert run(["recipe", "check", "cropped", "--set", "predict.views='max:hflip*rot90'"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "predict.views max:hflip*rot90 resizes whole photos" in told
    assert "Write tile,max:hflip*rot90" in told
    plain = load_recipe(cropped.recipes / "tiny.toml", project=cropped)
    assert plain.recipe.predict.views == "none"


@pytest.mark.parametrize(
    ("lines", "settings", "where", "message"),
    [
        ("scale = [2.0, 0.5]\n", [], "cropped.toml:8 data.crops.scale", "2 is above 0.5"),
        ("[pseudo]\nsoft = true\n", [], "cropped.toml:9 pseudo.soft", "Set pseudo.soft = false"),
        (
            '[[augment.train]]\nname = "object_mix"\n',
            ["objects.min_area=20"],
            "cropped.toml:7 data.crops",
            "cannot be pasted into native crops",
        ),
    ],
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_what_cannot_go_with_crops_is_refused_before_anything_is_done(
    command: str,
    lines: str,
    settings: list[str],
    where: str,
    message: str,
    cropped: Project,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (cropped.recipes / "cropped.toml").write_text(CROPS + lines)
    options = [word for each in settings for word in ("--set", each)]
    assert run(["recipe", command, "cropped", *options]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert message in told
    assert where in told
    assert not cropped.runs.exists()


def test_pseudo_labelled_photos_are_cropped_as_real_ones(cropped: Project) -> None:
    (cropped.recipes / "self.toml").write_text(
        'extends = "cropped.toml"\n[pseudo]\nmix = "ratio"\n[train]\nepochs = 1\n'
    )
    assert run(["recipe", "run", "self"]) == 0
    assert (cropped.runs / "self-001" / "best.pt").is_file()


def test_crops_are_tried_on_the_demo(cropped: Project) -> None:
    assert run(["recipe", "run", "cropped", "--smoke"]) == 0


def test_weights_of_crops_are_not_averaged(
    cropped: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "cropped", "--set", "train.epochs=1"]) == 0
    best = "runs/cropped-001/best.pt"
    assert run(["ensemble", "average", best, best, "-o", "mean.pt"]) == 2
    assert "trained on native crops" in " ".join(capsys.readouterr().err.split())
