"""Drawing tools of the synthetic contest: noise, colours, outlines and the patch of one object."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""(H,W) float32."""

Colours = NDArray[np.float32]
"""(3,) or (H,W,3) float32, RGB in 0…1."""

Points = NDArray[np.float64]
"""(n,2) outline as (u,v) in units of the object's radius."""

Range = tuple[float, float]

_REACH = 1.45  # a patch is wider than its object so that the shadow fits


def noise(
    rng: np.random.Generator, height: int, width: int, cell: float, octaves: int = 1
) -> Field:
    """Return smooth noise (H,W) of mean 0 and deviation near 1, with bumps of `cell` pixels."""
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for _ in range(octaves):
        rows, columns = (max(int(length / max(cell, 1.0)), 1) + 2 for length in (height, width))
        grid = rng.standard_normal((rows, columns), dtype=np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        weight /= 2
        cell /= 2
    return total


def uniform(rng: np.random.Generator, span: Range) -> float:
    """Draw one number from `span`."""
    return float(rng.uniform(*span))


def hsv(rng: np.random.Generator, hue: Range, saturation: Range, value: Range) -> Colours:
    """Draw one colour (3,) from spans of hue, saturation and value, each in 0…1 (hue wraps)."""
    drawn = [uniform(rng, span) for span in (hue, saturation, value)]
    return np.array(colorsys.hsv_to_rgb(drawn[0] % 1.0, drawn[1], drawn[2]), np.float32)


def mix(first: Colours, second: Colours, share: Field) -> Colours:
    """Blend two colours or pictures; where `share` (H,W) is 1 the second one shows."""
    return np.asarray(first + (second - first) * share[..., None], np.float32)


def relief(height_map: Field, light: float) -> Field:
    """Return the slope (H,W) of `height_map` towards the light from angle `light`, radians."""
    across = cv2.Sobel(height_map, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(height_map, cv2.CV_32F, 0, 1, ksize=3)
    slope = across * np.float32(np.cos(light)) + down * np.float32(np.sin(light))
    return np.asarray(slope, np.float32)


def blob(
    rng: np.random.Generator, aspect: float, roughness: float, corners: int = 40, waves: int = 6
) -> Points:
    """Return a closed wobbly outline of half-length 1 and half-width `aspect`."""
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = np.ones(corners)
    for wave in range(2, 2 + waves):
        reach += rng.normal(0, roughness / np.sqrt(wave)) * np.cos(
            wave * turn + rng.uniform(0, 2 * np.pi)
        )
    reach /= reach.max()
    return np.stack([reach * np.cos(turn), aspect * reach * np.sin(turn)], axis=1)


def shard(rng: np.random.Generator, aspect: float, corners: int) -> Points:
    """Return an angular outline with `corners` corners."""
    turn = np.sort(rng.uniform(0, 1, corners) * 0.7 + np.arange(corners)) / corners * 2 * np.pi
    reach = rng.uniform(0.7, 1.0, corners)
    return np.stack([reach * np.cos(turn), aspect * reach * np.sin(turn)], axis=1)


def quad(rng: np.random.Generator, aspect: float, skew: float) -> Points:
    """Return a rectangle of half-width `aspect` whose corners are moved by up to `skew`."""
    corners = np.array([[-1, -aspect], [1, -aspect], [1, aspect], [-1, aspect]])
    corners[:, 0] += rng.uniform(-0.3, 0.3) * aspect * np.sign(corners[:, 1])
    return np.asarray(corners * 0.92 + rng.uniform(-skew, skew, (4, 2)))


@dataclass(frozen=True)
class Profile:
    """An outline that is symmetric about its axis: half-widths at places along u."""

    places: Sequence[float]
    half_widths: Sequence[float]

    def outline(self) -> Points:
        """Return the closed outline."""
        one_side = np.stack([self.places, self.half_widths], axis=1)
        return np.concatenate([one_side, one_side[::-1] * np.array([1.0, -1.0])])

    def across(self, patch: Patch) -> Field:
        """Return the position (H,W) across the outline: -1 at one edge, 1 at the other."""
        width = np.interp(patch.u, self.places, self.half_widths)
        return np.asarray(patch.v / np.maximum(width, 1e-3), np.float32)


@dataclass(frozen=True)
class Patch:
    """A square that holds one object; u runs along the object, v across it."""

    u: Field
    """(H,W) position along the object; -1…1 inside it."""
    v: Field
    """(H,W) position across the object."""
    radius: float
    """Pixels per unit of u and v."""
    angle: float
    """Direction of u, radians."""
    light: float
    """Direction that the light comes from, radians."""

    @classmethod
    def make(cls, radius: float, angle: float, light: float) -> Patch:
        """Make the patch of an object of that radius in pixels."""
        middle = int(np.ceil(radius * _REACH)) + 1
        y, x = np.mgrid[-middle : middle + 1, -middle : middle + 1].astype(np.float32) / radius
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return cls(x * cos + y * sin, y * cos - x * sin, radius, angle, light)

    @property
    def side(self) -> int:
        """Height and width in pixels."""
        return int(self.u.shape[0])

    def fill(self, *outlines: Points) -> Field:
        """Return 1 inside any of the outlines and 0 elsewhere."""
        turn = np.array(
            [
                [np.cos(self.angle), np.sin(self.angle)],
                [-np.sin(self.angle), np.cos(self.angle)],
            ]
        )
        mask = np.zeros((self.side, self.side), np.uint8)
        for outline in outlines:
            pixels = outline @ turn * self.radius + self.side // 2
            cv2.fillPoly(mask, [np.round(pixels * 16).astype(np.int32)], 1, shift=4)
        return mask.astype(np.float32)

    def noise(self, rng: np.random.Generator, cell: float, octaves: int = 1) -> Field:
        """Return noise (H,W) with bumps of `cell` radii."""
        return noise(rng, self.side, self.side, cell * self.radius, octaves)

    def crumple(self, rng: np.random.Generator, cell: float, octaves: int = 2) -> Field:
        """Return the light and shade (H,W) of creased material: deviation 1, within -2…2."""
        creased = np.zeros((self.side, self.side), np.float32)
        for octave in range(octaves):
            size = cell / 2**octave
            creased += np.abs(self.noise(rng, size)) * np.float32(size)
        slope = relief(creased, self.light)
        return np.asarray(np.clip(slope / max(float(slope.std()), 1e-6), -2, 2), np.float32)

    def plain(self, colour: Colours) -> Colours:
        """Return a picture (H,W,3) of one colour."""
        return np.broadcast_to(colour, (self.side, self.side, 3)).astype(np.float32)


@dataclass(frozen=True)
class Look:
    """How one object looks inside its patch."""

    picture: Colours
    """(H,W,3) RGB."""
    mask: Field
    """(H,W), 1 where the object is."""
    opacity: float | Field = 1.0
    """How much it hides what lies behind it."""


def apply_shade(picture: Colours, shade: Field) -> Colours:
    """Brighten and darken a picture by `1 + shade` (H,W)."""
    return np.asarray(picture * (1 + shade[..., None]), np.float32)
