"""The project's recipes in one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from toolkit.errors import TrashError
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.study import is_study

_BASE_FOLDER = "base"


@dataclass(frozen=True)
class RecipeRow:
    """One recipe of the list; `error` says why it could not be read."""

    path: str
    title: str = ""
    model: str = ""
    loss: str = ""
    reference: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    error: str = ""

    @property
    def folder(self) -> str:
        """Folder of the file, from the project."""
        return str(PurePosixPath(self.path).parent)

    @property
    def name(self) -> str:
        """File name without its ending."""
        return PurePosixPath(self.path).stem

    @property
    def text(self) -> str:
        """One line beside its name: title, components, reference scores."""
        components = ", ".join(filter(None, (self.model, self.loss)))
        return "; ".join(filter(None, (self.title, components, self.scores)))

    @property
    def scores(self) -> str:
        """The reference scores, for people."""
        return "  ".join(
            f"{key} {value:g}" for key, value in self.reference.items() if isinstance(value, float)
        )

    @property
    def search_text(self) -> str:
        """The text that words are searched in."""
        return f"{self.path} {self.title} {self.model} {self.loss}".casefold()

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return asdict(self)


def list_recipes(project: Project, words: Sequence[str] = ()) -> list[RecipeRow]:
    """Return a row for every recipe below `recipes/`; those in `base/` are only extended.

    Args:
        project: the project folder.
        words: only recipes in whose path, title or components each of these occurs, in any case.
    """
    rows = _rows(project)
    return [row for row in rows if all(w.casefold() in row.search_text for w in words)]


def example_recipe(project: Project) -> str:
    """Return the name of a recipe to try something with; "RECIPE" when there is none yet."""
    files = [file for file in _files(project) if file.parent == project.recipes]
    names = [file.stem for file in files]
    return "demo" if "demo" in names else names[0] if names else "RECIPE"


def _files(project: Project) -> Iterator[Path]:
    """Yield the recipes that can be run, files of a folder before the folders in it."""
    for path in sorted(project.recipes.glob("**/*.toml"), key=lambda path: (path.parent, path)):
        if _BASE_FOLDER not in path.relative_to(project.recipes).parts[:-1] and not is_study(path):
            yield path


def _rows(project: Project) -> list[RecipeRow]:
    rows = []
    for path in _files(project):
        name = path.relative_to(project.root).as_posix()
        try:
            recipe = load_recipe(path, project=project).recipe
        except TrashError as error:
            rows.append(RecipeRow(name, title="(cannot be read)", error=error.message))
            continue
        encoder = recipe.model.parameters.get("encoder")
        rows.append(
            RecipeRow(
                name,
                recipe.title,
                f"{recipe.model.name} {encoder}" if encoder else recipe.model.name,
                recipe.loss.name,
                recipe.reference,
            )
        )
    return rows
