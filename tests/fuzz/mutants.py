"""Damaged and forged copies of a file: bytes, fields and structure changed at random."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
import zlib
from typing import Any

import torch

_LONG = "x" * 5000
_SMALL = (None, True, False, 0, 1, -1, 2, 255, 256)
_LARGE = (2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, 2**63, 2**64, 10**400)
_FLOATS = (0.5, -0.0, 1e300, float("nan"), float("inf"))
_TEXTS = ("", "\0", "a\0b", "\x1b[2J", "\u202e", "..", "../../x", "/", "[red]x[/red]", _LONG)
_NESTED = ([], {}, [[]], [{}], {"": None}, {"name": 1}, [1, 2], ["a"])
_ODD: tuple[Any, ...] = (*_SMALL, *_LARGE, *_FLOATS, *_TEXTS, *_NESTED)
_BYTES = (
    b"\0",
    b"\xff",
    b"\x1b[2J",
    b'"',
    b",",
    b"\n",
    b"\r\n",
    b"{",
    b"[",
    b"\x80",
    b"PK\x05\x06",
)
_DEEP = 2000


def mutate(name: str, data: bytes, rng: random.Random) -> bytes:
    """Return another content for a file that is called `name`."""
    kind = name.rpartition(".")[2]
    if rng.random() < 0.6:
        if kind == "json":
            return _json(data, rng)
        if kind == "toml":
            return _toml(data, rng)
        if kind == "pt":
            return _tensors(data, rng) if rng.random() < 0.6 else _zipped(data, rng)
        if kind in ("zip", "npz"):
            return _zipped(data, rng)
    return _bytes(data, rng)


def _bytes(data: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(found) + 1)
        length = rng.choice((1, 1, 2, 4, 8, 64))
        what = rng.randrange(7)
        if what == 0 and at < len(found):
            found[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            found[at : at + length] = rng.randbytes(length)
        elif what == 2:
            del found[at : at + length]
        elif what == 3:
            found[at:at] = found[at : at + length] * rng.choice((1, 2, 50))
        elif what == 4:
            found[at:at] = rng.choice(_BYTES)
        elif what == 5:
            value = rng.choice((0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, len(found)))
            found[at : at + 8] = value.to_bytes(8, "little")
        elif rng.random() < 0.3:
            del found[at:]
        if not found:
            break
    return bytes(found)


def _json(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.02:
        deep = b"[" * _DEEP + b"]" * _DEEP
        return rng.choice((deep, data[:-2] + b',"x":' + deep + b"}", b"9" * 5000, b""))
    tree = _tree(json.loads(data), rng)
    return json.dumps(tree, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def _tree(value: Any, rng: random.Random, odd: tuple[Any, ...] = _ODD) -> Any:
    """Change one to three places anywhere in nested values."""
    holder = [value]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        container: Any = holder
        while True:
            keys = list(container) if isinstance(container, dict) else list(range(len(container)))
            if not keys:
                break
            key = rng.choice(keys)
            inner = container[key]
            if isinstance(inner, dict | list) and inner and rng.random() < 0.85:
                container = inner
                continue
            _change(container, key, rng, odd)
            break
    return holder[0]


def _change(container: Any, key: Any, rng: random.Random, odd: tuple[Any, ...]) -> None:
    what = rng.randrange(8)
    if what == 0 and not (
        isinstance(key, int) and isinstance(container, list) and len(container) < 2
    ):
        del container[key]
    elif what == 1 and isinstance(container, dict):
        container[rng.choice(("", "\0", "name", "x" * 300, "\x1b[2J"))] = container.pop(key)
    elif what == 2 and isinstance(container, dict):
        container[rng.choice(list(container))] = container[key]
    elif what == 2:
        container.extend(container[:] * rng.choice((1, 3)))
    elif what == 3 and isinstance(container[key], int | float):
        container[key] = rng.choice((-container[key], str(container[key]), [container[key]]))
    else:
        container[key] = _copy(rng.choice(odd))


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list) else value


_TOML_VALUE = re.compile(rb"(?<== )[^\n]+")
_TOML_SHORT = rb"""1 -1 0 "" "\u0000" "\u001b[2J" [] {} nan inf true""".split()
_TOML_LARGE = (b"9" * 5000, b"9" * 20, b"2020-02-30", b"1979-05-27T07:32:00Z", b"[" * _DEEP)
_TOML_NESTED = (b'["a", 1]', b'{ name = "x" }', b'"' + b"x" * 5000 + b'"')
_TOML_ODD = (*_TOML_SHORT, *_TOML_LARGE, *_TOML_NESTED, b"'''", b"1e999", b"[[[]]]")


def _toml(data: bytes, rng: random.Random) -> bytes:
    values = list(_TOML_VALUE.finditer(data))
    if not values or rng.random() < 0.3:
        lines = data.split(b"\n")
        at = rng.randrange(len(lines))
        lines[at : at + 1] = rng.choice(([], [lines[at]] * 2, [b"[x]"], [rng.choice(lines)]))
        return b"\n".join(lines)
    value = rng.choice(values)
    return data[: value.start()] + rng.choice(_TOML_ODD) + data[value.end() :]


def _tensors(data: bytes, rng: random.Random) -> bytes:
    tensors = (torch.zeros(0), torch.zeros(2, 2), torch.tensor(3), torch.zeros(1).expand(10**12))
    numbers = torch.zeros(1, dtype=torch.complex64)
    odd = (*_ODD, *tensors, numbers, (1, 2), {1: 2}, {None: 1}, _repeated(60), _keyed())
    tree = _tree(torch.load(io.BytesIO(data), weights_only=True), rng, odd)
    file = io.BytesIO()
    torch.save(tree, file)
    return file.getvalue()


def _repeated(times: int) -> list[Any]:
    """A list of 2 ** times items that takes a few bytes."""
    found: list[Any] = []
    for _ in range(times):
        found = [found, found]
    return found


def _keyed() -> dict[Any, int]:
    return {(1, (2, 3)): 4}


def _zipped(data: bytes, rng: random.Random) -> bytes:
    """Change a part of a zip file, with the right checksum; or how the zip file describes it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [(entry, archive.read(entry)) for entry in archive.infolist()]
    file = io.BytesIO()
    at = rng.randrange(len(parts))
    with zipfile.ZipFile(file, "w") as archive:
        for number, (entry, content) in enumerate(parts):
            again = zipfile.ZipInfo(entry.filename)
            again.compress_type = entry.compress_type
            if number == at:
                what = rng.randrange(8)
                if what == 0:
                    continue
                if what == 1:
                    again.compress_type = rng.choice((0, 8, 12, 14))
                elif what == 2:
                    again.filename = rng.choice((parts[0][0].filename, "../x", "", "é\0", _LONG))
                elif what == 3:
                    content *= rng.choice((0, 2, 100))
                else:
                    content = _with_checksums(again.filename, content, rng)
            archive.writestr(again, content)
    return file.getvalue()


def _with_checksums(name: str, content: bytes, rng: random.Random) -> bytes:
    """Change bytes; those of a PNG keep the right checksums most of the time."""
    found = _bytes(content, rng)
    if (
        not name.endswith(".png")
        or rng.random() < 0.3
        or not found.startswith(b"\x89PNG\r\n\x1a\n")
    ):
        return found
    position, parts = 8, [found[:8]]
    while position + 12 <= len(found):
        length = int.from_bytes(found[position : position + 4], "big")
        inner = found[position + 4 : position + 8 + length]
        parts += [found[position : position + 4], inner, zlib.crc32(inner).to_bytes(4, "big")]
        position += 12 + length
    return b"".join(parts)
