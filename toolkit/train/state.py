"""`state.pt`: everything that is needed to resume a run exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, JsonValue, TypeAdapter

from toolkit.errors import UsageError
from toolkit.file_schema import validate_content
from toolkit.train.history import History
from toolkit.train.inputs import CONTENTS, flat, may_differ
from toolkit.train.tensor_file import read_tensor_file, write_tensor_file

FORMAT = "trash-state"
FORMAT_VERSION = 1


def save_state(
    path: Path, inputs: Mapping[str, Any], learner: Mapping[str, Any], history: History
) -> None:
    """Write the state of a run after an epoch.

    Args:
        path: the file, replaced as a whole.
        inputs: what the run depends on: the resolved recipe and the digests of its data.
        learner: `Learner.state_dict()`.
        history: all finished epochs.
    """
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, "inputs": dict(inputs)}
    write_tensor_file(path, {**content, "learner": dict(learner), "history": history.epochs})


@dataclass(frozen=True)
class SavedState:
    """What `state.pt` holds of a run that may be continued.

    Attributes:
        learner: `Learner.state_dict()`.
        history: all finished epochs.
        unrecorded: inputs that an older version did not note: whether they changed cannot be told.
    """

    learner: dict[str, Any]
    history: History
    unrecorded: tuple[str, ...] = ()


def load_state(path: Path, inputs: Mapping[str, Any]) -> SavedState:
    """Return the state of a run that is to be continued.

    Raises:
        UsageError: the file is broken, or the run was started from other inputs; lists which.
    """
    content = read_tensor_file(path, "saved state of a run")
    layout = content.get("format"), content.get("format_version")
    # Anything may stand there, also a tensor, which cannot be compared.
    if list(map(type, layout)) != [str, int] or layout != (FORMAT, FORMAT_VERSION):
        raise UsageError(f"{path} is not the saved state of a run of this version of trash")
    read = validate_content(_SCHEMA, content, path, "saved state of a run", "Start a new run.")
    differences = sorted(_differences(read.inputs, inputs))
    if differences:
        raise UsageError(
            f"{path.parent} cannot be resumed: it was started with other settings or data\n"
            + "\n".join(f"  {line}" for line in differences),
            "These may change (train.epochs, patience, device, "
            "device_batch_size, data.workers) and everything after the training; "
            "for other changes start a new run.",
        )
    unrecorded = tuple(sorted(key for key in inputs if _is_content(key) and key not in read.inputs))
    return SavedState(content["learner"], History(read.history), unrecorded)


def _is_content(key: str) -> bool:
    return key.startswith(CONTENTS)


def _check_numbers(records: list[dict[str, JsonValue]]) -> list[dict[str, JsonValue]]:
    for number, record in enumerate(records, start=1):
        scores = record.get("val_miou", "missing"), record.get("val_score")
        known = all(isinstance(score, float | None) for score in scores)
        # Both are measured, or none: the best epoch is looked for among those that were.
        if "val_score" in record:
            known = known and (scores[0] is None) == (scores[1] is None)
        if record.get("epoch") != number or not known:
            raise ValueError(f"record {number} is not that of epoch {number}")
    return records


class _StateContent(BaseModel):
    """The schema of a file's parts, see `save_state`."""

    inputs: dict[str, JsonValue]
    learner: dict[str, dict[Any, Any]]
    history: Annotated[list[dict[str, JsonValue]], AfterValidator(_check_numbers)]


_SCHEMA = TypeAdapter(_StateContent)


def _differences(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    before, now = dict(flat(saved)), dict(flat(wanted))
    for key in before.keys() | now.keys():
        if before.get(key) == now.get(key) or may_differ(key):
            continue
        if key == "resizing":
            yield f"{key}: this version resizes photos and masks by another rule"
        elif not _is_content(key):
            yield f"{key}: was {_value_text(before, key)}, is {_value_text(now, key)}"
        elif key in before:
            yield f"{key}: changed since" if key in now else f"{key}: is not there any more"


def _value_text(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "not set"
