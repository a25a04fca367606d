"""Groups of images that stay in one fold: scenes, folders, parts of names, near-duplicates."""

from __future__ import annotations

import math
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.annotation_sets import DEFAULT
from toolkit.data.content_digests import photo_contents
from toolkit.data.near_duplicates import hash_photos, near_duplicate_units
from toolkit.data.photo_facts import Fault
from toolkit.errors import UsageError
from toolkit.files import read_json
from toolkit.plugin.reader import AnnotationSet
from toolkit.progress import Progress
from toolkit.recipe.schema import Data
from toolkit.suggestions import did_you_mean, nearest
from toolkit.wording import counted, part_of, some_of
from toolkit.workspace import Workspace

_NEAR_DUPLICATES = "near-duplicates"
_RULES = {
    "key": "key:NAME",
    "folder": "folder",
    "name": "name:EXPRESSION",
    _NEAR_DUPLICATES: _NEAR_DUPLICATES,
}


@dataclass(frozen=True)
class GroupRule:
    """How images are put into groups, as `--groups` and split files write it.

    Attributes:
        kind: "key", "folder", "name" or "near-duplicates".
        argument: the key of an image's JSON entry, or the regular expression; else empty.
    """

    kind: str
    argument: str = ""

    @classmethod
    def parse(cls, text: str) -> GroupRule:
        """Return the rule that a text such as "key:scene_id" means; nothing is looked up yet.

        Raises:
            UsageError: it is no rule, or its expression is none or has no capture group.
        """
        kind, colon, argument = text.partition(":")
        if not _is_writable(text):
            raise UsageError(f"--groups {text!r} is no text in UTF-8")
        if kind in ("key", "name") and argument:
            if kind == "name":
                _compile(argument)
            return cls(kind, argument)
        if kind in ("folder", _NEAR_DUPLICATES) and not colon:
            return cls(kind)
        near = nearest(kind, _RULES)
        raise UsageError(
            f"--groups {text} is no rule for groups",
            (f"Did you mean {_RULES[near]}? " if near else "")
            + f"Rules: {', '.join(_RULES.values())}.",
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind


@dataclass(frozen=True)
class Groups:
    """The group of every image of a file, in file order, and the rule that made them."""

    rule: GroupRule
    names: tuple[str, ...]

    def __str__(self) -> str:
        sizes = sorted(Counter(self.names).values())
        images = counted(len(self.names), "image", "images")
        range_of = f"{sizes[0]} to {sizes[-1]}" if sizes[0] < sizes[-1] else str(sizes[0])
        groups = counted(len(sizes), "group", "groups")
        return f"{images} in {groups} ({self.rule}) of {range_of} each"

    def count_in(self, rows_of_folds: Sequence[Sequence[int]]) -> list[int]:
        """Return of each fold how many groups its rows are of."""
        return [len({self.names[row] for row in rows}) for rows in rows_of_folds]


def require_keys(workspace: Workspace, data: Data, rule: GroupRule) -> None:
    """Refuse a rule by key for data that are no COCO JSON.

    Args:
        workspace: has the readers.
        data: names the format.
        rule: what puts images together.

    Raises:
        UsageError: the rule asks for a key that no entry of the format has.
    """
    spec = data.format or DEFAULT
    if rule.kind == "key" and workspace.registry.canonical("reader", spec).name != DEFAULT.name:
        others = ", ".join(text for kind, text in _RULES.items() if kind != "key")
        raise UsageError(
            f"--groups {rule} needs COCO JSON, whose images have keys; data.format is {spec.name}",
            f"Rules for all formats: {others}.",
        )


def find_groups(workspace: Workspace, coco: AnnotationSet, rule: GroupRule, root: Path) -> Groups:
    """Return the groups of a file's images.

    Args:
        workspace: has the cache of the photos' hashes; shows a bar when many have to be read.
        coco: the file, a COCO JSON if the rule is by key, see `require_keys`.
        rule: what puts images together.
        root: folder of the photos, which "near-duplicates" looks at.

    Raises:
        UsageError: images lack the key, their names do not match the expression, or photos that
            have to be looked at cannot be read.
    """
    if rule.kind == _NEAR_DUPLICATES:
        return Groups(rule, _by_look(coco, root, workspace.project.cache, workspace.progress))
    if rule.kind == "folder":
        names = [posixpath.normpath(record.file_name) for record in coco.images]
        return Groups(rule, tuple(posixpath.dirname(name) or "." for name in names))
    if rule.kind == "name":
        return Groups(rule, _by_name(coco, rule.argument))
    return Groups(rule, _by_key(coco, rule.argument))


def _compile(expression: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise UsageError(
            f"--groups name:{expression} is no regular expression: {error}",
            r"An example is 'name:^(\d+)_': images are together whose names begin with one number.",
        ) from None
    if not compiled.groups:
        raise UsageError(
            f"--groups name:{expression} has no capture group",
            r"Put the part that names the group in parentheses: 'name:^(\d+)_'.",
        )
    return compiled


def _by_name(coco: AnnotationSet, expression: str) -> tuple[str, ...]:
    compiled = _compile(expression)
    found = [compiled.search(record.file_name) for record in coco.images]
    names = [match.group(1) if match else None for match in found]
    _require_all(
        coco,
        [bool(name) for name in names],
        (f"does not match {expression}", f"do not match {expression}"),
        "The expression is searched in the whole file_name, folders included, and its first "
        "capture group is the name of the group.",
    )
    return tuple(str(name) for name in names)


def _by_key(coco: AnnotationSet, key: str) -> tuple[str, ...]:
    entries = read_json(coco.path, "annotation file")["images"]
    names = [_as_name(entry.get(key)) for entry in entries]
    keys = {each for entry in entries for each in entry}
    near = "" if key in keys else did_you_mean(key, keys - {key})
    _require_all(
        coco,
        [name is not None for name in names],
        (f"has no text or integer {key!r}", f"have no text or integer {key!r}"),
        near or "An image that belongs to no other one needs a value of its own.",
    )
    return tuple(str(name) for name in names)


def _by_look(coco: AnnotationSet, root: Path, cache: Path, progress: Progress) -> tuple[str, ...]:
    """Name each unit of photos that look alike, and copies of plain ones, by its first image."""
    names = [record.file_name for record in coco.images]
    contents = photo_contents(coco, root, cache, progress)
    found = hash_photos(root, names, contents, cache, progress)
    hashes = [None if isinstance(each, Fault) else each for each in found]
    _require_all(
        coco,
        [each is not None for each in hashes],
        ("cannot be read", "cannot be read"),
        f"--groups {_NEAR_DUPLICATES} looks at all photos, under {root}. `trash data check` says "
        "what is wrong with each; --data DIR, if they are elsewhere.",
    )
    alike = [str(first) for first in near_duplicate_units(hashes)]
    unit_of = united(len(names), [alike, contents])
    first_of: dict[int, str] = {}
    return tuple(
        first_of.setdefault(unit, name) for unit, name in zip(unit_of.tolist(), names, strict=True)
    )


def _as_name(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():  # a column with gaps became floats
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) if value != "" and _is_writable(str(value)) else None


def _is_writable(text: str) -> bool:
    """Tell texts from those with halves of characters, which JSON and command lines can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _require_all(
    coco: AnnotationSet, has_group: Sequence[bool], verb: tuple[str, str], hint: str
) -> None:
    without = [
        record.file_name for record, has in zip(coco.images, has_group, strict=True) if not has
    ]
    if without:
        what = part_of(len(without), len(coco.images), ("image", "images"), verb)
        raise UsageError(f"{coco.path}: {what}: {some_of(without)}", hint)


def united(count: int, labelings: Iterable[Sequence[str | None]]) -> NDArray[np.int64]:
    """Return the unit of each of `count` rows: rows are together that share any label.

    Args:
        count: number of rows.
        labelings: of each row a label or None, which is shared with nobody.

    Returns:
        int64 (count,), numbered in the order of each unit's first row.
    """
    parent = list(range(count))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for labels in labelings:
        first_of: dict[str, int] = {}
        for row, label in enumerate(labels):
            if label is not None:
                first, other = sorted((root(first_of.setdefault(label, row)), root(row)))
                parent[other] = first
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(row), len(numbers)) for row in range(count)], np.int64)


def describe_units(unit_of: NDArray[np.int64], groups: Groups) -> list[str]:
    """Return of each unit "name (count)", with the names of all groups that it unites."""
    names: list[dict[str, None]] = [{} for _ in range(int(unit_of.max(initial=-1)) + 1)]
    for unit, name in zip(unit_of.tolist(), groups.names, strict=True):
        names[unit][name] = None
    sizes = np.bincount(unit_of, minlength=len(names))
    return [f"{' + '.join(own)} ({size})" for own, size in zip(names, sizes.tolist(), strict=True)]


def group_warnings(groups: Groups, contents: Sequence[str | None], n_folds: int) -> list[str]:
    """Return what a user should know before groups are divided.

    Args:
        groups: of the images.
        contents: digest of each photo: copies unite the groups that they are in.
        n_folds: number of folds.
    """
    unit_of = united(len(groups.names), [groups.names, contents])
    described = describe_units(unit_of, groups)
    fair = math.ceil(len(unit_of) / n_folds)
    n_groups = len(Counter(groups.names))
    warnings = []
    if len(described) < n_groups:
        joined = [each for each in described if " + " in each]
        warnings.append(
            f"copies of photos are in several groups, which stay together: {some_of(joined)}"
        )
    sizes = np.bincount(unit_of)
    large = [described[unit] for unit in np.argsort(-sizes, kind="stable") if sizes[unit] > fair]
    if large:
        what = counted(len(large), "group is", "groups are")
        warnings.append(
            f"{what} larger than a fold should be, {fair} images: {some_of(large)}; "
            "the folds cannot be equal"
        )
    return warnings
