"""How image ids are made from file names: whole, or without folder or ending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class LeftOut:
    """What the ids of a file leave out of the images' names.

    Args:
        folder: begins the names, with or without a slash behind; "" = nothing is left out.
        suffix: ends the names; "" = nothing is left out.
    """

    folder: str = ""
    suffix: str = ""

    @property
    def beginning(self) -> str:
        """The folder as it begins a name."""
        return f"{self.folder.removesuffix('/')}/" if self.folder else ""

    def id_of(self, name: str) -> str:
        """Return the id of an image."""
        return name.removeprefix(self.beginning).removesuffix(self.suffix)

    def name_of(self, id_: str) -> str:
        """Return the name of the image that an id stands for."""
        return f"{self.beginning}{id_}{self.suffix}"


@dataclass(frozen=True)
class IdStyle:
    """One way to write the ids of images.

    Attributes:
        what: is left out, in words; empty = nothing.
        folder: that is left out; "" = none, None = not the same one of all images.
        suffix: that is left out; "" = none, None = not the same one of all images.
        ids: of all images.
    """

    what: str
    folder: str | None
    suffix: str | None
    ids: frozenset[str]


def id_style(ids: Sequence[str], images: Sequence[str]) -> IdStyle | None:
    """Return the way that most of the ids are written in; None when no id is that of an image.

    Args:
        ids: as a sample submission writes them.
        images: `file_name` of every image.
    """
    best, most = None, 0
    for style in _styles(images):
        fitting = sum(each in style.ids for each in ids)
        if fitting > most:  # of equal ones the first, which leaves out least
            best, most = style, fitting
    return best


def _styles(images: Sequence[str]) -> list[IdStyle]:
    endings = {PurePosixPath(name).suffix for name in images}
    suffix = endings.pop() if len(endings) == 1 else None
    styles = []
    for folder in _folders(images):
        if folder is None:
            bare = [name.rpartition("/")[2] for name in images]
        else:
            bare = [name.removeprefix(LeftOut(folder).beginning) for name in images]
        what = "their folder" if folder != "" else ""
        styles.append(IdStyle(what, folder, "", frozenset(bare)))
        if suffix != "":
            what = f"{what} and ending" if what else "their file ending"
            styles.append(IdStyle(what, folder, suffix, frozenset(map(_stem, bare))))
    return styles


def _folders(images: Sequence[str]) -> list[str | None]:
    """Return what may be left out before the names: nothing, or folders that all of them are in."""
    folders = {name.rpartition("/")[0] for name in images}
    common: list[str] = []
    for parts in zip(*(folder.split("/") for folder in folders), strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    shared = ["/".join(common[:length]) for length in range(len(common), 0, -1)]
    differing = [None] if len(folders) > 1 else []
    return ["", *filter(None, shared), *differing]


def _stem(name: str) -> str:
    return name.removesuffix(PurePosixPath(name).suffix)
