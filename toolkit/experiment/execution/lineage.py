"""Lineage of a training: its teachers, the selection of labels, and its initial weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.experiment.execution.stage_inputs import StageInputs
from toolkit.pseudo.label_set import read_label_index
from toolkit.submission.side_car import portable_path
from toolkit.train.checkpoint import checkpoint_digest, load_checkpoint


def parents_of(inputs: StageInputs, root: Path) -> list[dict[str, Any]]:
    """Return what a training was made from, as manifests and checkpoints hold it.

    Args:
        inputs: what earlier stages left for it, on disk.
        root: the project folder; paths are relative to it.
    """
    return list(_parents(inputs, root))


def _parents(inputs: StageInputs, root: Path) -> Iterator[dict[str, Any]]:
    if inputs.labels is not None:
        index = read_label_index(inputs.labels)
        yield {
            "kind": "pseudo-labels",
            "key": inputs.labels.name,
            "images": len(index.images),
            "selected": len(index.selected),
            **index.origin,
        }
    if inputs.start is not None:
        yield {"kind": "start", **describe_checkpoint(inputs.start, root)}


def describe_checkpoint(path: Path, root: Path) -> dict[str, Any]:
    """Return path, digest and run of a checkpoint, and the run's record, as plain values."""
    lineage = load_checkpoint(path).lineage
    return {
        "checkpoint": portable_path(path, root),
        "digest": checkpoint_digest(path),
        "run": lineage.get("run"),
        "record": lineage.get("record"),
    }
