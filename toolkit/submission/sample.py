"""The contest's sample submission: its columns are compared, its rows give the order."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn

from toolkit.errors import UsageError
from toolkit.formats.id_style import IdStyle, LeftOut, id_style
from toolkit.formats.rows import Line, read_ids, read_lines, split_fields
from toolkit.plugin.interfaces import (
    HasRowPerClass,
    LeavesOutFolder,
    LeavesOutSuffix,
    ListsImages,
    NamesColumns,
    SubmissionFormat,
)
from toolkit.suggestions import did_you_mean
from toolkit.wording import some_of

_HEADER = 1 << 16
_MOST_COLUMNS = 64
_SHOWN = 3
_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_INDEX_NAMES = ("", "index", "level_0")
_OTHER_FORMAT = "Formats: trash plugin list --kind submission_format. A new one is a plugin."


def sample_order(path: Path, format: SubmissionFormat, images: Sequence[str]) -> tuple[str, ...]:
    """Return the images of a sample submission in order; none when it is a header alone.

    Args:
        path: the sample, a CSV file whatever the format of the submission is.
        format: of the submission; where it does not say how a row names its image, the first column
            does.
        images: `file_name` of every test image.

    Raises:
        UsageError: the file cannot be opened, is no CSV with commas in UTF-8, has other columns
            than the format writes, or lists other images; says which and what to set in the recipe.
    """
    _refuse_header(path, format, images)
    listed = format.image_ids(path) if isinstance(format, ListsImages) else read_ids(path)
    rows = list(listed)
    if rows:
        _refuse_images(path, format, rows, images)
    return tuple(dict.fromkeys(rows))


def _refuse(path: Path, what: str, hint: str) -> NoReturn:
    raise UsageError(f"sample submission {path} {what}", hint, parameter="data.sample_submission")


def _refuse_header(path: Path, format: SubmissionFormat, images: Sequence[str]) -> None:
    first, second = _first_lines(path)
    if first is None:
        _refuse(path, "is empty", "Get the contest's file again, or unset data.sample_submission.")
    text = _text_of(path, first)
    fields = _fields(text)
    if _names_an_image(fields[0], images):
        header = ",".join(format.columns) if isinstance(format, NamesColumns) else "image_id,…"
        _refuse(
            path,
            f"has no header: its first line is already of an image, {fields[0]}",
            f"Add the contest's header as its first line, such as {header}.",
        )
    if not isinstance(format, NamesColumns):
        return
    columns = list(format.columns)
    # A list of the images alone says all that is needed for the order of rows.
    if fields in (columns, columns[:1]):
        return
    for separator, name in _SEPARATORS.items():
        if len(fields) == 1 and separator in text:
            _refuse(
                path,
                f"is separated by {name} ({text[:60]}); submissions are written with commas",
                "Convert it to commas, or write the contest's format as a plugin: "
                "trash plugin new NAME --kind submission_format",
            )
    _refuse_columns(path, format, fields, columns, second, images)


def _first_lines(path: Path) -> tuple[Line | None, Line | None]:
    lines = read_lines(path, _HEADER)
    return next(lines, None), next(lines, None)


def _text_of(path: Path, line: Line) -> str:
    """Return the header as text, without a mark at its beginning."""
    content = line.content
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), None)
    if encoding is None and b"\0" in content:
        encoding = "UTF-16"
    if encoding is not None:
        _refuse(
            path,
            f"is {encoding} text; it is read, and submissions are written, as UTF-8",
            f"Convert it: iconv -f {encoding} -t UTF-8 {path.name} > sample_utf8.csv",
        )
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        _refuse(path, "is not UTF-8 text", "Save it as UTF-8.")
    if "\r" in text:
        _refuse(
            path, "ends its lines with carriage returns alone", "Save it with line feeds (Unix)."
        )
    return text


def _fields(text: str) -> list[str]:
    fields = split_fields(text.encode(), _MOST_COLUMNS)
    return [text] if fields is None else [field.decode() for field in fields]


def _names_an_image(cell: str, images: Sequence[str]) -> bool:
    """Whether a cell is an image, or one with its class behind."""
    return bool(cell) and any(
        cell in (name, _stem(name)) or cell.startswith((f"{name}_", f"{_stem(name)}_"))
        for name in images
    )


def _stem(name: str) -> str:
    return name.removesuffix(PurePosixPath(name).suffix)


def _refuse_columns(
    path: Path,
    format: SubmissionFormat,
    fields: list[str],
    columns: list[str],
    second: Line | None,
    images: Sequence[str],
) -> NoReturn:
    has = f"has the columns {_shown(fields)}, but the recipe's format writes {_shown(columns)}"
    extra = fields[0].casefold() in _INDEX_NAMES or fields[0].startswith("Unnamed")
    if len(fields) == len(columns) + 1 and (extra or fields[1:] == columns):
        name = repr(fields[0]) if fields[0] else "without a name"
        _refuse(
            path,
            f"has an index column {name} before {_shown(fields[1:])}",
            "Save it without: pandas' to_csv(index=False). If the contest wants the column, its "
            "format is a plugin: trash plugin new NAME --kind submission_format",
        )
    by_class = isinstance(format, HasRowPerClass)
    if not by_class and _is_by_class(fields, second, images):
        _refuse(path, f"{has}: it has a row for each image and class", _run_length(fields))
    if len(fields) == len(columns):
        cells = ", and submission.cells if they mean something else" if by_class else ""
        _refuse(path, has, f"Set submission.columns = {json.dumps(fields)}{cells}.")
    if by_class:
        _refuse(path, has, _run_length(fields))
    _refuse(path, has, _OTHER_FORMAT)


def _shown(columns: Sequence[str]) -> str:
    return ",".join(columns)[:120]


def _is_by_class(fields: list[str], second: Line | None, images: Sequence[str]) -> bool:
    """Whether rows say a class beside their image: in the first cell, or in a column of its own."""
    if any("class" in field.casefold() for field in fields):
        return True
    if second is None:
        return False
    cell = _fields(second.content.decode(errors="replace"))[0]
    return cell not in images and _stem(cell) != cell and _names_an_image(cell, images)


def _run_length(fields: list[str]) -> str:
    """Return what to write into the recipe for a row per image and class."""
    if len(fields) == 2:
        cells = ["{image}_{label}", "{pixels}"]
    else:
        by_name = any("name" in field.casefold() for field in fields[1:])
        cells = ["{image}", "{class}" if by_name else "{label}", "{pixels}", *fields[3:]]
    return (
        f'Write [submission] name = "run_length", columns = {json.dumps(fields)}, '
        f"cells = {json.dumps(cells)} (trash plugin show run_length)."
    )


def _refuse_images(
    path: Path, format: SubmissionFormat, rows: list[str], images: Sequence[str]
) -> None:
    listed, expected = dict.fromkeys(rows), set(images)
    lacking = [name for name in images if name not in listed]
    others = [name for name in listed if name not in expected]
    if lacking and others:
        _explain_names(path, format, list(listed), others, images)
    if lacking:
        unknown = f" and lists other images: {some_of(others, _SHOWN)}" if others else ""
        _refuse(
            path,
            f"lacks {some_of(lacking, _SHOWN)} of data.test{unknown}",
            "Is it of another part of the contest? The recipe's test images are data.test.",
        )
    if others:
        _refuse(
            path,
            f"lists images that the test JSON lacks: {some_of(others, _SHOWN)}",
            did_you_mean(others[0], images, limit=0) or "The recipe's test images are data.test.",
        )
    if isinstance(format, HasRowPerClass):
        # Its rows of an image must follow each other.
        rows = [row for place, row in enumerate(rows) if place == 0 or row != rows[place - 1]]
        if len(rows) > len(listed):
            again = next(name for name, count in Counter(rows).items() if count > 1)
            _refuse(
                path,
                f"lists its rows class by class ({again} comes again after other images); the "
                "format writes all classes of an image together",
                "If the contest matches rows by their ids, as Kaggle does, sort the file by image "
                "or go without it: --unset data.sample_submission",
            )
    repeated = [name for name, count in Counter(rows).items() if count > 1]
    if repeated:
        _refuse(path, f"repeats {some_of(repeated, _SHOWN)}", "Each image has one row.")


def _explain_names(
    path: Path,
    format: SubmissionFormat,
    listed: list[str],
    others: list[str],
    images: Sequence[str],
) -> None:
    """Refuse names that are those of the test images, written in another way."""
    _explain_style(path, format, listed, images)
    names = set(others)
    if {name.strip() for name in names} <= set(images):
        _refuse(path, f"has blanks around its names ({others[0]!r})", "Remove them.")
    by_class = any(_names_an_image(name, images) for name in others[:_SHOWN])
    if by_class and not isinstance(format, HasRowPerClass):
        _refuse(
            path,
            f"has a row for each image and class ({some_of(others, _SHOWN)}), the recipe's format "
            "one for each image",
            _run_length(_fields(_text_of(path, next(read_lines(path, _HEADER))))),
        )


def _explain_style(
    path: Path, format: SubmissionFormat, listed: list[str], images: Sequence[str]
) -> None:
    """Refuse ids that leave out another part of the file names than the recipe's format does."""
    folder = format.image_folder if isinstance(format, LeavesOutFolder) else ""
    suffix = format.image_suffix if isinstance(format, LeavesOutSuffix) else ""
    written = list(map(LeftOut(folder, suffix).id_of, listed))
    style = id_style(written, images)
    if style is None or (style.folder, style.suffix) == (folder, suffix):
        return
    unknown = [each for each in written if each not in style.ids]
    fitting = len(written) - len(unknown)
    if unknown:
        shown = f"{fitting} of {len(written)} ids fit; unknown: {some_of(unknown, _SHOWN)}"
    else:
        shown = f"{some_of(written, _SHOWN)}; data.test has {images[0]}"
    how = f"without {style.what}" if style.what else "with folder and ending"
    _refuse(path, f"names images {how} ({shown})", _how_to_leave_out(format, style, images))


def _how_to_leave_out(format: SubmissionFormat, style: IdStyle, images: Sequence[str]) -> str:
    if style.suffix is None:
        endings = sorted({PurePosixPath(name).suffix for name in images})
        return f"The test images end in {', '.join(endings)}: no single one can be left out."
    if style.folder is None:
        return (
            "The test images are in different folders: no single one can be left out. If the "
            "contest wants that, its format is a plugin: trash plugin new NAME --kind "
            "submission_format"
        )
    now = {}
    if isinstance(format, LeavesOutFolder):
        now["image_folder"] = format.image_folder
    if isinstance(format, LeavesOutSuffix):
        now["image_suffix"] = format.image_suffix
    needed = {"image_folder": style.folder, "image_suffix": style.suffix}
    changes = {key: value for key, value in needed.items() if value != now.get(key, "")}
    if not changes.keys() <= now.keys():
        return _OTHER_FORMAT
    lines = [
        f"submission.{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in changes.items()
    ]
    return f"Set {' and '.join(lines)}."
