"""The re-ranking explorer: one object that a page, JupyterLab and paper each show in its own way.

Equations 8 and 9 of ccfr over stored answers, with every parameter under the reader's hand. On a
page nothing is fetched, no global name is left behind, and every name from the data is text.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from statistics import NormalDist
from typing import Any

from matplotlib.figure import Figure

from fgnb.ccfr.settings import Settings
from fgnb.pages.ccfr.explorer.controls import GATES, RESETS, controls
from fgnb.pages.ccfr.explorer.lab import LabView
from fgnb.pages.ccfr.explorer.outcome import Outcome, evaluate
from fgnb.pages.ccfr.explorer.sprite import COLUMNS, THUMB, Pictures, Sprite, make_sprite
from fgnb.pages.ccfr.explorer.static import png, static_figure
from fgnb.pages.ccfr.explorer.stored import MAX_BYTES, StoredAnswers
from fgnb.report.embed import embedded, filled, resource

__all__ = ["Explorer", "Outcome", "Pictures", "StoredAnswers"]

_CAUTION = (
    "Moving the thresholds here is exploration, not a result: a setting picked on test images "
    "is biased towards them."
)
_ALT = "Accuracy over T_sf with the reported setting marked"


class Explorer:
    """Answers under equations 8 and 9; displayed by a notebook in all its faces.

    Args:
        answers: what is re-ranked; all faces show what ``max_bytes`` of numbers and names hold:
            half precision or a sample where it must be, and the note says so.
        settings: ``start``, where the controls start; ``published`` and ``chosen`` are offered;
            ``topn`` and ``topm`` as far as there are classes and neighbours.
        name: id of the element, unique on a page: lower-case letters, digits and hyphens.
        thumbnails: pictures, for drawn data only; a sample has none.
        title: one line above.
        note: a sentence put before the caution against choosing on test.
        max_bytes: see ``answers``.

    Raises:
        ValueError: a bad name, or hardly a query fits in ``max_bytes``.
    """

    def __init__(
        self,
        answers: StoredAnswers,
        settings: Mapping[str, Settings],
        *,
        name: str = "explorer",
        thumbnails: Pictures | None = None,
        title: str = "Re-ranking explorer",
        note: str = "",
        max_bytes: int = MAX_BYTES,
    ) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError(f"name is {name!r}, needs lower-case letters, digits and hyphens")
        most = {"topn": answers.probs.shape[1], "topm": answers.sims.shape[1]}
        self.answers, self.settings = (
            answers.within(max_bytes),
            {
                key: replace(of, **{name: min(getattr(of, name), n) for name, n in most.items()})
                for key, of in settings.items()
            },
        )
        self.name, self.title = name, title
        shown, n = len(self.answers.probs), len(answers.probs)
        self.queries, said = f"{n:,} test images", [note] if note else []
        self.sprite: Sprite | None = None
        if shown < n:
            self.queries = f"a sample of {shown:,} of {n:,} test images"
        elif thumbnails is not None:
            self.sprite = sprite = make_sprite(self.answers, thumbnails)
            pictured = f"{len(sprite.queries)} of the {sprite.can_change} queries"
            said.append(f"Pictures: {pictured} whose answer can change, the least sure first.")
        if self.answers is not answers:
            everything = evaluate(answers, settings["start"]).summary()
            said.append(f"Shown in half precision: {self.queries}. Of all, exactly: {everything}")
        self.note = " ".join([*said, _CAUTION])

    def evaluate(self, setting: Settings) -> Outcome:
        """Accuracy and changed answers of a setting, by `fgnb.ccfr.rerank_neighbors`."""
        return evaluate(self.answers, setting)

    def html(self, *, figure: bool = True) -> str:
        """The page face; with ``figure`` the print face goes in for readers without script."""
        neighbors, sprite, picture = self.answers.sims.shape[1], self.sprite, ""
        data = self.answers.packed() | {
            "z": NormalDist().inv_cdf(0.975),
            "settings": {key: asdict(setting) for key, setting in self.settings.items()},
            "controls": [c._asdict() for c in controls(self.answers.ranks, neighbors)],
            "gates": GATES,
            "resets": {key: label for key, label in RESETS.items() if key in self.settings},
        }
        style = resource(__package__, "explorer.css")
        if sprite is not None and sprite.queries:
            shown = {"queries": sprite.queries, "rows": sprite.rows}
            data["sprite"] = {**shown, "size": THUMB, "columns": COLUMNS}
            source = f"url(data:image/jpeg;base64,{sprite.jpeg})"
            style += f"#{self.name} .fx-thumb {{ background-image: {source}; }}\n"
        if figure:
            source = base64.b64encode(png(self.figure(), dpi=72)).decode("ascii")
            picture = f'<img src="data:image/png;base64,{source}" alt="{_ALT}">'
        words = {name: html.escape(getattr(self, name)) for name in ("title", "queries", "note")}
        words |= {"name": self.name, "data": embedded(data), "style": style, "figure": picture}
        script = resource(__package__, "equations.js") + resource(__package__, "explorer.js")
        return filled(__package__, "explorer.html", **words, script=script)

    def figure(self) -> Figure:
        """The print face."""
        return static_figure(self.answers, self.settings, self.title)

    def lab(self) -> LabView:
        """The ipywidgets face, live with a kernel."""
        return LabView(self.answers, self.settings, title=self.title, note=self.note)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            "text/plain": f"{self.title}: {self.evaluate(self.settings['start']).summary()}",
            "text/html": self.html(),
            "image/png": png(self.figure()),
            **self.lab().mime(),
        }
