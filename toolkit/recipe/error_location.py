"""The line of a recipe that an error is about, when the error names a parameter."""

from __future__ import annotations

from toolkit.errors import TrashError
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import KeyPath, dotted


def blamed_key(loaded: LoadedRecipe, path: KeyPath, error: TrashError) -> KeyPath:
    """Return the key that an error names if the recipe writes it, else `path`.

    Args:
        loaded: the recipe.
        path: key of the component that raised; () when it is not known.
        error: its `parameter` is a key below `path`, or below the recipe.
    """
    words = tuple(error.parameter.split("."))
    for key in ((*path, *words), words):
        if error.parameter and key in loaded.layers.origins:
            return key
    return path


def with_location(error: TrashError, loaded: LoadedRecipe) -> TrashError:
    """Put file, line and key before an error's message, if the error names a key of the recipe."""
    key = blamed_key(loaded, (), error)
    if key:
        error.message = f"{loaded.layers.origins[key]}  {dotted(key)}: {error.message}"
        error.parameter = ""  # it has its place
    return error
