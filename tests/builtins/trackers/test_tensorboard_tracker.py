"""What TensorBoard reads of a run."""

from __future__ import annotations

import pytest

from tests.builtins.trackers.tracked_project import TrackedProject

pytestmark = pytest.mark.trackers


def test_figures_scores_recipe_and_pictures_are_read_back(tracked: TrackedProject) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracked.run_in_two_parts('{name="tensorboard"}')
    found = EventAccumulator(str(tracked.folder / "tensorboard"), {"images": 0, "scalars": 0})
    found.Reload()
    steps = found.Scalars("step/loss")
    assert [each.step for each in steps] == list(range(1, 10))
    first = sum(each.value for each in steps[:3]) / 3
    assert first == pytest.approx(tracked.epochs[0]["train_loss"], rel=1e-5)
    losses = found.Scalars("epoch/val_loss")
    assert [each.step for each in losses] == [1, 2, 3]
    expected = [each["val_loss"] for each in tracked.epochs]
    assert [each.value for each in losses] == pytest.approx(expected, rel=1e-5)
    assert "metric/image_miou" in found.Tags()["scalars"]
    assert "iou/Paper" in found.Tags()["scalars"]
    pictures = [name for name in found.Tags()["images"] if name.startswith("worst/")]
    assert len(pictures) == 6
    (picture,) = found.Images(pictures[0])
    assert (picture.height, picture.width) == (64, 192)
    (recipe, *_) = found.Tensors("recipe/text_summary")
    assert b"optimizer.name = sgd" in recipe.tensor_proto.string_val[0]
    *_, end = found.Tensors("end/text_summary")
    assert (
        f"test/miou = {tracked.result['submission']['score']['mean_iou']}".encode()
        in (end.tensor_proto.string_val[0])
    )
