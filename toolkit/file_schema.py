"""Validating the content of a file that anybody may have written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from toolkit.errors import UsageError

_SHOWN_PROBLEMS = 4
_SHOWN_LETTERS = 60

Value = TypeVar("Value")


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL can stand in no path")
    return text


PathText = Annotated[str, Field(max_length=4096), AfterValidator(_without_nul)]
"""A path in a file, as text that the system can be asked about."""

Side = Annotated[int, Field(ge=1, lt=1 << 31)]
"""Height or width of an image, pixels."""


def validated(
    adapter: TypeAdapter[Value], content: Any, path: Path, what: str, hint: str = ""
) -> Value:
    """Return the content of a file as the type that it must have.

    Args:
        adapter: of that type.
        content: plain values as they were parsed.
        path: the file.
        what: its name in messages, as in "side-car".
        hint: what to do when it is broken.

    Raises:
        UsageError: it is something else; names the file and the first fields that are wrong.
    """
    try:
        return adapter.validate_python(content)
    except ValidationError as error:
        raise UsageError(f"{path}: broken {what}: {problems_in(error)}", hint) from None


def problems_in(error: ValidationError) -> str:
    """Return the first findings as "images.0.size: should be …; …" on one line."""
    found = error.errors(include_url=False, include_context=False)
    shown = [f"{_place(item['loc'])}{_message(item)}" for item in found[:_SHOWN_PROBLEMS]]
    more = len(found) - len(shown)
    return "; ".join([*shown, f"and {more} more"] if more else shown)


def _place(location: tuple[int | str, ...]) -> str:
    place = ".".join(str(part)[:_SHOWN_LETTERS] for part in location)
    return f"{place}: " if place else ""


def _message(item: Any) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    value = item["input"]
    if item["type"] == "missing" or not isinstance(value, bool | int | float | str | None):
        return message
    # Python refuses to write numbers of thousands of digits.
    is_short = not isinstance(value, int) or value.bit_length() < _SHOWN_LETTERS
    shown = repr(value) if is_short else ""
    return f"{message}, not {shown}" if 0 < len(shown) <= _SHOWN_LETTERS else message
