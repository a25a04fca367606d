"""Grounds, walls and unlabelled clutter of the synthetic contest."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from toolkit.demo.brush import (
    Colours,
    Field,
    Look,
    Patch,
    apply_shade,
    blob,
    hsv,
    mix,
    noise,
    quad,
    relief,
    uniform,
)

Texture = Callable[[np.random.Generator, int, int, float], Colours]
"""Draws (H,W,3) given a generator, height, width and the side of the whole canvas in pixels."""


_NEAR = np.array([-0.04, 0.04])


def _grain(rng: np.random.Generator, height: int, width: int) -> Field:
    return rng.standard_normal((height, width), dtype=np.float32)


def _vary_colour(
    rng: np.random.Generator, base: Colours, shade: Field, cell: float, tint: float
) -> Colours:
    height, width = shade.shape
    other = np.clip(base + rng.normal(0, tint, 3).astype(np.float32), 0, 1)
    share = np.clip(0.5 + 0.4 * noise(rng, height, width, cell, 2), 0, 1)
    return apply_shade(mix(base, other, share), shade)


def asphalt(rng: np.random.Generator, height: int, width: int, side: float) -> Colours:
    """Draw dark or light grey asphalt or concrete, with cracks and patches."""
    base = hsv(rng, rng.choice([0.1, 0.6]) + _NEAR, (0, 0.1), (0.25, 0.5))
    shade = 0.07 * noise(rng, height, width, side / 3, 3)
    shade += rng.uniform(0.04, 0.1) * _grain(rng, height, width)
    if rng.random() < 0.5:
        cracks = np.abs(noise(rng, height, width, side / 3, 3)) < 0.025
        shade -= 0.35 * cracks.astype(np.float32)
    return _vary_colour(rng, base, shade, side / 4, 0.02)


def soil(rng: np.random.Generator, height: int, width: int, side: float) -> Colours:
    """Draw earth, sand or gravel."""
    base = hsv(rng, (0.06, 0.12), (0.2, 0.45), (0.3, 0.55))
    lumps = relief(noise(rng, height, width, side / 40, 2), rng.uniform(0, 6.28))
    shade = rng.uniform(0.03, 0.08) * lumps + 0.08 * noise(rng, height, width, side / 5, 3)
    return _vary_colour(rng, base, shade + 0.05 * _grain(rng, height, width), side / 6, 0.04)


def snow(rng: np.random.Generator, height: int, width: int, side: float) -> Colours:
    """Draw snow, as white as paper and styrofoam."""
    base = hsv(rng, (0.55, 0.65), (0.03, 0.12), (0.68, 0.82))
    bumps = relief(noise(rng, height, width, side / 12, 3), rng.uniform(0, 6.28))
    shade = 0.07 * bumps + 0.05 * _grain(rng, height, width)
    bare = np.clip(noise(rng, height, width, side / 4, 4) - uniform(rng, (0.7, 1.6)), 0, 1) * 2
    return mix(
        _vary_colour(rng, base, shade, side / 3, 0.03),
        asphalt(rng, height, width, side),
        np.clip(bare, 0, 1),
    )


def grass(rng: np.random.Generator, height: int, width: int, side: float) -> Colours:
    """Draw grass or dry straw, blade by blade."""
    base = hsv(rng, (0.16, 0.3), (0.35, 0.6), (0.22, 0.42))
    canvas = _vary_colour(rng, base, 0.15 * noise(rng, height, width, side / 6, 3), side / 5, 0.06)
    count = int(900 * height / side)
    start = rng.uniform(0, 1, (count, 2)) * (width, height)
    lean = rng.normal(0, 0.5, count)
    length = rng.uniform(0.02, 0.07, count) * side
    stop = start + np.stack([np.sin(lean), -np.cos(lean)], axis=1) * length[:, None]
    tones = np.clip(
        base * rng.uniform(0.5, 1.7, (count, 1)) + rng.normal(0, 0.03, (count, 3)), 0, 1
    )
    thick = max(1, round(side / 200))
    ends = np.round(np.stack([start, stop], axis=1)).astype(int).tolist()
    for (first, last), tone in zip(ends, tones.tolist(), strict=True):
        cv2.line(canvas, first, last, tone, thick)
    return canvas


def tiles(rng: np.random.Generator, height: int, width: int, side: float) -> Colours:
    """Draw paving stones, floor tiles or bricks: a grid, each piece with its own tone."""
    base = hsv(rng, (0.0, 0.14), (0.03, 0.35), (0.3, 0.55))
    long, short = side * uniform(rng, (0.1, 0.3)), side * uniform(rng, (0.05, 0.14))
    turn = rng.choice([0.0, 0.0, 0.785, rng.uniform(-0.3, 0.3)])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    along = x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))
    down = y * np.float32(np.cos(turn)) - x * np.float32(np.sin(turn))
    row = np.floor(down / short)
    along = along / long + np.float32(rng.choice([0.0, 0.5])) * (row % 2)
    column = np.floor(along)
    tone = rng.standard_normal(1024).astype(np.float32)
    pieces = tone[(row * 37 + column * 11).astype(np.int64) % 1024]
    gap = uniform(rng, (0.004, 0.012)) * side
    edge = np.minimum((along - column) * long, down - row * short) < gap
    shade = rng.uniform(0.03, 0.12) * pieces + 0.04 * _grain(rng, height, width)
    shade += 0.06 * noise(rng, height, width, side / 5, 3)
    shade += rng.choice([-0.4, 0.15]) * edge.astype(np.float32)
    return _vary_colour(rng, base, shade.astype(np.float32), side / 4, 0.05)


def planks(rng: np.random.Generator, height: int, width: int, side: float) -> Colours:
    """Draw a wooden floor, a shutter or a corrugated fence: stripes with long grain."""
    wooden = rng.random() < 0.6
    base = (
        hsv(rng, (0.06, 0.1), (0.3, 0.55), (0.3, 0.55))
        if wooden
        else hsv(rng, (0.5, 0.7), (0.05, 0.25), (0.3, 0.55))
    )
    pitch = side * uniform(rng, (0.06, 0.16))
    upright = rng.random() < 0.5
    length, breadth = (height, width) if upright else (width, height)
    place = np.arange(breadth, dtype=np.float32) / pitch
    tone = 0.12 * rng.standard_normal(int(place[-1]) + 2).astype(np.float32)[place.astype(int)]
    tone -= 0.4 * ((place % 1) < 0.07).astype(np.float32)
    tone += 0.12 * np.sin(2 * np.pi * place).astype(np.float32) * (not wooden)
    fibre = rng.standard_normal((breadth, max(length // 24, 2)), dtype=np.float32)
    shade = cv2.resize(fibre, (length, breadth), interpolation=cv2.INTER_LINEAR) * 0.06
    shade = shade + tone[:, None]
    return _vary_colour(
        rng, base, np.ascontiguousarray(shade.T if upright else shade), side / 3, 0.03
    )


_FLOORS: tuple[Texture, ...] = (
    *(asphalt, asphalt, asphalt, soil, soil, grass, grass, tiles, tiles, planks, planks),
    snow,
)
_WALLS: tuple[Texture, ...] = (asphalt, tiles, planks, planks, grass)


def draw_ground(rng: np.random.Generator, side: int) -> tuple[Colours, float]:
    """Draw an empty place.

    Returns:
        The canvas (side,side,3), and the height 0…1 above which nothing should be put down.
    """
    floor = _FLOORS[rng.integers(len(_FLOORS))]
    if rng.random() < 0.5:
        return floor(rng, side, side, side), 0.0
    horizon = int(side * uniform(rng, (0.15, 0.42)))
    wall = _WALLS[rng.integers(len(_WALLS))](rng, horizon, side, side)
    wall *= np.float32(uniform(rng, (0.5, 0.9)))
    canvas = np.concatenate([wall, floor(rng, side - horizon, side, side)])
    reach = int(side * 0.1)
    contact = np.linspace(uniform(rng, (0.4, 0.9)), 1, reach, dtype=np.float32)
    canvas[horizon : horizon + reach] *= contact[:, None, None]
    return canvas, horizon / side - 0.05


def _leaf(rng: np.random.Generator, patch: Patch) -> Look:
    colour = hsv(rng, (0.03, 0.17), (0.4, 0.7), (0.25, 0.6))
    shade = 0.15 * patch.noise(rng, 0.5) - 0.3 * (np.abs(patch.v) < 0.06).astype(np.float32)
    return Look(
        apply_shade(patch.plain(colour), shade.astype(np.float32)),
        patch.fill(blob(rng, uniform(rng, (0.35, 0.65)), 0.12)),
    )


def _stone(rng: np.random.Generator, patch: Patch) -> Look:
    colour = hsv(rng, (0.05, 0.6), (0, 0.15), (0.3, 0.6))
    shade = -0.3 * (patch.u * np.cos(patch.light - patch.angle)) + 0.12 * patch.noise(rng, 0.25, 2)
    return Look(
        apply_shade(patch.plain(colour), shade.astype(np.float32)), patch.fill(blob(rng, 0.75, 0.1))
    )


def _marking(rng: np.random.Generator, patch: Patch) -> Look:
    colour = hsv(rng, (0.12, 0.15), (0.0, 0.8), (0.75, 0.95))
    worn = np.clip(0.75 + 0.3 * patch.noise(rng, 0.15, 3), 0.1, 0.95)
    return Look(patch.plain(colour), patch.fill(quad(rng, 0.12, 0.02)), worn)


def _bin(rng: np.random.Generator, patch: Patch) -> Look:
    colour = hsv(rng, (0, 1), (0.1, 0.5), (0.15, 0.4))
    bars = 0.1 * np.sign(np.sin(patch.u * uniform(rng, (6, 14))))
    shade = bars - 0.25 * patch.v + 0.06 * patch.noise(rng, 0.3, 2)
    return Look(
        apply_shade(patch.plain(colour), shade.astype(np.float32)),
        patch.fill(quad(rng, uniform(rng, (0.6, 0.9)), 0.06)),
    )


def _twig(rng: np.random.Generator, patch: Patch) -> Look:
    colour = hsv(rng, (0.04, 0.35), (0.1, 0.6), (0.15, 0.55))
    bent = patch.v + np.float32(rng.normal(0, 0.15)) * (patch.u**2 - 0.5)
    thin = np.float32(max(0.018, 1.2 / patch.radius))
    mask = (np.abs(bent) < thin * (1.2 - 0.6 * patch.u)) & (np.abs(patch.u) < 1)
    shade = -0.3 * bent / thin + 0.1 * patch.noise(rng, 0.1)
    return Look(apply_shade(patch.plain(colour), shade.astype(np.float32)), mask.astype(np.float32))


Clutter = tuple[Callable[[np.random.Generator, Patch], Look], float]
"""How to draw a piece of clutter and its radius as a share of the image's side."""


def choose_clutter(rng: np.random.Generator) -> tuple[list[Clutter], list[Clutter]]:
    """Return the clutter that lies behind the objects and the clutter that lies in front."""
    behind: list[Clutter] = []
    if rng.random() < 0.15:
        behind.append((_bin, uniform(rng, (0.15, 0.28))))
    if rng.random() < 0.2:
        behind.append((_marking, uniform(rng, (0.25, 0.5))))
    litter = (_leaf, _stone)[int(rng.random() < 0.4)]
    behind += [(litter, uniform(rng, (0.012, 0.045))) for _ in range(rng.poisson(9))]
    front: list[Clutter] = [(_leaf, uniform(rng, (0.02, 0.045))) for _ in range(rng.poisson(1.0))]
    front += [(_twig, uniform(rng, (0.08, 0.3))) for _ in range(rng.poisson(0.7))]
    return behind, front
