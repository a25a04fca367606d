"""Every list in every format: what other programs read is what `--json` says."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.cli.command_tree import COMMANDS
from tests.cli.plugin.conftest import team
from tests.cli.plugin.tiny_plugin import TINY
from tests.cli.pseudo.conftest import label_sets
from tests.cli.recipe.small_recipe import RECIPE
from tests.cli.run.conftest import outcome, wall
from tests.cli.submission.validated import validated
from tests.cli.test_console import Terminal
from tests.markdown_tables import markdown_tables
from toolkit.cli.main import run

__all__ = ["label_sets", "team", "wall"]

Capture = pytest.CaptureFixture[bytes]
ODD = 'a "b", c | 김치\n*<b>x</b>* \\'
COMMAND = '''
from toolkit import hookimpl


@hookimpl
def trash_commands(app):
    @app.command("count-김치")
    def count():
        """Count "a", b | c."""
'''


def fill_runs(wall: Any) -> None:
    wall.add(title=ODD, outcome=outcome(0.1 + 0.2, 1 / 3), own={"loss.name": ODD})
    wall.add(author="김철수", title="", status="failed", own={"loss.name": "a|b", "seed": 2})


def fill_submissions(desk: Any) -> None:
    for number, name in enumerate(("김치 | a, b", "c")):
        file = desk.submit(f"{name}.csv", desk.noisy(number))
        desk.change(file, validation=validated(1 / 3), leaderboard={"public": 0.5, "private": None})
    member = {"checkpoint": f"runs/{ODD}/best.pt", "digest": "00", "model": {"name": "unet"}}
    desk.change(
        file,
        members=[member | {"image_size": [64, 64], "views": "none", "validation": {}}],
        combine={"name": "mean"},
    )


def fill_studies(team: Path) -> None:
    title = ODD.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    for name, text in (("김치, a", "A | test"), ("b", title)):
        study = f'[study]\ntitle = "{text}"\nbase = "tiny.toml"\n[variants.a]\n'
        (team / "recipes" / f"{name}.toml").write_text(study)
    (team / "recipes" / "tiny.toml").write_text("")


def fill_recipes(team: Path) -> None:
    (team / "recipes" / "김치, a.toml").write_text(RECIPE)
    title = ODD.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    (team / "recipes" / "b.toml").write_text(RECIPE.replace("A test", title))
    (team / "recipes" / "broken.toml").write_text("x = \n")


def fill_plugins(team: Path) -> None:
    text = TINY.replace("BODY", "probabilities").replace('"does next to nothing"', repr(ODD))
    (team / "plugins" / "tiny.py").write_text(text)


def fill_commands(team: Path) -> None:
    (team / "plugins" / "counting.py").write_text(COMMAND)


def fill_label_sets(label_sets: Any) -> None:
    for label_set, teachers in zip(label_sets, ([ODD, "b"], ["a, b"]), strict=True):
        path = label_set.folder / "index.json"
        index = json.loads(path.read_text())
        path.write_text(json.dumps(index | {"origin": index["origin"] | {"teachers": teachers}}))
    damaged = label_sets[0].folder.with_name("broken")
    damaged.mkdir()
    (damaged / "index.json").write_text("{")


@dataclass(frozen=True)
class Listing:
    """A list: what fills it, and what its Markdown says of a row as JSON has it."""

    words: tuple[str, ...]
    fixture: str
    fill: Callable[[Any], None]
    shown: Callable[[Any], dict[str, Any]]
    n_rows: int | None
    options: tuple[str, ...] = ()


LISTS = (
    Listing(
        ("run", "list"),
        "wall",
        fill_runs,
        lambda row: {
            "record": row["record"].partition("/")[2],
            "author": row["author"],
            "changes": ", ".join(row["changes"]),
            "validation": row["validation"],
        },
        2,
        ("--sort", "started"),
    ),
    Listing(
        ("submission", "list"),
        "desk",
        fill_submissions,
        lambda row: {
            "submission": row["name"],
            "members": ", ".join(row["members"]) or None,
            "public": row["public"],
        },
        2,
        ("--sort", "name"),
    ),
    Listing(
        ("study", "list"),
        "team",
        fill_studies,
        lambda row: {"study": row["path"], "title": row["title"], "seeds": row["seeds"]},
        2,
    ),
    Listing(
        ("recipe", "list"),
        "team",
        fill_recipes,
        lambda row: {"recipe": row["path"], "title": row["title"], "loss": row["loss"]},
        2,
        ("unet",),
    ),
    Listing(
        ("recipe", "list"),
        "team",
        fill_recipes,
        lambda row: {"recipe": row["path"], "title": row["title"], "loss": row["loss"]},
        3,
    ),
    Listing(
        ("plugin", "list"),
        "team",
        fill_plugins,
        lambda row: {
            **{key: row[key] for key in ("name", "kind", "source", "summary")},
            "aliases": ", ".join(row["aliases"]) or None,
        },
        None,
        ("--kind", "postprocessor"),
    ),
    Listing(("plugin", "commands"), "team", fill_commands, dict, 1),
    Listing(
        ("pseudo", "list"),
        "label_sets",
        fill_label_sets,
        lambda row: {
            "key": row["key"],
            "teachers": "damaged" if row["problem"] else ", ".join(row["teachers"]),
            "created": row["created"],
        },
        3,
    ),
)


@pytest.mark.parametrize("listing", LISTS, ids=lambda each: " ".join(each.words + each.options))
def test_a_list_says_the_same_in_every_format(
    listing: Listing, request: pytest.FixtureRequest, tmp_path: Path, capsysbinary: Capture
) -> None:
    listing.fill(request.getfixturevalue(listing.fixture))

    def output(*options: str) -> bytes:
        capsysbinary.readouterr()
        assert run([*listing.words, *listing.options, *options]) == 0
        return capsysbinary.readouterr().out

    text = output("--json")
    assert output("--format", "json") == text
    rows = json.loads(text)
    rows = rows["submissions"] if isinstance(rows, dict) else rows
    assert listing.n_rows in (len(rows), None)
    assert "김치" in text.decode()
    columns = [*rows[0]]

    found = [*csv.DictReader(io.StringIO(output("--format", "csv").decode(), newline=""))]
    assert [*found[0]] == columns
    assert found == [{key: csv_field(value) for key, value in row.items()} for row in rows]
    frame = pd.read_csv(io.BytesIO(output("--format", "csv")))
    assert [*frame.columns] == columns
    assert_same_values(frame, rows)

    frame = pd.read_parquet(io.BytesIO(output("--format", "parquet")))
    assert [*frame.columns] == columns
    assert_same_values(frame, rows)

    (heads, *cells), *_ = markdown_tables(output("--format", "md").decode())
    shown = [dict(zip(heads, line, strict=True)) for line in cells]
    assert [
        {key: value for key, value in each.items() if key in listing.shown(rows[0])}
        for each in shown
    ] == [{key: cell(value) for key, value in listing.shown(row).items()} for row in rows]

    assert output("--format", "table") == output()
    for format_ in ("json", "csv", "md", "parquet"):
        file = tmp_path / "made" / f"김치.{format_}"
        printed = output("--format", format_, "-o", str(file)).decode()
        assert printed == f"made/{file.name}\n"
        assert file.read_bytes() == output("--format", format_)


def csv_field(value: Any) -> str:
    """Return what a field of a CSV holds, by the rules of the documents."""
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def assert_same_values(frame: pd.DataFrame, rows: list[dict[str, Any]]) -> None:
    for (_, line), row in zip(frame.iterrows(), rows, strict=True):
        for key, value in row.items():
            if isinstance(value, list | dict):
                assert json.loads(line[key]) == value
            elif value in (None, ""):  # pandas reads an empty field as nothing
                assert line[key] in (None, "") or pd.isna(line[key])
            else:
                assert line[key] == (pytest.approx(value) if isinstance(value, float) else value)


def cell(value: Any) -> str:
    """Return what a cell of a table shows."""
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def test_every_command_that_lists_has_these_formats() -> None:
    lists = {words for words in COMMANDS if words[-1:] == ("list",)}
    assert lists - {("board", "list")} <= {each.words for each in LISTS}  # whose cells are shorter
    for words in lists:
        options = {option for parameter in COMMANDS[words].params for option in parameter.opts}
        assert {"--format", "--output", "-o", "--json"} <= options


@pytest.mark.parametrize("words", [("run", "list"), ("submission", "list"), ("pseudo", "list")])
def test_an_empty_list_has_a_header(words: tuple[str, ...], wall: Any, capfd: Any) -> None:
    def output(*options: str) -> str:
        assert run([*words, *options]) == 0
        return str(capfd.readouterr().out)

    assert output() == ""
    header, *rest = csv.reader(output("--format", "csv").splitlines())
    assert "created" in header or "started" in header
    assert rest == []
    (table,) = markdown_tables(output("--format", "md"))
    assert len(table) == 1
    output("--format", "parquet", "-o", "empty.parquet")
    frame = pd.read_parquet("empty.parquet")
    assert len(frame) == 0
    assert [*frame.columns] == header


def test_correlations_follow_the_submissions_in_markdown(desk: Any, capsys: Any) -> None:
    for number in range(3):
        file = desk.submit(f"{number}.csv", desk.noisy(number))
        desk.change(
            file,
            validation=validated(number / 10),
            leaderboard={"public": number / 10, "private": None},
        )
    capsys.readouterr()
    assert run(["submission", "list", "--format", "md"]) == 0
    submissions, correlations = markdown_tables(capsys.readouterr().out)
    assert len(submissions) == 4
    assert correlations[1] == ["validation, public", "+1.00", "3"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--json", "--format", "csv"], "--json and --format csv contradict each other"),
        (["-o", "runs.txt"], "--output runs.txt: a table is for the screen"),
        (["--format", "table", "-o", "runs.txt"], "Add --format csv, json, md or parquet."),
        (["--format", "csv", "-o", "recipes"], "--output recipes is a folder"),
        (["--format", "xml"], "'xml' is not one of"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    wall: Any, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    before = {*Path().rglob("*")}
    assert run(["run", "list", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert {*Path().rglob("*")} == before


def test_a_terminal_gets_no_parquet_and_no_commands(
    wall: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wall.add(author="\x1b[31mred", title="two\nlines")
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    assert run(["run", "list", "--format", "parquet"]) == 2
    assert screen.getvalue() == ""
    assert "--output FILE.parquet" in capsys.readouterr().err
    assert run(["run", "list", "--format", "csv"]) == 0
    assert "\\x1b[31mred" in screen.getvalue()
    assert '"two\nlines"' in screen.getvalue()
    assert "\r" not in screen.getvalue()


def test_without_pyarrow_parquet_is_refused_before_work(
    wall: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (wall.root / "records" / "ann-lee").mkdir(parents=True)
    (wall.root / "records" / "ann-lee" / "half.json").write_text("{")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert run(["run", "list", "--format", "parquet", "-o", "runs.parquet"]) == 2
    told = capsys.readouterr().err
    assert 'pip install "trash-toolkit[parquet]"' in told
    assert "half.json" not in told
    assert run(["run", "list", "--format", "csv"]) == 0
