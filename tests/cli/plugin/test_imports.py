from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "--json"], ["show", "unet"], ["new", "x1", "--kind", "model"]]
)
def test_no_command_but_check_imports_torch(arguments: list[str], tiny: Path) -> None:
    code = (
        "import sys; from toolkit.cli.main import run; "
        f"code = run(['plugin', *{arguments!r}]); "
        "heavy = {'torch', 'albumentations', 'timm', 'segmentation_models_pytorch'}; "
        "sys.exit(code or "
        "str(sorted(heavy & set(sys.modules)) if heavy & set(sys.modules) else ''))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stderr.strip() in _notes(arguments), result.stderr


def _notes(arguments: list[str]) -> list[str]:
    first = (
        "first use of the plugins in plugins, which run now: tiny.py (--no-plugins leaves them out)"
    )
    if arguments[0] != "new":
        return [first]
    return [
        f"{first}\ncheck it: trash plugin check x1\n"
        "try it:   trash recipe run RECIPE --smoke --set model.name=x1"
    ]
