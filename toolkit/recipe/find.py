"""Finding a recipe by the name that a user typed."""

from __future__ import annotations

from pathlib import Path, PurePath

from toolkit.errors import UsageError
from toolkit.project import Project, refuse_other_project
from toolkit.recipe.study import SIGN, is_study, split_address
from toolkit.suggestions import nearest

SUFFIX = ".toml"


class UnknownRecipe(UsageError):
    """No recipe is called so."""


def find_recipe(path: Path, project: Project) -> Path:
    """Return the file of a recipe: a path, or its name below the project's `recipes/`.

    The name may lack its ending and the folders before it, as long as one recipe alone is called
    so: `small/bags_unet`, `bags_unet.toml` and `recipes/small/bags_unet` are the same. A study may
    be followed by one of its variants, which stands for a recipe: `losses.toml#focal`.

    Raises:
        UnknownRecipe: there is none; the hint names the nearest.
        UsageError: there are several, or it is another project's, and there is none here.
    """
    address = split_address(path)
    if address is not None:
        try:
            file = find_recipe(address[0], project)
        except UnknownRecipe:
            if (named := _below_recipes(path, project)) and len(named) == 1:
                return named[0]  # the sign is part of the file's name
            raise
        return file.with_name(f"{file.name}{SIGN}{address[1]}")
    # A folder in the way, such as runs of that name, does not hide a recipe.
    for place in (path, project.root / path):
        for file in (place, place.with_name(place.name + SUFFIX) if place.name else place):
            if file.exists() and not file.is_dir():
                refuse_other_project(file, project)
                return file
    found = _below_recipes(path, project)
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(each.relative_to(project.root).as_posix() for each in found)
        raise UsageError(f"several recipes are called {path}", f"Name one of: {choices}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a recipe", "List recipes: trash recipe list")
    raise UnknownRecipe(f"there is no recipe {path}", _hint(path, _recipes(project), project))


def study_name(path: Path, project: Project) -> str:
    """Return what the results of a study are called in `runs/`, `reports/` and `records/`.

    It is the name of its file without the ending; where another study below `recipes/` is called
    so, the folders stand before it: `small-losses`.
    """
    file, recipes = path.resolve(), project.recipes.resolve()
    if not file.is_relative_to(recipes):
        return path.stem
    twins = [each for each in _recipes(project) if each.name == path.name]
    if not any(each.resolve() != file and is_study(each) for each in twins):
        return path.stem
    return "-".join(file.relative_to(recipes).with_suffix("").parts)


def _recipes(project: Project) -> list[Path]:
    return sorted(project.recipes.glob(f"**/*{SUFFIX}"))


def _below_recipes(path: Path, project: Project) -> list[Path]:
    """Return the recipes of that name, or those whose last parts are the name."""
    wanted = _parts(path)
    named = {found: _parts(found.relative_to(project.recipes)) for found in _recipes(project)}
    exact = [found for found, parts in named.items() if parts == wanted]
    return exact or [
        each for each, parts in named.items() if wanted and parts[-len(wanted) :] == wanted
    ]


def _parts(path: PurePath) -> tuple[str, ...]:
    """Return the parts of a name, from `recipes/` and without the ending."""
    parts = path.parts
    if parts and parts[-1].endswith(SUFFIX):
        parts = (*parts[:-1], parts[-1].removesuffix(SUFFIX))
    return parts[1:] if parts[:1] == ("recipes",) else parts


def _hint(path: Path, recipes: list[Path], project: Project) -> str:
    if not recipes:
        return (
            f"There are no recipes in {project.recipes}: write one with "
            "`trash recipe new NAME --data DIR`, or change into the project's folder."
        )
    by_name = {
        found.relative_to(project.recipes).with_suffix("").as_posix(): found for found in recipes
    }
    by_stem = {found.stem: found for found in recipes}
    parts = _parts(path)
    whole, last = (
        nearest("/".join(parts), by_name),
        nearest(path.name.removesuffix(SUFFIX), by_stem),
    )
    file = by_name[whole] if whole else None
    if last and (file is None or len(parts) == 1):
        file = by_stem[last]
    if file is None:
        return "List them: trash recipe list"
    return f"Did you mean {file.relative_to(project.root).as_posix()}?"
