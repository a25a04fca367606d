"""Python in the documents runs: every block of docs/python.md, every cell of the notebook."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.tiny_project import PLUGIN, RECIPE
from toolkit.cli.main import run
from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.plugin.discovery import load_registry
from toolkit.project import Project

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "python.md"
NOTEBOOK = DOCS / "analysis.ipynb"
MOST_BYTES = 100_000


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, demo_root: Path) -> Path:
    """A project with two runs of the recipe `demo`, and a photo; to be copied."""
    root = tmp_path_factory.mktemp("documents") / "project"
    for folder in ("recipes", "plugins", "data", "photos"):
        (root / folder).mkdir(parents=True)
    shutil.copytree(demo_root, root / "data" / "demo")
    (root / "plugins" / "lab.py").write_text(PLUGIN)
    (root / "recipes" / "demo.toml").write_text(RECIPE.replace("{root}", "data/demo"))
    photo = cv2.imread(str(next(demo_root.rglob("*.jpg"))))
    assert photo is not None
    cv2.imwrite(str(root / "photos" / "bag.jpg"), photo)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("TRASH_CACHE", raising=False)
        for seed in (1, 2):
            assert run(["recipe", "run", "demo", "--set", f"seed={seed}"]) == 0
    return root


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    root = shutil.copytree(trained, tmp_path / "project")
    monkeypatch.chdir(root)
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    yield root
    load_registry(Project(tmp_path / "nowhere"))


def blocks(text: str) -> list[str]:
    """Return the indented blocks of a page, without their indent."""
    found = re.findall(r"(?:^(?: {4}.*)?\n)+", text, flags=re.MULTILINE)
    return [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in found if block.strip()]


def shown(source: str, names: dict[str, Any]) -> Any:
    """Run a cell and return what a notebook shows below it: the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    return value._repr_html_() if hasattr(value, "_repr_html_") else value


def test_the_blocks_of_the_page_run_one_after_the_other(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PAGE.read_text()
    found = blocks(text)
    code = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    assert [line.strip() for block in found for line in block.splitlines() if line] == code
    names: dict[str, Any] = {}
    capsys.readouterr()
    for block in found:
        exec(compile(block, str(PAGE), "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] in names["predictor"].class_names
    assert printed[-1] == "1.0"
    deciding, miou = printed[1].split()[:2]
    assert float(deciding) == float(miou) == pytest.approx(slow_mean_iou(names))
    assert {*names["images"].columns} >= {"miou", "iou.Background"}
    assert len(names["images"]) == len(names["val"])
    assert {*names["objects"]["split"]} == {"train", "val", "test"}
    assert names["runs"]["run"].tolist() == ["demo-001", "demo-002"]


def slow_mean_iou(names: dict[str, Any]) -> float:
    """Return the mIoU of the page's predictor, class by class over the pixels of all images."""
    predictor, val = names["predictor"], names["val"]
    pairs = []
    for row, record in enumerate(val.images):
        labels = predictor.probabilities(read_image(val.path(row), record)).argmax(0)
        truth = paint_mask(record, val.labels, val.overlap, val.ignore_index)
        pairs.append((labels.ravel(), truth.ravel()))
    labels, truth = (np.concatenate(each) for each in zip(*pairs, strict=True))
    unions = [((labels == c) | (truth == c)).sum() for c in range(len(predictor.class_names))]
    both = [((labels == c) & (truth == c)).sum() for c in range(len(predictor.class_names))]
    return float(np.mean([part / all_ for part, all_ in zip(both, unions, strict=True) if all_]))


def test_the_cells_of_the_notebook_run_and_show_their_tables(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, score in (("demo-001", "0.71"), ("demo-002", "0.70")):
        assert run(["submission", "record", f"submissions/{name}.csv", "--public", score]) == 0
    names: dict[str, Any] = {}
    tables = {}
    capsys.readouterr()
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] == "code":
            tables[cell["id"]] = shown("".join(cell["source"]), names)
    without = {key for key, value in tables.items() if value is None}
    assert without == {"imports", "better"}
    assert re.match(r"better on \d+ images, worse on \d+, mean gain [+-]", capsys.readouterr().out)
    for key, value in tables.items():
        assert key in without or "</table>" in value
    for key in ("epochs", "classes", "sizes"):
        assert "linear-gradient(90deg" in tables[key]
    for text in ("demo-001", "demo-002"):
        assert text in tables["runs"]
        assert text in tables["epochs"]
        assert text in tables["submissions"]
    assert names["curves"].shape == (3, 6)
    assert names["sizes"]["IoU"].notna().any()
    assert {*names["sizes"].index} < {*names["iou"].index}
    assert "public" in tables["agreement"]


def test_the_notebook_is_small_and_holds_no_outputs() -> None:
    notebook = json.loads(NOTEBOOK.read_text())
    assert NOTEBOOK.stat().st_size < MOST_BYTES
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
