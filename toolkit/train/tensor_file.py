"""Files of tensors and plain values: written whole or not at all, read without running any code."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toolkit.errors import TrashError, UsageError, in_words
from toolkit.files import atomic_path
from toolkit.train.plain_pickle import BrokenPickle, NotPlain, require_plain

_PLAIN = (type(None), bool, int, float, str)
_ZIP_MAGIC, _ZIP_END, _END_BYTES = b"PK\x03\x04", b"PK\x05\x06", 22


def write_tensor_file(path: Path, value: dict[str, Any]) -> None:
    """Write `value` so that `path` is never seen half-written.

    Raises:
        TrashError: it holds something else than tensors and plain values, or the disk refused;
            a file that was there before stays as it was.
    """
    _check_plain(value, path.name)
    with explain_disk_errors(path), atomic_path(path) as temporary:
        torch.save(value, temporary)


@contextmanager
def explain_disk_errors(path: Path) -> Iterator[None]:
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
    if not _ends_as_zip(path):
        raise UsageError(f"{path} is cut off: the end of the {what} is missing", _COPY_AGAIN)
    try:
        instructions = require_plain(_pickle_in(path))
        value = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        _require_bounded(value, _VALUES_AT_LEAST + 4 * instructions, 4 * path.stat().st_size)
    except (NotPlain, pickle.UnpicklingError) as error:
        named = f" ({error})" if isinstance(error, NotPlain) else ""
        raise UsageError(
            f"{path} is not a {what}: it holds Python objects beside tensors and plain "
            f"values{named}",
            "It was not opened, because loading such objects can run any code.",
        ) from None
    except MemoryError:
        raise
    # Zip and tensor libraries raise nearly every exception about a file that was tampered with.
    except Exception as error:
        reason = in_words(error) if not isinstance(error, BrokenPickle | ValueError) else str(error)
        raise UsageError(f"{path} is damaged or not a {what}: {reason}", _COPY_AGAIN) from None
    if not isinstance(value, dict):
        raise UsageError(f"{path} is not a {what}: it holds a {type(value).__name__}")
    return value


def _ends_as_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # its end names a part on another disk
        return False


_COPY_AGAIN = "Copy or train it again."
_PICKLE = "/data.pkl"
_DEEPEST = 64
_VALUES_AT_LEAST = 1 << 12
_BYTES_AT_LEAST = 1 << 26


def _pickle_in(path: Path) -> bytes:
    """Return the pickle of a file of torch.save, whose parts are stored as they are."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(size - _END_BYTES)
        end = file.read()
        # Where something follows the end, two programs may read two different files from one.
        if not (end.startswith(_ZIP_END) and end.endswith(b"\0\0")):
            raise ValueError("bytes follow the end of the zip file")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        found = [entry for entry in entries if entry.filename.endswith(_PICKLE)]
        if len(found) != 1 or len(names) != len(entries):
            raise ValueError("it has no pickle, or two of one name")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its parts are compressed")
        return archive.read(found[0])


def _require_bounded(value: Any, most_values: int, most_bytes: int) -> None:
    """Refuse plain values that take more time or memory to walk through than their file justifies.

    A list can hold one list a thousand times, and that another; a tensor can repeat one number.
    """
    n_values, n_bytes = 0, 0
    waiting = [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        n_values += 1
        if isinstance(each, Tensor):
            n_bytes += each.numel() * each.element_size()
        elif isinstance(each, dict):
            attributes = getattr(each, "__dict__", {})  # of an OrderedDict of torch
            if set(attributes) - {"_metadata"}:
                raise ValueError("a dict has attributes")
            inner = [*each.values(), *attributes.values()]
            waiting.extend((item, depth + 1) for item in inner)
        elif isinstance(each, list | tuple):
            waiting.extend((item, depth + 1) for item in each)
        if depth > _DEEPEST or n_values + len(waiting) > most_values:
            raise ValueError("its values are nested too deeply or repeated too often")
        if n_bytes > most_bytes + _BYTES_AT_LEAST:
            raise ValueError("its tensors claim more memory than the file holds")
