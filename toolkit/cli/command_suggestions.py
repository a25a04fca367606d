"""`Did you mean trash recipe run?`: a command that was typed without its group, or in another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup

from toolkit.suggestions import nearest


class SuggestingGroup(TyperGroup):
    """A group of commands that says where an unknown one is found in another group."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return what the first word stands for; the error of an unknown one has a suggestion."""
        if not args or args[0].startswith("-") or self.get_command(ctx, args[0]) is not None:
            return super().resolve_command(ctx, args)
        suggested = [f"trash {words}" for words in _suggested(ctx, args[0])]
        if not suggested:
            return super().resolve_command(ctx, args)
        *others, last = suggested
        choices = f"{', '.join(others)} or {last}" if others else last
        ctx.fail(f"No such command '{args[0]}'. Did you mean {choices}?")


def _suggested(ctx: Any, word: str) -> list[str]:
    """Return the words after `trash` of the commands that may be meant."""
    root = ctx.find_root()
    every = list(_commands(root.command, root))
    same = [words for words in every if words.rpartition(" ")[2] == word]
    group = " ".join(ctx.command_path.split()[1:])
    own = {words.rpartition(" ")[2] for words in every if words.rpartition(" ")[0] == group}
    near = nearest(word, own)
    if near is not None:
        return [f"{group} {near}".strip()]
    # `trash run demo`: the group has the name of a command of another one, which takes a word.
    namesakes = [words for words in every if group and words.endswith(f" {group}")]
    if namesakes:
        return namesakes
    if same:
        return same
    elsewhere = nearest(word, {words.rpartition(" ")[2] for words in every})
    return [words for words in every if words.rpartition(" ")[2] == elsewhere]


def _commands(group: Any, ctx: Any, before: str = "") -> Iterator[str]:
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        words = f"{before} {name}".strip()
        yield words
        if isinstance(command, TyperGroup):
            yield from _commands(command, ctx, words)
