"""Measures of answers and of their certainty; numpy and scipy alone, torch tensors welcome."""

from fgnb.metrics.accuracy import Changes, accuracy, changes, topn_curve, true_class_ranks
from fgnb.metrics.calibration import (
    Reliability,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    temper,
)
from fgnb.metrics.statistics import (
    Interval,
    bootstrap,
    detectable_step,
    holm,
    mcnemar,
    mcnemar_cutoff,
    wilson,
)

__all__ = [
    "Changes",
    "Interval",
    "Reliability",
    "accuracy",
    "bootstrap",
    "changes",
    "detectable_step",
    "expected_calibration_error",
    "fit_temperature",
    "holm",
    "mcnemar",
    "mcnemar_cutoff",
    "negative_log_likelihood",
    "reliability",
    "temper",
    "topn_curve",
    "true_class_ranks",
    "wilson",
]
