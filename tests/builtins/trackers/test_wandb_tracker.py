"""What Weights & Biases has of a run, in its own file, without a network."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.builtins.trackers.tracked_project import TrackedProject

pytestmark = pytest.mark.trackers


BLOCK, HEADER = 32768, struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = range(1, 5)


def records_of(file: Path) -> list[Any]:
    """Return the records of a `.wandb` file, which is a log as LevelDB writes it."""
    from wandb.proto.wandb_internal_pb2 import Record

    data = file.read_bytes()
    assert data[:4] == b":W&B"
    found, piece, place = [], b"", 7
    while place + HEADER.size <= len(data):
        left = BLOCK - place % BLOCK
        if left < HEADER.size:  # no header is divided
            place += left
            continue
        _, length, part = HEADER.unpack_from(data, place)
        place += HEADER.size
        piece += data[place : place + length]
        place += length
        if part in (FULL, LAST):
            record = Record()
            record.ParseFromString(piece)
            found.append(record)
            piece = b""
    return found


def rows_of(records: list[Any]) -> list[dict[str, Any]]:
    """Return the figures that were logged together, by name."""
    rows = [each.history for each in records if each.WhichOneof("record_type") == "history"]
    return [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in row.item}
        for row in rows
    ]


def test_figures_configuration_scores_and_pictures_are_read_back(tracked: TrackedProject) -> None:
    assert "warning: tracker" not in tracked.run('{name="wandb", project="litter"}')
    (file,) = (tracked.folder / "wandb").glob("offline-run-*/run-*.wandb")
    assert file.stem == f"run-{tracked.run_id}"
    records = records_of(file)
    (run, *_) = [each.run for each in records if each.WhichOneof("record_type") == "run"]
    assert (run.project, run.display_name, run.run_group) == ("litter", "tiny-001", "tiny")
    config = {each.key: json.loads(each.value_json) for each in run.config.update}
    assert config["optimizer"]["lr"] == 0.1
    assert config["author"] == "Ann Lee"

    rows = rows_of(records)
    steps = [row for row in rows if "step/loss" in row]
    assert [row["step"] for row in steps] == list(range(1, 10))
    epochs = [row for row in rows if "epoch/val_loss" in row]
    assert [(row["epoch"], row["epoch/val_loss"]) for row in epochs] == [
        (each["epoch"], each["val_loss"]) for each in tracked.epochs
    ]
    assert any("iou/Paper" in row and "metric/miou" in row for row in rows)
    (images,) = [row for row in rows if "worst/count" in row]
    assert images["worst/count"] == 6
    pictures = tracked.folder.glob("wandb/offline-run-*/files/media/images/worst_*.png")
    assert len([*pictures]) == 6
    masks = tracked.folder.glob("wandb/offline-run-*/files/media/images/mask/*.png")
    assert len([*masks]) == 12

    summary: dict[str, Any] = {}
    for each in records:
        if each.WhichOneof("record_type") == "summary":
            summary |= {item.key: json.loads(item.value_json) for item in each.summary.update}
    assert summary["test/miou"] == tracked.result["submission"]["score"]["mean_iou"]
    assert summary["status"] == "finished"


def test_online_without_a_key_is_told_and_asks_nobody(
    tracked: TrackedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tracked.root))  # where a key may lie
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    err = tracked.run('{name="wandb", mode="online"}')
    assert "tracker wandb failed and is left out from here on (nobody is logged in" in err
    assert len(tracked.epochs) == 3
