"""Would re-ranking help if retrieval were as good as in Table 4 of ccfr?

Over every recorded row that holds answers and neighbours: how far its retrieval lies under its
classification, against what re-ranking gains. And a what-if on one of them, whose neighbours are
mended by their labels (`fgnb.ccfr.votes.mended`): no result of any method. Thresholds are chosen
anew on held-out images that are mended as much.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.votes import mended
from fgnb.metrics import bootstrap
from fgnb.pages.ccfr import reranked
from fgnb.report.figures import BLUE, GREEN, GREY, ORANGE, RED, Picture, described, subplots
from fgnb.report.page import Page
from fgnb.report.render import Html, grid, signed
from fgnb.report.sheet import SETS, Sheet, entry_of

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
WAYS = {False: "each wrong neighbour by itself", True: "whole queries"}
RULES = {"held-out": "T_sc searched", "quantile": "T_sc a quantile"}
_COLOURS = dict(zip(SETS, (BLUE, ORANGE, GREEN), strict=True))


class Point(NamedTuple):
    """A row: accuracies in percent, what re-ranking gains in points with its 95 % interval."""

    title: str
    set_name: str
    retrieval: float
    classification: float
    gain: float
    low: float
    high: float
    voters: int
    n: int

    @property
    def lead(self) -> float:
        """Retrieval minus classification, points."""
        return self.retrieval - self.classification


class Curve(NamedTuple):
    """A what-if: retrieval minus classification, and the gain, at each of `SHARES`; points."""

    lead: np.ndarray
    gain: np.ndarray

    def at(self, lead: float) -> float:
        """The gain at a lead between those reached, linear between neighbours; else nan."""
        if not self.lead.min() <= lead <= self.lead.max():
            return float("nan")
        return float(np.interp(lead, self.lead, self.gain))


def point(title: str, set_name: str, found: reranked.Folds, p: Any) -> Point:
    """Where a row lies, at the thresholds that the rules of ``p`` find."""
    test, settings = found.test, found.setting(p)[0]
    classes = settings.predictions(test.probs, test.neighbors)
    after, before = classes == test.labels, test.probs.argmax(axis=1) == test.labels
    nearest = float((test.neighbors.predictions() == test.labels).mean())
    gain, low, high = bootstrap(after[None], before[None])
    voters = int(reranked.asked_arrays(test, settings, classes)["voters"].sum())
    levels = 100 * nearest, 100 * float(before.mean())
    return Point(title, set_name, *levels, 100 * gain, 100 * low, 100 * high, voters, len(after))


def points(page: Page, rows: Sequence[str]) -> list[tuple[Point, Point]]:
    """Every recorded row at the thresholds in use, and with T_sc where nearly everybody votes."""
    quantile = _with_rule(page.p, "quantile")
    found = []
    for sheet, row in _recorded(page, rows):
        if of := reranked.folds(sheet, row):
            title = f"{row}, {sheet.origin.dataset_title}, {sheet.rows[row].origin.recorded}"
            about = title, sheet.set_name, of
            found.append((point(*about, page.p), point(*about, quantile)))
    return found


def _recorded(page: Page, rows: Sequence[str]) -> Iterator[tuple[Sheet, str]]:
    for standing in page.recorded:
        for sheet in (standing, *standing.before):
            yield from ((sheet, row) for row in rows if row in sheet.rows)


def what_if(found: reranked.Folds, p: Any, rule: str, *, whole: bool) -> Curve:
    """What re-ranking would gain, were a share of the wrong neighbours right, T_sc by ``rule``."""

    def better(given: Answers, share: float) -> Answers:
        near = mended(given.neighbors, given.labels, share, whole=whole)
        return replace(given, neighbors=near)

    made, ruled = [], _with_rule(p, rule)
    for share in SHARES:
        held_out = found.held_out and better(found.held_out, share)
        of = found._replace(test=better(found.test, share), held_out=held_out)
        test, settings = of.test, of.setting(ruled)[0]
        right = settings.predictions(test.probs, test.neighbors) == test.labels
        before = float((test.probs.argmax(axis=1) == test.labels).mean())
        nearest = float((test.neighbors.predictions() == test.labels).mean())
        made.append((100 * (nearest - before), 100 * (float(right.mean()) - before)))
    return Curve(*np.array(made).T)


def what_ifs(found: reranked.Folds, p: Any) -> dict[str, Curve]:
    """All curves by name."""
    return {
        f"{way}; {rule}": what_if(found, p, name, whole=whole)
        for whole, way in WAYS.items()
        for name, rule in RULES.items()
    }


def published() -> dict[str, tuple[float, float]]:
    """Retrieval minus classification and the gain of Table 4, by set."""
    found = {}
    for name in SETS:
        rows = [
            entry_of(f"ccfr.table4.{name}.{x}") for x in ("retrieval", "classification", "ccfr")
        ]
        retrieval, plain, both = (float(entry.value) for entry in rows)
        found[name] = (round(retrieval - plain, 6), round(both - plain, 6))
    return found


def figure(pairs: Sequence[tuple[Point, Point]], curves: dict[str, Curve], whose: str) -> Picture:
    """Gain of re-ranking over retrieval minus classification: recorded, published, and what if."""
    picture, axes = subplots(8.2, 4.6)
    for (name, curve), style in zip(curves.items(), ("-", "--", "-.", ":"), strict=False):
        axes.plot(curve.lead, curve.gain, style, color=GREY, label=f"what if: {name}")
    for place, pair in enumerate(zip(*pairs, strict=True)):
        for of in pair:
            face = _COLOURS[of.set_name] if place == 0 else "none"
            ends = np.abs(np.array([[of.low], [of.high]]) - of.gain)
            axes.errorbar(of.lead, of.gain, ends, fmt="o", color=_COLOURS[of.set_name], mfc=face)
    for name, (lead, gain) in published().items():
        axes.plot(lead, gain, "*", color=_COLOURS[name], markeredgecolor=RED, markersize=11)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set(xlabel="retrieval minus classification, points")
    axes.set(ylabel="gain of re-ranking, points")
    axes.grid(color="#e6e6e6")
    axes.legend(fontsize=8, loc="best")
    ends = "; ".join(
        f"{name}: from {c.gain[0]:+.1f} at {c.lead[0]:+.1f} to {c.gain[-1]:+.1f}"
        f" at {c.lead[-1]:+.1f}"
        for name, c in curves.items()
    )
    told = (
        f"{len(pairs)} recorded rows, filled at the thresholds in use, hollow with T_sc a quantile"
    )
    return described(
        picture,
        f"Gain of re-ranking against retrieval minus classification: {told}; stars are Table 4. "
        f"What if neighbours of {whose} were mended by their labels: {ends}.",
    )


def table(pairs: Sequence[tuple[Point, Point]]) -> Html:
    """The same as numbers, a line a recorded row."""
    rows = [
        [
            html.escape(used.title),
            f"{used.retrieval:.2f} %",
            f"{used.classification:.2f} %",
            *(f"{signed(of.gain)} <small>({of.voters:,} of {of.n:,} had a voter)</small>"
              for of in (used, quantile)),
        ]
        for used, quantile in pairs
    ]  # fmt: skip
    columns = ("Row", "Retrieval", "Classification", "Gain, thresholds in use", "Gain, quantile")
    return Html(grid(columns, rows)) if rows else Html("<p class='fgnb-note'>Nothing recorded.</p>")


def answer(curves: dict[str, Curve], whose: str) -> Html:
    """In words: what the what-ifs give where retrieval lies as in Table 4."""
    lines = []
    for name, (lead, gain) in published().items():
        values = [value for curve in curves.values() if not np.isnan(value := curve.at(lead))]
        told = "not reached by mending"
        if values:
            told = f"{signed(min(values))} to {signed(max(values))} points, by the way of mending"
        words = f"{SETS[name]}: retrieval {signed(lead)} from classification"
        lines.append(f"<li>{words}, published gain {signed(gain)}; what if: {told}.</li>")
    return Html(f"<p>With the neighbours of {html.escape(whose)}:</p><ul>{''.join(lines)}</ul>")


@dataclass(frozen=True)
class Gains:
    """Both answers of a page: recorded rows, and the what-if on the first of them."""

    pairs: list[tuple[Point, Point]]
    curves: dict[str, Curve]
    whose: str

    @classmethod
    def of(cls, page: Page, test: Answers, held_out: Answers) -> Gains:
        """Over every recorded row; the what-if on this run's answers where none is recorded."""
        rows = reranked.ROWS
        here = reranked.Folds(test, held_out, "held-out images of this run"), "this run"
        found, whose = chosen(page, rows) or here
        return cls(points(page, rows), what_ifs(found, page.p), whose)

    def figure(self) -> Picture:
        """See `figure`."""
        return figure(self.pairs, self.curves, self.whose)

    def words(self) -> Html:
        """The what-if at Table 4's distances in words."""
        return answer(self.curves, self.whose)

    def table(self) -> Html:
        """The recorded rows."""
        return table(self.pairs)


def chosen(page: Page, rows: Sequence[str]) -> tuple[reranked.Folds, str] | None:
    """The first recorded row with answers and neighbours, for the what-if; None without one."""
    for sheet, row in _recorded(page, rows):
        if found := reranked.folds(sheet, row):
            return found, f"{row} on {sheet.origin.dataset_title}"
    return None


def _with_rule(p: Any, rule: str) -> Any:
    return type(p)(**{**vars(p), "t_sc_rule": rule})
