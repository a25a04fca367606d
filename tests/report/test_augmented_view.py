"""What is shown of an augmentation is what the training does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.report.data_contests import boxes, write_coco, write_recipe
from tests.report.html_page import Page
from tests.report.test_pseudo_page import decoded
from tests.workspaces import workspace_in
from toolkit.cli.main import run
from toolkit.data.contest import open_contest
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.train.batches import Batches, open_batches
from toolkit.train.distributed import World

SIZE = (40, 60)
JPEG = 6
"""Grey levels by which a small picture may differ from its pixels, on average."""
RECIPE = """
seed = 3
train.batch_size = 4
train.device_batch_size = 2
[[augment.train]]
name = "hflip"
p = 0.5
[[augment.train]]
name = "one_of"
of = [{ name = "vflip" }, { name = "brightness", limit = 0.4 }]
[[augment.train]]
name = "rotate"
limit = 0.0
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    masks = [boxes((1 + row % 3, 0, 0, 20, 30), size=SIZE) for row in range(9)]
    for name in ("train", "val"):
        write_coco(tmp_path, name, masks, seed=len(name))
    return tmp_path


def recipe(project: Path, more: str = "") -> None:
    write_recipe(
        project, project, 'val = "val.json"\nimage_size = [40, 60]\nworkers = 0', RECIPE + more
    )


def augmented(*more: str) -> Page:
    assert run(["data", "view", "odd", "--augmented", *more]) == 0
    return Page(Path("reports/odd.augmented.html"))


def batches(project: Path) -> Batches:
    loaded = load_recipe(Path("odd"), project=Project(project))
    workspace = workspace_in(Project(project))
    contest = open_contest(workspace, loaded.recipe.data)
    return open_batches(
        workspace,
        loaded.recipe,
        contest,
        cache=project / "cache",
        world=World(),
        pretrained=False,
    )


def samples(page: Page) -> list[tuple[str, str]]:
    """(name, picture) of all samples on the page."""
    start = "sample of "
    images = [each for each in page.all("img") if each["alt"].startswith(start)]
    return [(each["alt"].removeprefix(start), each["src"]) for each in images]


def pictures(page: Page, name: str) -> list[NDArray[Any]]:
    return [decoded(source) for each, source in samples(page) if each == name]


def test_every_step_is_shown_alone_on_the_same_images(project: Path) -> None:
    recipe(project)
    page = augmented("--limit", "2")
    titles = [text for text in page.text if re.match(r"\d\. ", text)]
    assert titles == ["1. hflip", "2. one_of", "3. rotate"]
    assert "applied to 50% of the samples; of = [vflip, brightness (limit = 0.4)]" in page.text
    alts = [name for name, _ in samples(page)]
    first, second = alts[:2]
    assert alts[:8] == [first, second] * 4
    loaded, flipped, _, rotated = pictures(page, first)[:4]
    difference = np.abs(loaded.astype(int) - flipped[:, ::-1].astype(int))
    assert difference.mean() < JPEG  # JPEG; the flip itself is applied whatever its probability
    assert np.abs(loaded.astype(int) - flipped.astype(int)).mean() > 3 * JPEG
    np.testing.assert_array_equal(loaded, rotated)
    assert sum("not changed" in text for text in page.text) == 2
    again = pictures(augmented("--limit", "2"), first)[:4]
    np.testing.assert_array_equal(again[2], pictures(page, first)[2])


def test_the_first_batch_is_that_of_the_training(project: Path) -> None:
    recipe(project)
    page = augmented("--limit", "1")
    opened = batches(project)
    opened.train.set_epoch(1)
    parts = [part for part, _ in zip(opened.train, range(2), strict=False)]
    names = [opened.train_names[row] for part in parts for row in part.indices.tolist()]
    images = [image for part in parts for image in part.images.permute(0, 2, 3, 1).numpy()]
    shown = samples(page)[4:]
    assert [name for name, _ in shown] == names
    for (_, source), image in zip(shown, images, strict=True):
        picture = decoded(source)[..., ::-1]
        assert np.abs(picture.astype(int) - image.astype(int)).mean() < JPEG
    assert "Epoch 1, step 1" in page.text


def test_a_batch_of_each_mix_is_shown(project: Path) -> None:
    never = '[[augment.mix]]\nname = "mixup"\np = 0.0\n'
    recipe(project, f'{never}[[augment.mix]]\nname = "cutmix"\np = 1.0\n')
    page = augmented("--limit", "1")
    assert "Epoch 1, step 1: mixed by cutmix" in page.text
    assert "The mix mixup is in no batch of the first three epochs." in page.text
    assert not [each for each in page.all("img") if "second-labels" in each.get("class", "")]
    assert "second" not in [each["value"] for each in page.all("option")]


def test_mixup_tells_what_the_second_labels_count_for(project: Path) -> None:
    recipe(project, '[[augment.mix]]\nname = "mixup"\np = 1.0\n')
    page = augmented("--limit", "1")
    batch = batches(project).train.step(1, 0)
    assert batch.second_masks is not None
    layers = [each for each in page.all("img") if "second-labels" in each.get("class", "")]
    assert len(layers) == 4
    for layer, mask in zip(layers, batch.second_masks.numpy(), strict=True):
        np.testing.assert_array_equal(decoded(layer["src"])[..., 3] > 0, mask > 0)
    assert any(f"count for {batch.share:.0%} of the loss" in text for text in page.text)


def test_objects_are_pasted_as_in_training_and_crops_are_parts(
    project: Path, demo_root: Path
) -> None:
    rest = 'train.batch_size = 4\n[[augment.train]]\nname = "object_mix"\np = 1.0\n[objects]\n'
    write_recipe(
        project, demo_root, 'val = "val.json"\nimage_size = [64, 64]', f"{rest}min_area = 10\n"
    )
    page = augmented("--limit", "4")
    assert "1. object_mix" in page.text
    assert sum("not changed" in text for text in page.text) < 4
    recipe(project)
    crops = "[data.crops]\nscale = [1.0, 1.0]\n"
    write_recipe(project, project, f'val = "val.json"\nimage_size = [20, 24]\n{crops}', RECIPE)
    page = augmented("--limit", "2")
    assert "(a part of each photo)" in " ".join(page.text)
    assert {each["width"] for each in page.all("img") if "width" in each} == {"24"}


def test_validation_images_are_not_augmented(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe(project)
    assert run(["data", "view", "odd", "--augmented", "--split", "val"]) == 2
    assert "val images are not augmented" in capsys.readouterr().err


def test_a_page_of_steps_has_a_few_images(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe(project)
    assert run(["data", "view", "odd", "--augmented", "--limit", "25"]) == 2
    assert "each step is shown on at most 24 images, not on 25" in capsys.readouterr().err
