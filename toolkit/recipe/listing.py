"""The project's recipes in one table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from toolkit.errors import TrashError
from toolkit.project import Project
from toolkit.recipe.load import load_recipe

_BASE_FOLDER = "base"


@dataclass(frozen=True)
class RecipeRow:
    """One recipe of the list; `error` says why it could not be read."""

    path: str
    title: str = ""
    model: str = ""
    loss: str = ""
    reference: str = ""
    error: str = ""

    @property
    def text(self) -> str:
        """What to say of it beside its path, in a few lines."""
        components = ", ".join(filter(None, (self.model, self.loss)))
        reference = f"reference: {self.reference}" if self.reference else ""
        return "\n".join(filter(None, (self.title, components, reference)))

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return asdict(self)


def list_recipes(project: Project) -> list[RecipeRow]:
    """Return a row for every recipe below `recipes/`; those in `base/` are only extended."""
    rows = []
    for path in sorted(project.recipes.glob("**/*.toml")):
        relative = path.relative_to(project.recipes)
        if _BASE_FOLDER in relative.parts[:-1]:
            continue
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
                "  ".join(f"{key} {value}" for key, value in recipe.reference.items()),
            )
        )
    return rows
