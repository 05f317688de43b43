"""Coarse classification, re-ranked by retrieval with local region features (ccfr)."""

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.hierarchy import build_hierarchy, class_means
from fgnb.ccfr.multilevel import MultiLevelLoss, hinge
from fgnb.ccfr.nms import scale_separated_nms
from fgnb.ccfr.rerank import rerank, rerank_neighbors
from fgnb.ccfr.retrieval import nearest
from fgnb.ccfr.rows import ROWS, row_stage
from fgnb.ccfr.settings import Settings, choose, mean_top1, tune
from fgnb.ccfr.stages import (
    STAGES,
    equal_compute_stage,
    global_stage,
    multi_level_stage,
    region_stage,
    warm_up_stage,
)
from fgnb.ccfr.triplet import region_margins, triplet_loss

__all__ = [
    "ROWS",
    "STAGES",
    "Answers",
    "MultiLevelLoss",
    "Settings",
    "build_hierarchy",
    "choose",
    "class_means",
    "equal_compute_stage",
    "global_stage",
    "hinge",
    "mean_top1",
    "multi_level_stage",
    "nearest",
    "region_margins",
    "region_stage",
    "rerank",
    "rerank_neighbors",
    "row_stage",
    "scale_separated_nms",
    "triplet_loss",
    "tune",
    "warm_up_stage",
]
