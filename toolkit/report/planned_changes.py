"""What the recipes of planned ideas change, as their files here say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from toolkit.errors import TrashError
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.show import own_values
from toolkit.records.run_listing import changed_values
from toolkit.report.wall import WallCard


def with_planned_changes(cards: Iterable[WallCard], project: Project) -> tuple[WallCard, ...]:
    """Return the cards, with the changes of ideas that have a recipe here and no run yet.

    A recipe that is not there yet, or has mistakes, changes nothing that could be shown.

    Args:
        cards: of the wall.
        project: has the recipes.
    """

    @cache
    def changes(recipe: str) -> tuple[str, ...]:
        try:
            return tuple(changed_values(own_values(load_recipe(Path(recipe), project=project))))
        except (TrashError, OSError):  # among others a name that no disk takes
            return ()

    return tuple(
        replace(card, changes=changes(card.recipe))
        if card.status == "planned" and card.recipe is not None
        else card
        for card in cards
    )
