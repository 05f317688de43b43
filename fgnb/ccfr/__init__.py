"""Coarse classification, re-ranked by retrieval with local region features (ccfr)."""

from fgnb.ccfr.rerank import rerank, rerank_neighbors

__all__ = ["rerank", "rerank_neighbors"]
