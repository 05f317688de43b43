"""Coarse classification, re-ranked by retrieval with local region features (ccfr)."""

from fgnb.ccfr.answers import Answers
from fgnb.ccfr.rerank import rerank, rerank_neighbors
from fgnb.ccfr.retrieval import nearest
from fgnb.ccfr.settings import Settings, choose, mean_top1, tune
from fgnb.ccfr.stages import STAGES, global_stage

__all__ = [
    "STAGES",
    "Answers",
    "Settings",
    "choose",
    "global_stage",
    "mean_top1",
    "nearest",
    "rerank",
    "rerank_neighbors",
    "tune",
]
