from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cli.submission.demo_files import add_side_car


def test_no_torch_is_imported(submission: Path, demo_root: Path) -> None:
    add_side_car(submission, demo_root)
    code = (
        "import sys; from toolkit.cli.main import run; "
        "code = run(['submission', 'check', 'a.csv']);"
        "sys.exit('torch' in sys.modules or code)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_files_need_no_torch(desk: Any) -> None:
    a, b = desk.submit("a.csv", desk.noisy(1)), desk.submit("b.csv", desk.noisy(2))
    code = (
        "import sys; from toolkit.cli.main import run\n"
        f"code = run(['submission', 'diff', {a!r}, {b!r}, '--picture', 'd.png'])\n"
        f"code += run(['submission', 'merge', {a!r}, {b!r}, '-o', 'out.csv'])\n"
        f"code += run(['submission', 'record', {a!r}, '--public', '0.5'])\n"
        "code += run(['submission', 'list'])\n"
        "sys.exit('torch' in sys.modules or code)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
