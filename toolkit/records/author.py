"""Who runs and submits: a name for people, and a folder's name that every disk takes."""

from __future__ import annotations

import getpass
import os
import re
import unicodedata

from toolkit.files import digest_of
from toolkit.project import Project
from toolkit.records.git_state import git_setting

SWITCH = "TRASH_AUTHOR"
"""Environment variable with the author's name, before that of git."""

_LONGEST = 40
"""Letters of a folder's name: at most 160 bytes of the 255 that file systems allow."""


def author_name(project: Project) -> str:
    """Return who works here: `TRASH_AUTHOR`, else git's `user.name`, else the login name."""
    name = os.environ.get(SWITCH, "").strip() or git_setting(project.root, "user.name")
    return printable(name or _login_name())


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # in a container a user may have a number alone
        return "unknown"


def author_slug(name: str) -> str:
    """Return the folder of an author: letters, marks and digits of any script, joined by `-`.

    Two names may have one folder, as "Ann B" and "ann-b" do: the names of the files in it are
    unique by themselves.
    """
    return slug(name) or f"author-{digest_of(printable(name))[:8]}"


def slug(text: str) -> str:
    """Return the letters, marks and digits of a text, joined by `-`; empty if it has none."""
    # Git and disks that fold letters or their accents would otherwise see two files or one.
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    kept = (letter if unicodedata.category(letter)[0] in "LMN" else "-" for letter in folded)
    return re.sub("-+", "-", "".join(kept))[:_LONGEST].strip("-")


def printable(text: str) -> str:
    """Return a text as UTF-8 can hold it: bytes that are no Unicode become `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")
