from __future__ import annotations

import os
import subprocess
import unicodedata
from pathlib import Path

import pytest

from toolkit.project import Project
from toolkit.records.author import author_name, author_slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ann Lee", "ann-lee"),
        ("김철수", "김철수"),
        ("Łukasz O'Neill-Żak", "łukasz-o-neill-żak"),
        ("محمد علي", "محمد-علي"),
        ("नमिता", "नमिता"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\0b\nc", "a-b-c"),
        (".hidden", "hidden"),
        ("x" * 500, "x" * 40),
    ],
)
def test_a_folder_is_called_by_the_letters_of_a_name(name: str, slug: str) -> None:
    assert author_slug(name) == slug


def test_a_name_without_letters_has_a_folder_too() -> None:
    found = {author_slug(name) for name in ("!!!", "???", "🦊", "", "\udcff")}
    assert len(found) == 5
    assert all(slug.startswith("author-") for slug in found)


def test_accents_and_capitals_make_no_second_folder() -> None:
    names = ["José Ñ", unicodedata.normalize("NFD", "José Ñ"), "JOSÉ Ñ"]
    assert {author_slug(name) for name in names} == {"josé-ñ"}


def test_the_variable_comes_first_then_git_then_the_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("LOGNAME", "login")
    monkeypatch.setenv("TRASH_AUTHOR", "  ")
    project = Project(tmp_path)
    assert author_name(project) == "login"
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "config", "user.name", "Kim 김"], check=True)
    assert author_name(project) == "Kim 김"
    monkeypatch.setenv("TRASH_AUTHOR", " Ann \udcff")
    assert author_name(project) == "Ann ?"
