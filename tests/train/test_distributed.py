from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import tiny_training
import torch
from tiny_training import make_recipe, train

from tests.real_processes import Processes
from toolkit.train.checkpoint import load_checkpoint
from toolkit.train.distributed import World, find_world

SCRIPT = Path(tiny_training.__file__)


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    world = find_world()
    assert world == World(0, 1, 0)
    assert world.is_main
    world.barrier()
    assert world.sum(torch.tensor(3)) == 3


def test_torchrun_says_who_this_process_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "5"), ("WORLD_SIZE", "8"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    world = find_world()
    assert world == World(rank=5, size=8, local_rank=1)
    assert not world.is_main


def test_every_process_validates_with_the_main_one_s_statistics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = torch.nn.BatchNorm2d(3)
    asked: list[int] = []

    def broadcast(buffer: torch.Tensor, src: int) -> None:
        asked.append(src)
        buffer.fill_(7)

    monkeypatch.setattr(torch.distributed, "broadcast", broadcast)
    World(1, 2, 1).share_buffers(model)
    assert asked == [0, 0, 0]
    assert model.running_mean.tolist() == [7, 7, 7]
    asked.clear()
    World().share_buffers(model)
    assert asked == []


def _train_with_two(processes: Processes, root: Path, run: Path, recipe: dict[str, Any]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [str(SCRIPT), str(root), str(run), json.dumps({"recipe": recipe})]
    both = [
        processes.start(
            *arguments,
            cwd=root,
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE="2",
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
        )
        for rank in range(2)
    ]
    for process in both:
        _, errors = processes.finish(process)
        assert process.returncode == 0, errors


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"sampling": {"by": "repeat-factor", "threshold": 1.0}},
        {"crops": {"scale": (0.7, 1.5)}, "image_size": (11, 9)},
    ],
)
def test_two_processes_train_what_one_trains(
    processes: Processes, uneven_root: Path, tmp_path: Path, data: Any
) -> None:
    """Same batches, same loss curve, same scores, with ignored pixels, accumulation, aux output."""
    recipe: dict[str, Any] = {
        "model": {"auxiliary": True},
        "augment": ("mirror", "ignore_edges"),
        "mix": ("blend",),
        "optimizer": "sgd",
        "lr": 0.3,
        "epochs": 3,
        "ema": 0.9,
        "device_batch_size": 1,
        "metric": "image_miou",
        "data": data,
    }
    _train_with_two(processes, uneven_root, tmp_path / "two", recipe)
    train(uneven_root, tmp_path / "one", make_recipe(**recipe))
    one, two = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert len(one) == len(two) == 3
    for ours, theirs in zip(one, two, strict=True):
        assert theirs["train_loss"] == pytest.approx(ours["train_loss"], abs=1e-5)
        assert theirs["val_loss"] == pytest.approx(ours["val_loss"], abs=1e-5)
        assert theirs["val_miou"] == pytest.approx(ours["val_miou"], abs=2e-3)
        assert theirs["val_score"] == pytest.approx(ours["val_score"], abs=2e-3)
    first, second = (load_checkpoint(tmp_path / name / "last.pt") for name in ("one", "two"))
    assert first.model_state.keys() == second.model_state.keys()
    for name, value in first.model_state.items():
        torch.testing.assert_close(second.model_state[name], value, rtol=0, atol=1e-5)


def test_more_processes_than_images(processes: Processes, tmp_path: Path) -> None:
    """One process has nothing to validate, and a batch holds the only images several times."""
    root = tiny_training.write_contest(tmp_path / "contest", train=3, val=1)
    recipe: dict[str, Any] = {
        "model": {"auxiliary": True, "presence": True},
        "auxiliary": {"aux": {"weight": 0.0}},
        "optimizer": "sgd",
        "epochs": 2,
        "batch_size": 8,
        "augment": (),
    }
    _train_with_two(processes, root, tmp_path / "two", recipe)
    train(root, tmp_path / "one", make_recipe(**recipe))
    one, two = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    for ours, theirs in zip(one, two, strict=True):
        for figure in ("train_loss", "val_loss", "val_miou", "val_score"):
            assert theirs[figure] == pytest.approx(ours[figure], abs=1e-5)
