"""Files of tensors and plain values: written whole or not at all, read without running any code."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toolkit.errors import TrashError, UsageError
from toolkit.files import atomic_path

_PLAIN = (type(None), bool, int, float, str)
_ZIP_MAGIC = b"PK\x03\x04"


def write_tensor_file(path: Path, value: dict[str, Any]) -> None:
    """Write `value` so that `path` is never seen half-written.

    Raises:
        TrashError: it holds something else than tensors and plain values, or the disk refused;
            a file that was there before stays as it was.
    """
    _check_plain(value, path.name)
    with explained_disk_errors(path), atomic_path(path) as temporary:
        torch.save(value, temporary)


@contextmanager
def explained_disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk inside the context into a `TrashError` that names `path`."""
    try:
        yield
    # torch's writer reports a full disk as a RuntimeError about file positions.
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the disk is full or failing"
        raise TrashError(
            f"cannot write {path}: {reason}",
            "Free some space or choose another folder; what was written before is intact.",
        ) from error


def _check_plain(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _check_plain(key, f"{where}: key {key!r}")
            _check_plain(item, f"{where}.{key}")
    elif type(value) in (list, tuple):
        for index, item in enumerate(value):
            _check_plain(item, f"{where}[{index}]")
    elif type(value) not in _PLAIN and not isinstance(value, Tensor):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise TrashError(
            f"cannot save {where}: it is a {kind}",
            "Only tensors, numbers, texts, None, lists, tuples and dicts are saved.",
        )


def read_tensor_file(path: Path, what: str) -> dict[str, Any]:
    """Return what `write_tensor_file` wrote, tensors on the CPU and mapped from the file.

    Args:
        path: the file.
        what: its name in messages, as in "checkpoint".

    Raises:
        UsageError: there is no such file, or it is no intact file of tensors and plain values.
    """
    if not path.exists():
        raise UsageError(f"{what} not found: {path}")
    if not path.is_file():
        raise UsageError(f"{path} is a folder, not a {what}")
    with path.open("rb") as file:
        magic = file.read(len(_ZIP_MAGIC))
    if not magic:
        raise UsageError(f"{path} is empty, not a {what}", _COPY_AGAIN)
    if magic != _ZIP_MAGIC:
        raise UsageError(f"{path} is not a {what}: it was not written by torch.save")
    if not zipfile.is_zipfile(path):
        raise UsageError(f"{path} is cut off: the end of the {what} is missing", _COPY_AGAIN)
    try:
        value = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        raise UsageError(
            f"{path} is not a {what}: it holds Python objects beside tensors and plain values",
            "It was not opened, because loading such objects can run any code.",
        ) from None
    except (RuntimeError, OSError, ValueError, EOFError, LookupError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{path} is damaged or not a {what}: {reason}", _COPY_AGAIN) from None
    if not isinstance(value, dict):
        raise UsageError(f"{path} is not a {what}: it holds a {type(value).__name__}")
    return value


_COPY_AGAIN = "Copy or train it again."
