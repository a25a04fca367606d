"""What a record is called: its file below `records/`, without the ending."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from toolkit.file_schema import PathText


def _two_names(text: str) -> str:
    parts = text.split("/")
    if len(parts) != 2 or any(part.startswith(".") or not part for part in parts):
        raise ValueError("should be AUTHOR/NAME")
    return text


RecordName = Annotated[PathText, AfterValidator(_two_names)]
"""Name of a record, "AUTHOR/NAME-DIGITS"."""
