"""Section 3.3 of ccfr: re-ranking over the full model or over global features alone.

The shape of Table 4, whose own home is the page of results; the premise, where the gain lies, and
whether the threshold needs labels. With the gate of the text answers over T_sf never change, so
that the gain lies under it by construction: the claim is tested without the gate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.settings import T_SF_GRID, Settings, choose, mean_top1, tune
from fgnb.metrics import true_class_ranks
from fgnb.pages.ccfr import reranked
from fgnb.pages.ccfr.explorer import Explorer, Pictures
from fgnb.pages.ccfr.explorer.over import explorer_over
from fgnb.report import kinds
from fgnb.report.layout import Line, Table, numbers_table
from fgnb.report.page import Page
from fgnb.report.render import Html, fold
from fgnb.report.sheet import Number, Sheet

NOTEBOOK = "ccfr/3-3-re-ranking"
CODE = reranked.CODE
FEATURES = {"regions": ("fusion", "full model"), "global": ("global", "global features")}
REPAIR = "fusion-margin-rank"
ROWS = (REPAIR,)
THIRDS = ("least sure", "middle", "surest")
NO_GATE = 2.0  # no probability reaches it
IN_USE = {"topn": "count", "topm": "count", "alpha": "none", "beta": "none"}
RULE = "ccfr.claim.t-sf-from-mean-top1"


def _tables(features: str) -> dict[str, Table]:
    (row, words), own = FEATURES[features], f"own.ccfr.reranking.{features}"
    names = ("reranked", "ungated", "rule", "best")
    after, free, rule, best = (f"{features}-{name}" for name in names)

    def number(claim: str, label: str, how: kinds.Rule, short: str = "", **more: Any) -> Number:
        # "In short" is about the paper's own features.
        return Number(claim, f"{label}, {words}", how, short * (row == "fusion"), **more)

    def level(name: str, label: str, answers: str = "", beside: str = "") -> Number:
        published = (f"ccfr.table4.{{set}}.{beside}",) if beside else ()
        how = kinds.accuracy(answers or f"{features}-{name}")
        return Number(f"{own}.{name}", label, how, published=published)

    def over(name: str) -> Number:
        how = kinds.difference(row, f"{features}-{name}")
        return number(f"own.step.{own[4:]}.{name}", f"Classification minus {name}", how, expect=0)

    step = {"published": ("ccfr.table4.{set}.ccfr", "ccfr.table4.{set}.classification")}
    label, helps = "Re-ranked minus classification", kinds.difference(after, row)
    gain = number("ccfr.claim.rerank-helps", label, helps, "Re-ranking helps", **step)
    helps = kinds.difference(f"{features}-searched", row)
    short = "Re-ranking helps, its thresholds searched on held-out images"
    searched = number(f"{own}.searched-helps", "Searched minus classification", helps, short)
    rows = (
        Line(level("logistic", "Logistic regression on the frozen features")),
        Line(level("retrieval", "Retrieval: the class of the nearest image", "", "retrieval")),
        Line(level("classification", "Classification", row, "classification"), over("retrieval")),
        Line(level("reranked", "Classification, re-ranked", "", "ccfr"), gain),
        Line(level("searched", "Re-ranked, both thresholds searched on held-out images"), searched),
        Line(level("tuned", "Re-ranked, tuned on the test images: no result of the method")),
    )
    asked = reranked.asked_numbers(f"{own}.asked", row, after, f", {words}")
    premise, in_topn = "ccfr.claim.topn-holds-answer", kinds.share(f"{after}/in_topn")
    short = "The true class is mostly among the first topn"
    behind = [
        number(premise, "True class among the first topn", in_topn, short),
        *asked[:3],
        number("ccfr.fig5", "Answers rectified", kinds.rectified(after, row)),
        number(f"{own}.spoiled", "Answers spoiled", kinds.spoiled(after, row)),
        *asked[-2:],
    ]
    thirds = []
    for place, name in enumerate(THIRDS, 1):
        within = f"{after}/third-{place}"
        for what, meaning, how in (
            ("top1", "mean top-1", kinds.mean(f"{after}/top1-third-{place}")),
            ("gated", "gain", kinds.gain_within(after, row, within)),
            ("ungated", "gain without the gate", kinds.gain_within(free, row, within)),
        ):
            label = f"{name.capitalize()} third: {meaning}"
            thirds.append(number(f"{own}.third-{place}.{what}", label, how, expect=0))
    unsure = "ccfr.claim.rerank-helps-when-unsure"
    gated, ungated = (kinds.gain_contrast(name, row, f"{after}/unsure") for name in (after, free))
    gap = kinds.gap_to_best(f"{rule}/held_out_classes", f"{rule}/held_out_grid")
    short = "The gain lies with unsure answers (tested without the gate)"
    label, on_test = "T_sf without labels minus the best of the", kinds.difference(rule, best)
    questions = [
        number(unsure, "Gain under T_sf minus gain over it", gated, expect=0),
        number(unsure, "The same without the gate", ungated, short),
        number(RULE, f"{label} grid, held-out images", gap, expect=0),
        number(f"{own}.t-sf-rule", f"{label} same grid, on test", on_test),
        number(RULE, f"{label} grid", on_test, "T_sf without labels is as good as a searched one"),
    ]
    mean = kinds.mean_top1(f"{row}/held_out_probs")
    in_use = [number("ccfr.setting.t-sf.{set}", "Mean top-1, held-out images", mean, unit="none")]
    for name, unit in IN_USE.items():
        how = kinds.exact(f"{after}/{name}")
        in_use.append(number(f"ccfr.setting.{name}", f"{name} in use", how, unit=unit))
    *shown, again = questions
    return {
        "rows": Table(f"Re-ranking, {words}", rows, (over("logistic"),), by_set=True),
        "behind": numbers_table("What stands behind the accuracies", behind),
        "thirds": numbers_table("Gain by how sure the classifier is", thirds),
        "questions": Table("Two claims", tuple(map(Line, shown)), (again,)),
        "in use": numbers_table("Settings in use", in_use),
    }


OF = {features: _tables(features) for features in FEATURES}
TABLES = tuple(table for tables in OF.values() for table in tables.values())


def derive(sheet: Sheet, p: Any) -> None:
    """Every way to answer that follows from a row's probabilities and neighbours."""
    for features, (row, _) in FEATURES.items():
        if found := reranked.folds(sheet, row):
            _derive(sheet, p, features, found)


def _derive(sheet: Sheet, p: Any, features: str, found: reranked.Folds) -> None:
    test, base, settings = found.test, reranked.base_settings(p), found.setting(p)[0]
    tuned = tune(test.probs, test.neighbors, test.labels, base, topn=(p.topn,)).settings

    def ranked(setting: Settings, answers: Answers = test) -> np.ndarray:
        return setting.predictions(answers.probs, answers.neighbors).astype(np.int16)

    top1, classes = test.probs.max(axis=1), ranked(settings)
    about = reranked.asked_arrays(test, settings, classes)
    about |= {name: np.array([float(getattr(settings, name))]) for name in IN_USE}
    about["unsure"] = top1 < settings.t_sf
    in_topn = true_class_ranks(test.probs, test.labels) < settings.topn
    # Of no more classes than topn every one is among them: nothing to count.
    about["in_topn"] = in_topn[: len(in_topn) * (settings.topn < test.probs.shape[1])]
    for place, rows in enumerate(np.array_split(np.argsort(top1, kind="stable"), len(THIRDS)), 1):
        third = about[f"third-{place}"] = np.isin(np.arange(len(top1)), rows)
        about[f"top1-third-{place}"] = top1[third]
    made = {
        "reranked": (classes, about),
        "tuned": (ranked(tuned), {}),
        "ungated": (ranked(replace(settings, t_sf=NO_GATE)), {}),
        "retrieval": (test.neighbors.predictions(), {}),
    }
    if (held_out := found.held_out) is not None:
        # T_sf alone is moved: T_sc is the one in use.
        grid = np.stack([ranked(replace(settings, t_sf=t_sf), held_out) for t_sf in T_SF_GRID])
        at = T_SF_GRID[int((grid == held_out.labels).mean(axis=1).argmax())]  # of equals the lowest
        rule, best = (replace(settings, t_sf=t_sf) for t_sf in (mean_top1(held_out.probs), at))
        held = {"held_out_labels": held_out.labels, "held_out_grid": grid}
        held["held_out_classes"] = ranked(rule, held_out)
        made |= {"rule": (ranked(rule), held), "best": (ranked(best), {})}
        on = held_out.probs, held_out.neighbors, held_out.labels
        made["searched"] = (ranked(choose("held-out", *on, base, t_sc_rule="held-out")[0]), {})
    if test.logistic_probs is not None:
        made["logistic"] = (test.logistic_probs.argmax(axis=1), {})
    for name, (classes, more) in made.items():
        sheet.derive(f"{features}-{name}", FEATURES[features][0], classes=classes, **more)


def explorer(page: Page, answers: Answers, settings: Settings) -> Explorer:
    """The explorer over this run's test answers; with pictures for drawn data alone."""
    images, pictures = page.images, None
    if images.protocol == "drawn":
        path = {int(identity): images.path(row) for row, identity in enumerate(images.ids)}
        ids = answers.ids, answers.database_ids
        pictures = Pictures(*([path[int(identity)] for identity in of] for of in ids))
    title = f"Re-ranking, live, over {images.title}"
    about = {"dataset": page.p.dataset, "title": title, "thumbnails": pictures}
    return explorer_over(answers, settings, images.classes, **about)


def recorded_explorer(page: Page) -> Html:
    """The same over the newest recorded row with neighbours on photographs; no pictures."""
    rows = [*(row for row, _ in FEATURES.values()), REPAIR]
    known = [(s.rows[row], found) for s in page.recorded for row in rows
             if (found := reranked.folds(s, row))]  # fmt: skip
    if not known:
        return Html("<p class='fgnb-note'>No row with neighbours is recorded yet.</p>")
    newest = lambda one: (one[0].origin.recorded, "class_names" in one[0].arrays)  # noqa: E731
    record, found = max(known, key=newest)
    numbered = [f"class {c + 1}" for c in range(record.origin.classes)]
    made = explorer_over(
        found.test,
        found.setting(page.p)[0],
        list(record.arrays.get("class_names", numbered)),
        dataset=record.origin.dataset,
        name="recorded-explorer",
        title=f"The same over {record.origin.dataset_title}",
        note="Recorded answers on photographs: names and numbers, no pictures.",
    )
    return Html(fold(f"{made.title}, recorded", made.html(figure=False)))
