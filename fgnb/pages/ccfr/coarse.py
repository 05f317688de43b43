"""The coarse branch of ccfr read literally: global features classify, the full model's images vote.

Section 3 says that the coarse branch classifies by global features; Table 3 has local regions raise
that very classifier. The full model is the second reading, this the first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fgnb.ccfr.settings import mean_top1
from fgnb.pages.ccfr import reranked
from fgnb.report import kinds
from fgnb.report.layout import Line, Table
from fgnb.report.sheet import Number, Sheet

COARSE = "multi-level"
# fmt: off
_GLOBAL = "Global features classify, the full model's neighbours vote"
TABLE = Table(
    "The coarse branch read literally: it classifies by global features",
    (
        Line(
            Number(
                "own.ccfr.coarse.alone", "Global features alone classify", kinds.accuracy(COARSE)
            )
        ),
        Line(
            Number("own.ccfr.coarse.reranked", _GLOBAL, kinds.accuracy("ccfr-coarse")),
            Number(
                "own.ccfr.coarse.rerank-helps",
                f"{_GLOBAL}, minus: not re-ranked",
                kinds.difference("ccfr-coarse", COARSE),
            ),
        ),
    ),
    (
        Number(
            "own.ccfr.coarse.minus-full",
            f"{_GLOBAL}, minus: fused features classify",
            kinds.difference("ccfr-coarse", "ccfr"),
            expect=0,
        ),
    ),
)
# fmt: on


def derive(sheet: Sheet, p: Any, full: reranked.Folds | None) -> None:
    """Classify by global features alone, and let the full model's neighbours vote.

    T_sf is the mean top-1 of these probabilities, unless it is fixed; T_sc that of the neighbours.
    """
    if full is None or COARSE not in sheet.rows:
        return
    known = sheet.rows[COARSE].arrays
    if "probs" not in known or not np.array_equal(known["ids"], full.test.ids):
        return
    coarse = replace(full.test, probs=known["probs"].astype(np.float32))
    settings = full.setting(p)[0]
    if p.t_sf_rule != "fixed":
        settings = replace(settings, t_sf=mean_top1(coarse.probs))
    ranked = settings.predictions(coarse.probs, coarse.neighbors).astype(np.int16)
    arrays = reranked.asked_arrays(coarse, settings, ranked)
    sheet.derive("ccfr-coarse", COARSE, classes=ranked, **arrays)
