"""Tables 2 and 4 of ccfr (section 4.3), and re-ranking beside what else uses the same answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fgnb.ccfr.alternatives import Method, Reranked, Softmax, fit_alternatives
from fgnb.ccfr.answers import Answers
from fgnb.metrics import expected_calibration_error, reliability
from fgnb.metrics.calibration import FLOOR
from fgnb.pages.ccfr import coarse, reranked
from fgnb.report import kinds, printed, render
from fgnb.report.figures import BLUE, GREY, RED, Picture, described, subplots
from fgnb.report.layout import Line, Step, Table, numbers_table, rows_table
from fgnb.report.page import Page
from fgnb.report.render import Html
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "ccfr/4-3-results"
CODE = (*reranked.CODE, "fgnb.ccfr.alternatives")
FULL, RIVAL, NTS = "fusion", "equal-compute", "nts-net"
REPAIR = "fusion-margin-rank"
ROWS = (FULL,)

METHODS = {
    "softmax": ("classification", "Softmax alone"),
    "tempered": ("tempered", "Temperature scaling"),
    "reranked": ("ccfr", "Re-ranked, equations 8 and 9"),
    "tempered-gate": ("tempered-gate", "Temperature scaling, then re-ranked"),
    "mix": ("mix", "Re-ranked with the mix, alpha + beta = 1"),
    "interpolated": ("interpolated", "k-NN interpolation of every answer"),
}
"""Method of `fgnb.ccfr.alternatives` -> the row of its answers, and what the page calls it."""

# fmt: off
_ROWS = rows_table("Table 4", "ccfr.table4.{set}.{row}", {
    "retrieval": "Retrieval", "classification": "Classification", "ccfr": "Re-ranked: both",
}, {
    "classification": Step("retrieval", ("ccfr.claim.classification-beats-retrieval",),
                           "Classification beats retrieval"),
    "ccfr": Step("classification", ("own.ccfr.results.rerank-helps",), "Re-ranking helps"),
}, [
    Number("own.ccfr.results.reranked-minus-retrieval", "Re-ranked, minus: Retrieval",
           kinds.difference("ccfr", "retrieval"), expect=0),
])
_OVER_BOTH = Number("ccfr.claim.combination-beats-both",
                    "Re-ranked, minus the better of both on test",
                    kinds.difference("ccfr", "better"), "Together they beat the better of the two")
TABLE4 = replace(_ROWS, lines=(*_ROWS.lines, Line(_OVER_BOTH)))
TABLE2 = numbers_table("Our rows of Table 2", [
    Number(f"ccfr.table2.{{set}}.{name}", label, kinds.accuracy(row))
    for name, label, row in (
        ("nts", "NTS, with the start and the warm-up that ours gets", NTS),
        ("ours-without-reranking", "full model, without re-ranking", "classification"),
        ("ours", "full model, with re-ranking", "ccfr"),
    )
])
_AHEAD, _STEP = "Full model, re-ranked, minus: backbone alone", kinds.difference("ccfr", RIVAL)
_PRINTED = "ccfr.table2.{set}.ours", "ccfr.table2.{set}.nts"
AHEAD = Table("Rivals that were trained here", (
    Line(Number("own.ccfr.rival", "Backbone alone, equal pixels", kinds.accuracy(RIVAL)),
         Number("ccfr.claim.best-accuracy", _AHEAD, _STEP,
                "The method is ahead (of a rival of equal pixels)")),
    Line(Number("own.ccfr.nts", "NTS", kinds.accuracy(NTS)),
         Number("own.ccfr.ahead-of-nts", "Full model, re-ranked, minus: NTS",
                kinds.difference("ccfr", NTS), "The method is ahead of NTS", published=_PRINTED)),
), (Number("ccfr.text.gain.{set}", f"{_AHEAD}, as a gain", _STEP),), by_set=True)


def _method(name: str, what: str, rule: kinds.Rule, words: str = "") -> Number:
    return Number(f"own.ccfr.alternative.{name}.{what}", words + METHODS[name][1], rule)


def _over(name: str, other: str, short: str = "") -> Number:
    (row, label), (above, without) = METHODS[name], METHODS[other]
    # A temperature keeps the order of the classes: it can change no answer.
    fixed = {"movable": False} if name == "tempered" else {}
    return Number(f"own.ccfr.alternative.{name}.over-{other}", f"{label}, minus: {without}",
                  kinds.difference(row, above, **fixed), short, int(name != "tempered"))


ACCURACY = Table(
    "Accuracy of six uses of the same answers; each step is taken from the softmax",
    tuple(
        Line(_method(name, "accuracy", kinds.accuracy(row)),
             None if name == "softmax" else _over(name, "softmax"))
        for name, (row, _) in METHODS.items()
    ),
    (_over("reranked", "mix", "The weights 0 and 1 beat a mix (our rival)"),
     _over("reranked", "interpolated", "The gate beats k-NN interpolation (our rival)")),
)
PROBABILITIES = numbers_table(
    f"What the probabilities are worth; log loss in nats, of a probability of {FLOOR:g} at least",
    [_method(name, "log-loss", kinds.mean(f"{row}/log_loss"), "Log loss: ")
     for name, (row, _) in METHODS.items()]
    + [_method(name, "calibration", kinds.calibration(f"{row}/confidence", row), "Calibration: ")
       for name, (row, _) in METHODS.items()],
)
SETTINGS = numbers_table("What was chosen on held-out images", [
    _method(m, f"setting.{k.replace('_', '-')}", kinds.exact(f"{METHODS[m][0]}/{k}"), f"{k}: ")
    for m, k in (("tempered", "temperature"), ("reranked", "t_sf"), ("tempered-gate", "t_sf"),
                 ("mix", "alpha"), ("mix", "t_sf"), ("interpolated", "weight"),
                 ("interpolated", "vote_temperature"))
])
# fmt: on
ASKED = numbers_table(
    "Whom re-ranking asked",
    [
        *reranked.asked_numbers("own.ccfr.results.asked", FULL, "ccfr"),
        *reranked.asked_numbers(
            "own.ccfr.results.asked.repair", REPAIR, "ccfr-repair", ", under our repair"
        ),
    ],
)
MENDED = numbers_table(
    "Re-ranking over our repair (margin-rank)",
    [
        Number(
            "own.ccfr.repair.reranked", "Re-ranked, under our repair", kinds.accuracy("ccfr-repair")
        ),
        Number(
            "own.ccfr.repair.rerank-helps",
            "Re-ranked minus classification, under our repair",
            kinds.difference("ccfr-repair", REPAIR),
        ),
    ],
)
TABLES = (TABLE4, AHEAD, ASKED, MENDED, coarse.TABLE, ACCURACY, PROBABILITIES, SETTINGS, TABLE2)


def derive(sheet: Sheet, p: Any) -> None:
    """Retrieval, the better of the two, and the six methods, all settings from held-out images."""
    reranked.derive(sheet, p, REPAIR, "ccfr-repair", "retrieval-repair")
    found = reranked.derive(sheet, p, FULL, "ccfr")
    coarse.derive(sheet, p, found)
    if found is None:
        return
    test, settings = found.test, found.setting(p)[0]
    methods: dict[str, Method] = {"softmax": Softmax(), "reranked": Reranked(settings)}
    if found.held_out is not None:
        methods = fit_alternatives(found.held_out, settings)
    for name, method in methods.items():
        made = method_arrays(test, method)
        if name == "reranked":
            made |= reranked.asked_arrays(test, settings, made["classes"])
        sheet.derive(METHODS[name][0], FULL, **made)
    alone = [sheet.rows[row].arrays["classes"] for row in ("classification", "retrieval")]
    better = max(alone, key=lambda classes: float((classes == test.labels).mean()))
    sheet.derive("better", FULL, classes=better)


def asked(page: Page) -> Html:
    """Whom re-ranking asked, and where its thresholds come from."""
    sources = page.folded("Where both thresholds come from", reranked.sources(page, (FULL, REPAIR)))
    return Html(page.table(ASKED).text + sources.text)


def methods_of(held_out: Answers, p: Any) -> dict[str, Method]:
    """The six methods, with what each leaves open chosen on held-out answers."""
    return fit_alternatives(held_out, reranked.chosen(held_out, p)[0])


def method_arrays(answers: Answers, method: Method) -> dict[str, Any]:
    """Predicted classes, claimed probability and log loss by image; what the method was set to."""
    probs, classes = method.probs(answers), method.predictions(answers)
    rows = np.arange(len(classes))
    return {
        "classes": classes.astype(np.int16),
        "confidence": probs[rows, classes].astype(np.float32),
        "log_loss": -np.log(np.maximum(probs[rows, answers.labels], FLOOR)).astype(np.float32),
        **{k: [v] for k, v in method.settings().items() if not isinstance(v, str)},
    }


def table2(page: Page) -> Html:
    """Table 2 as printed, with our rows below."""
    return printed.comparison(page, TABLE2)


def published_gains() -> Html:
    """What Table 2 says that CCFR gains, over the best other row and the best of its backbone."""
    lines = []
    for set_name, title in printed.SETS.items():
        of = {e.id: e for e in printed.entries(f"ccfr.table2.{set_name}")}
        ours = of[f"ccfr.table2.{set_name}.ours"].value or 0.0
        others = [entry for entry in of.values() if entry.by == "cited"]
        for words, base in (("any base model", ""), ("ResNet-50", "ResNet-50")):
            best, name = max((e.value or 0.0, e.method) for e in others if e.text.endswith(base))
            lines.append((title, words, name, f"{best:.1f} %", render.signed(ours - best)))
    columns = ("Set", "Among", "Best other row", "Its accuracy", "Gain of CCFR, points")
    return Html(render.grid(columns, lines))


def calibration_panels(answers: Answers, methods: Mapping[str, Method]) -> Picture:
    """Confidence against accuracy of each of the six methods."""
    figure, grid = subplots(9.3, 5.6, 2, 3, sharex=True, sharey=True)
    words = []
    for axes, (name, method) in zip(grid.flat, methods.items(), strict=True):
        probs, classes = method.probs(answers), method.predictions(answers)
        found, claimed = reliability(probs, answers.labels), probs[np.arange(len(probs)), classes]
        filled = found.count > 0
        at = found.confidence[filled], found.accuracy[filled]
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--")
        axes.plot(*at, color=BLUE)
        axes.scatter(*at, s=12 + 220 * found.count[filled] / found.count.sum(), color=BLUE)
        axes.axvline(claimed.mean(), color=RED, linewidth=1)
        axes.grid(color="#e6e6e6")
        error = expected_calibration_error(claimed, classes == answers.labels)
        axes.set_title(f"{METHODS[name][1]}\ncalibration error {error:.3f}", fontsize=9)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        words.append(f"{METHODS[name][1]}: {error:.3f}")
    figure.supxlabel("claimed probability")
    figure.supylabel("share of right answers")
    return described(
        figure,
        f"Reliability of {len(answers.labels)} answers; calibration error by method: "
        f"{'; '.join(words)}. Points grow with their images; upright: the mean claim.",
    )
