"""The file of every image's counts: whole again when it is read, and refused when it is broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.errors import UsageError
from toolkit.metrics.counts_file import image_counts, read_counts, write_counts

CLASSES = ("Background", "Paper", "Käse")


@given(
    counts=st.integers(0, 4).flatmap(
        lambda n: arrays(np.int64, (n, 3, 3), elements=st.integers(0, 2**40))
    )
)
def test_what_is_written_is_read(counts: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("counts") / "a.counts"
    names = [f"photos/{row}.jpg" for row in range(len(counts))]
    write_counts(path, "7", CLASSES, {"test": image_counts(names, counts)})
    found = read_counts(path)
    assert (found.of, found.class_names, found.sets["test"].images) == ("7", CLASSES, tuple(names))
    again = found.counts("test")
    assert again is not None
    assert again.dtype == np.int64
    np.testing.assert_array_equal(again, counts)
    assert found.counts("validation") is None


def test_it_is_small_and_has_a_line_per_image(tmp_path: Path) -> None:
    counts = np.zeros((50, 150, 150), np.int64)
    counts[:, 3, 4] = 100_000
    path = tmp_path / "a.counts"
    names = [f"{row}.jpg" for row in range(50)]
    write_counts(
        path, "", [f"c{label}" for label in range(150)], {"test": image_counts(names, counts)}
    )
    assert path.stat().st_size < 4_000
    assert len(path.read_text().splitlines()) == 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": []}, "class_names"),
        ({"sets": {"test": {"images": ["a"], "cells": []}}}, "every image must have its counts"),
        ({"sets": {"test": {"images": ["a", "a"], "cells": [[], []]}}}, "once"),
        ({"sets": {"test": {"images": ["a"], "cells": [[1]]}}}, "a cell has no number"),
        ({"sets": {"test": {"images": ["a"], "cells": [[9, 1]]}}}, "a cell is of no class"),
        ({"sets": {"test": {"images": ["a"], "cells": [[0, -1]]}}}, "greater than or equal to 0"),
        ({"sets": {"test": {"images": ["a"], "cells": [[0, 2**60]]}}}, "less than"),
        ({"version": 2}, "version 2"),
        ({"schema": "other"}, "not a counts file"),
        ({"more": 1}, "more"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.counts"
    write_counts(path, "", CLASSES, {"test": image_counts(["a"], np.ones((1, 3, 3), np.int64))})
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UsageError, match=message):
        read_counts(path)


def test_a_file_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.counts"
    names = [f"{row}" for row in range(5000)]
    content = {"images": names, "cells": [[]] * len(names)}
    head = {"schema": "trash-counts", "version": 1, "of": "", "class_names": ["c"] * 256}
    path.write_text(json.dumps(head | {"sets": {"test": content}}))
    with pytest.raises(UsageError, match="too many"):
        read_counts(path)
