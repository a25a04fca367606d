"""The versions of a repeatable install fit what the package asks for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    *PROJECT["dependencies"],
    *(
        each
        for extra in ("dev", "weights", "browser", "frames", "parquet", "maintain")
        for each in EXTRAS[extra]
    ),
]
LINES = [
    line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
]


def test_each_line_is_a_name_and_a_version() -> None:
    for line in LINES:
        parsed = Requirement(line)
        assert str(parsed) == f"{parsed.name}=={line.partition('==')[2]}"


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_a_required_package_has_a_version_that_fits(text: str) -> None:
    wanted = Requirement(text)
    versions = {
        canonicalize_name(name): version
        for name, _, version in (line.partition("==") for line in LINES)
    }
    assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)])
