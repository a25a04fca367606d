"""Checking that a pickle of torch.save holds only tensors and plain values.

`torch.load(weights_only=True)` runs no foreign code, but it does build what a pickle asks for: keys
whose hash takes years, buffers of any size. Here the pickle is only read, each instruction once.
"""

from __future__ import annotations

import pickletools
from typing import Any

_SCALARS = {
    *("NONE", "NEWTRUE", "NEWFALSE", "BINUNICODE"),
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_REBUILDS = {
    "collections OrderedDict": "dict",
    "collections Counter": "dict",
    "torch._utils _rebuild_tensor_v2": "tensor",
    "torch._utils _rebuild_tensor_v3": "tensor",
    "torch._utils _rebuild_parameter": "tensor",
}
_NUMBERS = [
    "Double",
    "Float",
    "Half",
    "BFloat16",
    "Long",
    "Int",
    "Short",
    "Char",
    "Byte",
    "Bool",
    "ComplexFloat",
    "ComplexDouble",
]
_NAMES = {
    *(f"torch {name}Storage" for name in _NUMBERS),
    "torch.storage UntypedStorage",
    *(f"torch {name}" for name in ("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2")),
}


class NotPlain(Exception):
    """The pickle holds other objects; the message names the first."""


class BrokenPickle(Exception):
    """The pickle cannot have been written by torch.save; the message says why."""


def require_plain(data: bytes) -> int:
    """Return the number of instructions of a pickle of tensors and plain values.

    Raises:
        NotPlain: it holds other objects.
        BrokenPickle: it is damaged, or its dicts have keys that are no numbers or texts.
    """
    try:
        return _PickleReader().read(data)
    except (ValueError, IndexError, KeyError) as error:
        raise BrokenPickle(str(error) or "it ends too early") from None


class _PickleReader:
    """Runs the instructions of a pickle with kinds of values in place of the values."""

    def __init__(self) -> None:
        self._stack: list[str] = []
        self._marks: list[int] = []
        self._memo: dict[int, str] = {}

    def read(self, data: bytes) -> int:
        count = 0
        argument: Any
        for opcode, argument, _ in pickletools.genops(data):
            count += 1
            name = opcode.name
            if name in _SCALARS:
                self._stack.append("scalar")
            elif name == "BINPUT" or name == "LONG_BINPUT":
                self._memo[argument] = self._stack[-1]
            elif name == "BINGET" or name == "LONG_BINGET":
                self._stack.append(self._memo[argument])
            elif name in _TUPLES:
                self._take(_TUPLES[name])
                self._stack.append("tuple")
            elif name != "PROTO" and name != "STOP":
                self._rare(name, argument)
        return count

    def _rare(self, name: str, argument: Any) -> None:
        if name == "GLOBAL":
            self._stack.append(_require_known(argument))
        elif name == "MARK":
            self._marks.append(len(self._stack))
        elif name == "TUPLE":
            self._take_marked()
            self._stack.append("tuple")
        elif name == "BINPERSID":
            self._require(self._take(1)[0], "tuple")
            self._stack.append("storage")
        elif name == "REDUCE":
            called, arguments = self._take(2)
            self._require(arguments, "tuple")
            self._stack.append(_REBUILDS[called])
        elif name == "BUILD":
            self._take(1)
            self._require(self._stack[-1], "dict")
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            self._stack.append(name.removeprefix("EMPTY_").lower())
        else:
            self._fill(name)

    def _fill(self, name: str) -> None:
        if name in ("SETITEM", "SETITEMS"):
            items = self._take(2) if name == "SETITEM" else self._take_marked()
            self._require(self._stack[-1], "dict")
            for key in items[::2]:
                self._require(key, "scalar")
        elif name in ("APPEND", "APPENDS"):
            self._take(1) if name == "APPEND" else self._take_marked()
            self._require(self._stack[-1], "list")
        else:
            raise NotPlain(f"instruction {name}")

    def _take(self, count: int) -> list[str]:
        begin = len(self._stack) - count
        if begin < (self._marks[-1] if self._marks else 0):
            raise ValueError("a value is missing")
        taken = self._stack[begin:]
        del self._stack[begin:]
        return taken

    def _take_marked(self) -> list[str]:
        begin = self._marks.pop()
        taken = self._stack[begin:]
        del self._stack[begin:]
        return taken

    def _require(self, kind: str, expected: str) -> None:
        if kind != expected:
            raise ValueError(f"a {kind} where a {expected} should be")


def _require_known(name: str) -> str:
    if name in _REBUILDS or name in _NAMES:
        return name
    raise NotPlain(name)
