"""The permutohedral lattice, on which a Gaussian filter of any dimension takes linear time.

After Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice",
2010, with the scales, order of the blur and constants of Krähenbühl's code: results are the same.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from toolkit.errors import TrashError


@dataclass(frozen=True)
class SparseRows:
    """A sparse matrix by rows: its product with a dense one gathers a few rows for each of its own.

    Attributes:
        starts: int32 (rows + 1,), where each row begins in `columns` and where the last ends.
        columns: int32 (entries,).
        values: float32 (entries,).
    """

    starts: Tensor
    columns: Tensor
    values: Tensor

    def __matmul__(self, dense: Tensor) -> Tensor:
        """Float32 (columns, C) -> float32 (rows, C)."""
        # Sums of weighted embeddings are the same thing; torch has fast code for them, on the
        # processor 1.5 to 2.3 times as fast as for its sparse matrices.
        return embedding_bag(
            self.columns,
            dense,
            self.starts,
            mode="sum",
            per_sample_weights=self.values,
            include_last_offset=True,
        )


@dataclass(frozen=True)
class PointBlock:
    """Some of a filter's points, as many as are worked on at once.

    Attributes:
        splat: from these points to the vertices that they touch.
        touched: int64, the numbers of those vertices among all; None = all of them, in order.
        slices: from all vertices to these points.
    """

    splat: SparseRows
    touched: Tensor | None
    slices: SparseRows


@dataclass(frozen=True)
class Filter:
    """A Gaussian filter of points, normalised symmetrically.

    The points come in pieces, so that what is made of them on the way (several times the memory of
    the points) never exists for all at once; the result does not depend on their number but for the
    order of the sums.

    Attributes:
        pieces: splat and slice of the points, `PIECE` of them in each.
        blurs: along one axis of the lattice after the other.
        n_vertices: of the lattice.
    """

    pieces: tuple[PointBlock, ...]
    blurs: tuple[SparseRows, ...]
    n_vertices: int

    def spread(self, values: Sequence[Tensor]) -> Tensor:
        """Splat and blur float32 (points, C) of each piece; returns float32 (vertices + 1, C)."""
        vertices = _splat(self.pieces, values, self.n_vertices)
        for blur in self.blurs:
            vertices = blur @ vertices
        return vertices

    def __matmul__(self, values: Tensor) -> Tensor:
        """Float32 (points, C) -> float32 (points, C)."""
        vertices = self.spread(torch.split(values, PIECE))
        return torch.cat([piece.slices @ vertices for piece in self.pieces])


PIECE = 2**19
"""Points of a piece: a photo of 724 x 724 pixels."""


def _splat(pieces: Sequence[PointBlock], values: Sequence[Tensor], n_vertices: int) -> Tensor:
    """Sum the values of each piece's points per vertex; a row of zeros follows the last."""
    vertices = values[0].new_zeros(n_vertices + 1, values[0].shape[1])
    for piece, own in zip(pieces, values, strict=True):
        if piece.touched is None:
            vertices[:-1] = piece.splat @ own
        else:
            vertices[piece.touched] += piece.splat @ own
    return vertices


def make_filter(features: Tensor, weight: float = 1.0) -> Filter:
    """Return the Gaussian filter, of standard deviation 1, of points with these features.

    Every point gets `weight` times the sum over all points j of k(i, j) value(j) / sqrt(n(i) n(j)),
    with k the Gaussian of the features' distance as the lattice approximates it, and n(i) its sum
    over all points.

    Args:
        features: float32 (d, points).
        weight: factor of the result.

    Raises:
        TrashError: features that spread too far for the lattice.
    """
    n_axes = len(features) + 1
    parts = torch.split(features, PIECE, dim=1)
    packing = _packing(parts)
    pieces, touched = zip(*(_piece(part, packing) for part in parts), strict=True)
    vertices = touched[0]
    if len(pieces) > 1:
        vertices = torch.unique(torch.cat(touched))
        pieces = tuple(map(_among, pieces, touched, itertools.repeat(vertices)))
    del touched
    blurs = _blurs(vertices, _steps_along_axes(packing.stride))
    plain = Filter(pieces, blurs, len(vertices))
    ones = features.new_ones(features.shape[1], 1)
    norms = torch.split((plain @ ones)[:, 0].add_(1e-20).rsqrt_(), PIECE)
    for piece, norm in zip(pieces, norms, strict=True):
        piece.splat.values.mul_(norm[piece.splat.columns])
        piece.slices.values.mul_((norm * weight).repeat_interleave(n_axes))
    return plain


def _piece(features: Tensor, packing: _Packing) -> tuple[PointBlock, Tensor]:
    """Return splat, slice and the keys of the vertices of some points, features (d, points)."""
    keys, shares = _simplices(features, packing)
    n_points, n_axes = keys.shape
    ordered, order = torch.sort(keys.reshape(-1), stable=True)
    del keys
    vertices, number, counts = torch.unique_consecutive(
        ordered, return_inverse=True, return_counts=True
    )
    del ordered
    vertex_of = torch.empty_like(order, dtype=torch.int32).scatter_(0, order, number.int())
    del number
    splat = SparseRows(_starts(counts), (order // n_axes).int(), shares.reshape(-1)[order])
    every = torch.arange(0, n_points * n_axes + 1, n_axes, dtype=torch.int32, device=shares.device)
    # Three-point blurs add up to more than 1; this is the lattice's own factor for it.
    scale = 1 / (1 + 2.0 ** (1 - n_axes))
    return PointBlock(
        splat, None, SparseRows(every, vertex_of, shares.reshape(-1) * scale)
    ), vertices


def _among(piece: PointBlock, touched: Tensor, vertices: Tensor) -> PointBlock:
    """Return a piece that numbers its vertices, keys `touched`, among all `vertices`."""
    numbers = torch.searchsorted(vertices, touched)
    slices = replace(piece.slices, columns=numbers.int()[piece.slices.columns])
    return PointBlock(piece.splat, numbers, slices)


def _simplices(features: Tensor, packing: _Packing) -> tuple[Tensor, Tensor]:
    """Find the simplex of the lattice around each point, features (d, points).

    Returns:
        Keys of its vertices, int64 (points, d + 1); the point's share in each of them, float32
        (points, d + 1), sum 1.
    """
    d, n_points = features.shape
    elevated, origin, rank = _origins(features)
    ranked = torch.empty_like(origin).scatter_(0, rank, (elevated - origin) * (1 / (d + 1)))
    shares = ranked.new_empty(n_points, d + 1)
    shares[:, 0] = 1 + ranked[d] - ranked[0]
    for remainder in range(1, d + 1):
        shares[:, remainder] = ranked[d - remainder] - ranked[d - remainder + 1]
    del elevated, ranked

    key = packing.key(origin[:d].long())
    stride_of_rank = torch.empty_like(rank).scatter_(
        0, rank, key.new_tensor([*packing.stride, 0])[:, None].expand(-1, n_points)
    )
    keys = key.new_empty(n_points, d + 1)
    keys[:, 0] = key
    # From one vertex to the next all coordinates grow by 1, and the one that ranks highest of those
    # left goes back by d + 1.
    for remainder in range(1, d + 1):
        key = key + sum(packing.stride) - (d + 1) * stride_of_rank[d - remainder + 1]
        keys[:, remainder] = key
    return keys, shares


def _origins(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the elevated points, the remainder-0 vertex of each one's simplex, and its ranks."""
    d = len(features)
    elevated = _elevate(features)
    rounded = (elevated * (1 / (d + 1))).round_()
    origin = rounded * (d + 1)
    rank = _ranks(elevated - origin) + rounded.sum(dim=0).long()
    # Rounding can leave the plane of the lattice; ranks out of range tell which coordinates did.
    wrap = (d + 1) * ((rank < 0).int() - (rank > d).int())
    rank += wrap
    origin += wrap
    return elevated, origin, rank


def _elevate(features: Tensor) -> Tensor:
    """Map d features onto the plane in d + 1 dimensions whose coordinates add up to 0."""
    d = len(features)
    # Of the blur that follows, rounded as by the original: where a point lies between two simplices
    # the last digit decides which vertices there are.
    deviation = float(np.float32(math.sqrt(2 / 3) * (d + 1)))
    elevated = features.new_empty(d + 1, features.shape[1])
    total = torch.zeros_like(features[0])
    for axis in range(d, 0, -1):
        scaled = features[axis - 1] * (1 / math.sqrt(axis * (axis + 1)) * deviation)
        elevated[axis] = total - axis * scaled
        total = total + scaled
    elevated[0] = total
    return elevated


def _ranks(offset: Tensor) -> Tensor:
    """Return for each coordinate how many of its point's are larger; of ties the first is least."""
    rank = torch.zeros_like(offset, dtype=torch.int64)
    for first, second in itertools.combinations(range(len(offset)), 2):
        smaller = offset[first] < offset[second]
        rank[first] += smaller
        rank[second] += ~smaller
    return rank


@dataclass(frozen=True)
class _Packing:
    """How d integer coordinates become one number; vertices and neighbours cannot collide.

    Attributes:
        lowest: int64 (d, 1), below every coordinate.
        stride: by how much the number grows along each coordinate.
    """

    lowest: Tensor
    stride: list[int]

    def key(self, coordinates: Tensor) -> Tensor:
        """Pack coordinates, int64 (d, points)."""
        factors = coordinates.new_tensor(self.stride)[:, None]
        return ((coordinates - self.lowest) * factors).sum(dim=0)


def _packing(parts: Sequence[Tensor]) -> _Packing:
    """Return a packing for the vertices around all points, features (d, points) of each part."""
    d = len(parts[0])
    margin = 2 * (d + 1)
    extremes = [torch.aminmax(_origins(part)[1][:d].long(), dim=1) for part in parts]
    lowest = torch.stack([low for low, _ in extremes]).amin(dim=0) - margin
    highest = torch.stack([high for _, high in extremes]).amax(dim=0) + margin
    spans = (highest + 1 - lowest).tolist()
    if math.prod(spans) >= 2**62:
        raise TrashError(
            "dense CRF: the standard deviations are too small for an image of this size",
            "Use larger values of bilateral_xy and bilateral_rgb.",
        )
    stride = [math.prod(spans[axis + 1 :]) for axis in range(d)]
    return _Packing(lowest[:, None], stride)


def _steps_along_axes(stride: list[int]) -> list[int]:
    """Return by how much the key of a vertex and that of its neighbour along each axis differ."""
    n_axes = len(stride) + 1
    return [n_axes * along - sum(stride) for along in (*stride, 0)]


def _blurs(vertices: Tensor, steps: Sequence[int]) -> tuple[SparseRows, ...]:
    """Each vertex and half of its two neighbours on an axis; step by step along all axes.

    The rows of all of them are alike (one row past the last vertex stands for a neighbour that is
    not there and holds zeros), so that only the columns take memory for each axis.
    """
    n_rows = len(vertices) + 1
    starts = torch.arange(0, 3 * n_rows + 1, 3, dtype=torch.int32, device=vertices.device)
    values = starts.new_tensor([1.0, 0.5, 0.5], dtype=torch.float32).repeat(n_rows)
    return tuple(SparseRows(starts, _neighbours(vertices, step), values) for step in steps)


def _neighbours(vertices: Tensor, step: int) -> Tensor:
    """Return int32 (3 * (vertices + 1),): each vertex, the one after and the one before it."""
    n_vertices = len(vertices)
    wanted = vertices + step
    found = torch.searchsorted(vertices, wanted, out_int32=True).clamp_(max=n_vertices - 1)
    there = vertices[found] == wanted
    del wanted
    columns = torch.full((n_vertices + 1, 3), n_vertices, dtype=torch.int32, device=vertices.device)
    own = torch.arange(n_vertices, dtype=torch.int32, device=vertices.device)
    columns[:-1, 0] = own
    columns[:-1, 1] = torch.where(there, found, n_vertices)
    columns[found[there], 2] = own[there]
    return columns.reshape(-1)


def _starts(counts: Tensor) -> Tensor:
    starts = counts.new_zeros(len(counts) + 1, dtype=torch.int32)
    torch.cumsum(counts, dim=0, out=starts[1:])
    return starts
