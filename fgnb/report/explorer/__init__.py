"""The re-ranking explorer: one object that a page, JupyterLab and paper each show in its own way.

Equations 8 and 9 of ccfr over stored answers, with every parameter under the reader's hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from fgnb.report.explorer.data import Material, material
from fgnb.report.explorer.outcome import Outcome, evaluate
from fgnb.report.explorer.page import page
from fgnb.report.explorer.sprite import Pictures, Sprite, make_sprite
from fgnb.report.explorer.static import png, static_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fgnb.ccfr.settings import Settings
    from fgnb.report.explorer.lab import LabView

__all__ = ["Explorer", "Material", "Outcome", "Pictures"]

FOLDS = {
    "test": "test images",
    "held-out": "held-out training images",
}
_CAUTION = (
    "Moving the thresholds here is exploration, not a result: a setting picked on test images "
    "is biased towards them."
)


class Explorer:
    """Answers to Q queries under equations 8 and 9; displayed by a notebook in all its faces.

    Args:
        probs: softmax probabilities ``[Q, C]``; computed on as float32.
        sims: similarities of the nearest database images, descending, ``[Q, K]``; 50 are kept.
        neighbor_labels: their classes ``[Q, K]``.
        labels: true classes ``[Q]``.
        class_names: C names.
        settings: the setting reported on the page, where the controls start.
        name: id of the element, unique on a page: lower-case letters, digits and hyphens.
        published: the paper's setting, offered by a button and marked.
        chosen: the setting chosen on held-out images, likewise.
        query_names: Q names; numbers without.
        neighbor_index: rows of the database ``[Q, K]``; pictures need it.
        neighbor_names: names of the database's images by row.
        thumbnails: pictures, for drawn data only.
        title: one line above.
        fold: ``"test"`` or ``"held-out"``: which images the queries are.
        note: a sentence put before the caution against choosing on test.
        max_bytes: most bytes of the page face, its pictures not counted.

    Raises:
        ValueError: a wrong shape or range, a bad name, an unknown fold, a page face that is
            larger than ``max_bytes``.
    """

    def __init__(
        self,
        probs: ArrayLike,
        sims: ArrayLike,
        neighbor_labels: ArrayLike,
        labels: ArrayLike,
        class_names: Sequence[str],
        *,
        settings: Settings,
        name: str = "explorer",
        published: Settings | None = None,
        chosen: Settings | None = None,
        query_names: Sequence[str] | None = None,
        neighbor_index: ArrayLike | None = None,
        neighbor_names: Sequence[str] | None = None,
        thumbnails: Pictures | None = None,
        title: str = "Re-ranking explorer",
        fold: str = "test",
        note: str = "",
        max_bytes: int = 500_000,
    ) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError(f"name is {name!r}, needs lower-case letters, digits and hyphens")
        if fold not in FOLDS:
            raise ValueError(f"fold is {fold!r}, needs one of {', '.join(FOLDS)}")
        self.material = material(
            probs,
            sims,
            neighbor_labels,
            labels,
            class_names,
            query_names=query_names,
            neighbor_index=neighbor_index,
            neighbor_names=neighbor_names,
        )
        given = {"start": settings, "published": published, "chosen": chosen}
        self.settings = {key: value for key, value in given.items() if value is not None}
        self.name, self.title, self.fold, self.max_bytes = name, title, fold, max_bytes
        self.thumbnails = thumbnails
        self._note = note

    @cached_property
    def sprite(self) -> Sprite | None:
        """The thumbnails in one picture, or None."""
        return make_sprite(self.material, self.thumbnails) if self.thumbnails else None

    @property
    def note(self) -> str:
        """What stands above the controls."""
        words = [self._note] if self._note else []
        if self.fold == "test":
            words.append(_CAUTION)
        if self.sprite is not None:
            words.append(
                f"Pictures: {len(self.sprite.queries)} of the {self.sprite.can_change} queries "
                "whose answer can change, the least sure first."
            )
        return " ".join(words)

    def evaluate(self, setting: Settings) -> Outcome:
        """Accuracy and changed answers of a setting, by `fgnb.ccfr.rerank_neighbors`."""
        return evaluate(self.material, setting)

    def html(self, *, figure: bool = True) -> str:
        """The page face; with ``figure`` the print face goes in for readers without script.

        Raises:
            ValueError: it is larger than ``max_bytes``, its pictures not counted.
        """
        made = page(
            self.material,
            self.settings,
            name=self.name,
            title=self.title,
            fold=FOLDS[self.fold],
            note=self.note,
            sprite=self.sprite,
            figure=png(self.figure(), dpi=72) if figure else None,
        )
        size = len(made.encode()) - (len(self.sprite.jpeg) if self.sprite else 0)
        if size > self.max_bytes:
            raise ValueError(
                f"the page face has {size:,} bytes, over max_bytes of {self.max_bytes:,}: "
                "give fewer queries, fewer neighbours or shorter names"
            )
        return made

    def figure(self) -> Figure:
        """The print face."""
        return static_figure(self.material, self.settings, self.title)

    def lab(self) -> LabView:
        """The ipywidgets face, live with a kernel."""
        from fgnb.report.explorer.lab import LabView

        return LabView(self.material, self.settings, title=self.title, note=self.note)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            "text/plain": f"{self.title}: {self.evaluate(self.settings['start']).summary()}",
            "text/html": self.html(),
            "image/png": png(self.figure()),
            **self.lab().mime(),
        }
