"""What people write on the board: ideas before they are run, and notes on what is there.

Each is a small file of its own that nobody ever edits, so that six people who plan and note at once
never conflict. A later note takes back what an earlier one said.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from toolkit.file_schema import PathText
from toolkit.records.record_name import RecordName

LONGEST_TITLE = 200
LONGEST_TEXT = 4000
LONGEST_TAG = 40
MOST_TAGS = 20

_STRICT = ConfigDict(extra="forbid")

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Tags = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_TAG)], ...],
    Field(max_length=MOST_TAGS),
]


@dataclass(frozen=True, config=_STRICT)
class CardRecord:
    """An idea that is on the board before it is run.

    Attributes:
        author: name of who had it.
        title: the idea in one line.
        recipe: the recipe that tries it, relative to the project folder; a name alone where there
            is none yet; None = not known.
        text: why, and what it is expected to change.
        tags: words that it is found by.
        created: UTC, ISO 8601.
    """

    author: str
    title: Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE)]
    recipe: PathText | None
    text: Text
    tags: Tags
    created: str
    kind: Literal["card"] = "card"


@dataclass(frozen=True, config=_STRICT)
class NoteRecord:
    """What somebody says about another record.

    Attributes:
        author: name of who says it.
        about: name of the record.
        text: what is said; may be empty where tags or `dropped` say it.
        tags: words that the record is found by, beside those that it has.
        dropped: True = it is given up, False = it is taken up again, None = neither.
        created: UTC, ISO 8601, to the millisecond: the order of notes counts.
    """

    author: str
    about: RecordName
    text: Text
    tags: Tags
    dropped: bool | None
    created: str
    kind: Literal["note"] = "note"
