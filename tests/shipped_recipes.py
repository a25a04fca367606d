"""The recipes that are shipped: files, and each variant of each study."""

from __future__ import annotations

from pathlib import Path

from toolkit.recipe.study import is_study, read_study

ROOT = Path(__file__).parents[1]


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


FILES = [_named(path) for path in sorted((ROOT / "recipes").glob("**/*.toml"))]
STUDIES = [path for path in FILES if is_study(ROOT / path)]
RECIPES = [path for path in FILES if "/base/" not in path and path not in STUDIES]
_VARIANTS = [
    (_named(study.address(name)), variant.file == study.path)
    for study in (read_study(ROOT / path) for path in STUDIES)
    for name, variant in study.variants.items()
]
VARIANTS = [address for address, _ in _VARIANTS]
OWN_VARIANTS = [address for address, is_own in _VARIANTS if is_own]
"""Those that a study does not take from another one."""
