"""What a training does when numbers, trackers or disks fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_training import Log, make_recipe, train

from toolkit import TrashError, UsageError
from toolkit.train.checkpoint import load_checkpoint


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_epoch(
    tiny_root: Path, tmp_path: Path
) -> None:
    # An epoch asks for the loss 3 times in training and twice in validation.
    recipe = make_recipe(loss={"explode_at": 7})
    with pytest.raises(TrashError) as caught:
        train(tiny_root, tmp_path / "run", recipe)
    message = caught.value.message
    assert "nan in epoch 2, step 2 of 3" in message
    assert "learning rate 0.00429" in message
    assert message.count("train/") == 4
    assert "optimizer.lr" in caught.value.hint
    for name in ("best.pt", "last.pt"):
        checkpoint = load_checkpoint(tmp_path / "run" / name)
        assert checkpoint.epoch == 1
        assert all(value.isfinite().all() for value in checkpoint.model_state.values())


def test_a_validation_loss_that_is_no_number_stops_too(tiny_root: Path, tmp_path: Path) -> None:
    with pytest.raises(TrashError, match="after epoch 2 the validation loss"):
        train(tiny_root, tmp_path / "run", make_recipe(loss={"explode_at": 9}))
    assert load_checkpoint(tmp_path / "run" / "last.pt").epoch == 1


def test_weights_that_are_no_numbers_replace_nothing(tiny_root: Path, tmp_path: Path) -> None:
    # One step per epoch: its loss is finite, what it does to the weights is not.
    recipe = make_recipe(loss={"broken_gradient": True}, batch_size=10, validate_every=3)
    with pytest.raises(TrashError, match="after epoch 1 the weights are no numbers"):
        train(tiny_root, tmp_path / "run", recipe)
    assert not (tmp_path / "run" / "last.pt").exists()


def test_a_failing_tracker_is_dropped_once_and_the_rest_go_on(
    tiny_root: Path, tmp_path: Path
) -> None:
    log = Log()
    recipe = make_recipe(trackers=("broken", "absent", "file"), epochs=4)
    train(tiny_root, tmp_path / "run", recipe, progress=log)
    warnings = [line for line in log.lines if line.startswith("warning")]
    assert len(warnings) == 2
    assert "absent" in warnings[0]
    assert "package is missing" in warnings[0]
    assert "broken" in warnings[1]
    assert "server gone" in warnings[1]
    tracked = (tmp_path / "run" / "tracked.txt").read_text().splitlines()
    assert [line.split()[0] for line in tracked] == ["1", "2", "3", "4", "closed"]
    assert "val_miou" in tracked[0]


def test_a_misspelt_tracker_is_an_error(tiny_root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no tracker is called fiel"):
        train(tiny_root, tmp_path / "run", make_recipe(trackers=("fiel",)))


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
@pytest.mark.parametrize("limit", [100, 2000])
def test_a_full_disk_keeps_what_was_there(tiny_root: Path, tmp_path: Path, limit: int) -> None:
    import resource

    train(tiny_root, tmp_path / "run", make_recipe(epochs=1))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(TrashError, match=r"cannot write .*run/") as caught:
            train(tiny_root, tmp_path / "run", make_recipe(epochs=2), resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Free some space" in caught.value.hint
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
