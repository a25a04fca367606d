"""Component records: how a plugin names a factory, and how a recipe refers to one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

N_RGB = 3
"""Channels of an RGB photo."""


@dataclass(frozen=True)
class Package:
    """A package that does not come with trash and that a component cannot do without.

    Attributes:
        module: what is imported of it, as in "mlflow".
        requirement: what pip installs, as in "trash-toolkit[mlflow]".
    """

    module: str
    requirement: str


@dataclass(frozen=True)
class Component:
    """A named factory that a plugin offers under one kind.

    Args:
        name: how recipes call it; lower case, digits, `_`, `-` and `.`.
        factory: called as `factory(context, *inputs, **parameters)`. Its keyword-only arguments
            are the recipe's schema: annotate them and give them defaults.
        summary: one line for `trash plugin list`.
        aliases: other names that recipes may use.
        needs_rgb: of an augmentation or a mix, whether it works on RGB photos alone; refused by
            name for photos of other channels.
        package: that the factory imports; a recipe is told before a training that it is missing.
    """

    name: str
    factory: Callable[..., Any]
    summary: str
    aliases: tuple[str, ...] = ()
    needs_rgb: bool = False
    package: Package | None = None


class ComponentSpec(BaseModel):
    """A reference to a component in a recipe: its name and the parameters beside it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters as written in the recipe, without the name."""
        return dict(self.__pydantic_extra__ or {})


@dataclass(frozen=True)
class OfKind:
    """Marks an argument as a nested component: `Annotated[ComponentSpec, OfKind("loss")]`.

    Attributes:
        kind: of the component.
        by_name: in a recipe, its name alone may stand for the table: `format = "masks"`.
    """

    kind: str
    by_name: bool = False
