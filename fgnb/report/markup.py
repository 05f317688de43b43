"""One table in three scripts: HTML for a notebook's output, MyST for the book, plain text.

Whatever comes from data (class names, labels, titles) is escaped in each of them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|$~:@^%-])")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what it says.
        badge: CSS class of a badge around the text, e.g. "drawn"; empty for none.
        title: what the pointer shows.
        page: a page of the book (path below its source, no suffix) that MyST links to.
        strong: set in bold.
    """

    text: str
    badge: str = ""
    title: str = ""
    page: str = ""
    strong: bool = False

    def to_html(self) -> str:
        """The cell's content as HTML."""
        inner = html.escape(self.text)
        return self._wrapped(f"<strong>{inner}</strong>" if self.strong else inner)

    def to_myst(self) -> str:
        """The cell's content as one line of MyST."""
        if self.page:
            return f"{{doc}}`{doc_text(self.text)} </{self.page}>`"
        inner = escape_myst(self.text)
        return self._wrapped(f"**{inner}**" if self.strong and inner else inner)

    def _wrapped(self, inner: str) -> str:
        if not self.badge and not self.title:
            return inner
        classes = f' class="fgnb-badge fgnb-{self.badge}"' if self.badge else ""
        title = html.escape(_one_line(self.title), quote=True).replace("|", "&#124;")
        title = f' title="{title}"' if title else ""
        return f"<span{classes}{title}>{inner}</span>"


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns; Jupyter shows it, pages include it, terminals print it.

    Attributes:
        columns: the header.
        rows: as long as `columns` each.
        numeric: names of the columns that are set flush right.
        caption: a sentence above the table; empty for none.
        notes: sentences below it.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[str] = frozenset()
    caption: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"row {number} has {len(row)} cells, needs {len(self.columns)} "
                    f"({', '.join(self.columns)})"
                )

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.to_text()

    def to_html(self) -> str:
        """A complete `<table>` with its caption and notes."""
        caption = f"<caption>{html.escape(self.caption)}</caption>" if self.caption else ""
        head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in self.columns)
        body = "".join(
            "<tr>"
            + "".join(self._html_cell(*pair) for pair in zip(self.columns, row, strict=True))
            + "</tr>"
            for row in self.rows
        )
        notes = "".join(f'<p class="fgnb-note">{html.escape(note)}</p>' for note in self.notes)
        return (
            f'<table class="fgnb-table">{caption}<thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>{notes}"
        )

    def to_myst(self) -> str:
        """A pipe table of MyST, with blank lines around it."""
        head = "| " + " | ".join(escape_myst(name) for name in self.columns) + " |"
        rule = "|" + "|".join("---:" if c in self.numeric else "---" for c in self.columns) + "|"
        body = ["| " + " | ".join(cell.to_myst() for cell in row) + " |" for row in self.rows]
        parts = [f"\n{escape_myst(self.caption)}\n"] if self.caption else []
        parts += ["\n".join(["", head, rule, *body, ""])]
        parts += [f"\n{escape_myst(note)}\n" for note in self.notes]
        return "".join(parts)

    def to_text(self) -> str:
        """Columns of plain text."""
        lines = [[_one_line(cell.text) for cell in row] for row in self.rows]
        widths = [
            max(len(name), *(len(line[i]) for line in lines)) if lines else len(name)
            for i, name in enumerate(self.columns)
        ]
        out = [self.caption] if self.caption else []
        out.append(self._text_line(self.columns, widths))
        out.append("  ".join("-" * width for width in widths))
        out += [self._text_line(line, widths) for line in lines]
        out += list(self.notes)
        return "\n".join(line.rstrip() for line in out)

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_markdown_(self) -> str:
        return self.to_myst()

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        getattr(printer, "text")(self.to_text())  # noqa: B009 (IPython's printer has no type here)

    def _html_cell(self, column: str, cell: Cell) -> str:
        style = ' class="fgnb-number"' if column in self.numeric else ""
        return f"<td{style}>{cell.to_html()}</td>"

    def _text_line(self, words: Sequence[str], widths: Sequence[int]) -> str:
        return "  ".join(
            word.rjust(width) if name in self.numeric else word.ljust(width)
            for name, word, width in zip(self.columns, words, widths, strict=True)
        )


def escape_myst(text: str) -> str:
    r"""Text that MyST shows as it is: no markup, no HTML, no cell border, one line.

    >>> escape_myst("a|b <i>")
    'a\\|b &lt;i&gt;'
    """
    return _SPECIAL.sub(r"\\\1", html.escape(_one_line(text), quote=False))


def doc_text(text: str) -> str:
    """The visible text of a `{doc}` role: without what would end or split it."""
    return re.sub(r"[`<>|\\]", "'", _one_line(text))


def definition_list(pairs: Iterable[tuple[str, str]]) -> str:
    """`<dl>` of escaped terms and texts."""
    return "".join(
        f"<div><dt>{html.escape(term)}</dt><dd>{html.escape(text)}</dd></div>"
        for term, text in pairs
    )


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
