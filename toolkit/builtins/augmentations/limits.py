"""Checks of parameters that several factories share."""

from __future__ import annotations

from toolkit import Context, UsageError


def in_order(name: str, limits: tuple[float, float]) -> None:
    """Raise unless the first limit is at most the second.

    Raises:
        UsageError: it is larger.
    """
    if limits[0] > limits[1]:
        raise UsageError(
            f"{name} = [{limits[0]:g}, {limits[1]:g}]: the first number is the larger one",
            f"Write {name} = [{limits[1]:g}, {limits[0]:g}].",
            parameter=name,
        )


def pixels(name: str, value: float, context: Context) -> int:
    """Return a side in pixels: `value` itself, or that share of the shorter side when it is ≤ 1.

    Raises:
        UsageError: the network's input is smaller.
    """
    height, width = context.image_size
    shorter = min(height, width)
    side = max(1, round(value * shorter)) if value <= 1 else round(value)
    if side > shorter:
        raise UsageError(
            f"{name} = {value:g}: the input of the network has only {height} x {width} pixels",
            f"Nearest valid: {shorter}. A number up to 1 is a share of the shorter side and fits "
            "every size.",
            parameter=name,
        )
    return side


def cells_of(name: str, value: int, least: int, context: Context) -> int:
    """Return the cells along each axis when each has at least `least` pixels.

    Raises:
        UsageError: the network's input is smaller.
    """
    height, width = context.image_size
    most = max(1, min(height, width) // least)
    if value > most:
        raise UsageError(
            f"{name} = {value}: cells of {height} x {width} pixels would be too small",
            f"Nearest valid: {most}.",
            parameter=name,
        )
    return value
