"""Slow and obvious: the permutohedral lattice point by point, and a CRF with exact Gaussians."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def simplex(feature: Array) -> list[tuple[tuple[int, ...], float]]:
    """Return the vertices of the simplex around a point, each with its share of it."""
    d = len(feature)
    basis = np.zeros((d + 1, d))  # rows: the image of the axes in the plane of sum 0
    for axis in range(1, d + 1):
        basis[:axis, axis - 1] = 1
        basis[axis, axis - 1] = -axis
        basis[:, axis - 1] /= np.sqrt(axis * (axis + 1))
    point = basis @ feature * np.sqrt(2 / 3) * (d + 1)
    origin = np.round(point / (d + 1)) * (d + 1)
    by_offset = np.argsort(origin - point, kind="stable")  # the largest offset first
    excess = round(origin.sum()) // (d + 1)
    if excess > 0:
        origin[by_offset[d + 1 - excess :]] -= d + 1
    else:
        origin[by_offset[:-excess]] += d + 1
    by_offset = np.argsort(origin - point, kind="stable")
    offset = (point - origin)[by_offset] / (d + 1)
    found = []
    vertex = origin.copy()
    for step in range(d + 1):
        share = (
            offset[d - step] - offset[d - step + 1] if step else 1 + offset[d] - offset[0]
        )  # offsets fall along `by_offset`
        found.append((tuple(int(value) for value in vertex), float(abs(share))))
        vertex += 1
        vertex[by_offset[d - step]] -= d + 1
    return found


def lattice_filter(features: Array, values: Array) -> Array:
    """Filter `values` (points, C) of `features` (points, d) on the lattice, normalised."""
    d = features.shape[1]
    simplices = [simplex(feature) for feature in features]

    def filtered(values: Array) -> Array:
        lattice: dict[tuple[int, ...], Any] = defaultdict(lambda: np.zeros(values.shape[1]))
        for vertices, value in zip(simplices, values, strict=True):
            for vertex, share in vertices:
                lattice[vertex] += share * value
        for axis in range(d + 1):
            step = np.full(d + 1, -1)
            step[axis] = d
            old = dict(lattice)
            for vertex, value in old.items():
                there = tuple(int(x) for x in np.array(vertex) + step)
                back = tuple(int(x) for x in np.array(vertex) - step)
                lattice[vertex] = value + (old.get(there, 0) + old.get(back, 0)) / 2
        return np.array(
            [sum(share * lattice[vertex] for vertex, share in each) for each in simplices]
        ) / (1 + 2.0**-d)

    root = np.sqrt(filtered(np.ones((len(features), 1))))
    return filtered(values / root) / root


def exact_filter(features: Array, values: Array) -> Array:
    """Filter `values` (points, C) with the Gaussian itself, normalised."""
    squares = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    kernel = np.exp(-squares / 2)
    root = np.sqrt(kernel.sum(axis=1, keepdims=True))
    return kernel @ (values / root) / root


def features_of(image: Array, xy: float, rgb: float | None = None) -> Array:
    """Return (pixels, 2 or 5): column, row and, with `rgb`, colour in standard deviations."""
    rows, columns = np.indices(image.shape[:2]).reshape(2, -1)
    features = [columns / xy, rows / xy]
    if rgb is not None:
        features += [image[..., channel].ravel() / rgb for channel in range(3)]
    return np.stack(features, axis=1)


def mean_field(
    probabilities: Array, kernels: list[tuple[float, Array]], iterations: int, apply: Any
) -> Array:
    """Run the mean field of (C, H, W) with `kernels` of weight and features."""
    n_classes = len(probabilities)
    logs = np.log(np.clip(probabilities, 1e-5, 1)).reshape(n_classes, -1).T
    marginals = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    for _ in range(iterations):
        scores = logs + sum(weight * apply(features, marginals) for weight, features in kernels)
        marginals = np.exp(scores - scores.max(axis=1, keepdims=True))
        marginals /= marginals.sum(axis=1, keepdims=True)
    return marginals.T.reshape(probabilities.shape)
