"""What is in the masks of a set, seen once and remembered by content; what they must not have."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from toolkit.data.content_digests import content_digests
from toolkit.data.folder_memory import Facts, FolderMemory
from toolkit.data.mask_pixels import (
    MaskContent,
    colour_of,
    look_into,
    numbered,
    reading_of,
)
from toolkit.data.near_files import near_file
from toolkit.errors import TrashError, UsageError
from toolkit.files import is_file
from toolkit.plugin.reader import AnnotationSet, ImageRecord, MaskFile, MaskTable
from toolkit.progress import Progress
from toolkit.wording import counted, part_of, some_of

_VERSION = 1
_THREADS = 8
_SHOWN = 3
_BYTE = 256


class MaskError(UsageError):
    """Masks cannot be used.

    Attributes:
        kind: short name of what is wrong, as in a report.
        faults: name of each photo or mask with what is wrong with it.
    """

    def __init__(
        self, message: str, hint: str, kind: str, faults: Sequence[tuple[str, str]]
    ) -> None:
        super().__init__(message, hint, parameter="data.format")
        self.kind = kind
        self.faults = tuple(faults)


def with_masks(
    found: AnnotationSet, root: Path, cache: Path | None, most_pixels: int, progress: Progress
) -> tuple[AnnotationSet, tuple[str, ...]]:
    """Return a set whose records have the size of their masks and the categories in them.

    Args:
        found: as a reader returned it; records without a mask stay as they are.
        root: folder of the photos, for messages.
        cache: folder of caches, where what was seen is remembered; None = nowhere.
        most_pixels: of a mask.
        progress: told while masks are read.

    Returns:
        The set, and the digest of the content of each mask.

    Raises:
        MaskError: masks are missing, cannot be read, or have values or colours that their table
            lacks; with names and numbers of pixels.
    """
    rows = [row for row, record in enumerate(found.images) if record.mask is not None]
    if not rows:
        return found, ()
    masks = [mask for record in found.images if (mask := record.mask) is not None]
    _refuse_strange(found, masks)
    _refuse_missing(found, masks, root)
    # Beside a root that is a link, a path with .. would lead elsewhere.
    is_below = all(mask.path.is_relative_to(root) for mask in masks)
    above = root if is_below else Path(os.path.commonpath([mask.path.parent for mask in masks]))
    names = [os.path.relpath(mask.path, above) for mask in masks]
    digests = content_digests(above, names, cache, progress, what="mask")
    contents = _contents(found.path, above, masks, digests, cache, most_pixels, progress)
    _refuse_unknown(found, masks, contents, root)
    images = list(found.images)
    for row, mask, content in zip(rows, masks, contents, strict=True):
        images[row] = replace(
            images[row],
            width=content.width,
            height=content.height,
            mask=replace(mask, pixels=_categories(mask.table, content)),
        )
    return replace(found, images=tuple(images)), digests


def _categories(table: MaskTable, content: MaskContent) -> tuple[tuple[int, int], ...]:
    meanings = numbered(table)
    pixels: Counter[int] = Counter()
    for number, count in content.counts.items():
        meaning = meanings[number]
        if isinstance(meaning, int):
            pixels[meaning] += count
    return tuple(sorted(pixels.items()))


def _refuse_strange(found: AnnotationSet, masks: Sequence[MaskFile]) -> None:
    known = {category.category_id for category in found.categories}
    tables = {id(mask.table): mask.table for mask in masks}
    for table in tables.values():
        meanings = {each for each in numbered(table).values() if isinstance(each, int)}
        if meanings - known:
            ids = ", ".join(map(str, sorted(meanings - known)))
            raise TrashError(f"{found.path}: masks of categories that the reader lacks: {ids}")


def _refuse_missing(found: AnnotationSet, masks: Sequence[MaskFile], root: Path) -> None:
    pairs = [
        (record, mask.path)
        for record, mask in zip(_masked(found), masks, strict=True)
        if not is_file(mask.path)
    ]
    if not pairs:
        return
    faults = [(record.file_name, f"no {_below(path, root)}") for record, path in pairs]
    shown = [f"{name} ({fault})" for name, fault in faults]
    others = [_below(mask.path, root) for mask in masks if is_file(mask.path)]
    near = near_file(root, _below(pairs[0][1], root), others)
    has = part_of(len(pairs), len(masks), ("photo", "photos"), ("has no mask", "have no mask"))
    raise MaskError(
        f"{found.path}: {has}: {some_of(shown, _SHOWN)}",
        f"Is it {near}?" if near else "Does data.format say where the masks are?",
        "missing mask",
        faults,
    )


def _masked(found: AnnotationSet) -> Iterator[ImageRecord]:
    return (record for record in found.images if record.mask is not None)


def _below(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _contents(
    source: Path,
    root: Path,
    masks: Sequence[MaskFile],
    digests: Sequence[str],
    cache: Path | None,
    most_pixels: int,
    progress: Progress,
) -> list[MaskContent]:
    memory = FolderMemory("mask-contents", _VERSION, root, cache)
    keys = [
        f"{reading_of(mask.table)} {digest}" for mask, digest in zip(masks, digests, strict=True)
    ]
    known = _known(memory.read())
    unread = {key: mask for key, mask in zip(keys, masks, strict=True) if key not in known}

    def look(mask: MaskFile) -> MaskContent | UsageError:
        try:
            return look_into(mask.path, reading_of(mask.table), most_pixels)
        except UsageError as error:
            return error

    faults: list[tuple[Path, UsageError]] = []
    new: dict[str, MaskContent] = {}
    if unread:
        with (
            progress.bar(f"looking at the masks of {source.name}", len(unread), "masks") as bar,
            ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool,  # it decodes
        ):
            for key, seen in zip(unread, pool.map(look, unread.values()), strict=True):
                if isinstance(seen, UsageError):
                    faults.append((unread[key].path, seen))
                else:
                    new[key] = seen
                bar.advance()
        _remember(memory, new)
    if faults:
        shown = [fault.message.replace(f"{root}/", "", 1) for _, fault in faults]
        cannot = part_of(len(faults), len(masks), ("mask", "masks"), ("cannot", "cannot"))
        raise MaskError(
            f"{source}: {cannot} be used: {some_of(shown, _SHOWN)}",
            faults[0][1].hint,
            "unreadable mask",
            [
                (_below(path, root), fault.message.removeprefix(f"{path}: "))
                for path, fault in faults
            ],
        )
    return [new[key] if key in new else known[key] for key in keys]


def _known(facts: Facts) -> dict[str, MaskContent]:
    """Return key -> content; nothing when the facts are of another form."""
    try:
        return {
            key: MaskContent(
                int(width), int(height), {int(n): int(count) for n, count in counts}, int(several)
            )
            for key, (width, height, counts, several) in facts.items()
        }
    except (ValueError, TypeError):
        return {}


def _remember(memory: FolderMemory, new: Mapping[str, MaskContent]) -> None:
    def change(facts: Facts) -> Facts:
        return {
            key: [seen.width, seen.height, list(seen.counts.items()), seen.n_numbers]
            for key, seen in (_known(facts) | dict(new)).items()
        }

    memory.update(change)


def _refuse_unknown(
    found: AnnotationSet, masks: Sequence[MaskFile], contents: Sequence[MaskContent], root: Path
) -> None:
    pixels: Counter[int] = Counter()
    places: dict[int, list[str]] = defaultdict(list)
    faults: list[tuple[str, str]] = []
    known = {id(mask.table): mask.table for mask in masks}
    named = {key: numbered(table) for key, table in known.items()}
    for mask, content in zip(masks, contents, strict=True):
        here = named[id(mask.table)]
        unknown = {n: count for n, count in content.counts.items() if n not in here}
        if not unknown:
            continue
        pixels.update(unknown)
        name = _below(mask.path, root)
        for number in unknown:
            places[number].append(name)
        told = [f"{_text(n, mask.table)}: {count:,} pixels" for n, count in unknown.items()]
        faults.append((name, some_of(told)))
    if not faults:
        return
    table = masks[0].table
    what = ("colour", "colours") if table.colours else ("value", "values")
    shown = [
        f"{_text(number, table)} ({count:,} pixels in {some_of(places[number], 1)})"
        for number, count in pixels.most_common()
    ]
    has = part_of(len(faults), len(masks), ("mask", "masks"), ("has", "have"))
    raise MaskError(
        f"{found.path}: {has} {counted(len(pixels), *what)} that data.format does not name: "
        f"{some_of(shown, _SHOWN)}",
        _way_out(pixels.most_common(1)[0][0], found, table),
        f"{what[0]} without a class",
        faults,
    )


def _text(number: int, table: MaskTable) -> str:
    return str(list(colour_of(number))) if table.colours else str(number)


def _way_out(number: int, found: AnnotationSet, table: MaskTable) -> str:
    text = _text(number, table)
    name = {category.category_id: category.name for category in found.categories}
    if table.colours:
        near = min(
            table.colours,
            key=lambda colour: sum(
                (a - b) ** 2 for a, b in zip(colour, colour_of(number), strict=True)
            ),
        )
        meaning = table.colours[near]
        called = name.get(meaning, "") if isinstance(meaning, int) else meaning
        hint = f"The nearest to {text} is {called}, {list(near)}. "
    else:
        hint = f"Known: {', '.join(map(str, sorted(table.values)))}. "
        if number >= _BYTE:
            hint += "Are these numbers of objects in place of classes? "
    return f"{hint}Give {text} a class, or count its pixels for nothing: data.format.ignore."
