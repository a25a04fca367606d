"""Line numbers of the keys of a TOML text, which `tomllib` does not give.

The text must already have been accepted by `tomllib`; this scanner only finds where things stand.
"""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)+")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL),
    re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def key_lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every key and array element; paths hold keys and indices."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip_blank()
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
            self._skip_blank()
        return self._lines

    def _header(self) -> Path:
        is_array = self._text.startswith("[[", self._at)
        line = self._line
        self._move(2 if is_array else 1)
        keys = self._dotted_key()
        self._move(2 if is_array else 1)
        path: Path = ()
        for index, key in enumerate(keys):
            path = (*path, key)
            self._lines.setdefault(path, line)
            if is_array and index == len(keys) - 1:
                self._arrays[path] = self._arrays.get(path, 0) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path] - 1)
                self._lines.setdefault(path, line)
        # A table may be opened after its sub-table: its own header is the better place.
        self._lines[path] = line
        return path

    def _pair(self, table: Path) -> None:
        line = self._line
        path = table
        for key in self._dotted_key():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._move(1)
        self._value(path)

    def _dotted_key(self) -> list[str]:
        keys = []
        while True:
            self._skip_blank()
            string = self._string()
            if string is not None:
                keys.append(str(tomllib.loads(f"x = {string}")["x"]))
            else:
                match = _BARE_KEY.match(self._text, self._at)
                assert match is not None, "tomllib accepted this text"
                keys.append(match.group())
                self._move(len(match.group()))
            self._skip_blank()
            if not self._text.startswith(".", self._at):
                return keys
            self._move(1)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        if self._string() is not None:
            return
        opening = self._text[self._at]
        if opening == "[":
            self._elements(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            match = _SCALAR.match(self._text, self._at)
            assert match is not None, "tomllib accepted this text"
            self._move(len(match.group()))

    def _elements(self, path: Path) -> None:
        self._move(1)
        index = 0
        self._skip_blank()
        while not self._text.startswith("]", self._at):
            element = (*path, index)
            self._lines[element] = self._line
            self._value(element)
            index += 1
            self._skip_comma()
        self._move(1)

    def _inline_table(self, path: Path) -> None:
        self._move(1)
        self._skip_blank()
        while not self._text.startswith("}", self._at):
            self._pair(path)
            self._skip_comma()
        self._move(1)

    def _skip_comma(self) -> None:
        self._skip_blank()
        if self._text.startswith(",", self._at):
            self._move(1)
            self._skip_blank()

    def _string(self) -> str | None:
        for pattern in _STRINGS:
            match = pattern.match(self._text, self._at)
            if match is not None:
                self._move(len(match.group()))
                return match.group()
        return None

    def _skip_blank(self) -> None:
        match = _BLANK.match(self._text, self._at)
        if match is not None:
            self._move(len(match.group()))

    def _move(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count
