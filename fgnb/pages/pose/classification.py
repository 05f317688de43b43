"""Table 1 of pose (section 4.1): what keypoints, compact features and part networks add.

Rows are tested at the keypoints that the localiser finds. Two lines that no row of the table has
stand below it, so that all claims of the page are corrected together: the joint row before its last
phase, and the best rival that was trained here.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from fgnb import training
from fgnb.data import PART_NAMES
from fgnb.pages.pose.classified import classified
from fgnb.pose.classifier_stage import ClassifierStage
from fgnb.pose.rows import (
    BASELINE,
    COMPACT,
    COMPACT_WHOLE,
    EQUAL,
    PART_NETS,
    PARTS,
    PLAIN,
    SHARED,
    TRANSFER,
)
from fgnb.report import across, kinds, printed, render
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.page import Page
from fgnb.report.records import LOGISTIC
from fgnb.report.render import Html
from fgnb.report.sheet import Number, Sheet, published_value
from fgnb.training.settings import deterministic

NOTEBOOK = "pose/4-1-classification"
CODE = ("fgnb.pose.classifier_stage",)
NAMES = {
    "fc7-vgg": LOGISTIC,
    "fc7-vgg-ft": PLAIN,
    "keypoint-features": BASELINE,
    "ours-fc7": TRANSFER,
    "ours-compact-bilinear": COMPACT,
    "ours-part-nets": PART_NETS,
}
"""Entry of Table 1 -> our row, in the table's order."""
WITH_KEYPOINTS = (BASELINE, TRANSFER, COMPACT, PART_NETS)
TRAINED = (PLAIN, BASELINE, TRANSFER, COMPACT, PART_NETS, EQUAL)
CONTROLS_OF = (COMPACT_WHOLE, PARTS, SHARED)
RIVALS = (PLAIN, EQUAL, COMPACT_WHOLE)
BEST, COUNTED = "best-rival", "counted"
OTHERS = {"ccfr": ("plain", "fusion"), "focus": ("resnet-50", "ours")}
"""Paper -> its plain row and its full model, which are taught by classes alone."""
_ENTRY = {row: f"pose.table1.{name}" for name, row in NAMES.items()}


LABELS = {
    LOGISTIC: "Whole image, features not tuned",
    PLAIN: "Whole image, tuned: the plain backbone",
    BASELINE: "Localiser tuned by classes: keypoint features",
    TRANSFER: "Ours: whole image and parts",
    COMPACT: "Ours with compact bilinear feature",
    PART_NETS: "Ours with compact bilinear feature and part nets",
}


def _line(row: str, pair: tuple[str, ...] = (), claim: str = "", short: str = "") -> Line:
    """A row of ours, and the step from the second row of a pair to the first."""
    value = Number(_ENTRY[row], LABELS[row], kinds.accuracy(row))
    if not pair:
        return Line(value)
    words, rule = ", minus: ".join(LABELS[end] for end in pair), kinds.difference(*pair)
    published = tuple(_ENTRY[end] for end in pair)
    return Line(value, Number(f"pose.claim.{claim}", words, rule, short, published=published))


# fmt: off
TABLE1 = Table("Table 1", (
    _line(LOGISTIC),
    _line(PLAIN, (PLAIN, LOGISTIC), "fine-tuning-helps", "Fine-tuning on the birds helps"),
    _line(BASELINE, (TRANSFER, BASELINE), "split-needed",
          "Two networks are needed: ours over the tuned localiser"),
    _line(TRANSFER, (TRANSFER, PLAIN), "pose-normalised-parts-help", "Pose-normalised parts help"),
    _line(COMPACT, (COMPACT, TRANSFER), "compact-bilinear-helps",
          "The compact bilinear feature helps"),
    _line(PART_NETS, (PART_NETS, COMPACT), "part-nets-help", "Part nets help"),
    Line(Number("own.pose.table1.phase-3", "Ours: whole image and parts, before phase 4",
                kinds.accuracy(f"{TRANSFER}/start")),
         Number("pose.claim.end-to-end-helps", "All layers tuned together, minus features fixed",
                kinds.difference(TRANSFER, f"{TRANSFER}/start"),
                "End-to-end training helps: phase 4 after phase 3")),
    Line(Number("own.pose.table1.best-rival", "Best rival trained here, chosen on test",
                kinds.accuracy(BEST)),
         Number("pose.claim.state-of-the-art", "Ours with part nets, minus the best rival",
                kinds.difference(PART_NETS, BEST), "The best row is ahead of its rivals",
                published=(_ENTRY[PART_NETS], "pose.table1.spatial-transformer"))),
))
_CONTROL = {
    EQUAL: ("Plain backbone, as many pixels as both networks see", TRANSFER,
            "Parts beat as many pixels of the whole (our control)"),
    COMPACT_WHOLE: ("Compact bilinear feature without parts", COMPACT, ""),
    PARTS: ("Parts alone", TRANSFER, ""),
    SHARED: ("One trunk under both losses (ours)", TRANSFER, ""),
}
CONTROLS = Table("Controls; each step is a row of ours, minus the control", (
    *(Line(Number(f"own.pose.control.{row}", label, kinds.accuracy(row)),
           Number(f"own.pose.control.over-{row}", f"{LABELS[ours]}, minus: {label}",
                  kinds.difference(ours, row), short))
      for row, (label, ours, short) in _CONTROL.items()),
    Line(Number("own.pose.control.true-points", "Ours at true keypoints: a bound, not a rival",
                kinds.accuracy(f"{TRANSFER}/true")),
         Number("own.pose.control.true-minus-found", "At true keypoints, minus at found ones",
                kinds.difference(f"{TRANSFER}/true", TRANSFER), expect=0)),
    Line(Number("own.pose.control.other-start", "Plain backbone, minus the tuned localiser: the "
                "same feature, another start", kinds.difference(PLAIN, BASELINE), expect=0)),
))
_OURS = f"{COUNTED}/gain"
SUPERVISION = numbers_table("Gains over each paper's own plain row", [
    Number("own.pose.supervision.gain", "Taught keypoints and classes: ours, whole and parts",
           kinds.difference(TRANSFER, PLAIN), expect=0),
    *(number for paper, (plain, row) in OTHERS.items() for number in (
        Number(f"own.pose.supervision.{paper}.gain", f"Taught classes alone: {paper}, {row}",
               kinds.difference(f"{paper}:{row}", f"{paper}:{plain}"), expect=0),
        Number(f"own.pose.supervision.{paper}.over", f"Our gain, minus that of {paper}",
               kinds.excess(_OURS, f"{paper}:{row}/gain"), expect=0),
        Number(f"own.pose.supervision.{paper}.answers", f"Our answers, minus those of {paper}",
               kinds.difference(TRANSFER, f"{paper}:comparable"), expect=0),
    )),
])
PHASES = Table("Each row before its last phase, features fixed, and what tuning adds", tuple(
    Line(Number(f"own.pose.table1.{row}.start", f"{LABELS[row]}, features fixed",
                kinds.accuracy(f"{row}/start")),
         Number(f"own.pose.table1.{row}.tuned", f"{LABELS[row]}: tuned, minus features fixed",
                kinds.difference(row, f"{row}/start"), expect=0))
    for row in (BASELINE, COMPACT)
))
COUNTS = numbers_table("The set, beside section 4", [
    Number(f"pose.text.cub.{name}", label, kinds.exact(f"{COUNTED}/{name}"), unit="count")
    for name, label in (("species", "Species"), ("images", "Images"), ("keypoints", "Keypoints"),
                        ("train-per-species", "Training images of a species, mean"))
])
# fmt: on
TABLES = (TABLE1, CONTROLS, SUPERVISION, PHASES, COUNTS)


def derive(sheet: Sheet, p: Any) -> None:
    """Add the untuned row, the best rival, what is counted, and what other papers recorded."""
    sheet.derive_start(PLAIN)
    arrays = {row: sheet.rows[row].arrays for row in RIVALS if row in sheet.rows}
    if {EQUAL, PART_NETS} <= set(sheet.rows):  # the plain one alone is no match for four networks
        best = max(arrays, key=lambda row: (arrays[row]["classes"] == arrays[row]["labels"]).mean())
        sheet.derive(BEST, best, classes=arrays[best]["classes"])
    if PLAIN not in sheet.rows:
        return
    of, plain = sheet.rows[PLAIN].origin, sheet.rows[PLAIN].arrays
    images = of.n_train + of.n_test
    counted: dict[str, Any] = {"species": [of.classes], "images": [images]}
    counted |= {"keypoints": [len(PART_NAMES)], "train-per-species": [of.n_train / of.classes]}
    if TRANSFER in sheet.rows:
        ours = sheet.rows[TRANSFER].arrays["classes"]
        counted["gain"] = across.gain(plain["classes"], ours, plain["labels"])
    sheet.derive(COUNTED, PLAIN, **counted)
    if sheet.recorded:
        for paper, rows in OTHERS.items():
            across.derive(sheet, PLAIN, paper, rows)


def wanted(p: Any) -> tuple[str, ...]:
    """The rows to train: Table 1 and its first rival; other controls where parameters ask."""
    return TRAINED + CONTROLS_OF * p.with_controls


def add(page: Page, runs: Mapping[str, Any]) -> Sheet:
    """Put the runs of some rows on the page, with what each answers before its last phase."""
    return page.add(runs, {row: classified(run) for row, run in runs.items()})


def table1(page: Page) -> Html:
    """Table 1 in its order, with what is given to each row; what is cited there is muted."""
    return page.drawn(TABLE1, draw_table1)


def draw_table1(frames: render.Frames) -> str:
    """Table 1, a column a sheet."""
    frames = [(sheet, frame) for sheet, frame in frames if len(frame)]
    lines = {line.number.claim: line for line in TABLE1.lines}
    rows = []
    for entry in printed.entries("pose.table1"):
        line = lines.pop(entry.id, None)
        value = render.printed(entry)
        if line is None:
            marks = entry.note.removeprefix("Extraction: ").rstrip(".") or "no mark"
            cells = (entry.method, marks, value)
            head = [f'<span class="fgnb-muted">{html.escape(cell)}</span>' for cell in cells]
            rows.append([*head, *[""] * len(frames)])
            continue
        keypoints = ", keypoints" * (NAMES[entry.id.rpartition(".")[2]] in WITH_KEYPOINTS)
        label = f"{html.escape(line.number.label)}<br><small>{html.escape(entry.method)}</small>"
        if line.step:
            step = published_value(line.step, line.step.claim, "cub")
            value += f"<br>{render.published(step, 'points')}"
        rows.append([label, f"classes{keypoints}; nothing at test", value, *_cells(line, frames)])
    rows += [[html.escape(line.number.label), "", "", *_cells(line, frames)]
             for line in lines.values() if any(_cells(line, frames))]  # fmt: skip
    columns = ("", "Given in training; at test", "Published",
               *(render.column_of(*of) for of in frames))  # fmt: skip
    caption = "Table 1; under a value the step that the paper claims, in points"
    return render.grid(columns, rows, caption=caption, kind="fgnb-rows")


def _cells(line: Line, frames: render.Frames) -> list[str]:
    numbers = [n for n in (line.number, line.step) if n]
    found = [[render.pick(frame, number) for number in numbers] for _, frame in frames]
    return [render.cell(own, *(taken or [None])) for own, *taken in found]


def comparable(page: Page) -> Html:
    """What other papers recorded on the same pictures, and how far it may be compared."""
    found = [
        across.beside(sheet, PLAIN, paper, rows)
        for sheet in page.recorded
        for paper, rows in OTHERS.items()
    ]
    told = "".join(f"<li>{html.escape(one.words)}</li>" for one in found if one)
    return Html(f"<ul>{told}</ul>" if told else '<p class="fgnb-note">No other paper recorded '
                "its rows on the pictures of ours yet.</p>")  # fmt: skip


class Look(NamedTuple):
    """What the joint row sees of some test pictures, and what it says of them."""

    maps: np.ndarray  # of the localiser, [Q, 15, H, W]
    whole: np.ndarray  # F_I: [Q, D]
    fine: np.ndarray  # the classifier's finer map, [Q, d, h, w]
    weight: np.ndarray  # [C, D + 15 d]
    bias: np.ndarray  # [C]
    scores: np.ndarray  # at the localiser's keypoints, [Q, C]

    @classmethod
    def of(cls, stage: ClassifierStage, run: Any, count: int) -> Look:
        """The first ``count`` test pictures of a row with parts."""
        assert stage.localiser is not None
        module, rows = stage.module(), stage.query_index[:count]
        run.load_weights(module)
        module.eval()
        finder = training.fit(stage.localiser, progress=False)
        with deterministic(stage.spec.threads), torch.inference_mode():
            maps = stage.localiser.score_maps(finder, rows)
            whole, fine = module.joint.look(torch.cat(list(stage._inputs(rows))))
            scores = module.head(module.joint.join(whole, fine, stage.found_cells[:count]))
            fine = fine * module.joint.scales[1]
        weight, bias = (of.detach().numpy() for of in (module.head.weight, module.head.bias))
        return cls(maps.numpy(), whole.numpy(), fine.numpy(), weight, bias, scores.numpy())
