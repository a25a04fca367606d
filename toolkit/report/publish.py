"""The board as a folder that a static host shows: the page, and all that it is made from."""

from __future__ import annotations

from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import finite, read_json, write_json_atomic, write_text_atomic
from toolkit.project import Project
from toolkit.records.moment import now
from toolkit.report.board import Board
from toolkit.report.board_page import write_board

SCHEMA = "trash-board"
VERSION = 1

_PAGE = "index.html"
_DATA = "board.json"
_PLAIN = ".nojekyll"
"""Without it GitHub's static host would run the page through a generator of its own."""


def publish_board(board: Board, project: Project, folder: Path | None) -> Path:
    """Write page and JSON of the board into a folder, and return it.

    Args:
        board: what is shown.
        project: of the team.
        folder: where to; None = the project's `reports/board`. Other files in it stay as they are.

    Raises:
        UsageError: the folder is a file, or holds a page that is no board.
    """
    folder = folder or project.path("reports") / "board"
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", "Name a folder, such as reports/board.")
    if (folder / _PAGE).exists() and not _is_board(folder / _DATA):
        raise UsageError(
            f"{folder} holds a page that is no board: {_PAGE}", "Name an empty or new folder."
        )
    write_json_atomic(
        folder / _DATA,
        {"schema": SCHEMA, "version": VERSION, "written": now(), **finite(board.as_json())},
    )
    write_board(board, project, folder / _PAGE)
    write_text_atomic(folder / _PLAIN, "")
    return folder


def _is_board(file: Path) -> bool:
    try:
        return bool(read_json(file, "board").get("schema") == SCHEMA)
    except (UsageError, AttributeError):
        return False
