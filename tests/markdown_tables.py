"""Tables of a Markdown text, as a renderer of others reads them."""

from __future__ import annotations

from markdown_it import MarkdownIt


def markdown_tables(text: str) -> list[list[list[str]]]:
    """Return the texts that stand in the cells of each table, its header first.

    Raises:
        ValueError: a cell holds more than text and breaks between lines.
    """
    tables: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type == "inline":
            cell = ""
            for child in token.children or ():
                if child.type in ("text", "text_special"):
                    cell += child.content
                elif child.content == "<br>":
                    cell += "\n"
                else:
                    raise ValueError(f"{child.type} in {token.content!r}")
            tables[-1][-1].append(cell)
    return tables
