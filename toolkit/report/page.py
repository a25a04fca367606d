"""Self-contained pages: one design, no server, nothing fetched from anywhere."""

from __future__ import annotations

import math
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from toolkit.errors import UsageError
from toolkit.files import atomic_path
from toolkit.project import Project

_TEMPLATES = Path(__file__).parent / "templates"


def write_page(path: Path, template: str, **content: Any) -> None:
    """Write a page from a template; a file that is there is replaced.

    Args:
        path: the HTML file.
        template: file in `report/templates` that extends `page.html`.
        content: what the template shows.

    Raises:
        TrashError: the disk refused.
    """
    with (
        atomic_path(path) as temporary,
        # A file name that is no Unicode must not keep the page from being written.
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        # In pieces: large pages are not put together in the memory.
        file.writelines(_environment().get_template(template).generate(content))


def page_path(output: Path | None, project: Project, name: str) -> Path:
    """Return where a page goes: where the user says, else below the project's `reports/`.

    Raises:
        UsageError: a folder is there.
    """
    path = output or project.path("reports") / name
    refuse_folder(path, name)
    return path


def refuse_folder(path: Path, name: str) -> None:
    """Refuse to write a page where a folder is; `name` is what its file might be called.

    Raises:
        UsageError: it is one.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder", f"Name the file: -o {path / name}")


def data_uri(data: bytes, kind: str) -> str:
    """Return a picture as an address that holds it; `kind` is "png" or "jpeg"."""
    return f"data:image/{kind};base64,{b64encode(data).decode()}"


def whole(value: int) -> str:
    """Return a whole number with thin spaces between its thousands."""
    return f"{value:,}".replace(",", "\u2009")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "score": _score,
        "percent": _percent,
        "whole": whole,
        "area": _area,
        "long": _breakable,
    }
    environment.globals["asset"] = _asset
    return environment


def _asset(name: str) -> Markup:
    """Return a style sheet or script of this folder, to be written into the page."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))


def _score(value: float | None, digits: int = 4) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}%}"


def _area(value: float | None) -> str:
    return "–" if value is None else whole(round(value))


def _breakable(text: object) -> Markup:
    """Return a path or name that may be broken after its separators."""
    return Markup(str(escape(text)).replace("/", "/<wbr>").replace("_", "_<wbr>"))
