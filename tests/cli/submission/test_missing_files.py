from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.cli.main import run


def test_a_folder_is_no_submission(
    project: Path, capsys: pytest.CaptureFixture[str], demo_root: Path
) -> None:
    for path in (".", ""):
        assert run(["submission", "check", path]) == 2
        assert ". is a folder, not a submission file" in capsys.readouterr().err
        truth = str(demo_root / "test_truth.json")
        assert run(["submission", "score", path, "--truth", truth]) == 2
        assert ". is a folder, not a submission file" in capsys.readouterr().err
