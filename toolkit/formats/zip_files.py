"""Reading zip files that may be damaged, with clear errors."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from toolkit.files import open_regular

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
def zip_errors_as_damage() -> Iterator[None]:
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
    with open_regular(path, "submission") as file:
        with zip_errors_as_damage():
            archive = zipfile.ZipFile(file)
        with archive:
            yield archive


def open_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    """Open a part of a zip file for reading.

    Raises:
        DamagedZip: it cannot be opened, or is compressed in a way that no program here writes:
            those unpack a few bytes to gigabytes at once.
    """
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DamagedZip(
            f"{entry.filename}: compressed by method {entry.compress_type}; expected deflate"
        )
    with zip_errors_as_damage():
        return archive.open(entry)


def new_entry(name: str, compression: int) -> zipfile.ZipInfo:
    """Return the head of an entry: the same bytes whenever it is written, readable by everyone."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = compression
    entry.external_attr = 0o644 << 16
    return entry
