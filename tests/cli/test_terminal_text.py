"""What files hold is shown by the terminal, never obeyed."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from toolkit.cli import console, main
from toolkit.cli.terminal_text import visible_json, visible_text
from toolkit.errors import TrashError

CLEAR, TITLE, CSI, TURNED = "\x1b[2J", "\x1b]0;owned\x07", "\x9b31m", "gpj.\u202etxt"
EVIL = f"a{CLEAR}{TITLE}{CSI}{TURNED}\r[red]b[/red]\U000e0041\x7f"
STYLES = re.compile(r"\x1b\[[0-9;]*m")


def obeyed(text: str) -> list[str]:
    """Characters that no line of output may hold, by what Unicode says of them."""
    return [
        character
        for character in text
        if character not in "\t\n"
        and (
            unicodedata.category(character) in ("Cc", "Zl", "Zp")
            or unicodedata.bidirectional(character) in _TURNING
            or 0xE0000 <= ord(character) < 0xE0080
        )
    ]


_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_every_obeyed_character_becomes_an_escape_and_no_other() -> None:
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    assert obeyed(visible_text(everything)) == []
    plain = "Füße 写真 \t\n🙂 [x] \\x1b עברית"
    assert visible_text(plain) == plain
    assert visible_text("\x1b\x9b\u202e\U000e0041") == "\\x1b\\x9b\\u202e\\U000e0041"
    text = json.dumps([everything], ensure_ascii=False)
    assert obeyed(visible_json(text)) == []
    assert json.loads(visible_json(text)) == [everything]


SAID: dict[str, Callable[[], None]] = {
    "result": lambda: console.print_result(EVIL),
    "json": lambda: console.print_json({EVIL: [EVIL]}),
    "table": lambda: console.print_table([EVIL, "n"], [[EVIL, 1]], numeric=["n"]),
    "narrow table": lambda: console.print_table(["x", EVIL], [[EVIL, f"{EVIL} " * 99]]),
    "entries": lambda: console.print_entries({EVIL: [(EVIL, EVIL), (EVIL, [(EVIL, EVIL)])]}),
    "note": lambda: console.note(EVIL),
    "warning": lambda: console.warn(EVIL),
    "error": lambda: console.print_error(TrashError(EVIL, f"{EVIL}\n{EVIL}")),
    "progress": lambda: console.make_progress().say(EVIL),
    "row": lambda: console.make_progress().row({"epoch": 1, "name": EVIL}),
}


@pytest.mark.parametrize("said", SAID)
def test_nothing_that_is_printed_is_obeyed(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    SAID[said]()
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert obeyed(printed) == []
    whole = "".join(printed.split())  # a narrow table may break it
    assert "[red]b[/red]" in whole, "markup in a name is text"


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Make both streams a terminal; the list holds what arrived there, after the context."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    arrived: list[bytes] = []

    def listen() -> None:
        # Reading fails when the other end is closed.
        with suppress(OSError):
            while piece := os.read(ours, 1 << 12):
                arrived.append(piece)

    listener = Thread(target=listen)
    listener.start()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        yield arrived
    listener.join()
    os.close(ours)


@pytest.mark.parametrize("said", SAID)
def test_a_terminal_gets_our_colours_alone(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as arrived:
        SAID[said]()
    printed = b"".join(arrived).decode("utf-8", "replace").replace("\r\n", "\n")
    assert obeyed(STYLES.sub("", printed)) == []
    assert "[red]b[/red]" in printed.replace("\n", "")


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        terminal(monkeypatch) as arrived,
        console.make_progress().bar(EVIL, 2, "images") as bar,
    ):
        bar.advance(1, loss=0.5)
    printed = b"".join(arrived).decode("utf-8", "replace")
    for piece in (CLEAR, TITLE, CSI, "\u202e"):
        assert piece not in printed


def escaped(text: str) -> str:
    """Return it as a TOML or JSON string writes it."""
    return json.dumps(text)[1:-1].replace("\x7f", "\\u007f")


@pytest.mark.parametrize(
    ("command", "name", "content"),
    [
        ("recipe check FILE", "r.toml", f'"{escaped("k" + CLEAR + CSI)}" = 1\n'),
        ("recipe show FILE", "r.toml", f'[model]\nname = "{escaped(CLEAR + CSI)}"\n'),
        ("recipe check FILE", f"{CLEAR}{CSI}.toml", "seed = [\n"),
        ("data check FILE", f"{CLEAR}{CSI}.json", "[]"),
        ("data check FILE", "x.json", json.dumps({"images": CLEAR + CSI})),
        ("submission check FILE", f"{CLEAR}{CSI}.csv", "a,b\n"),
        ("submission list", "submissions/x.json", json.dumps({"schema_version": CLEAR + CSI})),
        ("ensemble search FILE", f"{CLEAR}{CSI}.pt", "x"),
        ("predict FILE --data x.json", f"{CLEAR}{CSI}.pt", ""),
        ("pseudo show FILE", f"{CLEAR}{CSI}/index.json", CLEAR),
        ("recipe list", "recipes/x.toml", f'description = "{escaped(CLEAR + CSI + TURNED)}"\n'),
        ("recipe list --json", "recipes/x.toml", f'description = "{escaped(CSI + TURNED)}"\n'),
    ],
)
def test_files_through_the_command_line(
    command: str,
    name: str,
    content: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    target = str(file.parent if file.name == "index.json" else file)
    main.run([target if word == "FILE" else word for word in command.split(" ")])
    captured = capsys.readouterr()
    assert obeyed(captured.out + captured.err) == []
    assert "Traceback" not in captured.err
    assert "unexpected" not in captured.err
    assert captured.out + captured.err
