"""The set that the commands of `trash pseudo` take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.project import find_project

if TYPE_CHECKING:
    from toolkit.pseudo.label_set import LabelSet

Set = Annotated[
    str, typer.Argument(metavar="SET", help="Folder of the set, or the beginning of its key.")
]


def open_set(text: str) -> LabelSet:
    """Open the set of a folder or the beginning of a key.

    Raises:
        UsageError: there is no such set, or it is damaged.
    """
    from toolkit.pseudo.catalogue import find_label_set
    from toolkit.pseudo.label_set import open_label_set

    return open_label_set(find_label_set(text, find_project().cache / "pseudo"))
