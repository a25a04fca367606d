from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from tests.workspaces import workspace_in
from toolkit.data.contest import Contest, open_contest
from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.data.resize import Sampling
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.experiment.execution.submit import SubmissionResult, submit
from toolkit.formats.mask_string import MaskString
from toolkit.metrics.confusion import count_image
from toolkit.metrics.scores import score_counts
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.postprocess.labels import argmax_labels
from toolkit.predict import member as member_module
from toolkit.predict.member import load_member
from toolkit.predict.members import MemberRef
from toolkit.predict.predictor import predict_split
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Recipe
from toolkit.submission.side_car import read_side_car, side_car_path
from toolkit.train.checkpoint import Checkpoint, save_checkpoint
from toolkit.workspace import Workspace

PLUGIN = """
import json
from pathlib import Path
from toolkit import Component, hookimpl

def tiny(context):
    from torch import nn
    return nn.Conv2d(3, context.n_classes, 3, padding=1)

class Broken:
    suffix, size = ".csv", (8, 8)
    def write(self, target, rows):
        for image_id, labels in rows:
            target.write(b"half a file")
    def read(self, path):
        yield "nothing", None

@hookimpl
def trash_models():
    return [Component("tiny", tiny, "A single convolution.")]

@hookimpl
def trash_submission_formats():
    return [Component("broken", lambda context: Broken(), "Writes what it cannot read.")]

@hookimpl
def trash_submission_written(path, side_car):
    Path(str(path) + ".seen").write_text(json.dumps(side_car["file"]))
"""


@dataclass
class World:
    project: Project
    registry: Registry
    contest: Contest
    recipe: Recipe

    def submit(self, members: list[Any], name: str = "out.csv", **options: Any) -> SubmissionResult:
        recipe = options.pop("recipe", self.recipe)
        return submit(
            Workspace(self.project, self.registry, SilentProgress()),
            members,
            recipe,
            options.pop("contest", self.contest),
            output=self.project.submissions / name,
            cache=self.project.cache,
            **options,
        )

    def checkpoint(
        self, name: str, seed: int, size: tuple[int, int] = (64, 64), **data: Any
    ) -> Path:
        path = self.project.root / f"{name}.pt"
        torch.manual_seed(seed)
        classes = data.pop("class_names", self.contest.class_names)
        recipe = self.recipe.model_dump(mode="json", exclude_defaults=True)
        recipe["data"] |= data
        save_checkpoint(
            path,
            Checkpoint(
                model_state=nn.Conv2d(3, len(classes), 3, padding=1).state_dict(),
                recipe=recipe,
                class_names=classes,
                image_size=size,
                mean=(0.1 * seed, 0.4, 0.5),
                std=(0.2, 0.3, 0.1 * seed),
                scores={},
                epoch=1,
            ),
        )
        return path


@pytest.fixture
def world(tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    project = Project(tmp_path)
    (tmp_path / "recipes").mkdir()
    project.plugins.mkdir()
    (project.plugins / "tiny_net.py").write_text(PLUGIN)
    registry = load_registry(project)
    assert not registry.failures
    values = {
        "data": {
            "root": str(demo_root),
            "val": "val.json",
            "test": "test.json",
            "truth": "test_truth.json",
            "image_size": [64, 64],
        },
        "model": {"name": "tiny"},
        "loss": {"name": "cross_entropy"},
        "predict": {"store": "f32"},
        "submission": {"name": "mask_string", "size": [32, 32]},
    }
    recipe = Recipe.model_validate_json(json.dumps(values))
    contest = open_contest(workspace_in(project), recipe.data)
    yield World(project, registry, contest, recipe)
    load_registry(Project(tmp_path / "nowhere"))


def labels_of(world: World, split: Split, members: list[tuple[Path, float]]) -> list[Any]:
    """Weighted mean over all members at once, argmax, every second pixel."""
    maps = []
    for path, weight in members:
        member = load_member(path, world.registry, torch.device("cpu"))
        store = predict_split(
            member,
            split,
            cache=world.project.root / "other",
            store="f32",
            progress=SilentProgress(),
        )
        maps.append([weight * store.read(row).astype(np.float64) for row in range(len(split))])
    labels = [np.argmax(sum(each), axis=0) for each in zip(*maps, strict=True)]
    return [cv2.resize(each.astype(np.uint8), (32, 32), interpolation=0) for each in labels]


def score_of(split: Split, labels: list[Any]) -> float:
    counts = []
    for record, found in zip(split.images, labels, strict=True):
        mask = paint_mask(record, split.labels, "max-id", 255)
        target = cv2.resize(mask, (32, 32), interpolation=0)
        counts.append(count_image(found, target, len(split.labels.class_names), 255))
    return score_counts(np.stack(counts)).mean_iou


def test_submission_is_the_combination_of_its_members(world: World) -> None:
    a, b = world.checkpoint("a", 1), world.checkpoint("b", 2, (32, 48))
    recipe = world.recipe.model_copy(
        update={"ensemble": ComponentSpec(name="mean", weights=[0.3, 0.7])}
    )
    result = world.submit([a, b], recipe=recipe)

    test = world.contest.test
    assert test is not None
    expected = labels_of(world, test, [(a, 0.3), (b, 0.7)])
    lines = result.path.read_text().splitlines()
    assert lines[0] == "image_id,PredictionString"
    assert [line.split(",")[0] for line in lines[1:]] == list(test.file_names)
    for line, labels in zip(lines[1:], expected, strict=True):
        assert line.split(",")[1] == " ".join(map(str, labels.ravel()))
    assert result.rows == len(test)

    truth = world.contest.truth
    assert truth is not None
    assert result.score is not None
    assert result.score.mean_iou == pytest.approx(score_of(truth, expected))


def test_validation_is_of_what_is_submitted(world: World) -> None:
    a, b = world.checkpoint("a", 1), world.checkpoint("b", 2)
    result = world.submit([a, b])
    val = world.contest.val
    combined = score_of(val, labels_of(world, val, [(a, 1), (b, 1)]))
    alone = [score_of(val, labels_of(world, val, [(path, 1)])) for path in (a, b)]
    assert result.validation is not None
    assert result.validation.mean_iou == pytest.approx(combined)
    own = [each.validation for each in result.members]
    assert [each.mean_iou for each in own if each] == pytest.approx(alone)
    assert len({combined, *alone}) == 3


def test_side_car_says_how_it_was_made(world: World) -> None:
    a, b = world.checkpoint("a", 1), world.checkpoint("b", 2, (32, 48))
    post = (ComponentSpec(name="min_area", pixels=9),)
    recipe = world.recipe.model_copy(update={"postprocess": post})
    result = world.submit([MemberRef(a, "hflip"), b], recipe=recipe)
    side_car = read_side_car(side_car_path(result.path))
    assert side_car.file == "out.csv"
    assert [(each.checkpoint, each.views) for each in side_car.members] == [
        ("a.pt", "hflip"),
        ("b.pt", "none"),
    ]
    assert side_car.members[1].image_size == (32, 48)
    assert side_car.postprocess == (ComponentSpec(name="min_area", pixels=9, per_class={}),)
    assert side_car.combine.parameters == {"weights": []}
    assert side_car.format.parameters == {
        "size": [32, 32],
        "columns": ["image_id", "PredictionString"],
        "image_suffix": "",
        "image_folder": "",
        "nearest": "corner",
    }
    assert side_car.validation == result.validation
    assert side_car.score == result.score
    assert sum(side_car.class_shares) == pytest.approx(1)
    assert json.loads(Path(f"{result.path}.seen").read_text()) == "out.csv"
    assert json.dumps(result.as_json())


def test_predicted_members_are_not_predicted_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = world.checkpoint("a", 1), world.checkpoint("b", 2)
    first = world.submit([a, b]).path.read_bytes()

    def refuse(*_: Any) -> None:
        raise AssertionError("the network was built")

    monkeypatch.setattr(member_module.Registry, "build", _without_models(refuse))
    assert world.submit([a, b], "again.csv").path.read_bytes() == first
    with pytest.raises(AssertionError, match="was built"):
        world.submit([MemberRef(a, "hflip"), b], "third.csv")


def _without_models(refuse: Any) -> Any:
    build = Registry.build

    def guarded(self: Registry, kind: str, *rest: Any) -> Any:
        return refuse() if kind == "model" else build(self, kind, *rest)

    return guarded


def test_changed_code_of_the_model_is_predicted_again(world: World) -> None:
    a = world.checkpoint("a", 1)
    stores = world.project.cache / "stores"
    for number, change in enumerate(["", "# changed"]):
        plugin = world.project.plugins / "tiny_net.py"
        plugin.write_text(plugin.read_text() + change)
        world.submit([a], f"{number}.csv", validate=False)
        assert len(list(stores.iterdir())) == number + 1


def test_postprocessing_changes_the_file(world: World) -> None:
    a = world.checkpoint("a", 1)
    plain = world.submit([a], validate=False)
    post = (ComponentSpec(name="min_area", pixels=200),)
    recipe = world.recipe.model_copy(update={"postprocess": post})
    changed = world.submit([a], "changed.csv", recipe=recipe, validate=False)
    assert changed.path.read_bytes() != plain.path.read_bytes()
    assert plain.validation is None
    assert plain.members[0].validation is None


def test_members_are_postprocessed_before_they_are_combined(world: World) -> None:
    a, b = world.checkpoint("a", 1), world.checkpoint("b", 2)
    step = ComponentSpec(name="smooth", sigma=6.0)
    recipe = world.recipe.model_copy(update={"member_postprocess": (step,)})
    result = world.submit([a, b], recipe=recipe)
    context = Context(world.contest.class_names)
    smooth = world.registry.build("postprocessor", step, context)
    members = [load_member(path, world.registry, torch.device("cpu")) for path in (a, b)]
    for split, scored in ((world.contest.val, result.validation), (world.contest.test, None)):
        assert split is not None
        found = []
        stores = [
            predict_split(
                each, split, cache=world.project.cache, store="f32", progress=SilentProgress()
            )
            for each in members
        ]
        rows = dict(MaskString((32, 32), ("image_id", "PredictionString"), 12).read(result.path))
        for position, record in enumerate(split.images):
            image = read_image(split.path(position), record)
            maps = [smooth(store.read(position), image) for store in stores]
            found.append(Sampling((32, 32))(argmax_labels((maps[0] + maps[1]) / 2)))
            if scored is None:
                np.testing.assert_array_equal(rows[record.file_name], found[-1])
        if scored is not None:
            assert scored.mean_iou == pytest.approx(score_of(split, found))
    assert read_side_car(result.side_car).member_postprocess == (step,)
    assert result.path.read_bytes() != world.submit([a, b], "plain.csv").path.read_bytes()


def test_rows_follow_the_sample_submission(world: World, tmp_path: Path) -> None:
    a = world.checkpoint("a", 1)
    test = world.contest.test
    assert test is not None
    names = list(reversed(test.file_names))
    sample = tmp_path / "sample.csv"
    sample.write_text("image_id,PredictionString\n" + "".join(f"{name},0 0\n" for name in names))
    contest = Contest(
        world.contest.class_names, world.contest.train, world.contest.val, test, None, sample
    )
    straight = world.submit([a], validate=False).path.read_text().splitlines()
    turned = world.submit([a], "turned.csv", contest=contest, validate=False)
    assert turned.path.read_text().splitlines()[1:] == straight[:0:-1]
    assert turned.score is None


def test_nothing_is_predicted_when_something_does_not_fit(world: World) -> None:
    a = world.checkpoint("a", 1)
    other = world.checkpoint("other", 2, class_names=("Background", "Sky"))
    weights = world.recipe.model_copy(
        update={"ensemble": ComponentSpec(name="mean", weights=[1.0])}
    )
    world.project.submissions.mkdir()
    (world.project.submissions / "there.csv").write_text("precious")
    no_test = Contest(
        world.contest.class_names, world.contest.train, world.contest.val, None, None, None
    )
    cases: list[tuple[str, list[Path], str, dict[str, Any]]] = [
        ("also has Sky", [a, other], "out.csv", {}),
        ("2 members, but 1 weight", [a, a], "out.csv", {"recipe": weights}),
        ("there.csv exists", [a], "there.csv", {}),
        ("side-car has that name", [a], "out.json", {}),
        ("nothing to submit", [a], "out.csv", {"contest": no_test}),
        ("no checkpoint", [], "out.csv", {}),
        ("not found|No such file|is not there", [world.project.root / "no.pt"], "out.csv", {}),
    ]
    for message, members, name, options in cases:
        with pytest.raises(UsageError, match=message):
            world.submit(members, name, **options)
    assert not (world.project.cache / "stores").exists()
    assert [path.name for path in world.project.submissions.iterdir()] == ["there.csv"]
    assert (world.project.submissions / "there.csv").read_text() == "precious"


def test_class_lists_of_both_sides_are_shown(world: World) -> None:
    other = world.checkpoint("other", 2, class_names=world.contest.class_names[::-1])
    with pytest.raises(UsageError, match="another order") as caught:
        world.submit([other])
    assert ", ".join(world.contest.class_names) in caught.value.message
    assert ", ".join(world.contest.class_names[::-1]) in caught.value.message


def test_overwrite_replaces_file_and_side_car(world: World) -> None:
    a, b = world.checkpoint("a", 1), world.checkpoint("b", 2)
    world.submit([a], validate=False)
    result = world.submit([b], overwrite=True, validate=False)
    assert read_side_car(result.side_car).members[0].checkpoint == "b.pt"


def test_invalid_file_is_not_kept(world: World) -> None:
    a = world.checkpoint("a", 1)
    recipe = world.recipe.model_copy(update={"submission": ComponentSpec(name="broken")})
    with pytest.raises(TrashError, match="is not valid"):
        world.submit([a], recipe=recipe, validate=False)
    assert list(world.project.submissions.iterdir()) == []


def test_member_trained_on_the_validation_images_is_not_scored_on_them(world: World) -> None:
    a, b = world.checkpoint("a", 1), world.checkpoint("b", 2, train="other.json")
    result = world.submit([a, b])
    assert result.validation is None
    assert read_side_car(result.side_car).validation is None


def test_broken_test_image_leaves_no_file_and_the_next_run_goes_on(
    world: World, demo_root: Path, tmp_path: Path
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(demo_root, root)
    a = world.checkpoint("a", 1)
    data = world.recipe.data.model_copy(update={"root": str(root)})
    contest = open_contest(workspace_in(world.project), data)
    assert contest.test is not None
    broken = contest.test.path(3)
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=broken.name):
        world.submit([a], contest=contest)
    assert not world.project.submissions.exists()
    broken.write_bytes(whole)
    assert world.submit([a], contest=contest).rows == len(contest.test)
