"""Files and folders that are either whole or absent, and digests of what they hold."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import math
import os
import shutil
import stat
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from toolkit.errors import UsageError

_DIGEST_BYTES = 16
_BLOCK = 1 << 20


TEMPORARY = ".tmp."
"""How the names of unfinished files begin."""

_LOCK = ".lock."
_NAME_LENGTH = 120
"""Last characters of a file's name that its temporary one keeps: file systems allow 255."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed to `path` on success and removed on failure.

    The parent folder is made. Works for a file; its suffixes are kept so that writers that look at
    them behave the same. What a process that was killed left in the folder is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    try:
        temporary, handle = _locked_temporary(path)
    except OSError as error:
        raise _about(path, error) from None
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
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and locks that killed processes left in a folder."""
    with suppress(OSError):  # a folder that cannot be read or written is not tidied
        for entry in os.scandir(folder):
            if entry.name.startswith((TEMPORARY, _LOCK)) and entry.is_file(follow_symlinks=False):
                _remove_if_unused(entry.path)


def _remove_if_unused(path: str) -> None:
    with suppress(OSError):
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            # Its writer has it locked; the system drops the lock of a process that dies.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(handle)


def _locked_temporary(path: Path) -> tuple[Path, int]:
    while True:
        handle, name = tempfile.mkstemp(
            prefix=TEMPORARY, suffix="." + path.name[-_NAME_LENGTH:], dir=path.parent
        )
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_at(handle, name):
            return Path(name), handle
        os.close(handle)  # taken for a leftover before it was locked


def _is_at(handle: int, path: str | Path) -> bool:
    """Return whether an open file is still what its path names."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def same_file(source: Path, path: Path) -> None:
    """Give a file a second name, a hard link where the disk can, else a copy; replace `path` whole.

    For files that are only ever replaced, never changed in place.
    """
    with atomic_path(path) as temporary:
        temporary.unlink()
        try:
            os.link(source, temporary)
        except OSError:  # among others FAT and some network disks
            shutil.copyfile(source, temporary)


def _about(path: Path, error: OSError) -> OSError:
    """Return the error about `path`: the name of the temporary file means nothing to a user."""
    return OSError(error.errno, error.strerror, str(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def file_lock(target: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Keep other processes out of this context; a lock file lies beside `target` meanwhile.

    Args:
        target: the file or folder that one process at a time works on; its parent is made.
        on_wait: called when another process is in the context, before waiting for it.
    """
    path = target.with_name(f"{_LOCK}{target.name[-_NAME_LENGTH:]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _take_lock(path, on_wait)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        # Closing alone would leave it locked while a forked child has the file open.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def _take_lock(path: Path, on_wait: Callable[[], None]) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        # The system drops the lock of a process that dies.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_at(handle, path):
            return handle
        # Who had it has removed it since: another process may hold a new file of this name.
        os.close(handle)


@contextmanager
def unfinished_folder(folder: Path, on_wait: Callable[[], None]) -> Iterator[Path | None]:
    """Yield an empty folder that becomes `folder` when the context ends well; None if that exists.

    One process at a time writes it. What a process that was killed left behind is removed first; an
    error removes it at once.

    Args:
        folder: its final name.
        on_wait: called when another process is writing the folder, before waiting for it.
    """
    with file_lock(folder, on_wait):
        remove_leftovers(folder.parent)
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


def unused_path(path: Path, *others: str) -> Path:
    """Return a path, with -2, -3, … behind its stem if it is taken.

    Args:
        path: the path.
        others: suffixes of files beside it that must not be there either.
    """
    free, number = path, 1
    while any(free.with_suffix(suffix).exists() for suffix in (path.suffix, *others)):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Refuse to write over a file without `--overwrite`.

    Raises:
        UsageError: it is there.
    """
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists", "Choose another name with -o, or add --overwrite.")


def is_file(path: Path) -> bool:
    """Return whether there is such a file; unlike `Path.is_file`, False for an impossible name."""
    return os.path.isfile(path)


def exists(path: Path) -> bool:
    """Return whether there is such a file or folder; False for an impossible name, too."""
    return os.path.exists(path)


def walk_folder(folder: Path, deepest: int | None = None) -> Iterator[tuple[Path, list[str]]]:
    """Yield a folder and all folders in it, each with the names of its files, in order of names.

    Links to folders are followed, but for those that lead back to a folder around them. Names that
    begin with a dot are passed over.

    Args:
        folder: the folder.
        deepest: levels of folders below it that are looked into; None = all.
    """
    around: dict[str, set[Path]] = {str(folder): {folder.resolve()}}
    for place, folders, names in os.walk(folder, followlinks=True):
        above = around.pop(place)
        kept = []
        is_deep = deepest is not None and len(Path(place).relative_to(folder).parts) >= deepest
        for name in [] if is_deep else sorted(folders):
            real = Path(place, name).resolve()
            if not name.startswith(".") and real not in above:
                kept.append(name)
                around[os.path.join(place, name)] = above | {real}
        folders[:] = kept
        yield Path(place), sorted(name for name in names if not name.startswith("."))


def write_text_atomic(path: Path, text: str) -> None:
    """Write `text` as UTF-8 so that `path` is never seen half-written."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json_atomic(path: Path, value: Any) -> None:
    """Write `value` as indented JSON so that `path` is never seen half-written."""
    write_text_atomic(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def finite(value: Any) -> Any:
    """Return plain values with None in place of NaN and infinity, which JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def open_regular(path: Path, what: str) -> BinaryIO:
    """Open a file for reading; `what` names it in messages.

    A link to a device, such as /dev/zero, is no file: it would never end.

    Raises:
        UsageError: it is missing, no regular file, or unreadable.
    """
    try:
        return _open(path)
    except OSError as error:
        raise UsageError(f"cannot read the {what} {path}: {error.strerror}") from None
    except ValueError as error:  # a NUL in the name
        raise UsageError(f"cannot read the {what} {str(path)!r}: {error}") from None


def _open(path: Path) -> BinaryIO:
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return path.open("rb", buffering=_BLOCK)


def read_text(path: Path, what: str) -> str:
    """Return the text of `path`; `what` names it in messages ("list of images").

    Raises:
        UsageError: the file is missing, unreadable or not UTF-8.
    """
    text: str = _parse(path, what, str)
    return text


def read_json(path: Path, what: str) -> Any:
    """Return the parsed JSON of `path`; `what` names it in messages ("annotation file").

    Raises:
        UsageError: the file is missing, unreadable, not UTF-8 or not JSON; names file and line.
    """
    return _parse(path, what, json.loads)


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return the parsed TOML of `path`; `what` names it in messages ("combination").

    Raises:
        UsageError: the file is missing, unreadable, not UTF-8 or not TOML.
    """
    found: dict[str, Any] = _parse(path, what, tomllib.loads)
    return found


def _parse(path: Path, what: str, parse: Callable[[str], Any]) -> Any:
    try:
        with _open(path) as file:
            # Editors on Windows begin files with a byte order mark.
            return parse(file.read().decode("utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"{what} not found: {path}") from None
    except IsADirectoryError:
        raise UsageError(f"{what} is a folder: {path}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: {what} is not UTF-8 text ({error.reason})") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}: {what} is not valid JSON: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {what} is no TOML file: {error}") from None
    except RecursionError:
        raise UsageError(f"{path}: {what} is nested too deeply") from None
    except OSError as error:
        raise UsageError(f"cannot read {what} {path}: {error.strerror}") from None
    # A number of thousands of digits, a date that there is not, a NUL in the name.
    except ValueError as error:
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
