"""Re-ranking beside its rivals (`fgnb.ccfr.alternatives`), over the same answers of one model.

Does retrieval do anything that calibration doesn't? Accuracy answers for the first class alone;
log loss and calibration error say what the probabilities are worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import seaborn as sns

from fgnb.ccfr.alternatives import Method
from fgnb.ccfr.answers import Answers
from fgnb.metrics import expected_calibration_error, reliability
from fgnb.metrics.calibration import FLOOR
from fgnb.report import numbers
from fgnb.report.derive import measure
from fgnb.report.figures import BLUE, GREY, RED, Picture, described
from fgnb.report.markup import Cell, Table
from fgnb.report.provenance import Provenance
from fgnb.report.results import Result
from fgnb.report.tables import badge

HELD_OUT = "held-out training images"
LABELS = "test_labels"
NAMES = {
    "softmax": "Classification: softmax alone",
    "tempered": "Temperature scaling",
    "reranked": "Re-ranked, equations 8 and 9",
    "tempered-gate": "Temperature scaling, then re-ranked",
    "mix": "Re-ranked with the mix, alpha + beta = 1",
    "interpolated": "k-NN interpolation of every answer",
}
_STYLE = {"axes.grid": True, "grid.color": "#e6e6e6", "axes.axisbelow": True}


def method_arrays(answers: Answers, methods: Mapping[str, Method]) -> dict[str, np.ndarray]:
    """Per image and method: the predicted class, the probability that it claims, the log loss.

    The probability of the true class counts as `fgnb.metrics.calibration.FLOOR` where it is less.
    """
    rows = np.arange(len(answers.labels))
    found: dict[str, np.ndarray] = {}
    for name, method in methods.items():
        probs, chosen = method.probs(answers), method.predictions(answers)
        own = np.maximum(probs[rows, answers.labels], FLOOR)
        found[array_of(name, "predictions")] = chosen
        found[array_of(name, "confidence")] = probs[rows, chosen].astype(np.float32)
        found[array_of(name, "log_loss")] = -np.log(own).astype(np.float32)
    return found


def alternative_results(
    arrays: Mapping[str, np.ndarray],
    methods: Mapping[str, Method],
    provenance: Provenance,
) -> list[Result]:
    """Accuracy, log loss and calibration error of every method, settings chosen on held-out."""
    found = []
    for name, method in methods.items():
        known, where = method.settings(), "" if name == "softmax" else HELD_OUT
        chosen, label = array_of(name, "predictions"), NAMES[name]
        rules: dict[str, tuple[dict[str, Any], str | None]] = {
            "accuracy": ({"kind": "accuracy", "of": chosen, "labels": LABELS}, None),
            "log-loss": ({"kind": "mean", "of": array_of(name, "log_loss")}, "none"),
            "calibration": (
                {
                    "kind": "calibration",
                    "of": array_of(name, "confidence"),
                    "answers": chosen,
                    "labels": LABELS,
                },
                "ratio",
            ),
        }
        softmax = {"own.ccfr.alternative.softmax.accuracy": array_of("softmax", "predictions")}
        for measured, (rule, unit) in rules.items():
            paired = measured == "accuracy" and name != "softmax"
            found.append(
                measure(
                    f"own.ccfr.alternative.{name}.{measured}",
                    rule,
                    arrays,
                    provenance=provenance,
                    label=f"{label}: {measured.replace('-', ' ')}",
                    unit=unit,
                    settings=known,
                    selected_on=where,
                    against=softmax if paired else None,
                )
            )
    return found


def alternatives_table(results: Sequence[Result]) -> Table:
    """A line a method: accuracy, log loss and calibration error, and the answers that changed."""
    of = {result.claim.removeprefix("own.ccfr.alternative."): result for result in results}
    lines = []
    for name, label in NAMES.items():
        if f"{name}.accuracy" not in of:
            continue
        accuracy, loss, gap = (of[f"{name}.{k}"] for k in ("accuracy", "log-loss", "calibration"))
        test = accuracy.comparisons[0] if accuracy.comparisons else None
        lines.append(
            (
                Cell(label),
                Cell(numbers.number(accuracy.value, "percent"), strong=True),
                Cell(numbers.interval(accuracy)),
                Cell(f"{loss.value:.3f}", title=f"95 % interval {numbers.interval(loss)}"),
                Cell(f"{gap.value:.3f}", title=f"95 % interval {numbers.interval(gap)}"),
                Cell("–" if test is None else f"{test['rectified']} / {test['spoiled']}"),
                Cell("–" if test is None else numbers.p_value(float(test["p"]))),
                badge(accuracy),
            )
        )
    columns = (
        *("Method", "Accuracy", "95 % interval", "Log loss", "Calibration error"),
        *("Rectified / spoiled", "p", "Protocol"),
    )
    notes = (
        "Rectified, spoiled and p are against the softmax alone (exact McNemar). "
        f"Log loss in nats; a probability under {FLOOR:g} counts as {FLOOR:g}.",
        "Everything that a method leaves open was chosen on held-out training images.",
    )
    return Table(columns, tuple(lines), frozenset(columns[1:7]), notes=notes)


def calibration_panels(answers: Answers, methods: Mapping[str, Method]) -> Picture:
    """Confidence against accuracy of each method, three panels a row."""
    columns = min(3, len(methods))
    lines = -(-len(methods) // columns)
    figure = Picture(figsize=(3.1 * columns, 3.0 * lines), layout="constrained")
    with sns.axes_style("white", rc=_STYLE):
        grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    panels = grid.ravel()[: len(methods)]
    for axes in grid.ravel()[len(methods) :]:
        axes.set_axis_off()
    words = []
    for axes, (name, method) in zip(panels, methods.items(), strict=True):
        probs = method.probs(answers)
        found = reliability(probs, answers.labels)
        filled = found.count > 0
        sizes = 12 + 220 * found.count[filled] / found.count.sum()
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--")
        axes.plot(found.confidence[filled], found.accuracy[filled], color=BLUE)
        axes.scatter(found.confidence[filled], found.accuracy[filled], s=sizes, color=BLUE)
        chosen = method.predictions(answers)
        claimed = probs[np.arange(len(probs)), chosen]
        error = expected_calibration_error(claimed, chosen == answers.labels)
        axes.axvline(claimed.mean(), color=RED, linewidth=1)
        axes.set_title(f"{NAMES[name]}\ncalibration error {error:.3f}", fontsize=9)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        words.append(f"{NAMES[name]}: {error:.3f}")
    figure.supxlabel("claimed probability", fontsize=10)
    figure.supylabel("share of right answers", fontsize=10)
    return described(
        figure,
        f"Reliability of {len(answers.labels)} answers; calibration error by method: "
        f"{'; '.join(words)}. Points grow with their number of images; the upright line is the "
        "mean claimed probability.",
    )


def array_of(method: str, what: str) -> str:
    """The array of a method: its ``predictions``, ``confidence`` or ``log_loss``."""
    return f"test_{method.replace('-', '_')}_{what}"
