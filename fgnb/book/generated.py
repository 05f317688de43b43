"""What assembly puts into prose: a page says `<!-- fgnb: claims ccfr -->` where it goes.

- ``claims PAPER``: the paper's claims with their readings;
- ``scorecard``: every entry of the ledger;
- ``regimes``, ``region shares``: what was chosen on held-out images for every row;
- ``test reads``: how often each set of test images was read;
- ``example line``, ``example cell``, ``readings``: how a result is read, from one of the results.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from fgnb.book import chosen, legend
from fgnb.claims import PAPERS
from fgnb.report import scorecard
from fgnb.report.scorecard import LinkTo

_PLACE = re.compile(r"^<!-- fgnb: (.*?) -->$", re.MULTILINE)


class PlaceholderError(RuntimeError):
    """A page asks for something that nothing generates; the message names what there is."""


class Generated:
    """The generated parts of a book.

    Args:
        numbers: of `fgnb.report.scorecard.read`.
        link: notebook -> its address from the pages of book/, None where there is no such page.
    """

    def __init__(self, numbers: pd.DataFrame, link: LinkTo) -> None:
        self.numbers, self.link = numbers, link
        self._parts: dict[str, Callable[[], str]] = {
            "scorecard": lambda: scorecard.page(numbers, link),
            "example line": lambda: legend.line(numbers),
            "example cell": lambda: legend.cell(numbers),
            "readings": legend.readings,
            "regimes": chosen.regimes,
            "region shares": chosen.shares,
            "test reads": lambda: scorecard.reads(numbers),
        }

    def fill(self, text: str, name: str) -> str:
        """A page with its generated parts in place.

        Args:
            text: of the page.
            name: of the page, for the message.

        Raises:
            PlaceholderError: it asks for something else.
        """
        return _PLACE.sub(lambda found: self._part(found[1], name), text)

    def _part(self, wanted: str, name: str) -> str:
        word, _, paper = wanted.partition(" ")
        if word == "claims" and paper in PAPERS:
            return self._claims(paper)
        if wanted not in self._parts:
            known = ", ".join(["claims PAPER", *self._parts])
            raise PlaceholderError(f"{name}: nothing generates {wanted!r}; there is {known}")
        return self._parts[wanted]()

    def _claims(self, paper: str) -> str:
        entries = scorecard.score(self.numbers, paper)
        claims = entries[entries["kind"] == "claim"]
        return scorecard.claims_table(claims, scorecard.by_claim(self.numbers), self.link)
