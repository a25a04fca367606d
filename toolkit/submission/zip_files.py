"""Zip files as others hand them in: opened and read with messages instead of tracebacks."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import UsageError

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,  # encrypted, or a compression that Python does not know
    ValueError,
)


class DamagedZip(Exception):
    """The file is no zip file, or a part of it cannot be read; the message says why."""


@contextmanager
def told_as_damage() -> Iterator[None]:
    """Raise `DamagedZip` for whatever the zip library raises about the content of a file."""
    try:
        yield
    except _DAMAGE as error:
        raise DamagedZip(
            f"damaged zip file: {error}" if str(error) else "damaged zip file"
        ) from None


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file for reading.

    Raises:
        UsageError: the file cannot be opened.
        DamagedZip: it is no zip file.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read the submission {path}: {error.strerror}") from None
    with file:
        with told_as_damage():
            archive = zipfile.ZipFile(file)
        with archive:
            yield archive


def new_entry(name: str, compression: int) -> zipfile.ZipInfo:
    """Return the head of an entry: the same bytes whenever it is written, readable by everyone."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = compression
    entry.external_attr = 0o644 << 16
    return entry
