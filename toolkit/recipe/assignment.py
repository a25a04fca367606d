"""One `--set` text: `train.epochs=3`."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from toolkit.errors import UsageError
from toolkit.recipe.problems import KeyPath

_SET = re.compile(r"(?P<key>[\w.-]+)\s*(?P<operator>\+?=)(?P<value>.*)", re.DOTALL)
_INDEX = re.compile(r"[0-9]{1,6}")
_WORD = re.compile(r"[A-Za-z_~./][\w~./+:*-]*")


def parse_assignment(text: str) -> tuple[KeyPath, str, Any]:
    """Return (path, "=" or "+=", value) of a `--set` text; the value is TOML or a bare word.

    Raises:
        UsageError: no assignment, or a value that is neither.
    """
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(f"--set {text}: not valid Unicode")
    match = _SET.fullmatch(text)
    if match is None:
        raise UsageError(f"--set {text}: write key=value", "For example: --set train.epochs=3")
    parts = match["key"].split(".")
    if "" in parts or parts[0].isdecimal():
        raise UsageError(f"--set {text}: {match['key']} is not a key", "For example: train.epochs")
    path = tuple(int(part) if _INDEX.fullmatch(part) else part for part in parts)
    raw = match["value"].strip()
    try:
        value = tomllib.loads(f"value = {raw}")
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        # Shells eat quotes: a bare word is meant as a string.
        if not _WORD.fullmatch(raw):
            raise UsageError(
                f"--set {text}: {raw!r} is not a TOML value ({error})",
                f"Quote strings: --set '{match['key']}=\"{raw.replace(chr(34), '')}\"'",
            ) from None
        return path, match["operator"], raw
    if set(value) != {"value"}:
        raise UsageError(f"--set {text}: more than one value")
    return path, match["operator"], value["value"]
