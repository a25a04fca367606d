"""Lineage of a training: its teachers, the selection of labels, and its initial weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.experiment.execution.stage_inputs import StageInputs
from toolkit.pseudo.label_set import read_label_index
from toolkit.submission.side_car import portable_path
from toolkit.train.checkpoint import checkpoint_digest, load_checkpoint


def parents_of(given: StageInputs, root: Path) -> list[dict[str, Any]]:
    """Return what a training was made from, as manifests and checkpoints hold it.

    Args:
        given: what earlier stages left for it.
        root: the project folder; paths are relative to it.
    """
    return list(_parents(given, root))


def _parents(given: StageInputs, root: Path) -> Iterator[dict[str, Any]]:
    if given.labels is not None:
        index = read_label_index(given.labels)
        yield {
            "kind": "pseudo-labels",
            "key": given.labels.name,
            "images": len(index.images),
            "selected": len(index.selected),
            **index.origin,
        }
    if given.start is not None:
        yield {"kind": "start", **describe_checkpoint(given.start, root)}


def describe_checkpoint(path: Path, root: Path) -> dict[str, Any]:
    """Return path, digest and run of a checkpoint as plain values."""
    return {
        "checkpoint": portable_path(path, root),
        "digest": checkpoint_digest(path),
        "run": load_checkpoint(path).lineage.get("run"),
    }
