"""Files that are either whole or absent, and digests of what they hold."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError

_DIGEST_BYTES = 16


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed to `path` on success and removed on failure.

    The parent folder is made. Works for a file; its suffixes are kept so that writers that look at
    them behave the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(prefix=".", suffix="." + path.name, dir=path.parent)
    except OSError as error:
        raise _about(path, error) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner may read; a team shares these.
        temporary.chmod(0o666 & ~_umask())
        try:
            temporary.replace(path)
        except OSError as error:
            raise _about(path, error) from None
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _about(path: Path, error: OSError) -> OSError:
    """Return the error about `path`: the name of the temporary file means nothing to a user."""
    return OSError(error.errno, error.strerror, str(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text_atomic(path: Path, text: str) -> None:
    """Write `text` as UTF-8 so that `path` is never seen half-written."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json_atomic(path: Path, value: Any) -> None:
    """Write `value` as indented JSON so that `path` is never seen half-written."""
    write_text_atomic(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Return the parsed JSON of `path`; `what` names it in messages ("annotation file").

    Raises:
        UsageError: the file is missing, unreadable, not UTF-8 or not JSON; names file and line.
    """
    try:
        # Editors on Windows begin files with a byte order mark.
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"{what} not found: {path}") from None
    except IsADirectoryError:
        raise UsageError(f"{what} is a folder: {path}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: {what} is not UTF-8 text ({error.reason})") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}: {what} is not valid JSON: {error.msg}") from None
    except RecursionError:
        raise UsageError(f"{path}: {what} is nested too deeply") from None
    except OSError as error:
        raise UsageError(f"cannot read {what} {path}: {error.strerror}") from None
    except ValueError as error:  # a number of thousands of digits
        raise UsageError(f"{path}: {what} cannot be read: {error}") from None


def digest_of(*parts: bytes | str) -> str:
    """Return the BLAKE2b digest of the parts as 32 hex characters; part borders count."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """Return the BLAKE2b digest of a file's content as 32 hex characters."""
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.blake2b(digest_size=_DIGEST_BYTES)
        ).hexdigest()
