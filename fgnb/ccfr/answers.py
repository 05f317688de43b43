"""What a trained stage answers on its queries, ready for re-ranking.

One object for held-out and for test images: probabilities, neighbours in the database of the
same fold, and the truth. Everything that the section 3.3 page shows is derived from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fgnb.ccfr.retrieval import STORED_NEIGHBORS, Neighbors, nearest
from fgnb.ccfr.settings import Settings
from fgnb.training import Run


@dataclass(frozen=True)
class Answers:
    """Answers to Q queries over C classes.

    Attributes:
        ids: official image ids ``[Q]``.
        labels: true classes ``[Q]``.
        probs: softmax probabilities, float32 ``[Q, C]`` (``S_f``).
        logistic_probs: those of logistic regression on the frozen features ``[Q, C]``, or None
            where the run has none.
        neighbors: the 50 most similar database images of each.
        database_ids: official ids of the database ``[N]``.
        database_labels: their classes ``[N]``.
    """

    ids: np.ndarray
    labels: np.ndarray
    probs: np.ndarray
    logistic_probs: np.ndarray | None
    neighbors: Neighbors
    database_ids: np.ndarray
    database_labels: np.ndarray

    @classmethod
    def of(cls, run: Run, stage: Any = None, k: int = STORED_NEIGHBORS) -> Answers:
        """The answers of a run.

        Args:
            run: of ``ccfr/global`` or of a stage with its predictions, or of ``ccfr/regions``.
            stage: the `RegionStage` that the run is of; a run of any other keeps its database.
            k: neighbours to keep.

        Raises:
            ValueError: no ``stage``, and the run keeps no database.
        """
        predictions = run.predictions
        if "database_embedding" not in predictions:
            if stage is None:
                raise ValueError("stage is None; a run of ccfr/regions needs it for its database")
            predictions = {**predictions, **stage.database(run)}
        neighbors = nearest(
            predictions["query_embedding"],
            predictions["database_embedding"],
            predictions["database_labels"],
            k,
        )
        return cls(
            ids=predictions["query_ids"],
            labels=predictions["query_labels"],
            probs=predictions["query_probs"],
            logistic_probs=predictions.get("query_logistic_probs"),
            neighbors=neighbors,
            database_ids=predictions["database_ids"],
            database_labels=predictions["database_labels"],
        )

    def predictions(self, settings: Settings) -> dict[str, np.ndarray]:
        """Predicted classes ``[Q]`` of the four methods set side by side in Table 4's shape.

        ``logistic`` is the baseline on frozen features (where the run has it), ``retrieval`` the
        class of the nearest image, ``classification`` the softmax, ``reranked`` equations 8 and 9.
        """
        plain = self.logistic_probs
        return {
            **({} if plain is None else {"logistic": plain.argmax(axis=1)}),
            "retrieval": self.neighbors.predictions(),
            "classification": self.probs.argmax(axis=1),
            "reranked": settings.predictions(self.probs, self.neighbors),
        }

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """Per-sample arrays for a recorded result, each named ``<prefix>_...``."""
        arrays = {
            "ids": self.ids,
            "labels": self.labels,
            "probs": self.probs,
            "logistic_probs": self.logistic_probs,
            "neighbor_ids": self.database_ids[self.neighbors.index],
            "neighbor_labels": self.neighbors.labels.astype(np.int32),
            "neighbor_sims": self.neighbors.sims,
        }
        return {f"{prefix}_{name}": array for name, array in arrays.items() if array is not None}
