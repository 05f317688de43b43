"""Figures for the page: each takes data and returns a Picture, and changes no global style.

A picture carries its alternative text, `alt`, and puts it into the output's metadata, from where
`fgnb.book.alt.with_alt` hands it to the page. Colours are the Okabe-Ito palette, which stays apart
in every common colour blindness.
"""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
PURPLE = "#CC79A7"
# How the name of a row of pictures stands beside it.
ROW_LABEL: Any = {"rotation": 0, "ha": "right", "va": "center", "fontsize": 8}


class Picture(Figure):
    """A matplotlib Figure that Jupyter shows without pyplot; `alt` says what it shows."""

    alt: str = ""

    def png(self) -> bytes:
        """The bytes of a PNG file."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
        return buffer.getvalue()

    def html(self) -> str:
        """The picture inside a page's HTML, with its alternative text."""
        data = base64.b64encode(self.png()).decode()
        return f'<img src="data:image/png;base64,{data}" alt="{escape(self.alt, quote=True)}">'

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


def subplots(width: float, height: float, *shape: int, **options: Any) -> tuple[Picture, Any]:
    """A picture of so many inches and its axes, as `matplotlib.figure.Figure.subplots` has them."""
    figure = Picture(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(*shape, **options)


def bare(axes: Axes) -> None:
    """Take the ticks off axes that hold a picture."""
    axes.set(xticks=[], yticks=[])


def described(figure: Picture, alt: str) -> Picture:
    """The figure with its alternative text."""
    figure.alt = alt
    return figure


def literal(text: str) -> str:
    """A label that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")
