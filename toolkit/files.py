"""Files and folders that are either whole or absent, and digests of what they hold."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
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


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Keep other processes out of this context; the file at `path` is removed when it ends well.

    Args:
        path: of the lock file; its folder is made.
        on_wait: called when another process is in the context, before waiting for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        # The system drops the lock of a process that dies.
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
            path.unlink(missing_ok=True)
        finally:
            # Closing alone would leave it locked while a forked child has the file open.
            fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def unfinished(folder: Path, on_wait: Callable[[], None]) -> Iterator[Path | None]:
    """Yield an empty folder that becomes `folder` when the context ends well; None when that is there.

    One process at a time writes it. What a process that was killed left behind is removed first; an
    error removes it at once.

    Args:
        folder: its final name.
        on_wait: called when another process is writing the folder, before waiting for it.
    """
    with locked(folder.with_name(f"{folder.name}.lock"), on_wait):
        if folder.exists():
            yield None
            return
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            yield partial
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


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
