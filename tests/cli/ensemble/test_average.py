from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.cli.two_checkpoints import write_checkpoint
from toolkit.cli.main import run
from toolkit.train.checkpoint import load_checkpoint

pytestmark = pytest.mark.usefixtures("two_checkpoints")
Capture = pytest.CaptureFixture[str]


def test_the_weights_are_averaged_and_the_score_is_shown(capsys: Capture) -> None:
    arguments = ["a.pt", "b.pt", "--weights", "1,3", "-o", "soup.pt"]
    assert run(["ensemble", "average", *arguments]) == 0
    *table, path = capsys.readouterr().out.splitlines()
    assert path == "soup.pt"
    assert [line.split()[0] for line in table] == ["checkpoint", "a", "b", "soup.pt"]
    first, second, soup = (
        load_checkpoint(Path(name)).model_state["weight"] for name in ("a.pt", "b.pt", "soup.pt")
    )
    torch.testing.assert_close(soup, 0.25 * first + 0.75 * second)
    assert run(["ensemble", "average", *arguments]) == 2
    assert "soup.pt exists" in capsys.readouterr().err
    assert run(["ensemble", "average", *arguments, "--overwrite", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["members"] == [["a", None], ["b", None]]
    assert found["scores"]["mean_iou"] == pytest.approx(float(table[-1].split()[-1]), abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.pt", "b.pt"], "Missing option"),
        (["a.pt", "b.pt", "-o", "soup"], "-o soup: a checkpoint ends in .pt Use soup.pt."),
        (["a.pt", "c.pt", "-o", "soup.pt"], "there is no checkpoint c.pt"),
        (["a.pt@hflip", "b.pt", "-o", "soup.pt"], "an average of weights has no views"),
        (["a.pt", "renamed.pt", "-o", "soup.pt"], "lacks Clothing and also has Gravel"),
        (["a.pt", "b.pt", "-o", "soup.pt", "--weights", "1,x"], "--weights 1,x: not numbers"),
        (["a.pt", "b.pt", "-o", "soup.pt", "--weights", "1"], "1 weight for 2 files"),
    ],
)
def test_mistakes_are_one_message_and_exit_2(
    arguments: list[str], message: str, capsys: Capture
) -> None:
    first = load_checkpoint(Path("a.pt"))
    write_checkpoint(Path("renamed.pt"), (*first.class_names[:-1], "Gravel"), first.recipe, 3)
    assert run(["ensemble", "average", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in " ".join(printed.err.split())
    assert not Path("soup.pt").exists()
