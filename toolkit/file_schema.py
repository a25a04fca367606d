"""Validating the content of a file that anybody may have written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from toolkit.errors import UsageError
from toolkit.files import read_json

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


class OtherFile(UsageError):
    """A file is of another kind than the one that was asked for."""


@dataclass(frozen=True)
class FileLayout(Generic[Value]):
    """One kind of JSON or TOML file that the toolkit writes, and the way to read it.

    Such a file begins with a header: what it is, and the version of its layout. The names of these
    two entries differ from kind to kind, as files of earlier years must still be read.

    Attributes:
        what: its name in messages, as in "side-car".
        content: the type of all but the header.
        version: version of the layout, as it is written.
        schema: what the header says that the file is; None = the version alone tells it.
        older: versions that are read beside the present one.
        schema_key: name of the entry of `schema`.
        version_key: name of the entry of `version`.
        origin: in the hint for a file of another kind: where such files come from.
        repair: in the hint for a broken file: what to do.
    """

    what: str
    content: TypeAdapter[Value]
    version: int
    schema: str | None = None
    older: tuple[int, ...] = ()
    schema_key: str = "schema"
    version_key: str = "version"
    origin: str = ""
    repair: str = ""

    @property
    def header(self) -> dict[str, str | int]:
        """The first entries of a file."""
        schema = {} if self.schema is None else {self.schema_key: self.schema}
        return {**schema, self.version_key: self.version}

    def read(self, path: Path) -> Value:
        """Return the content of a JSON file.

        Raises:
            OtherFile: it is something else.
            UsageError: missing, not JSON, of an unknown version, or a value is wrong or missing.
        """
        return self.value(read_json(path, self.what), path)

    def value(self, parsed: Any, path: Path) -> Value:
        """Return the content of a file that was parsed already; raises as `read`."""
        found = parsed if isinstance(parsed, dict) else {}
        version = found.get(self.version_key)
        is_other = (
            version is None if self.schema is None else found.get(self.schema_key) != self.schema
        )
        if is_other:
            article = "an" if self.what[0] in "aeiou" else "a"
            raise OtherFile(f"{path} is not {article} {self.what}", self.origin)
        if type(version) is not int or version not in (self.version, *self.older):
            is_newer = type(version) is int and version > self.version
            raise UsageError(
                f"{path}: {self.what} of version {version}; this is version {self.version}",
                "Update the toolkit." if is_newer else self.repair,
            )
        content = {key: each for key, each in found.items() if key not in self.header}
        return validate_content(self.content, content, path, self.what, self.repair)


def validate_content(
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
